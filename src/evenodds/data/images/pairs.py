"""Pairs of pictures: one is given, the other is to be made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal

from PIL import Image

from evenodds.core.errors import UserError
from evenodds.data.images.album import Album, BadPicture
from evenodds.data.images.arrays import Bytes, Fit, fitted
from evenodds.data.images.decoding import is_grey, whole
from evenodds.data.images.ingest import Chunk, Intake, Watch

Direction = Literal["AtoB", "BtoA"]

_LAYOUTS = (
    "give subfolders A and B in which partners have the same name, or pictures twice as wide as high that hold A in "
    "their left half and B in their right"
)


class Pairs(Intake):
    """Pairs on their way in: ``kept`` are the places of the pictures to be made.

    Either subfolders A and B (in any case) hold partners of the same path but for the suffix, or each picture holds
    both side by side. ``headers`` tells of the pictures to be made, of half a file where they lie side by side.
    """

    def __init__(self, album: Album, direction: Direction, watch: Watch | None = None) -> None:
        """Looks at every picture's header. Raises UserError where there is no pair."""
        super().__init__(album, watch)
        self._given_left = direction == "AtoB"
        self.apart = sides(album) is not None
        """Whether partners are files of their own."""
        self.partners: dict[int, int] = {}
        """Where the given picture stands, by the place of the one to be made."""
        if self.apart:
            self._match(direction)
        else:
            self._halve()
        self.kept = sorted(self.partners)
        self._refuse_none()

    @property
    def grey_given(self) -> bool:
        """Whether every given picture is grey."""
        return all(is_grey(self.headers[self.partners[place]]) for place in self.kept)

    def pairs(
        self, size: int, fit: Fit, channels: Literal[1, 3], channels_given: Literal[1, 3]
    ) -> Iterator[Chunk]:
        """The pictures to be made and those given, each uint8 (n, channels, size, size), fitted alike.

        Afterwards as after ``chunks``.
        """

        def read(place: int) -> tuple[Bytes, Bytes]:
            given, made = self._both(place)
            return fitted(made, size, fit, channels), fitted(given, size, fit, channels_given)

        return self._chunks(read, (channels + channels_given) * size * size)

    def _both(self, place: int) -> tuple[Image.Image, Image.Image]:
        """The given picture and the one to be made, of one size. Raises BadPicture."""
        made = self._whole(place)
        if not self.apart:
            width, height = made.size
            if width != 2 * height:
                raise BadPicture(_not_twice(width, height))
            halves = made.crop((0, 0, height, height)), made.crop((height, 0, width, height))
            return halves if self._given_left else (halves[1], halves[0])
        name = self.album.names[self.partners[place]]
        try:
            given = self._whole(self.partners[place])
        except BadPicture as bad:
            raise BadPicture(f"its partner {name} cannot be read ({bad})") from bad
        if given.size != made.size:
            mine, its = (f"{image.width} × {image.height} px" for image in (made, given))
            raise BadPicture(f"it has {mine}, and its partner {name} has {its}")
        return given, made

    def _whole(self, place: int) -> Image.Image:
        with self.album.open(self.album.names[place]) as file:
            return whole(file)

    def _match(self, direction: Direction) -> None:
        """Finds partners by their names; who has none that can be read is skipped."""
        found = sides(self.album) or ({}, {})
        names = self.album.names
        for own, others, letter in ((*found, "B"), (*found[::-1], "A")):
            for key, place in own.items():
                if key not in others:
                    self._skip(place, f"no partner in {letter}")
                elif others[key] not in self.headers:
                    its = names[others[key]]
                    self._skip(place, f"its partner {its} cannot be read ({self.skipped[its]})")
        listed = {place for side in found for place in side.values()}
        for place in set(self.headers) - listed:
            self._skip(place, "it lies in neither A nor B, or has the name of another there")
        given, made = found if direction == "AtoB" else found[::-1]
        both = {place: given[key] for key, place in made.items() if key in given}
        self.partners = {m: g for m, g in both.items() if m in self.headers and g in self.headers}

    def _halve(self) -> None:
        """Takes each picture for two; those of another shape are skipped. One that lies on its side may yet be turned
        upright."""
        for place, header in self.headers.items():
            side = min(header.width, header.height)
            if max(header.width, header.height) == 2 * side:
                self.partners[place] = place
                self.headers[place] = replace(header, width=side, height=side)
            else:
                self._skip(place, _not_twice(header.width, header.height))

    def _skip(self, place: int, reason: str) -> None:
        self.skipped.setdefault(self.album.names[place], reason)

    def _refuse_none(self) -> None:
        if not self.kept:
            raise UserError(f"{self.album.path} holds no pair of pictures ({self._reasons()}): {_LAYOUTS}.")


def made_names(album: Album, direction: Direction) -> list[str]:
    """The files of an album of pairs that pictures to be made come from, in order."""
    found = sides(album)
    if found is None:
        return list(album.names)
    return [album.names[place] for place in sorted(found[1 if direction == "AtoB" else 0].values())]


def sides(album: Album) -> tuple[dict[str, int], dict[str, int]] | None:
    """Where pictures stand in A and in B, by their path there without its suffix; None without both subfolders."""
    found: dict[str, dict[str, int]] = {"a": {}, "b": {}}
    for place, name in enumerate(album.names):
        path = PurePosixPath(name).relative_to(album.top)
        side = found.get(path.parts[0].lower())
        if side is not None and len(path.parts) > 1:
            side.setdefault(PurePosixPath(*path.parts[1:]).with_suffix("").as_posix(), place)
    return (found["a"], found["b"]) if found["a"] and found["b"] else None


def _not_twice(width: int, height: int) -> str:
    return f"{width} × {height} px is not twice as wide as high"
