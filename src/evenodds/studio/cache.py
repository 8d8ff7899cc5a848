"""What was opened of runs, kept for the next question; one question at a time is put to networks."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import visible
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.judge import nearest, train
from evenodds.judge.judge import Judge
from evenodds.runs.conditions import resolve_condition
from evenodds.runs.film import PICTURES
from evenodds.runs.gallery import in_gallery
from evenodds.runs.report import real_rows, render_report
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler, load_generator
from evenodds.runs.source_data import store_of
from evenodds.steer.editor import LatentEditor
from evenodds.studio import security
from evenodds.studio.i18n import Language, speaker
from evenodds.studio.translate import translate

ENTRIES = 12
"""Things kept open at once, the last ones used."""
CPU = torch.device("cpu")


class UnpreparedError(Exception):
    """Data is not there and takes a while to be made."""


class RunCache:
    """Runs of one folder, by name. Raises UserError for names that are none, and as the rooms do that it asks.

    Networks draw from torch's one random state, so ``asking`` lets one question in at a time.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.entries: OrderedDict[tuple[str, ...], Any] = OrderedDict()

    def run(self, name: str) -> Run:
        """The run as it is on the disk now."""
        return Run.open(security.run_path(self.root, name))

    def once(self, run: Run, what: str, make: Callable[[], Any], state: str | None = None) -> Any:
        """What ``make`` makes for the best state of a run, made once."""
        key = (
            run.path.name,
            str(run.facts["data"]["fingerprint"]),
            state or run.checkpoints.best().name,
            what,
        )
        with self.lock:
            if key not in self.entries:
                self.entries[key] = make()
            self.entries.move_to_end(key)
            while len(self.entries) > ENTRIES:
                self.entries.popitem(last=False)
            return self.entries[key]

    def generator(self, run: Run) -> nn.Module:
        """The run's best G."""
        made: nn.Module = self.once(run, "G", lambda: load_generator(run, CPU))
        return made

    def steer(self, run: Run) -> LatentEditor:
        """The run's latent space."""
        made: LatentEditor = self.once(run, "steer", lambda: LatentEditor(run, CPU))
        return made

    def tuned(self, run: Run, z: Tensor, pixels: bytes) -> LatentEditor:
        """The run's latent space with a G tuned to make somebody's picture, uint8 (H, W, C) as bytes, of its latent
        (latent,)."""
        steer = self.steer(run)
        spec = steer.picture_spec()
        shape = (1, spec.height, spec.width, spec.channels)

        def make() -> LatentEditor:
            return steer.tuned(z[None], np.frombuffer(pixels, np.uint8).reshape(shape))

        made: LatentEditor = self.once(run, f"tuned {hashlib.sha256(pixels).hexdigest()}", make)
        return made

    def store(self, run: Run) -> Store:
        """The data of a run. Raises UserError where that of a model of the gallery would have to be made first, which
        takes minutes."""
        made: Store = self.once(run, "store", lambda: store_at_hand(run), "any")
        return made

    def judge(self, run: Run) -> Judge:
        """The run's judge, which is trained the first time."""
        made: Judge = self.once(run, "judge", lambda: train.judge_of(run, CPU))
        return made

    def report(self, run: Run, language: Language) -> bytes:
        """The run's report in a language. Raises UserError where its data is gone."""
        say, at = speaker(language), (run.path / "report.html").stat().st_mtime_ns

        def make() -> bytes:
            return render_report(run, self.store(run), say, partial(translate, say), language)

        page: bytes = self.once(run, f"report {language} {at}", make)
        return page

    def nearest(self, run: Run, block: Any, count: int = 4) -> Any:
        """The real samples nearest to a stored one, as the store keeps them."""
        store = self.store(run)
        real_samples = self.once(run, "nearest", lambda: nearest.references(store), "any")
        return nearest.nearest(store, real_samples, block, count)

    def real_samples(self, run: Run) -> Any:
        """Held-out reals: a table, or uint8 pictures (n, H, W, C) as they are shown."""
        store = self.store(run)
        if store.codec_json is not None:
            codec = TableCodec.from_json(store.codec_json)
            return self.once(run, "reals", lambda: real_rows(store, codec), "any")
        count = min(PICTURES, store.n_heldout)
        reals = store.heldout(np.arange(count)).transpose(0, 2, 3, 1)
        return visible(reals, cast(PictureSpec, run.spec).bands)

    def fakes(
        self, run: Run, n: int, seed: int, condition: Mapping[str, str] | NDArray[np.uint8] | None = None
    ) -> Any:
        """n fresh fakes under values or pictures (m, H, W, C), never a path: a table, or uint8 (n, H, W, C)."""
        generator = self.generator(run)
        with self.lock, torch.random.fork_rng():
            condition_for = resolve_condition(run, condition, seed)
            sampler = Sampler(run, CPU, generator)
            if isinstance(run.spec, PictureSpec):
                return np.concatenate(list(sampler.pictures(n, seed, condition_for)))
            return next(sampler.rows(n, seed, condition_for))


def store_at_hand(run: Run) -> Store:
    """The data of a run, which for a model of the gallery must be prepared already or at once. Raises UserError where
    it is not, and as ``store_of``."""

    def refuse(what: str, done: int, total: int | None) -> None:
        raise UnpreparedError

    try:
        return store_of(run, refuse if in_gallery(run.name) else None)
    except UnpreparedError:
        raise UserError(
            f"the pictures that {run.name} was trained on are not on this machine yet: a new direction by labels draws "
            "them, once"
        ) from None
