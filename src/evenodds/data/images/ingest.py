"""Takes an album in: looks at every header, then decodes in order with several threads."""

from __future__ import annotations

import math
import os
import statistics
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.core.spec import Size, sides_of
from evenodds.data.images.album import Album, BadPicture
from evenodds.data.images.alpha import uses_alpha
from evenodds.data.images.arrays import (
    Bytes,
    Channels,
    Fit,
    Header,
    Range,
    decode,
    is_gray,
    look,
    sample_values,
)
from evenodds.data.images.decoding import is_wide, whole

Chunk = Bytes | tuple[Bytes, Bytes]
"""Pictures (n, C, H, W), and what is given of each where something is."""

Watch = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

_CHUNK_BYTES = 8 * 2**20
_QUOTED = 3
_VALUES, _FEWEST_VALUES = 2_000_000, 100
"""Values of wide pictures that their range is measured by, and the fewest of one picture."""
_LOOKED_THROUGH = 500
"""Pictures that are decoded to see whether they use their transparency, at most twice as many."""
_OUTSIDE = 0.1
"""Percent of the values below the range, and as many above it."""
_NATURAL = (1.0, 255.0, 65_535.0)
"""Upper ends of what wide pictures hold by their kind, from 0 on."""

Floats = NDArray[np.float32]

