"""Pairs of pictures: one is given, the other is to be made."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal

from PIL import Image

from evenodds.core.errors import UserError
from evenodds.core.spec import Size, sides_of
from evenodds.data.images.album import Album, BadPicture
from evenodds.data.images.arrays import Bytes, Channels, Fit, fitted
from evenodds.data.images.decoding import is_gray, whole
from evenodds.data.images.ingest import PREPARING, Chunk, Ingest, Watch
from evenodds.data.images.ingest_report import IngestReport

Direction = Literal["AtoB", "BtoA"]
Choose = Callable[[Sequence[tuple[int, int]]], tuple[Size, list[str]]]
"""The size that pictures of such sizes (width, height) get, and notes of how it was chosen."""

_LAYOUTS = (
    "give subfolders A and B in which partners have the same name, or pictures twice as wide as high that hold A in "
    "their left half and B in their right; two sets of pictures without partners are for --condition unpaired"
)
SIDES = {"a": 0, "traina": 0, "b": 1, "trainb": 1}
"""Which side a subfolder holds, by its name in lower case."""


class Pairs(Ingest):
    """Pairs on their way in: ``usable`` are the indices of the pictures to be made.

    Either subfolders A and B, or trainA and trainB (in any case), hold partners of the same path but for the suffix, or
    each picture holds both side by side. ``headers`` tells of the pictures to be made, of half a file where they lie
    side by side.
    """

    def __init__(
        self, album: Album, direction: Direction, choose: Choose, watch: Watch | None = None
    ) -> None:
        """Looks at every picture's header. Raises UserError where there is no pair."""
        super().__init__(album, watch)
        self._source_left = direction == "AtoB"
        self.in_folders = sides(album) is not None
        """Whether partners are files of their own."""
        self.partners: dict[int, int] = {}
        """Where the given picture stands, by the place of the one to be made."""
        if self.in_folders:
            self._match(direction)
            self.size, self.notes = choose(
                [(header.width, header.height) for header in self.headers.values()]
            )
        else:
            halves = [(header.width // 2, header.height) for header in self.headers.values()]
            self.size, self.notes = choose(halves)
            self._halve()
        self.usable = sorted(self.partners)
        self._refuse_none()

    @property
    def gray_source(self) -> bool:
        """Whether every given picture is grey."""
        return all(is_gray(self.headers[self.partners[index]]) for index in self.usable)

    def pairs(
        self, fit: Fit, channels: Channels, channels_source: Channels
    ) -> Generator[Chunk, None, IngestReport]:
        """The pictures to be made and those given, each uint8 (n, channels, height, width), fitted alike.

        Returns a report as ``chunks`` does.
        """

        def read(index: int) -> tuple[Bytes, Bytes]:
            source, target = self._both(index)
            return fitted(target, self.size, fit, channels), fitted(source, self.size, fit, channels_source)

        pictures = self._each(PREPARING, self.usable, read)
        return self._chunks(pictures, (channels + channels_source) * math.prod(sides_of(self.size)))

    def _both(self, index: int) -> tuple[Image.Image, Image.Image]:
        """The given picture and the one to be made, of one size. Raises BadPicture."""
        target = self._whole(index)
        if not self.in_folders:
            width, height = target.size
            if not self._holds_both(width, height):
                raise BadPicture(self._not_both(width, height))
            half = width // 2
            halves = target.crop((0, 0, half, height)), target.crop((half, 0, width, height))
            return halves if self._source_left else (halves[1], halves[0])
        name = self.album.names[self.partners[index]]
        try:
            source = self._whole(self.partners[index])
        except BadPicture as bad:
            raise BadPicture(f"its partner {name} cannot be read ({bad})") from bad
        if source.size != target.size:
            mine, its = (f"{image.width} × {image.height} px" for image in (target, source))
            raise BadPicture(f"it has {mine}, and its partner {name} has {its}")
        return source, target

    def _whole(self, index: int) -> Image.Image:
        with self.album.open(self.album.names[index]) as file:
            return whole(file)

    def _match(self, direction: Direction) -> None:
        """Finds partners by their names; who has none that can be read is skipped."""
        folders = sides(self.album) or ({}, {})
        names = self.album.names
        for mine, others, letter in ((*folders, "B"), (*folders[::-1], "A")):
            for key, index in mine.items():
                if key not in others:
                    self._skip(index, f"no partner in {letter}")
                elif others[key] not in self.headers:
                    its = names[others[key]]
                    self._skip(index, f"its partner {its} cannot be read ({self.skipped[its]})")
        listed = {index for side in folders for index in side.values()}
        for index in set(self.headers) - listed:
            self._skip(index, "it lies in neither A nor B, or has the name of another there")
        source, target = folders if direction == "AtoB" else folders[::-1]
        both = {index: source[key] for key, index in target.items() if key in source}
        self.partners = {m: g for m, g in both.items() if m in self.headers and g in self.headers}

    def _halve(self) -> None:
        """Takes each picture for two; those of another shape are skipped. One that lies on its side may yet be turned
        upright."""
        for index, header in self.headers.items():
            both = [header.width, header.height]
            if not self._holds_both(*both):
                both.reverse()
            if self._holds_both(*both):
                self.partners[index] = index
                self.headers[index] = replace(header, width=both[0] // 2, height=both[1])
            else:
                self._skip(index, self._not_both(header.width, header.height))

    def _holds_both(self, width: int, height: int) -> bool:
        """Whether a picture's halves have the aspect of what is made; rectangles may be off by less than a pixel."""
        wide, high = sides_of(self.size)
        off = abs(width * high / (2 * wide) - height)
        return width % 2 == 0 and (off == 0 if wide == high else off < 1)

    def _not_both(self, width: int, height: int) -> str:
        wide, high = sides_of(self.size)
        if wide == high:
            return f"{width} × {height} px is not twice as wide as high"
        return f"{width} × {height} px is not two pictures of the aspect {wide}x{high} beside each other"

    def _skip(self, index: int, reason: str) -> None:
        self.skipped.setdefault(self.album.names[index], reason)

    def _refuse_none(self) -> None:
        if not self.usable:
            raise UserError(f"{self.album.path} holds no pair of pictures ({self._reasons()}): {_LAYOUTS}.")


def made_names(album: Album, direction: Direction) -> list[str]:
    """The files of an album of pairs that pictures to be made come from, in order."""
    folders = sides(album)
    if folders is None:
        return list(album.names)
    return [album.names[index] for index in sorted(folders[1 if direction == "AtoB" else 0].values())]


def sides(album: Album) -> tuple[dict[str, int], dict[str, int]] | None:
    """Where pictures stand in A and in B, by their path there without its suffix; None without both subfolders."""
    folders: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for index, name in enumerate(album.names):
        path = PurePosixPath(name).relative_to(album.top)
        side = SIDES.get(path.parts[0].lower())
        if side is not None and len(path.parts) > 1:
            folders[side].setdefault(PurePosixPath(*path.parts[1:]).with_suffix("").as_posix(), index)
    return folders if all(folders) else None
