"""A latent space whose generator was tuned: its answers come of that generator alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from evenodds.data.images.arrays import to_pictures
from evenodds.gan import Gan
from evenodds.runs.run import Run
from evenodds.steer.editor import LatentEditor

CPU = torch.device("cpu")
SETTINGS = {"size": 16, "width": 8, "latent": 6, "batch": 8, "budget": "20rounds"}
NETWORKS = {
    "at once": {"network": "gan"},
    "coarse to fine": {"network": "dcgan", "stages": "8,16"},
    "styles": {"network": "style"},
}


@pytest.fixture(scope="module", params=NETWORKS)
def tones(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short game of pictures that are dark or light, and labelled so."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    rows = []
    for index in range(60):
        low = 180 * (index % 2)
        pixels = rng.integers(low, low + 60, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        rows.append({"file_name": f"{index}.png", "tone": ("dark", "light")[index % 2]})
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return (
        Gan(**SETTINGS, **NETWORKS[request.param])
        .fit(folder, tmp_path_factory.mktemp("steer") / "tones")
        .fitted()
    )


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that hardly learn: what is tested is which generator an answer came of."""
    monkeypatch.setattr("evenodds.steer.inversion.STEPS", 10)
    monkeypatch.setattr("evenodds.steer.inversion.DESCENT", 20)
    monkeypatch.setattr("evenodds.steer.pivotal_tuning.VISITS", 60)
    monkeypatch.setattr("evenodds.steer.latent_space.MAX_FAKES", 600)
    monkeypatch.setattr("evenodds.steer.attribute_classifier.CYCLES", (30,))


def test_a_tuned_space_answers_the_same_whatever_was_asked_before(tones: Run) -> None:
    questioned = LatentEditor(tones, CPU)
    z = questioned.latents(range(4))
    pictures = to_pictures(questioned.generate(questioned.latents(range(10, 14))))
    questioned.invert(pictures)  # caches the inverter
    _, before = questioned.labelled_latents  # and what the run's own G shows
    tuned, fresh = questioned.tuned(z, pictures), LatentEditor(tones, CPU).tuned(z, pictures)

    torch.testing.assert_close(tuned.generate(z), fresh.generate(z), rtol=0, atol=0)
    torch.testing.assert_close(tuned.invert(pictures)[0], fresh.invert(pictures)[0], rtol=0, atol=0)
    np.testing.assert_array_equal(tuned.labelled_latents[1], fresh.labelled_latents[1])
    assert np.abs(tuned.labelled_latents[1] - before).max() > 0, "of the tuned G, and not of the run's"
    np.testing.assert_array_equal(questioned.labelled_latents[1], before)


def test_tuning_before_anything_else_leaves_the_runs_own_encoder(tones: Run) -> None:
    """What is kept in the run is learnt from the run's G, also where the first question is for a tuned one."""
    z = LatentEditor(tones, CPU).latents(range(4))
    pictures = to_pictures(LatentEditor(tones, CPU).generate(z))
    expected = LatentEditor(tones, CPU).invert(pictures)[0]
    for path in (tones.path / "encoder").iterdir():
        path.unlink()
    (tones.path / "encoder").rmdir()
    LatentEditor(tones, CPU).tuned(z, pictures).invert(pictures)
    torch.testing.assert_close(LatentEditor(tones, CPU).invert(pictures)[0], expected, rtol=0, atol=0)