Heldout = tuple[list[int] | None, list[int] | None]
"""Which rows are held out, of the samples and of the conditions; None of a set that is split by chance."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class IngestReport:
    """What came of an album, once all of it was read."""

    indices: list[int]
    """Of the files that the pictures came from, in ``album.names``."""
    headers: list[Header]
    """Of the same pictures."""
    skipped: dict[str, str]
    """File names, and why each is left out."""
    every_frame: bool = False
    """Whether each frame of a file is a picture of its own."""
    heldout: Heldout | None = None
    """Where the album itself says what is held out, of unpaired pictures."""

    def facts(self) -> dict[str, Any]:
        """Sizes in pixels and modes of the pictures, and what was skipped, as JSON values."""
        headers = self.headers
        return {
            "skipped": [{"file": name, "reason": self.skipped[name]} for name in sorted(self.skipped)],
            "width": _range([header.width for header in headers]),
            "height": _range([header.height for header in headers]),
            "modes": dict(Counter(header.mode for header in headers).most_common()),
        }

    def notes(self, size: Size, fit: Fit, alpha: bool) -> list[str]:
        """What the user should know of how the pictures were treated; ``alpha`` says that transparency is learnt."""
        headers, (width, height) = self.headers, sides_of(size)
        square = width == height
        rest = "square" if square else "picture"
        treated = {
            "crop": "the centre is kept (--fit pad keeps everything)",
            "pad": f"the rest of the {rest} is their edge's mean colour (--fit crop keeps the centre only)",
            "stretch": "they are stretched (--fit crop keeps their centre as it is)",
        }
        others = "are not square" if square else f"have another aspect than {width}x{height}"
        pixels = f"{width}" if square else f"{width}x{height}"
        enlarged = all if fit == "pad" else any
        unused = sum(h.frames - 1 for h in headers)
        counts = (
            (sum(h.width * height != h.height * width for h in headers), f"{others}: {treated[fit]}"),
            (
                sum(enlarged((h.width < width, h.height < height)) for h in headers),
                f"are smaller than {pixels} px and are enlarged (--size takes another size)",
            ),
            (
                0 if alpha else sum(h.transparent for h in headers),
                "have transparency: they are laid on white (--channels alpha learns it)",
            ),
            (
                0 if self.every_frame else sum(h.frames > 1 for h in headers),
                f"have more than one frame or page: {unused} beside the first are not taken (--frames all)",
            ),
            (
                sum(h.frames > 1 for h in headers) if self.every_frame else 0,
                "are frames or pages of files that hold several",
            ),
        )
        return [f"{count} of {len(headers)} pictures {what}" for count, what in counts if count]


class Frame(NamedTuple):
    """One frame or page of a file of an album."""

    file: str
    number: int = 0
    """From 0."""

    def __str__(self) -> str:
        return f"{self.file} ({self.number + 1})" if self.number else self.file


class Ingest:
    """Reads an album. ``usable`` are indices into ``frames``; ``skipped`` says why others are not."""

    def __init__(
        self,
        album: Album,
        watch: Watch | None = None,
        every_frame: bool = False,
        indices: Sequence[int] | None = None,
    ) -> None:
        """Looks at the header of every picture, or of those at ``indices``, and takes the first frame of each or
        ``every_frame``. Raises UserError where none can be read."""
        self.album, self.every_frame = album, every_frame
        self.frames = [Frame(name) for name in album.names]
        self.skipped: dict[str, str] = {}
        self.headers: dict[int, Header] = {}
        self._watch = watch
        chosen = range(len(album.names)) if indices is None else indices
        for index, header in self._each("looking at pictures", chosen, self._header):
            self.headers[index] = header
        self.usable = list(self.headers)
        self._refuse_none()
        if every_frame:
            self._take_all()

    @property
    def gray(self) -> bool:
        """Whether every picture is grey."""
        return all(is_gray(self.headers[index]) for index in self.usable)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of every picture."""
        headers = (self.headers[index] for index in self.usable)
        return [(header.width, header.height) for header in headers]

    def transparent(self, indices: Sequence[int] | None = None) -> int:
        """How many of the pictures, all of them by default, use their transparency: counted, or of very many told
        from some."""
        usable = self.usable if indices is None else indices
        able = [index for index in usable if self.headers[index].transparent]
        some = able[:: max(1, len(able) // _LOOKED_THROUGH)]

        def read(index: int) -> bool:
            name, frame = self.frames[index]
            with self.album.open(name) as file:
                return uses_alpha(whole(file, frame))

        uses = [one for _, one in self._each("looking for transparency", some, read)]
        self._leave_skipped()
        return round(len(able) * sum(uses) / len(uses)) if uses else 0

    def value_range(self) -> Range | None:
        """What wide pictures hold, all together, from the 0.1st to the 99.9th percentile of their values; None where
        there are none, and where they hold more than half of the range of their kind, which then stands."""
        wide = [index for index in self.usable if is_wide(self.headers[index].mode)]
        if not wide:
            return None
        count = max(_FEWEST_VALUES, _VALUES // len(wide))

        def read(index: int) -> Floats:
            name, frame = self.frames[index]
            with self.album.open(name) as file:
                return sample_values(file, count, frame)

        values = np.concatenate([part for _, part in self._each("measuring values", wide, read)])
        self._leave_skipped()
        if not len(values):
            return None
        low, high = (float(end) for end in np.percentile(values, (_OUTSIDE, 100 - _OUTSIDE)))
        natural = next((most for most in _NATURAL if values.min() >= 0 and values.max() <= most), None)
        if high <= low or (natural is not None and high - low > natural / 2):
            return None
        return low, high

    def chunks(
        self,
        size: Size,
        fit: Fit,
        channels: Channels,
        make: Callable[[Bytes], Bytes] | None = None,
        span: Range | None = None,
    ) -> Generator[Chunk, None, IngestReport]:
        """Yields the pictures as uint8 (n, channels, height, width) in the album's order, and what ``make`` makes of
        each.

        Returns a report of those that came and those that were skipped. Raises UserError where none can be read.
        """

        def read(index: int) -> tuple[Bytes, Bytes | None]:
            name, frame = self.frames[index]
            with self.album.open(name) as file:
                picture = decode(file, size, fit, channels, span, frame)
            return picture, None if make is None else make(picture)

        return self._chunks(read, channels * math.prod(sides_of(size)))

    def _chunks(
        self, read: Callable[[int], tuple[Bytes, Bytes | None]], each: int
    ) -> Generator[Chunk, None, IngestReport]:
        """What ``read`` gives for the usable indices, of so many bytes each, some at a time."""
        per_chunk = max(1, _CHUNK_BYTES // each)
        chunk: list[tuple[Bytes, Bytes | None]] = []
        indices: list[int] = []
        for index, result in self._each("preparing pictures", self.usable, read):
            indices.append(index)
            chunk.append(result)
            if len(chunk) == per_chunk:
                yield _stacked(chunk)
                chunk = []
        self.usable = indices
        self._refuse_none()
        if chunk:
            yield _stacked(chunk)
        indices_of = {name: index for index, name in enumerate(self.album.names)}
        files = [indices_of[self.frames[index].file] for index in indices]
        headers = [self.headers[index] for index in indices]
        return IngestReport(files, headers, self.skipped, self.every_frame)

    def _header(self, index: int) -> Header:
        with self.album.open(self.frames[index].file) as file:
            return look(file)

    def _take_all(self) -> None:
        """Makes every frame of a file that holds several a picture of its own."""
        headers = [(self.frames[index].file, header) for index, header in self.headers.items()]
        each = [(Frame(name, frame), header) for name, header in headers for frame in range(header.frames)]
        self.frames = [frame for frame, _ in each]
        self.headers = {index: header for index, (_, header) in enumerate(each)}
        self.usable = list(self.headers)

    def _leave_skipped(self) -> None:
        """Leaves out of ``usable`` what could not be read meanwhile."""
        self.usable = [index for index in self.usable if str(self.frames[index]) not in self.skipped]
        self._refuse_none()

    def _each(
        self, what: str, indices: Iterable[int], read: Callable[[int], _Result]
    ) -> Iterator[tuple[int, _Result]]:
        """``read`` of every place, in order; what cannot be read is put down in ``skipped``."""

        def job(index: int) -> _Result | BadPicture:
            try:
                return read(index)
            except BadPicture as bad:
                return bad

        indices = list(indices)
        with warnings.catch_warnings():
            # Pillow warns of small damage that it reads past. Set here, since filters are not a thread's own.
            warnings.simplefilter("ignore")
            for done, (index, result) in enumerate(zip(indices, _in_order(job, indices), strict=True), 1):
                if isinstance(result, BadPicture):
                    self.skipped[str(self.frames[index])] = str(result)
                else:
                    yield index, result
                if self._watch is not None:
                    self._watch(what, done, len(indices))

    def _refuse_none(self) -> None:
        if self.usable:
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
    conditions = [made for _, made in results if made is not None]
    return (pictures, np.stack(conditions)) if conditions else pictures


def _in_order(job: Callable[[int], _Result], indices: list[int]) -> Iterator[_Result]:
    """Results in order from a few threads (decoders release the lock), a bounded number under way."""
    workers = min(16, max(2, os.cpu_count() or 2))  # each may hold 100 megapixels
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[_Result]] = deque()
    try:
        for index in indices:
            waiting.append(pool.submit(job, index))
            if len(waiting) >= 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _range(values: list[int]) -> dict[str, int]:
    return {"min": min(values), "median": round(statistics.median(values)), "max": max(values)}
