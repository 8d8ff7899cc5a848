"""Takes an album in: looks at every header, then decodes in order with several threads."""

from __future__ import annotations

import os
import statistics
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import numpy as np

from evenodds.core.errors import UserError
from evenodds.data.images.album import Album, BadPicture
from evenodds.data.images.arrays import Bytes, Fit, Header, decode, is_grey, look

Chunk = Bytes | tuple[Bytes, Bytes]
"""Pictures (n, C, H, W), and what is given of each where something is."""

Watch = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

_CHUNK_BYTES = 8 * 2**20
_QUOTED = 3

_Result = TypeVar("_Result")


class Intake:
    """An album on its way in. ``kept`` are places in ``album.names``; ``skipped`` says why others are not."""

    def __init__(self, album: Album, watch: Watch | None = None) -> None:
        """Looks at every picture's header. Raises UserError where none can be read."""
        self.album = album
        self.skipped: dict[str, str] = {}
        self.headers: dict[int, Header] = {}
        self._watch = watch
        for place, header in self._each("looking at pictures", range(len(album.names)), self._header):
            self.headers[place] = header
        self.kept = list(self.headers)
        self._refuse_none()

    @property
    def grey(self) -> bool:
        """Whether every picture is grey."""
        return all(is_grey(self.headers[place]) for place in self.kept)

    def chunks(
        self, size: int, fit: Fit, channels: Literal[1, 3], make: Callable[[Bytes], Bytes] | None = None
    ) -> Iterator[Chunk]:
        """The pictures as uint8 (n, channels, size, size) in the album's order, with what ``make`` makes of each.

        Afterwards ``kept`` holds those that came, and ``skipped`` the others. Raises UserError where
        none can be read.
        """

        def read(place: int) -> tuple[Bytes, Bytes | None]:
            with self.album.open(self.album.names[place]) as file:
                picture = decode(file, size, fit, channels)
            return picture, None if make is None else make(picture)

        return self._chunks(read, channels * size * size)

    def facts(self) -> dict[str, Any]:
        """Sizes in pixels and modes of the pictures kept, and what was skipped, as JSON values."""
        headers = [self.headers[place] for place in self.kept]
        return {
            "skipped": [{"file": name, "reason": self.skipped[name]} for name in sorted(self.skipped)],
            "width": _range([header.width for header in headers]),
            "height": _range([header.height for header in headers]),
            "modes": dict(Counter(header.mode for header in headers).most_common()),
        }

    def notes(self, size: int, fit: Fit) -> list[str]:
        """What the user should know of how the pictures kept were treated."""
        headers = [self.headers[place] for place in self.kept]
        treated = (
            "the centre is kept (--fit pad keeps everything)"
            if fit == "crop"
            else "the rest of the square is their edge's mean colour (--fit crop keeps the centre only)"
        )
        shorter = min if fit == "crop" else max
        counts = (
            (sum(h.width != h.height for h in headers), f"are not square: {treated}"),
            (
                sum(shorter(h.width, h.height) < size for h in headers),
                f"are smaller than {size} px and are enlarged (--size takes another size)",
            ),
            (sum(h.transparent for h in headers), "have transparency: they are laid on white"),
        )
        return [f"{count} of {len(headers)} pictures {what}" for count, what in counts if count]

    def _chunks(self, read: Callable[[int], tuple[Bytes, Bytes | None]], size: int) -> Iterator[Chunk]:
        """What ``read`` gives for the places kept, of ``size`` bytes each, some at a time."""
        per_chunk = max(1, _CHUNK_BYTES // size)
        chunk: list[tuple[Bytes, Bytes | None]] = []
        kept: list[int] = []
        for place, result in self._each("preparing pictures", self.kept, read):
            kept.append(place)
            chunk.append(result)
            if len(chunk) == per_chunk:
                yield _stacked(chunk)
                chunk = []
        self.kept = kept
        self._refuse_none()
        if chunk:
            yield _stacked(chunk)

    def _header(self, place: int) -> Header:
        with self.album.open(self.album.names[place]) as file:
            return look(file)

    def _each(
        self, what: str, places: Iterable[int], read: Callable[[int], _Result]
    ) -> Iterator[tuple[int, _Result]]:
        """``read`` of every place, in order; what cannot be read is put down in ``skipped``."""
        names = self.album.names

        def job(place: int) -> _Result | BadPicture:
            try:
                return read(place)
            except BadPicture as bad:
                return bad

        places = list(places)
        with warnings.catch_warnings():
            # Pillow warns of small damage that it reads past. Set here, since filters are not a thread's own.
            warnings.simplefilter("ignore")
            for done, (place, result) in enumerate(zip(places, _in_order(job, places), strict=True), 1):
                if isinstance(result, BadPicture):
                    self.skipped[names[place]] = str(result)
                else:
                    yield place, result
                if self._watch is not None:
                    self._watch(what, done, len(places))

    def _refuse_none(self) -> None:
        if self.kept:
            return
        raise UserError(
            f"None of the {len(self.skipped)} pictures in {self.album.path} can be read "
            f"({self._reasons()}): give pictures that open in a viewer."
        )

    def _reasons(self) -> str:
        """The first reasons for which pictures are skipped."""
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(self.skipped.items())[:_QUOTED])
        return reasons + ("; ..." if len(self.skipped) > _QUOTED else "")


def _stacked(results: list[tuple[Bytes, Bytes | None]]) -> Chunk:
    pictures = np.stack([picture for picture, _ in results])
    given = [made for _, made in results if made is not None]
    return (pictures, np.stack(given)) if given else pictures


def _in_order(job: Callable[[int], _Result], places: list[int]) -> Iterator[_Result]:
    """Results in order from a few threads (decoders release the lock), a bounded number under way."""
    workers = min(16, max(2, os.cpu_count() or 2))  # each may hold 100 megapixels
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[_Result]] = deque()
    try:
        for place in places:
            waiting.append(pool.submit(job, place))
            if len(waiting) >= 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _range(values: list[int]) -> dict[str, int]:
    return {"min": min(values), "median": round(statistics.median(values)), "max": max(values)}
