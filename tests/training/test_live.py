"""Frames of a game that is watched: they come, they are true, and they change nothing of the game."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evenodds.config.keywords import recipe_of
from evenodds.config.presets import resolve
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.game.step import per_sample
from evenodds.runs import live
from evenodds.runs.run import Run
from evenodds.training.live import FIRST, LiveView
from evenodds.training.trainer import Trainer
from tests.conftest import Answer

Call = Callable[..., Answer]


class Watcher(threading.Thread):
    """Looks at a run several times a second, and keeps what it saw."""

    def __init__(self, run: Path) -> None:
        super().__init__(daemon=True)
        self.run_path, self.over = run, threading.Event()
        self.frames: list[dict[str, Any]] = []
        self.scene: dict[str, Any] | None = None

    def run(self) -> None:
        while not self.over.wait(0.05):
            if (self.run_path / "recipe.json").exists():
                live.watch(self.run_path)
            seen = self.frames[-1]["number"] if self.frames else 0
            self.frames += live.frames_after(self.run_path, seen)
            self.scene = self.scene or live.read_scene(self.run_path)


def trained(evenodds: Call, run: Path, *arguments: Any) -> dict[str, torch.Tensor]:
    assert evenodds("train", *arguments, "--out", run, "--json").code in (0, 3)
    last, _ = Run.open(run).checkpoints.last_whole()
    assert last is not None
    return last.tensors["generator"]


@pytest.mark.medium
def test_a_watched_game_shows_itself_and_is_the_game_that_nobody_watches(
    tmp_path: Path, evenodds: Call
) -> None:
    command = ("people", "--budget", "150rounds", "--stop", "budget")
    watcher = Watcher(tmp_path / "watched")
    watcher.start()
    seen = trained(evenodds, tmp_path / "watched", *command)
    watcher.over.set()
    watcher.join()
    unseen = trained(evenodds, tmp_path / "unseen", *command)
    assert all(torch.equal(seen[name], unseen[name]) for name in unseen)

    frames, scene = watcher.frames, watcher.scene
    assert scene is not None
    assert [axis["name"] for axis in scene["axes"]] == ["height", "weight"]
    assert len(frames) >= 5
    rounds = [frame["round"] for frame in frames]
    assert rounds == sorted(rounds)
    assert [frame["number"] for frame in frames] == list(range(frames[0]["number"], frames[-1]["number"] + 1))
    for frame in frames:
        assert len(frame["real"]) == len(frame["points"]) == len(frame["pushed"]) == scene["count"]
        assert 0 <= frame["wins"] <= 1
        assert all(0 <= share <= 1 for share in frame["real"])
        assert np.shape(frame["heat"]) == (scene["grid"][0] * scene["grid"][1],)
    assert not (tmp_path / "watched" / live.FOLDER).exists(), "nothing stays of it"
    assert not (tmp_path / "unseen" / live.FOLDER).exists()


def game(source: str, **settings: str) -> LiveView:
    recipe = recipe_of({"budget": "10rounds", **settings})
    store = prepare(find(source), recipe.data)
    recipe = resolve(recipe, store.spec, store.n_train, source, store.condition)
    return LiveView(0, store, Trainer(recipe, store, torch.device("cpu")))


@pytest.mark.parametrize("loss", ["nonsaturating", "relativistic", "wasserstein", "saturating"])
def test_the_gradient_is_that_of_each_fakes_own_loss(loss: str) -> None:
    view = game("people", loss=loss)
    view.trainer.round()
    fakes = view.fakes().double()
    discriminator, objective = view.trainer.players.discriminator.double().eval(), view.trainer.objective
    view.reals = view.reals._replace(x=view.reals.x.double())
    step = 1e-5
    with torch.no_grad():
        real = per_sample(discriminator(*view.reals))
    _, gradient = view.probes.gradient(fakes, None, real)

    def own_loss(x: torch.Tensor, one: int) -> float:
        with torch.no_grad():
            return float(objective.loss.g(real[one : one + 1], per_sample(discriminator(x))[one : one + 1]))

    for one, place in ((0, 0), (3, 1)):
        ahead, behind = fakes.clone(), fakes.clone()
        ahead[one, place] += step
        behind[one, place] -= step
        slope = (own_loss(ahead, one) - own_loss(behind, one)) / (2 * step)
        assert float(gradient[one, place]) == pytest.approx(slope, rel=1e-3, abs=1e-7)


def test_pictures_are_seen_as_a_sheet() -> None:
    view = game("digits")
    scene, frame = view.scene(), view.frame()
    assert frame is not None
    assert scene["kind"] == "pictures"
    assert scene["reals"].startswith("data:image/png;base64,")
    assert frame["sheet"] != scene["reals"]
    assert len(frame["real"]) == 16
    assert math.isfinite(frame["signal"])


def test_a_score_that_is_no_number_gives_no_frame() -> None:
    view = game("people")
    with torch.no_grad():
        next(view.trainer.players.discriminator.parameters()).fill_(math.nan)
    assert view.frame() is None


def test_the_newest_frames_alone_stay(tmp_path: Path) -> None:
    live.watch(tmp_path)
    assert not live.is_watched(tmp_path), "nobody plays there"
    live.begin(tmp_path)
    live.watch(tmp_path)
    assert live.is_watched(tmp_path)
    for number in range(1, live.NEWEST + 6):
        live.write_frame(tmp_path, number, {"round": number})
    numbers = [frame["number"] for frame in live.frames_after(tmp_path, 0)]
    assert numbers == list(range(6, live.NEWEST + 6))
    assert [frame["round"] for frame in live.frames_after(tmp_path, live.NEWEST)] == list(
        range(live.NEWEST + 1, live.NEWEST + 6)
    )
    assert max(FIRST) > live.NEWEST
