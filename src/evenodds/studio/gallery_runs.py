"""Models of the gallery as runs of the studio, so that every page has something to show before anything was trained."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress

import torch

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.export.pretrained import open_run
from evenodds.runs.gallery import GALLERY, entries, folder_of, in_gallery
from evenodds.runs.run import Run
from evenodds.runs.source_data import store_of
from evenodds.training.held import load_best
from evenodds.training.snapshots import SnapshotWriter
from evenodds.training.trainer import Trainer

FIRST = "people"
"""The model that is listed first: every page can show it at once."""
SHEET = "sheet.png"
"""Fakes that a model of pictures comes with."""


class GalleryRuns:
    """Opens each model once, as a copy in a temporary folder: what is found of it there goes with the studio."""

    def __init__(self) -> None:
        self.opened: dict[str, Run] = {}
        self.lock = threading.Lock()

    def names(self) -> list[str]:
        """gallery:NAME of each model."""
        names = [entry.name for entry in entries()]
        return [GALLERY + name for name in sorted(names, key=lambda name: (name != FIRST, name))]

    def run(self, name: str) -> Run:
        """The run of gallery:NAME. Raises UserError where there is none."""
        with self.lock:
            if name not in self.opened:
                self.opened[name] = opened(name)
            return self.opened[name]

    def open_all(self) -> None:
        """Opens every model, so that nobody waits for one later; what is wrong with one is said to who asks for it."""
        for name in self.names():
            with suppress(UserError, OSError):
                self.run(name)


def opened(name: str) -> Run:
    """The run of gallery:NAME, with the newest sheet of fakes that a trained run has."""
    run = open_run(name)
    samples = run.path / "samples"
    samples.mkdir()
    if isinstance(run.spec, PictureSpec):
        if (folder_of(name) / SHEET).is_file():
            shutil.copyfile(folder_of(name) / SHEET, samples / f"{run.checkpoints.best().name}.png")
        return run
    with torch.random.fork_rng():
        try:
            trainer = Trainer(run.recipe, store := store_of(run), torch.device("cpu"))
        except UserError:  # its data is not made by evenodds: it has no sheet
            return run
        load_best(trainer, run)
        SnapshotWriter(run, store, trainer).write()
    return run


def is_of_gallery(name: object) -> bool:
    """Whether a run's name is one of the gallery."""
    return isinstance(name, str) and in_gallery(name)
