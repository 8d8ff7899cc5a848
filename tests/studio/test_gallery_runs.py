"""A studio in which nothing was trained shows the models of the gallery, and changes nothing of them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the extra studio is not installed")

from evenodds.core.checksums import checksum_of
from evenodds.core.errors import UserError
from evenodds.runs.gallery import FOLDER
from evenodds.studio import play_view, security
from evenodds.studio.held_games import HeldGames
from evenodds.studio.i18n import speaker
from evenodds.studio.pages import few_faces, how, play, runs, writing
from evenodds.studio.pages.judge import example
from evenodds.studio.state import Studio

NAME = "gallery:people"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("empty"), local=False)


def packed() -> dict[Path, str]:
    """What lies in the package, by its checksum."""
    return {path: checksum_of(path) for path in sorted(FOLDER.rglob("*")) if path.is_file()}


def test_they_are_listed_after_runs_of_ones_own_and_cannot_be_changed(empty: Studio) -> None:
    before = packed()
    assert empty.own_names() == []
    assert empty.names()[0] == NAME
    run = empty.run(NAME)
    assert empty.run(NAME) is run, "opened once"
    assert FOLDER not in run.path.parents
    assert empty.status(NAME).phase == "gallery"
    for change in (empty.trainings.delete, empty.trainings.resume):
        with pytest.raises(UserError, match="is no name of a run"):
            change(NAME)
    assert 'type="checkbox"' not in runs.card(empty, speaker("en"), NAME)
    empty.judge(run)
    assert packed() == before


def test_a_model_of_the_gallery_may_begin_a_game_for_visitors_too(empty: Studio) -> None:
    assert security.initial(empty.root, NAME, local=False) == NAME
    with pytest.raises(UserError, match="not in the gallery"):
        security.initial(empty.root, "gallery:../runs", local=False)


def test_people_are_on_the_board_in_the_scene_and_under_the_judge(empty: Studio) -> None:
    say = speaker("ko")
    mark, (status, board, scene, *_) = play.glance(empty, say, NAME, None, 1.0)
    assert status.phase == "gallery"
    assert "갤러리" in board
    assert say("verdict even") in board
    assert scene.count("<circle") > 500
    assert play.glance(empty, say, NAME, mark, 1.0) == (mark, None)
    assert example(empty.run(NAME)).startswith("height=")
    sheet = play_view.sheets(empty.run(NAME))[-1]
    assert security.served(empty.folder(NAME), f"samples/{sheet.name}").is_file()


def test_a_game_is_held_at_the_end_of_people_and_at_their_beginning(empty: Studio) -> None:
    games = HeldGames(empty, speaker("en"))
    assert games.answer([NAME, "me", "can", 1]) == {"can": True}
    [level] = games.answer([NAME, "me", "open", 1])["frames"]
    assert 0.4 < level["wins"] < 0.65, "the game was over"
    [nothing] = games.answer([NAME, "me", "untrained", 1])["frames"]
    [ahead] = games.answer([NAME, "me", "d", 50])["frames"]
    assert ahead["points"] == nothing["points"], "G stands still"
    assert ahead["wins"] > 0.8
    [nearer] = games.answer([NAME, "me", "round", 200])["frames"]
    assert nearer["wins"] < ahead["wins"]


def test_faces_need_no_data_to_be_looked_into(
    empty: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path))
    say, run = speaker("en"), empty.run("gallery:faces")
    grows, looks, pools = how.maps_of(empty, say, run, 0)
    assert grows.count("eo-maps") >= 2
    assert pools
    assert "are not on this machine yet" in looks
    assert not list(tmp_path.glob("faces*")), "nobody waits for ten thousand drawings"
    noise, fake = (few_faces.between(empty, say, run, share) for share in (0.0, 1.0))
    assert noise != fake


def test_a_chosen_word_has_no_gradient_and_a_long_sentence_little() -> None:
    assert writing.first_share(1, chosen=False) == 1
    mixed = [writing.first_share(length, chosen=False) for length in (2, 10, 40)]
    assert mixed == sorted(mixed, reverse=True)
    assert mixed[0] > 100 * mixed[2] > 0
    assert writing.first_share(2, chosen=True) == 0
