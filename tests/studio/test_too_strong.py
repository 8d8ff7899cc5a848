"""The claim of the page How it works: a D that is too strong leaves G without a signal, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the extra studio is not installed")

from evenodds.runs.run import Run
from evenodds.studio.i18n import speaker
from evenodds.studio.pages import too_strong
from evenodds.studio.state import Studio
from tests.studio.conftest import train

LOSSES = ["saturating", "nonsaturating"]


def settings(run: Run) -> dict[str, object]:
    """All settings of a run, by group and name."""
    return {
        f"{group}.{name}": value
        for group, chosen in run.facts["settings"].items()
        for name, value in chosen.items()
    }


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Both games under both losses, as the button plays them, to round 20."""
    root: Path = tmp_path_factory.mktemp("strong")
    for loss in LOSSES:
        for game in too_strong.GAMES:
            flags = too_strong.flags(game, loss)
            flags[flags.index("60rounds")] = "20rounds"
            train(root, too_strong.run_name(game, loss), "digits", *flags)
    return Studio(root, local=True)


@pytest.mark.slow
def test_only_the_discriminator_differs_and_only_the_saturating_loss_starves_the_generator(
    games: Studio,
) -> None:
    shares = {}
    for loss in LOSSES:
        level, strong = (games.run(too_strong.run_name(game, loss)) for game in ("level", "strong"))
        one, other = settings(level), settings(strong)
        assert {name for name in one if one[name] != other[name]} == {"game.d_steps"}
        assert one["game.lr_g"] == other["game.lr_g"]
        assert one["game.tempo"] == "fixed"
        answers = [too_strong.answers_of(games, run.path.name) for run in (level, strong)]
        shares[loss] = too_strong.shares(*answers)
        if loss == "saturating":
            fakes, reals = answers[1][20].fakes, answers[1][20].reals
            assert sum(fakes) / len(fakes) < 0.05
            assert reals > 0.95
    assert list(shares["saturating"]) == [0, 10, 20]
    assert shares["saturating"][0] == pytest.approx(1, rel=1e-4)  # both begin alike
    assert shares["saturating"][20] < 0.1
    assert shares["nonsaturating"][20] > 0.5

    answers = {
        loss: {
            game: too_strong.answers_of(games, too_strong.run_name(game, loss)) for game in too_strong.GAMES
        }
        for loss in LOSSES
    }
    seen = too_strong.signals(speaker("ko"), "saturating", answers, running=False)
    assert "20라운드" in seen
    assert "비포화 손실" in seen
    side = too_strong.side(games, speaker("en"), "strong", "saturating", answers["saturating"]["strong"])
    assert "D too strong" in side
