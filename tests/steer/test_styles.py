"""Steering in w: its latents vary as z does, a step is a step in w, and exports take the same steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.export.browser import directions
from evenodds.export.onnx import write_models
from evenodds.gan import Gan
from evenodds.runs.run import Run
from evenodds.runs.sample import load_generator
from evenodds.steer.editor import LatentEditor
from evenodds.steer.styles import StyleLatents, mixed, style_of

CPU = torch.device("cpu")
SETTINGS = {"network": "style", "size": 16, "width": 8, "latent": 6, "batch": 8}


@pytest.fixture(scope="module", params=[None, "labels"])
def tones(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A game of flat pictures that are dark or light, and labelled so; with and without labels given."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    rows = []
    for index in range(80):
        level = (30, 220)[index % 2] + int(rng.integers(-20, 20))
        Image.fromarray(np.full((16, 16, 3), level, np.uint8)).save(folder / f"{index}.png")
        rows.append({"file_name": f"{index}.png", "tone": ("dark", "light")[index % 2]})
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    given = {} if request.param is None else {"condition": request.param}
    gan = Gan(**SETTINGS, **given, budget="150rounds", stop="budget")
    return gan.fit(folder, tmp_path_factory.mktemp("steer") / "tones").fitted()


def test_latents_vary_as_z_does_and_are_those_of_the_seed(tones: Run) -> None:
    space = LatentEditor(tones, CPU)
    latents = space.models.latents
    assert isinstance(latents, StyleLatents)
    many = latents.draw(4000)
    assert many.square().mean().item() == pytest.approx(1, rel=0.1)
    assert many.mean(0).abs().max() < 0.15
    torch.testing.assert_close(space.latents([7]), space.latents([3, 7])[1:])


def test_a_sample_of_latents_is_gs_sample_of_their_z(tones: Run) -> None:
    models = LatentEditor(tones, CPU).models
    z = torch.randn(5, 6)
    c = None if models.condition is None else models.condition.expand(5, -1)
    with torch.no_grad():
        expected = models.generator(z, c)
        made = models.generate(models.generator, models.latents.of(z))
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)


def test_a_direction_in_w_changes_the_tone(tones: Run) -> None:
    """Where no label decides it, a step along what varies most with brightness makes pictures lighter."""
    if tones.condition is not None:
        pytest.skip("the label decides the tone")
    space = LatentEditor(tones, CPU)
    z = space.latents(range(200))
    amount = space.generate(z).flatten(1).mean(1)
    direction = (z * (amount - amount.mean())[:, None]).mean(0)
    direction /= direction.norm()
    up, down = (space.generate(z + sign * 2 * direction).flatten(1).mean(1).mean() for sign in (1, -1))
    assert up > down + 0.05


def test_styles_of_two_are_mixed_by_level(tones: Run) -> None:
    space = LatentEditor(tones, CPU)
    coarse, fine = space.latents([0, 1]), space.latents([2, 3])
    torch.testing.assert_close(space.mix_styles(coarse, fine, 3), space.generate(coarse))
    torch.testing.assert_close(space.mix_styles(coarse, fine, 0), space.generate(fine))
    between = space.mix_styles(coarse, fine, 1)
    assert (between - space.generate(coarse)).abs().max() > 1e-4
    assert (between - space.generate(fine)).abs().max() > 1e-4
    with pytest.raises(UserError, match="level 4 is not there, give 0 to 3"):
        space.mix_styles(coarse, fine, 4)
    assert mixed(coarse, fine, 1, 3).shape == (2, 3, coarse.shape[1])


def test_a_page_takes_the_steps_that_steering_takes(tones: Run, tmp_path: Path) -> None:
    facts = write_models(tones, tmp_path, False, without=("discriminator",), steered=True)
    json.dumps(facts)
    assert [one["name"] for one in facts["generator"]["inputs"]][-1] == "shift"
    generator, models = load_generator(tones, CPU), LatentEditor(tones, CPU).models
    one, z = directions(tones)[0], torch.randn(3, 6)
    vector = torch.tensor(one["vector"])
    assert isinstance(models.latents, StyleLatents)
    c = None if models.condition is None else models.condition.expand(3, -1)
    latents = models.latents.of(z) + one["step"] / models.latents.scale * vector
    feeds = {"z": z.numpy(), "shift": (one["step"] * vector).expand(3, -1).numpy()}
    if c is not None:
        feeds["c"] = c.numpy()
    found = onnxruntime.InferenceSession(str(tmp_path / "generator.onnx")).run(None, feeds)[0]
    with torch.no_grad():
        expected = models.generate(generator, latents)
        assert style_of(generator, z, c).shape == (3, vector.shape[0])
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


def test_styles_are_of_style_alone(photographs: Path, tmp_path: Path) -> None:
    run = Gan(network="gan", size=16, width=8, latent=6, batch=8, budget="2rounds").fit(
        photographs, tmp_path / "run"
    )
    space = LatentEditor(run.fitted(), CPU)
    z = space.latents([0])
    with pytest.raises(UserError, match="styles are mixed by --network style alone"):
        space.mix_styles(z, z, 0)
