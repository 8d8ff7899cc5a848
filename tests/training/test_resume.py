"""A game that was stopped and resumed equals one that was not, bit for bit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from evenodds.cli.display import line
from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import GameSettings, NetworkSettings, ObjectiveSettings, PlanSettings, Recipe
from evenodds.core import checksums
from evenodds.core.bundle import read
from evenodds.core.errors import UserError
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.runs.run import Run
from evenodds.training.clock import Moment
from evenodds.training.context import Context, Silent
from evenodds.training.loop import train
from evenodds.training.session import open_run, train_run
from tests.conftest import Answer

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")
ROUNDS = 14
LIKELIHOOD = "likelihood alone"

GAMES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "gan": ("photographs", {"network": "gan", "width": 8}, {}, {}),
    "gan on rows": ("penguins", {"network": "gan", "width": 8}, {"penalty": "interpolated"}, {"d_steps": 2}),
    "dcgan": ("photographs", {"network": "dcgan", "width": 8}, {"penalty_every": 3}, {"augment": "on"}),
    "dcgan, mirrored": ("photographs", {"network": "dcgan", "width": 8}, {}, {"mirror": "on"}),
    "dcgan with batch norm": (
        "photographs",
        {"network": "dcgan", "width": 8, "norm_d": "batch"},
        {"loss": "nonsaturating"},
        {"beta1": 0.5},
    ),
    "style": ("photographs", {"network": "style", "width": 8}, {"penalty_every": 3}, {}),
    "fast": ("photographs", {"network": "fast", "width": 8}, {"penalty_every": 3}, {"augment": "on"}),
    "r3gan": ("photographs", {"network": "r3gan", "width": 8}, {"penalty_estimator": "exact"}, {}),
    "coarse to fine": (
        "photographs",
        {"network": "dcgan", "width": 8, "stages": "8,16"},
        {},
        {"augment": "auto"},
    ),
    LIKELIHOOD: (
        "penguins",
        {"network": "autoregressive", "width": 4},
        {},
        {"likelihood": 0.9, "head_start": 0.0},
    ),
    "tabular": ("penguins", {"network": "tabular", "width": 16}, {}, {}),
    "autoregressive": ("penguins", {"network": "autoregressive", "width": 4}, {}, {"likelihood": 0.9}),
}


def play(
    folder: Path, game: str, source: Path, rounds: int, stop_at: int | None = None, moments: int | None = None
) -> Run:
    """Trains to ``rounds``, or until a signal would have come in at ``stop_at``, or after so many ``moments``."""
    _, network, objective, tempo = GAMES[game]
    recipe = Recipe(
        plan=PlanSettings(budget=f"{rounds}rounds", check_every=3, seed=5),
        data=DataSettings(size=16),
        network=NetworkSettings(**{"latent": 8, **network}),
        objective=ObjectiveSettings(**objective),
        game=GameSettings(**{"batch": 16, **tempo}),
    )
    store = prepare(find(str(source)), recipe.data)
    run = open_run(folder, source.name, resolve(recipe, store.spec, store.n_train, "x"), store, Silent())
    stop = threading.Event()

    class Watcher(Silent):
        count = 0

        def moment(self, moment: Moment) -> None:
            self.count += 1
            if (stop_at is not None and moment.rounds >= stop_at) or self.count == moments:
                stop.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evenodds.training.clock.REPORT_AFTER", 0.0)
        verdict = train(run, store, Context(CPU, observer=Watcher(), stop=stop))
    assert verdict.verdict == ("budget" if stop_at is None and moments is None else "interrupted")
    return run


def newest(run: Run) -> Path:
    found = run.checkpoints.last()
    assert found is not None
    return found


def place(run: Run) -> int:
    """The round that the run goes on from."""
    return int(read(newest(run))[1]["rounds"])


def assert_equal(one: Run, other: Run) -> None:
    """Both the newest and the best states are the same."""
    for mine, theirs in ((newest(one), newest(other)), (one.checkpoints.best(), other.checkpoints.best())):
        first, facts = read(mine)
        second, others = read(theirs)
        for key in ("rounds", "turns", "seen", "next_check", "pace", "distance"):
            assert facts[key] == others[key], key
        for group in first:
            assert first[group].keys() == second[group].keys()
            for name, value in first[group].items():
                assert torch.equal(value, second[group][name]), f"{group}: {name}"


@pytest.mark.parametrize("game", [game for game in GAMES if game != LIKELIHOOD])
def test_stopped_twice_and_resumed_equals_unbroken(
    game: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = request.getfixturevalue(GAMES[game][0])
    chance = Random(game)
    first = chance.randint(1, ROUNDS - 3)
    second = chance.randint(first + 1, ROUNDS - 1)
    unbroken = play(tmp_path / "unbroken", game, source, ROUNDS)
    broken = tmp_path / "broken"
    assert place(play(broken, game, source, ROUNDS, stop_at=first)) == first
    play(broken, game, source, ROUNDS, stop_at=second)
    run = play(broken, game, source, ROUNDS)
    assert_equal(unbroken, run)
    assert [check.odds for check in run.checks()] == [check.odds for check in unbroken.checks()]
    for sample in unbroken.samples():
        assert (run.path / "samples" / sample.name).read_bytes() == sample.read_bytes()


def test_a_likelihood_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path, penguins: Path) -> None:
    unbroken = play(tmp_path / "unbroken", LIKELIHOOD, penguins, 60)
    broken = tmp_path / "broken"
    for steps in (20, 32):  # before the first measurement, and after it
        run = play(broken, LIKELIHOOD, penguins, 60, moments=steps)
        assert place(run) == 0
    assert read(newest(run))[1]["likelihood_steps"] == 20 + 32
    run = play(broken, LIKELIHOOD, penguins, 60)
    assert_equal(unbroken, run)
    [line] = [line for line in run.journal() if "likelihood" in line.get("event", "")]
    [other] = [line for line in unbroken.journal() if "likelihood" in line.get("event", "")]
    assert line["best"] == other["best"] < line["first"] == other["first"]
    assert run.checks()[0].round == 0


def test_a_larger_budget_goes_on_as_if_it_had_been_asked_for_at_once(tmp_path: Path, penguins: Path) -> None:
    play(tmp_path / "grown", "tabular", penguins, 5)
    grown = play(tmp_path / "grown", "tabular", penguins, ROUNDS)
    assert_equal(grown, play(tmp_path / "whole", "tabular", penguins, ROUNDS))


def test_a_resumed_game_shows_the_newest_sample_from_its_first_moment(tmp_path: Path, penguins: Path) -> None:
    run = play(tmp_path / "run", "tabular", penguins, ROUNDS, stop_at=5)
    newest_sample = list(run.samples("csv"))[-1]
    moments: list[Moment] = []
    stop = threading.Event()

    class Watcher(Silent):
        def moment(self, moment: Moment) -> None:
            moments.append(moment)
            stop.set()

    store = prepare(find(str(penguins)), run.recipe.data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evenodds.training.clock.REPORT_AFTER", 0.0)
        train(run, store, Context(CPU, observer=Watcher(), stop=stop))
    assert moments[0].sample == newest_sample
    assert f"newest {newest_sample}" in line(moments[0])
    assert "newest" not in line(replace(moments[0], sample=None))


def test_another_seed_is_another_game(tmp_path: Path, penguins: Path) -> None:
    run = play(tmp_path / "one", "tabular", penguins, 3)
    tensors, _ = read(newest(run))
    before = tensors["generator"]["first.weight"]
    again, _ = read(newest(play(tmp_path / "two", "tabular", penguins, 4)))
    assert not torch.equal(before, again["generator"]["first.weight"])


def test_a_run_from_before_a_setting_was_there_goes_on(
    tmp_path: Path, penguins: Path, evenodds: Callable[..., Answer]
) -> None:
    """Its recipe does not name the setting, and it was played with what is the default now."""
    command = ("train", penguins, "--out", tmp_path / "run", "--width", 8, "--patience", 20)
    assert evenodds(*command, "--budget", "3rounds").code == 0
    facts = checksums.read_verified(tmp_path / "run" / "recipe.json")
    assert facts["settings"]["game"].pop("patience") == 20
    for recipe in ("recipe.json", "checkpoints/recipe.json"):
        (tmp_path / "run" / recipe).write_text(json.dumps(checksums.with_checksum(facts)))
    other = evenodds(*command[:-1], 7, "--budget", "4rounds")
    assert other.code == 2
    assert "game.patience: 20 -> 7" in other.err
    assert evenodds(*command, "--budget", "4rounds").code == 0
    assert Run.open(tmp_path / "run").verdict().rounds == 4


def test_what_was_written_after_the_last_checkpoint_is_forgotten(tmp_path: Path, penguins: Path) -> None:
    unbroken = play(tmp_path / "unbroken", "tabular", penguins, ROUNDS)
    run = play(tmp_path / "killed", "tabular", penguins, ROUNDS, stop_at=5)
    # As a hard kill leaves it: the journal and the samples are ahead of the checkpoint, a line is cut off.
    run.note({"round": 6, "odds": 0.123})
    (run.path / "samples" / "00000006.csv").write_text("half")
    with (run.path / "journal.jsonl").open("a") as journal:
        journal.write('{"round": 9, "od')
    run = play(tmp_path / "killed", "tabular", penguins, ROUNDS)
    assert [check.odds for check in run.checks()] == [check.odds for check in unbroken.checks()]
    assert_equal(unbroken, run)


def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(
    tmp_path: Path, penguins: Path, evenodds: Callable[..., Answer]
) -> None:
    command = ("train", penguins, "--out", tmp_path / "run", "--width", 8)
    assert evenodds(*command, "--budget", "3rounds").code == 0
    assert evenodds(*command, "--budget", "6rounds").code == 0
    last = Run.open(tmp_path / "run").checkpoints.last()
    assert last is not None
    flip(last / "generator.safetensors")
    answer = evenodds(*command, "--budget", "6rounds")
    assert answer.code == 0
    assert "generator.safetensors does not read (its checksum does not fit)" in " ".join(answer.out.split())
    run = Run.open(tmp_path / "run")
    assert [line["round"] for line in run.journal() if line.get("event") == "resume"][-1] == 3
    assert [line for line in run.journal() if line.get("event") == "damaged"]
    assert (
        evenodds("train", penguins, "--out", tmp_path / "whole", "--width", 8, "--budget", "6rounds").code
        == 0
    )
    assert_equal(run, Run.open(tmp_path / "whole"))
    assert evenodds("sample", tmp_path / "run", "-n", 3, "--out", tmp_path / "x.csv").code == 0


def flip(path: Path) -> None:
    """One bit of a file, in its last quarter, where the content is."""
    content = bytearray(path.read_bytes())
    content[len(content) * 7 // 8] ^= 1
    path.write_bytes(content)


def test_where_no_checkpoint_is_whole_it_is_said(
    tmp_path: Path, penguins: Path, evenodds: Callable[..., Answer]
) -> None:
    command = ("train", penguins, "--out", tmp_path / "run", "--width", 8, "--budget", "3rounds")
    assert evenodds(*command).code == 0
    for folder in Run.open(tmp_path / "run").checkpoints.all():
        flip(folder / "state.json")
    answer = evenodds(*command)
    assert answer.code == 2
    assert "no checkpoint of" in answer.err


def test_a_damaged_recipe_is_named_and_its_copy_serves(
    tmp_path: Path, penguins: Path, evenodds: Callable[..., Answer]
) -> None:
    command = ("train", penguins, "--out", tmp_path / "run", "--width", 8, "--budget", "3rounds")
    assert evenodds(*command).code == 0
    recipe = tmp_path / "run" / "recipe.json"
    whole = recipe.read_bytes()
    flip(recipe)
    answer = evenodds(*command)
    assert answer.code == 0
    assert "recipe.json was damaged" in " ".join(answer.out.split())
    assert recipe.read_bytes() == whole
    recipe.unlink()
    assert evenodds("sample", tmp_path / "run", "-n", 3, "--out", tmp_path / "x.csv").code == 0


def test_a_damaged_store_is_made_again(
    tmp_path: Path, penguins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    first = prepare(find(str(penguins)), DataSettings())
    flip(first.path / "samples.npy")
    with pytest.raises(UserError, match=r"the checksum of samples\.npy does not fit"):
        Store.open(first.path)
    again = prepare(find(str(penguins)), DataSettings())
    assert again.fingerprint == first.fingerprint
    Store.open(again.path)


def test_a_damaged_row_of_a_large_store_is_named(
    tmp_path: Path, penguins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    for room in ("store", "store_writer"):
        monkeypatch.setattr(f"evenodds.data.{room}.RESIDENT", 0)
    store = prepare(find(str(penguins)), DataSettings())
    count = store.n_train + store.n_heldout
    flip(store.path / "samples.npy")
    damaged = Store.open(store.path)
    with pytest.raises(UserError, match=r"is damaged \(row \d+ of samples\.npy\)"):
        damaged.in_file_order(0, count)


def test_a_preparation_ends_when_asked_and_leaves_nothing(
    tmp_path: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    stop = threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        train_run(find(str(photographs)), "photographs", Recipe(), tmp_path / "run", Context(CPU, stop=stop))
    assert not (tmp_path / "run").exists()
    assert not [path for path in (tmp_path / "cache" / "stores").iterdir() if path.is_dir()]


def test_two_trainings_of_one_run_are_one_too_many(
    tmp_path: Path, penguins: Path, evenodds: Callable[..., Answer]
) -> None:
    command = ("train", penguins, "--out", tmp_path / "run", "--width", 8, "--budget", "3rounds")
    assert evenodds(*command).code == 0
    with Run.open(tmp_path / "run").lock():
        answer = evenodds(*command)
    assert answer.code == 2
    assert "is being trained by another process" in answer.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_ends_130_and_the_same_command_goes_on(
    number: signal.Signals, tmp_path: Path, penguins: Path
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "evenodds", "train", str(penguins), "--out", str(out), "--budget", "60s"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(out.glob("samples/*.csv")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert json.loads((out / "verdict.json").read_text())["verdict"] == "interrupted"
    rounds = place(Run.open(out))
    command[command.index("60s")] = f"{rounds + 2}rounds"
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert place(Run.open(out)) == rounds + 2
