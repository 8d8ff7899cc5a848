"""Fake 0 is one face, whichever page shows it."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch

pytest.importorskip("gradio", reason="the extra studio is not installed")

from evenodds.data.images.arrays import to_pictures
from evenodds.networks.generate import latents_of
from evenodds.runs.report import first_fakes
from evenodds.studio import plots
from evenodds.studio.i18n import speaker
from evenodds.studio.pages import how
from evenodds.studio.state import Studio

BEFORE = Path(__file__).parents[1] / "runs_before" / "digits"


@pytest.mark.parametrize("seed", [0, 7])
def test_a_fake_of_a_number_is_the_same_in_how_and_in_steer(tmp_path: Path, seed: int) -> None:
    copytree(BEFORE, tmp_path / "digits")
    studio = Studio(tmp_path, local=True)
    run = studio.run("digits")
    steer = studio.cache.steer(run)
    [fake] = to_pictures(steer.generate(steer.latents([seed])))
    grows, looks, _ = how.maps_of(studio, speaker("en"), run, seed)
    assert plots.enlarged(fake) in grows
    assert plots.enlarged(fake) in looks
    [other] = to_pictures(steer.generate(steer.latents([seed + 1])))
    assert plots.enlarged(other) not in grows


def test_fake_0_of_the_report_is_that_of_steer(tmp_path: Path) -> None:
    """The run has labels: further ones are made under those of the data."""
    copytree(BEFORE, tmp_path / "digits")
    studio = Studio(tmp_path, local=True)
    run = studio.run("digits")
    steer = studio.cache.steer(run)
    fakes = first_fakes(run)
    assert np.array_equal(fakes[:1], to_pictures(steer.generate(steer.latents([0]))))
    assert len(fakes) == 64


def test_a_number_has_one_latent_on_its_own_or_among_others() -> None:
    assert torch.equal(latents_of([7], 5), latents_of(range(9), 5)[7:8])
    assert not torch.equal(latents_of([7], 5), latents_of([8], 5))
    many = latents_of(range(2_000), 5)
    assert abs(float(many.mean())) < 0.05
    assert abs(float(many.std()) - 1) < 0.05
