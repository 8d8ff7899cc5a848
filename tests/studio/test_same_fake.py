"""Fake 0 is one face, whichever page shows it."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

pytest.importorskip("gradio", reason="the extra studio is not installed")

from evenodds.data.images.arrays import to_pictures
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
    assert how.picture(fake) in grows
    assert how.picture(fake) in looks
    [other] = to_pictures(steer.generate(steer.latents([seed + 1])))
    assert how.picture(other) not in grows
