"""Killed, or out of disk, at any moment: the same command goes on, and the run ends as if nothing had happened.

A short form; the whole is `make soak`.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from . import harm

pytestmark = [
    pytest.mark.medium,
    pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="children are forked"),
]


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> harm.Game:
    return harm.rows(tmp_path_factory.mktemp("harm"))


@pytest.fixture(scope="module")
def unbroken(game: harm.Game) -> Path:
    out = game.source.parent / "unbroken"
    end = harm.start(game, out)
    assert end.code == 0, end.err
    return out


@pytest.mark.parametrize(
    "plan", [["preparation", "round", "check", "journal"], ["checkpoint", "sample", "film", "anywhere"]]
)
def test_killed_at_random_moments_and_resumed_equals_unbroken(
    plan: list[str], game: harm.Game, unbroken: Path, tmp_path: Path
) -> None:
    tallies = harm.kill_and_resume(game, tmp_path, unbroken, plan, Random(str(plan)))
    assert not [stage for stage, tally in tallies.items() if tally.wrong]
    assert sum(tally.kills - tally.late for tally in tallies.values()) >= 2


@pytest.mark.parametrize("stage", ["preparation", "checkpoint", "journal", "film", "report"])
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_afterwards(
    stage: str, game: harm.Game, unbroken: Path, tmp_path: Path
) -> None:
    with harm.small_disk(tmp_path / "disk") as disk:
        assert harm.full_disk(game, disk, stage, unbroken) == []


def test_a_difference_is_seen(game: harm.Game, unbroken: Path, tmp_path: Path) -> None:
    other = harm.Game(game.source, game.cache, (*game.flags, "--seed", "1"))
    assert harm.start(other, tmp_path / "other").code == 0
    assert "the journal's checks" in harm.differences(unbroken, tmp_path / "other")
