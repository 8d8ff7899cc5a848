"""What the cells of each column of a text file are: numbers, dates, spans, truths or text, by one rule: what reading
and writing does not give back letter by letter is not that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from evenodds.core.errors import UserError
from evenodds.data.tables.notation import INFINITE, Notation, TextNotation, TruthNotation, is_gap
from evenodds.data.tables.number_notation import NumberNotation
from evenodds.data.tables.number_recognition import EXACT, nearest_notation, notations
from evenodds.data.tables.time_notation import DateNotation, SpanNotation, date_notations, span_notation

FEW = 20
"""A text column with no more distinct cells than this is a choice among them, whatever they are."""
_TRUTHS = (("True", "False"), ("TRUE", "FALSE"), ("true", "false"))
_MOSTLY = 0.9
"""Share of cells that are numbers from which a column that stays text is spoken of."""


@dataclass(frozen=True)
class Recognition:
    """How each column is written, and sentences for the user."""

    notations: dict[str, Notation]
    notes: tuple[str, ...]


def recognise(cells: pd.DataFrame, choices: Mapping[str, str], decimal: str | None = None) -> Recognition:
    """What every column of a frame of texts is. ``choices`` are the user's, by column: text, number, number:, (its
    decimal mark), date:%Y%m%d, span; ``decimal`` is the likelier decimal mark where a column's cells do not settle it.

    UserError for a choice that does not fit, for a column that is not there, and for dates that may be read in two
    ways.
    """
    for name in choices:
        if name not in cells.columns:
            raise UserError(
                f"--read {name}=...: there is no column {name!r}; the columns are {', '.join(cells.columns)}"
            )
    open_columns: dict[str, list[NumberNotation]] = {}
    settled: dict[str, Notation] = {}
    notes: list[str] = []
    for name in cells.columns:
        counts = cells[name].value_counts()
        if name in choices:
            settled[name] = _chosen(name, counts, choices[name], notes)
            continue
        ways = _ways(name, counts, notes)
        settled[name] = ways[0]
        numbers = [way for way in ways if isinstance(way, NumberNotation)]
        if len(numbers) > 1:
            open_columns[name] = numbers
    marks = {n.decimal for n in _settled_numbers(settled, open_columns)}
    mark = next(iter(marks)) if len(marks) == 1 else decimal
    for name, numbers in open_columns.items():
        settled[name] = next((way for way in numbers if way.decimal == mark), numbers[0])
        if len(marks) != 1:
            notes.append(_either(name, numbers, settled[name], cells[name]))
    return Recognition(settled, tuple(notes))


def _settled_numbers(settled: dict[str, Notation], open_columns: Mapping[str, Any]) -> list[NumberNotation]:
    """Notations of columns whose cells show their decimal mark and are open to no other reading."""
    return [
        notation
        for name, notation in settled.items()
        if isinstance(notation, NumberNotation) and name not in open_columns and notation.form != "integer"
    ]


def _ways(name: str, counts: pd.Series[Any], notes: list[str]) -> Sequence[Notation]:
    """The ways in which a column can be read, the likeliest first; text alone where no other gives all cells back."""
    gaps, rest = _apart(counts)
    texts = [str(text) for text in counts.index]
    if not rest:
        return [_text(texts)]
    ways = _readings(name, rest)
    if not ways:
        _mention(name, counts, rest, notes)
        return [_text(texts)]
    infinite = [text for text in gaps if text.strip().lower() in INFINITE]
    if (len(gaps) > 1 or infinite) and len(texts) <= FEW:
        return [_text(texts)]
    if infinite:
        count = sum(int(counts[text]) for text in infinite)
        notes.append(f"column {name!r}: {count} infinite values counted as missing")
        gaps = [text for text in gaps if text not in infinite]
    if len(gaps) > 1:
        listed = ", ".join(f"{gap!r} ({counts[gap]:,})" for gap in gaps)
        notes.append(f"column {name!r}: gaps are written {listed}; fakes have {gaps[0]!r} for each of them")
    return [replace(way, gap=gaps[0] if gaps else "") for way in ways]  # type: ignore[type-var]


def _apart(counts: pd.Series[Any]) -> tuple[list[str], list[str]]:
    """Words for a missing value, and all other distinct cells, the most frequent first."""
    texts = [str(text) for text in counts.index]
    return [text for text in texts if is_gap(text)], [text for text in texts if not is_gap(text)]


def _text(texts: Sequence[str]) -> TextNotation:
    """Texts, and the spaces that every one of them has around it."""
    words = [text for text in texts if text]
    before = min((len(text) - len(text.lstrip(" ")) for text in words), default=0)
    after = min((len(text) - len(text.rstrip(" ")) for text in words), default=0)
    blank = any(not text.strip(" ") for text in words)
    return TextNotation() if blank else TextNotation(" " * before, " " * after)


def _readings(name: str, texts: Sequence[str]) -> Sequence[Notation]:
    """The ways, other than as text, in which these distinct cells can be read."""
    for true, false in _TRUTHS:
        if set(texts) <= {true, false}:
            return [TruthNotation(true, false)]
    dates = date_notations(texts) if len(texts) > 1 or not texts[0].isdecimal() else []
    if len(dates) > 1:
        examples = " or ".join(f"--read {name}=date:{way.format}" for way in dates)
        raise UserError(
            f"column {name!r}: every date, such as {texts[0]!r}, can be read in {len(dates)} ways; add {examples}"
        )
    if dates:
        return dates
    numbers = notations(texts)
    if numbers:
        return numbers
    span = span_notation(texts)
    return [span] if span else []


def _mention(name: str, counts: pd.Series[Any], texts: Sequence[str], notes: list[str]) -> None:
    """Notes why a column of which most cells are numbers is text."""
    if len(texts) <= FEW:
        return
    cells = counts[list(texts)].sum()
    strange = [text for text in texts if not _is_number(text)]
    if cells - counts[strange].sum() < _MOSTLY * cells:
        return
    if strange:
        what = f"{len(strange):,} distinct cells, such as {strange[0]!r}, are none"
    else:
        what = f"as such {_lossy(texts)!r}, for one, would not come back"
    way_on = f"; --read {name}=number reads numbers" if not strange else ""
    notes.append(f"column {name!r}: read as text, though most cells are numbers: {what}{way_on}")


def _lossy(texts: Sequence[str]) -> str:
    """A number's text that comes back otherwise."""
    plain = NumberNotation("short")
    changed = (t for t in texts if abs(x := plain.value(t.strip())) >= EXACT or plain.text(x) != t)
    return next(changed, texts[0])


