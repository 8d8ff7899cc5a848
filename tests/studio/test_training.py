"""Trainings as processes of their own: found again, stopped, gone on with, deleted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evenodds.core.errors import UserError
from evenodds.runs.run import Run
from evenodds.runs.verdict import Verdict
from evenodds.studio.processes import Trainings, flags_of, trains
from tests.studio.conftest import EVENODDS, studio, wait_for

LONG = ["--budget", "100000rounds", "--stop", "budget", "--check-every", "20"]


@pytest.fixture
def trainings(tmp_path: Path) -> Trainings:
    """Nothing trained yet."""
    return Trainings(tmp_path)


def name_of(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.verdict


def test_nothing_is_there_at_first(trainings: Trainings) -> None:
    assert trainings.status("people").phase == "none"
    assert trainings.pid("people") is None
    assert trainings.names() == []
    with pytest.raises(UserError, match="not being trained"):
        trainings.stop("people")
    with pytest.raises(UserError, match="no name"):
        trainings.start("../people", "people", [])


def test_a_number_that_another_process_has_now_is_no_training(trainings: Trainings, tmp_path: Path) -> None:
    own = tmp_path / ".studio"
    own.mkdir()
    for pid in (os.getpid(), 1, 2**22 - 1):
        (own / "people.json").write_text(json.dumps({"pid": pid, "command": []}))
        assert trainings.pid("people") is None
    (own / "people.json").write_text("{")
    assert trainings.pid("people") is None


def test_what_is_wrong_with_a_start_is_said(trainings: Trainings) -> None:
    trainings.start("nothing", "no-such-place", [])
    wait_for(lambda: trainings.status("nothing").phase == "failed", 60)
    line = trainings.status("nothing").line
    assert line.startswith("evenodds: ")
    assert "no-such-place" in line
    assert Trainings(trainings.root).status("nothing").phase == "failed"


@pytest.mark.slow
def test_a_run_is_found_again_stopped_and_gone_on_with(trainings: Trainings) -> None:
    root = trainings.root
    trainings.start("people", "people", LONG)
    assert trainings.names() == ["people"]
    with pytest.raises(UserError, match="already"):
        trainings.start("people", "people", LONG)
    wait_for(lambda: (root / "people" / "journal.jsonl").exists(), 120)
    again = Trainings(root)  # as a studio that was started anew
    assert again.status("people").phase == "playing"
    assert again.pid("people") == trainings.children["people"].pid
    with pytest.raises(UserError, match="pause it first"):
        again.delete("people")
    wait_for(lambda: len(Run.open(root / "people").checks()) > 1, 120)
    again.stop("people")
    wait_for(lambda: again.status("people").phase == "paused", 60)
    assert trainings.children["people"].wait(60) == 130
    stopped = Run.open(root / "people")
    verdict = stopped.verdict()
    assert verdict is not None
    assert verdict.verdict == "interrupted"
    again.resume("people", f"{verdict.rounds + 20}rounds")
    wait_for(lambda: again.status("people").phase == "over", 120)
    ended = Run.open(root / "people")
    verdict = ended.verdict()
    assert verdict is not None
    assert verdict.verdict == "budget"
    assert any(line.get("event") == "resume" for line in ended.journal())
    assert ended.checks()[: len(stopped.checks())] == stopped.checks()
    again.delete("people")
    assert not (root / "people").exists()
    assert again.status("people").phase == "none"


@pytest.mark.slow
def test_a_training_from_the_command_line_is_found(trainings: Trainings) -> None:
    out = trainings.root / "mine"
    with subprocess.Popen(
        [*EVENODDS, "train", "people", "--out", str(out), *LONG],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for(lambda: (out / "journal.jsonl").exists(), 120)
        assert trainings.status("mine").phase == "playing"
        assert trainings.pid("mine") == process.pid
        assert not trains(process.pid, trainings.root / "other")
        trainings.stop("mine")
        assert process.wait(60) == 130


@pytest.mark.slow
def test_a_recipe_gives_its_own_flags(trainings: Trainings, photographs: Path) -> None:
    out = trainings.root / "discs"
    given = ["--size", "16", "--condition", "outlines", "--width", "8", "--seed", "3", "--budget", "2rounds"]
    subprocess.run([*EVENODDS, "train", str(photographs), "--out", str(out), *given], check=True, timeout=120)
    again = subprocess.run(
        [*EVENODDS, "train", str(photographs), "--out", str(out), *flags_of(Run.open(out).facts, "4rounds")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    verdict = Run.open(out).verdict()
    assert verdict is not None
    assert verdict.rounds == 4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_studio_loses_nothing(tmp_path: Path) -> None:
    """The server is killed while it trains: the game goes on, and the next studio shows it going on."""
    pytest.importorskip("gradio_client", reason="the extra studio is not installed")
    from gradio_client import Client

    runs = tmp_path / "runs"
    with studio(runs, leave=True) as server:
        client = Client(server.url + "/en/", verbose=False)
        # Not people: where a studio takes long to come up, that game has ended even by then, with proof.
        client.predict("digits", None, "auto", "", "", "100000rounds", "going", api_name="/start")
        wait_for(lambda: (runs / "going" / "journal.jsonl").exists(), 120)
        server.kill()
    before = len(Run.open(runs / "going").checks())
    pid = Trainings(runs).pid("going")
    assert pid is not None
    with studio(runs) as server:
        wait_for(lambda: len(Run.open(runs / "going").checks()) > before, 120)
        client = Client(server.url + "/en/", verbose=False)
        assert "eo-playing" in client.predict(api_name="/runs")[0]
        assert Trainings(runs).pid("going") == pid
        client.predict("going", api_name="/pause")
        wait_for(lambda: name_of(Run.open(runs / "going").verdict()) == "interrupted", 60)
    events = [line["event"] for line in Run.open(runs / "going").journal() if "event" in line]
    assert events.count("start") == 1
    assert "resume" not in events
