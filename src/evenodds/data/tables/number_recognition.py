"""In which ways the texts of a column are numbers: marks, signs, symbols and digits that give each text back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from evenodds.data.tables.number_notation import (
    SPACES,
    Form,
    NumberNotation,
    Parts,
    magnitude,
    parts_of,
    plain_of,
)

EXACT = 2**53
"""Whole numbers from this on have no float of their own."""
DIGITS = 15
"""Decimal digits that every float keeps."""
HEAD = 50
"""Texts that are tried before all are."""
_INTEGER = re.compile(r"0|[1-9][0-9]*")
_FIXED = re.compile(r"(?:0|[1-9][0-9]*)\.([0-9]+)")
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(?:\.[0-9]{3})*|0")
_FORMS: tuple[Form, ...] = ("repr", "short", "shorter", "17g", "15g", "scientific", "SCIENTIFIC")


def form_of(plains: Sequence[str], values: Sequence[float]) -> tuple[Form, int] | None:
    """The form, and its decimals, that writes every one of these plain digits back; None where none does."""
    if all(map(_INTEGER.fullmatch, plains)):
        return ("integer", 0) if max(values) < EXACT else None
    matches = [_FIXED.fullmatch(text) for text in plains]
    lengths = {len(match[1]) for match in matches if match}
    if None not in matches and len(lengths) == 1 and max(map(len, plains)) <= DIGITS + 1:
        return "fixed", lengths.pop()
    decimals = len(plains[0].lower().partition("e")[0].partition(".")[2])
    for form in _FORMS:
        pairs = zip(plains, values, strict=True)
        if all(magnitude(x, form, decimals) == text for text, x in islice(pairs, HEAD)) and all(
            magnitude(x, form, decimals) == text for text, x in pairs
        ):
            return form, decimals if form in ("scientific", "SCIENTIFIC") else 0
    return None


def conventions(cores: Sequence[str]) -> list[tuple[str, str]]:
    """Marks of thousands and of decimals that digits may have, the likeliest first."""
    marks = {mark for core in cores for mark in core if mark in ".,'’" or mark in SPACES}
    points, groups = marks & {".", ","}, marks - {".", ","}
    if len(groups) > 1 or (groups and len(points) > 1):
        return []
    if groups:
        group = groups.pop()
        return [(group, point) for point in (points or {"."})]
    if points == {"."}:
        return [("", "."), (".", ",")]
    if points == {","}:
        return [(",", "."), ("", ",")]
    return [(",", "."), (".", ",")] if points else [("", ".")]


def notations(texts: Sequence[str], decimal: str | None = None) -> list[NumberNotation]:
    """The ways in which every one of these distinct texts is a number and is written back, the likeliest first; none
    where some is not. With ``decimal`` those with that mark alone.

    >>> [notation.in_words() for notation in notations(["1.234,50 €", "9,99 €"])]
    ['numbers like 1.234,50 €']
    >>> notations(["007", "12"])
    []
    """
    if _plain_decimals(texts):
        chosen = form_of([text.lstrip("-") for text in texts], [abs(float(text)) for text in texts])
        zero = chosen is not None and chosen[0] == "integer" and "-0" in texts
        settled = chosen is not None and chosen[0] in ("integer", "fixed") and not _groups_too(texts)
        if settled and chosen is not None and decimal in (None, "."):
            return [] if zero else [NumberNotation(*chosen)]
    width = _width(texts)
    try:
        parts = [parts_of(text, width > 0) for text in texts]
    except ValueError:
        return []
    style = _style(parts)
    if style is None:
        return []
    style |= {"width": width}
    cores = [part.core for part in parts]
    ways = []
    for thousands, point in conventions(cores):
        if decimal is None or point == decimal:
            notation = _of_marks(texts, parts, style, thousands, point)
            ways += [notation] if notation else []
    return ways


def _plain_decimals(texts: Sequence[str]) -> bool:
    return all(map(_PLAIN.fullmatch, texts))


def _groups_too(texts: Sequence[str]) -> bool:
    """Whether every point could be a mark of thousands."""
    return any("." in text for text in texts) and all(map(_GROUPED.fullmatch, texts))


def _of_marks(
    texts: Sequence[str], parts: list[Parts], style: dict[str, Any], thousands: str, point: str
) -> NumberNotation | None:
    """The notation with these marks, None where it does not write each text back."""
    try:
        plains = [plain_of(part.core, thousands, point) for part in parts]
    except ValueError:
        return None
    values = [float(plain) for plain in plains]
    chosen = form_of(plains, values)
    if chosen is None:
        return None
    bare = any(part.core.startswith(point) for part in parts)
    notation = NumberNotation(chosen[0], chosen[1], point, thousands, bare=bare, **style)
    if chosen[0] == "integer" and any(part.negative and not x for part, x in zip(parts, values, strict=True)):
        return None  # -0, which no whole number is
    if chosen[0] in ("integer", "fixed") and notation.simple:
        return notation  # its pattern says that it is written back
    signed = (-x if part.negative else x for part, x in zip(parts, values, strict=True))
    return notation if all(notation.text(x) == text for x, text in zip(signed, texts, strict=True)) else None


def _style(parts: list[Parts]) -> dict[str, Any] | None:
    """What stands around all the numbers, None where that differs. A plus is a sign only beside negative numbers: of
    numbers that all have one, such as telephone numbers, it is a part."""
    negatives = {part.negative for part in parts} - {None}
    minuses = {part.sign for part in parts if part.negative in ("-", "inner")}
    around = {(part.before, part.after) for part in parts}
    plus = any(part.sign == "+" for part in parts)
    if len(negatives) > 1 or len(minuses) > 1 or len(around) > 1 or (plus and not negatives):
        return None
    before, after = around.pop()
    inner = plus and before and not negatives <= {"-"}
    return {
        "before": before,
        "after": after,
        "negative": negatives.pop() if negatives else "inner" if inner else "-",
        "minus": minuses.pop() if minuses else "-",
        "plus": plus,
    }


def _width(texts: Sequence[str]) -> int:
    """The width to which all texts are filled with spaces on the left; 0 where they are not."""
    if not any(text.startswith(" ") for text in texts):
        return 0
    lengths = {len(text) for text in texts}
    same = len({len(text) - len(text.lstrip(" ")) for text in texts}) == 1
    return lengths.pop() if len(lengths) == 1 and not same else 0


def nearest_notation(texts: Sequence[str], decimal: str | None) -> NumberNotation | None:
    """A notation that reads every text as a number and writes as many back as can be; None where some is none."""
    ways = notations(texts, decimal)
    if ways:
        return ways[0]
    try:
        parts = [parts_of(text) for text in texts]
    except ValueError:
        parts = []
    marks = conventions([part.core for part in parts]) if parts else [("", decimal or ".")]
    before, after = max(((part.before, part.after) for part in parts), default=("", ""))
    best: tuple[int, NumberNotation] | None = None
    forms: tuple[Form, ...] = ("integer", "short", "repr", "fixed")
    for thousands, point in marks:
        if decimal is not None and point != decimal:
            continue
        for form in forms:
            lengths = [len(part.core.partition(point)[2]) for part in parts]
            notation = NumberNotation(form, max(lengths, default=2), point, thousands, before, after)
            exact = _count(texts, notation)
            if exact is not None and (best is None or exact > best[0]):
                best = exact, notation
    return best[1] if best else None


def _count(texts: Sequence[str], notation: NumberNotation) -> int | None:
    """How many texts a notation writes back; None where one is no number, or a whole number loses its decimals."""
    write: Callable[[float], str] = notation.text
    try:
        values = [notation.value(text) for text in texts]
        if notation.form == "integer":
            floats = NumberNotation("repr", 0, notation.decimal, notation.thousands)
            if any(floats.value(text) != x or abs(x) >= EXACT for text, x in zip(texts, values, strict=True)):
                return None
    except ValueError:
        return None
    return sum(write(x) == text for text, x in zip(texts, values, strict=True))