def _is_number(text: str) -> bool:
    """Whether a cell is a number in plain digits."""
    try:
        NumberNotation("repr").value(text.strip())
    except ValueError:
        return False
    return True


def _chosen(name: str, counts: pd.Series[Any], choice: str, notes: list[str]) -> Notation:
    """The notation that the user chose. UserError where the cells are none such."""
    kind, _, detail = choice.partition(":")
    if kind == "text":
        return _text([str(text) for text in counts.index])
    gaps, texts = _apart(counts)
    gap = gaps[0] if gaps else ""
    notation: Any = None
    if kind == "number":
        notation = nearest_notation(texts, detail or None) if texts else None
    elif kind == "date":
        notation = _date(name, texts, detail)
    elif kind == "span":
        notation = span_notation(texts) if texts else None
    if notation is None:
        raise UserError(
            f"--read {name}={choice}: its cells, such as {_strange(texts, kind)!r}, do not read as {kind}; give text, "
            "number, number:, (the decimal mark), date:%Y-%m-%d or span, or leave the column out with --exclude"
        )
    notation = replace(notation, gap=gap)
    _mention_changed(name, texts, notation, notes)
    return notation  # type: ignore[no-any-return]


def _strange(texts: Sequence[str], kind: str) -> str:
    """A cell that shows why a choice does not fit."""
    if kind == "number":
        return next((text for text in texts if not _is_number(text)), "".join(texts[:1]))
    return "".join(texts[:1])


def _date(name: str, texts: Sequence[str], detail: str) -> DateNotation | None:
    """The dates of a format, or where none is named of the one way in which they can be read."""
    if not detail:
        ways = date_notations(texts) if texts else []
        return ways[0] if len(ways) == 1 else None
    notation = DateNotation(detail)
    try:
        notation.pattern  # noqa: B018
    except ValueError as problem:
        raise UserError(
            f"--read {name}=date:{detail}: {problem} is no part of a format; give one such as date:%d.%m.%Y or "
            "date:%Y-%m-%dT%H:%M:%SZ"
        ) from None
    try:
        for text in texts:
            notation.value(text)
    except ValueError:
        raise UserError(
            f"--read {name}=date:{detail}: {text!r} is no such date; give its format, or {name}=text"
        ) from None
    return notation


def _mention_changed(name: str, texts: Sequence[str], notation: Any, notes: list[str]) -> None:
    """Notes which cells come back otherwise under a notation that was chosen."""
    changed = [(text, back) for text in texts if (back := notation.text(notation.value(text))) != text]
    if changed:
        text, back = changed[0]
        notes.append(
            f"column {name!r}: {len(changed):,} of {len(texts):,} distinct cells come back otherwise, as asked: "
            f"{text!r} as {back!r}"
        )


def _either(name: str, ways: list[NumberNotation], chosen: Notation, cells: pd.Series[Any]) -> str:
    """What is said of a column whose marks its own cells do not settle."""
    mark = getattr(chosen, "decimal", ".")
    other = next(way.decimal for way in ways if way.decimal != mark)
    example = next(str(text) for text in cells if any(sign in str(text) for sign in ".,"))
    value = getattr(chosen, "value")(example)  # noqa: B009
    return (
        f"column {name!r}: {example!r} is taken for {value:,.15g}; add --read {name}=number:{other} where {other!r} is "
        "its decimal mark"
    )


def notation_from_json(facts: dict[str, Any]) -> Notation:
    """The notation whose ``to_json`` gave these facts."""
    kinds: dict[str, Any] = {
        one.kind: one for one in (TextNotation, TruthNotation, NumberNotation, DateNotation, SpanNotation)
    }
    notation: Notation = kinds[facts["kind"]](**{key: value for key, value in facts.items() if key != "kind"})
    return notation
