"""The settings that turn a source into samples. No torch here."""

from __future__ import annotations

import re
from math import inf
from typing import Any, Literal

from pydantic import Field, field_validator

from evenodds.config.group import Group
from evenodds.config.sizes import AUTO, read_size, size_of
from evenodds.core.spec import Size

READ_KINDS = ("text", "number", "date", "span")
"""As what a column of a text file can be read."""
READ_BEFORE = "pandas"
"""The reading of versions before 0.2: what pandas takes for numbers and gaps, no keys, no rules but stated ones."""
FAKED_KINDS = ("name", "first_name", "last_name", "address", "email", "phone")
"""As what texts of a column can be made up."""
NOTHING_FAKED = "none"
"""No column's texts are made up."""
_PARTS = r",(?=[^,=]+=)"
"""Between one column's choice and the next: a format may hold commas."""


def stated_kinds(text: str) -> dict[str, str]:
    """Which columns are made up as what. ValueError for anything else.

    >>> stated_kinds("customer:name,contact:email")
    {'customer': 'name', 'contact': 'email'}
    """
    if text == NOTHING_FAKED:
        return {}
    kinds = "|".join(FAKED_KINDS)
    parts = re.findall(rf"(.+?):({kinds})(?:,|$)", text)
    if ",".join(f"{name}:{kind}" for name, kind in parts) != text:
        raise ValueError(
            f"{text!r} says not what is made up, give column:kind with one of {', '.join(FAKED_KINDS)}"
        )
    return {name.strip(): kind for name, kind in parts}


class DataSettings(Group):
    """How a source is turned into samples."""

    size: str | int | None = None
    """Side of square pictures in pixels, 4 to 7 times a power of two; or width x height, such as 256x144; or auto, the
    most frequent aspect. By default a square that fits the source; 64 for a folder."""

    fit: Literal["crop", "pad", "stretch"] = "crop"
    """Bring pictures to --size: crop to the center, pad with the mean color of the edge, or stretch."""

    channels: Literal["auto", "gray", "color", "alpha", "opaque"] = "auto"
    """Gray (1 channel), color (3) or alpha (color with transparency, 4); auto takes alpha if more than half of the
    pictures have transparent pixels, and gray if all are gray; opaque is auto with transparency laid on white."""

    frames: Literal["first", "all"] = "first"
    """Animations, and documents of several pages: the first frame of a file, or all frames as pictures of their own."""

    range: str = "auto"
    """Pictures with more than 8 bits a pixel: the values that become black and white, such as 1000:1470. auto takes
    what the pictures hold, full the range of their kind."""

    exclude: tuple[str, ...] = ()
    """Columns of a table to leave out of training."""

    key: tuple[str, ...] = ()
    """Columns of a table that hold ids: fakes have new ones of their pattern. Plain ids are noticed without."""

    faked: str | None = None
    """Columns of a table whose texts are made up anew in fakes, such as customer:name,contact:email: name, first_name,
    last_name, address, email or phone (extra names). Where it is installed plain ones are noticed; none makes up none.
    """

    rule: tuple[str, ...] = ()
    """Rule that all rows of a table keep, and all fakes: such as "amount <= price", "total = a + b", or, as near as the
    data has it, "total ~ tenure * monthly"."""

    rules: bool | None = None
    """Find what hangs together in all rows of a table (columns that others determine, sums, orders), as by default;
    fakes keep it exactly. --no-rules learns every column."""

    columns: tuple[str, ...] = ()
    """Columns of a table, or of a data set (the picture and its labels), to train on; all of them by default."""

    read: str | None = None
    """How columns of a text file are read, such as zip=text,day=date:%d/%m/%Y,price=number: text, number, number:, (its
    decimal mark), date, date:FORMAT or span; the others by themselves. pandas reads all as versions before 0.2 did."""

    header: bool | None = None
    """Whether the first line of a text file or workbook holds names, as it does by default; --no-header reads it as a
    row."""

    split: str | None = None
    """Split of a data set (hf:user/name) to train on; by default train."""

    holdout: float = Field(default=0, ge=0, le=0.5)
    """Share of the samples that no player sees, for the referee; 0 takes a tenth, of tables of fewer than 10,000 rows
    as many as make 1,000, up to 30 %."""

    condition: str | None = None
    """Condition of G. Pictures: labels (all labels) or some by name, separated by commas; or pairs, unpaired,
    outlines, gray, small or masked. Tables: columns by name, separated by commas."""

    direction: Literal["AtoB", "BtoA"] = "AtoB"
    """With pairs or unpaired: AtoB generates B from A (of one file the left half), BtoA generates A from B."""

    @field_validator("size", mode="before")
    @classmethod
    def read_pixels(cls, size: Any) -> int | str | None:
        return None if size is None else read_size(size)

    @field_validator("read")
    @classmethod
    def check_read(cls, text: str | None) -> str | None:
        for part in [] if text in (None, "", READ_BEFORE) else re.split(_PARTS, text or ""):
            name, equals, kind = part.partition("=")
            if not (name.strip() and equals) or kind.strip().partition(":")[0] not in READ_KINDS:
                raise ValueError(
                    f"{part!r} says not how a column is read, give name=kind with one of {', '.join(READ_KINDS)}"
                )
        return text or None

    @field_validator("faked")
    @classmethod
    def check_faked(cls, text: str | None) -> str | None:
        stated_kinds(text or NOTHING_FAKED)
        return text or None

    @property
    def read_choices(self) -> dict[str, str]:
        """How columns are to be read, by name.

        >>> DataSettings(read="zip=text,day=date:%b %d, %Y").read_choices
        {'zip': 'text', 'day': 'date:%b %d, %Y'}
        """
        if self.read in (None, READ_BEFORE):
            return {}
        parts = (part.partition("=") for part in re.split(_PARTS, self.read or ""))
        return {name.strip(): kind.strip() for name, _, kind in parts}

    @field_validator("range")
    @classmethod
    def read_range(cls, text: str) -> str:
        if text not in ("auto", "full"):
            low, colon, high = text.partition(":")
            try:
                ordered = bool(colon) and -inf < float(low) < float(high) < inf
            except ValueError:
                ordered = False
            if not ordered:
                raise ValueError(
                    f"{text!r} is no range, give the lower and the upper value such as 1000:1470, or auto or full"
                )
        return text

    @property
    def pixels(self) -> Size | None:
        """What ``size`` names, in pixels; None where it is left out or auto.

        >>> DataSettings(size="256x144").pixels
        (256, 144)
        """
        return None if self.size is None or self.size == AUTO else size_of(self.size)

    @property
    def span(self) -> tuple[float, float] | None:
        """The ends of ``range``; None where it is auto or full.

        >>> DataSettings(range="1000:1470").span
        (1000.0, 1470.0)
        """
        if self.range in ("auto", "full"):
            return None
        low, _, high = self.range.partition(":")
        return float(low), float(high)
