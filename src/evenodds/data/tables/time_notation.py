"""How a column writes its dates, times and time spans: read exactly, written back letter by letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal

import pandas as pd

from evenodds.data.tables.notation import distinct_read, distinct_written

HEAD = 30
"""Texts that are tried before all are."""
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKENS = {
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "m": r"(?P<m>[0-9]{2})",
    "-m": r"(?P<m>[0-9]{1,2})",
    "d": r"(?P<d>[0-9]{2})",
    "-d": r"(?P<d>[0-9]{1,2})",
    "H": r"(?P<H>[0-9]{2})",
    "-H": r"(?P<H>[0-9]{1,2})",
    "I": r"(?P<I>[0-9]{2})",
    "-I": r"(?P<I>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "f": r"(?P<f>[0-9]{6})",
    "p": r"(?P<p>AM|PM)",
    "P": r"(?P<p>am|pm)",
    "b": r"(?P<b>[A-Z][a-z]{2})",
    "B": r"(?P<B>[A-Z][a-z]+)",
    "a": r"(?P<a>[A-Z][a-z]{2})",
    "A": r"(?P<A>[A-Z][a-z]+)",
    **{f"{digits}f": rf"(?P<f>[0-9]{{{digits}}})" for digits in range(1, 7)},
}
"""What each letter of a format reads."""
_SPLIT = re.compile(r"%(-?[A-Za-z]|[1-6]f)")

_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d.%m.%y", "%d/%m/%y"),
    *("%m/%d/%y", "%a, %d %b %Y", "%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%Y%m%d"),
)
_CLOCK = re.compile(
    r"^(?P<day>.*?)(?P<gap>T| |, )?(?P<clock>(?P<hour>[0-9]{1,2}):[0-9]{2}(?P<second>:[0-9]{2})?(?P<part>[.,][0-9]+)?)"
    r"(?P<half> ?(?:AM|PM|am|pm))?(?P<zone> ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2}))?$"
)
_EARLIEST, _LATEST = 1900, 2100
"""Years of eight digits that are taken for a date."""


@dataclass(frozen=True)
class DateNotation:
    """Dates and times by a format: %Y %y %m %d %H %I %M %S %f (%3f: three digits of a second) %p (%P in small letters)
    %b %B %a %A, and %-m, %-d, %-H, %-I without leading zeros; all else stands for itself, a zone such as +02:00 too."""

    format: str
    gap: str = ""
    kind: ClassVar[str] = "date"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the format reads. ValueError for a letter that none has."""
        parts = _SPLIT.split(self.format)
        for token in parts[1::2]:
            if token not in _TOKENS:
                raise ValueError(f"%{token}")
        if (
            "%" in "".join(parts[0::2])
            or not parts[1::2]
            or len({t.strip("-") for t in parts[1::2]}) < len(parts[1::2])
        ):
            raise ValueError(self.format)
        return re.compile("".join(_TOKENS[p] if i % 2 else re.escape(p) for i, p in enumerate(parts)))

    @cached_property
    def template(self) -> str:
        """The format as ``str.format`` fills it."""
        parts = _SPLIT.split(self.format)
        return "".join(_template(p) if i % 2 else re.sub(r"([{}])", r"\1\1", p) for i, p in enumerate(parts))

    def read(self, texts: pd.Series[Any]) -> pd.Series[Any]:
        """Texts (n) as moments, in the file's own zone. ValueError with the text that is none."""
        return distinct_read(texts, self.value, self.gap, "datetime64[us]")

    def write(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Moments (n) as texts."""
        return distinct_written(values, self.text, self.gap)

    def value(self, text: str) -> datetime:
        """The moment that a text is. ValueError where it is none."""
        match = self.pattern.fullmatch(text)
        if match is None:
            raise ValueError(text)
        parts = match.groupdict()
        year = int(parts.get("Y") or 0)
        if "y" in parts:
            year = int(parts["y"]) + (1900 if int(parts["y"]) >= 69 else 2000)
        month = int(parts.get("m") or 1)
        if "b" in parts:
            month = [name[:3] for name in MONTHS].index(parts["b"]) + 1
        if "B" in parts:
            month = MONTHS.index(parts["B"]) + 1
        hour = int(parts.get("H") or 0)
        if "I" in parts:
            hour = int(parts["I"])
            if not 1 <= hour <= 12 or "p" not in parts:
                raise ValueError(text)
            hour = hour % 12 + (12 if parts["p"] in ("PM", "pm") else 0)
        micro = int((parts.get("f") or "0").ljust(6, "0"))
        minute, second = int(parts.get("M") or 0), int(parts.get("S") or 0)
        return datetime(year, month, int(parts.get("d") or 1), hour, minute, second, micro)

    def text(self, moment: datetime) -> str:
        """A moment as the column writes it."""
        m = moment
        return self.template.format(
            Y=m.year, y=m.year % 100, m=m.month, d=m.day, H=m.hour, I=(m.hour - 1) % 12 + 1, M=m.minute, S=m.second,
            f=f"{m.microsecond:06d}", p="PM" if m.hour >= 12 else "AM", P="pm" if m.hour >= 12 else "am",
            b=MONTHS[m.month - 1][:3], B=MONTHS[m.month - 1], a=WEEKDAYS[m.weekday()][:3], A=WEEKDAYS[m.weekday()],
        )  # fmt: skip

    def in_words(self) -> str:
        """What the column was taken for."""
        return f"moments as {self.format}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


def _template(letter: str) -> str:
    """How ``str.format`` writes a letter of a format."""
    if letter == "Y":
        return "{Y:04d}"
    if letter in "ymdHIMS":
        return f"{{{letter}:02d}}"
    if letter.endswith("f"):
        return f"{{f:.{letter[:-1] or 6}}}"
    return f"{{{letter.strip('-')}}}"


def date_notations(texts: Sequence[str]) -> list[DateNotation]:
    """The ways in which every one of these distinct texts is a date or time and is written back. Ways that mean the
    same are one; more than one is left where the texts do not settle, say, whether the day or the month comes first.

    >>> [notation.format for notation in date_notations(["03/04/2024", "05/04/2024"])]
    ['%d/%m/%Y', '%m/%d/%Y']
    >>> [notation.format for notation in date_notations(["03/04/2024", "25/04/2024"])]
    ['%d/%m/%Y']
    """
    head = texts[:HEAD]
    if not all(any(c.isdigit() for c in text) for text in head) or max(map(len, head)) > 40:
        return []
    ways: list[tuple[DateNotation, list[datetime]]] = []
    for text_format in _formats(head):
        notation = DateNotation(text_format)
        if _values(notation, head) is None:
            continue
        values = _values(notation, texts)
        if values is not None and all(values != other for _, other in ways):
            ways.append((notation, values))
    return [notation for notation, values in ways if _credible(notation, values)]


def _credible(notation: DateNotation, values: list[datetime]) -> bool:
    """Digits without more are dates, or a year and a month, only where their years are of our time."""
    bare = notation.format.startswith("%Y%m%d") or not ({"d", "-d"} & set(_SPLIT.findall(notation.format)))
    return not bare or all(_EARLIEST <= value.year < _LATEST for value in values)


def _values(notation: DateNotation, texts: Sequence[str]) -> list[datetime] | None:
    """The moments that the texts are, None where one is none, or is written otherwise."""
    values = []
    for text in texts:
        try:
            value = notation.value(text)
        except ValueError:
            return None
        if notation.text(value) != text:
            return None
        values.append(value)
    return values


def _formats(head: Sequence[str]) -> list[str]:
    """Formats that may fit, by the first text: its clock and zone, and every way of writing a day."""
    days = [*_DAYS, *(_unpadded(day) for day in _DAYS if "%d" in day and day != "%Y%m%d")]
    first = head[0]
    if re.fullmatch(r"[0-9]{8}T?[0-9]{6}Z?", first):
        return ["%Y%m%d%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ"]
    match = _CLOCK.match(first)
    if match is None:
        return days
    if not match["day"]:
        return []
    clocks = []
    for hour in ("%H", "%-H") if not match["half"] else ("%I", "%-I"):
        clock = f"{hour}:%M" + (":%S" if match["second"] else "")
        if match["part"]:
            clock += f"{match['part'][0]}%{len(match['part']) - 1}f"
        half = match["half"] or ""
        clock += half.replace("AM", "%p").replace("PM", "%p").replace("am", "%P").replace("pm", "%P")
        clocks.append(f"{match['gap'] or ''}{clock}{match['zone'] or ''}")
    return [day + clock for day in days for clock in clocks]


def _unpadded(day: str) -> str:
    return day.replace("%d", "%-d").replace("%m", "%-m")


Style = Literal["minutes", "seconds", "days", "iso"]
_SPANS: dict[Style, re.Pattern[str]] = {
    "minutes": re.compile(r"(?P<sign>-)?(?P<h>[0-9]+):(?P<m>[0-9]{2})"),
    "seconds": re.compile(
        r"(?P<sign>-)?(?P<h>[0-9]+):(?P<m>[0-9]{2}):(?P<s>[0-9]{2})(?:\.(?P<f>[0-9]{1,6}))?"
    ),
    "days": re.compile(
        r"(?P<sign>-)?(?P<d>[0-9]+) days?,? (?P<h>[0-9]{1,2}):(?P<m>[0-9]{2}):(?P<s>[0-9]{2})(?:\.(?P<f>[0-9]{1,6}))?"
    ),
    "iso": re.compile(
        r"(?P<sign>-)?P(?:(?P<d>[0-9]+)D)?(?:T(?:(?P<h>[0-9]+)H)?(?:(?P<m>[0-9]+)M)?"
        r"(?:(?P<s>[0-9]+)(?:\.(?P<f>[0-9]{1,6}))?S)?)?"
    ),
}


@dataclass(frozen=True)
class SpanNotation:
    """Time spans, or times of day: 1:30, 0:01:30, 2 days 03:00:00 or PT1H30M, the first number filled to two digits
    where ``padded``, with ``digits`` of a second's parts. They are learnt as whole numbers of their smallest unit."""

    style: Style
    padded: bool = False
    digits: int = 0
    gap: str = ""
    kind: ClassVar[str] = "span"

    def read(self, texts: pd.Series[Any]) -> pd.Series[Any]:
        """Texts (n) as whole numbers of the smallest unit. ValueError with the text that is no span."""
        return distinct_read(texts, self.value, self.gap, "Int64")

    def write(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Whole numbers (n) of the smallest unit as texts."""
        return distinct_written(values, self.text, self.gap)

    @property
    def unit(self) -> timedelta:
        """The smallest unit."""
        return (
            timedelta(minutes=1)
            if self.style == "minutes"
            else timedelta(microseconds=10 ** (6 - self.digits))
        )

    def value(self, text: str) -> int:
        """The units that a text is. ValueError where it is no span."""
        match = _SPANS[self.style].fullmatch(text)
        if match is None or text.endswith(("P", "T")):
            raise ValueError(text)
        parts = match.groupdict()
        day, hour, minute, second = (int(parts.get(name) or 0) for name in "dhms")
        if self.style == "minutes":
            units = hour * 60 + minute
        else:
            seconds = ((day * 24 + hour) * 60 + minute) * 60 + second
            units = seconds * 10**self.digits + int((parts.get("f") or "").ljust(self.digits, "0") or 0)
        return -units if parts["sign"] else units

    def text(self, units: int) -> str:
        """So many units as the column writes them."""
        sign, units = "-" if units < 0 else "", abs(int(units))
        if self.style == "minutes":
            return f"{sign}{self._first(units // 60)}:{units % 60:02d}"
        seconds, part = divmod(units, 10**self.digits)
        tail = f".{part:0{self.digits}d}" if self.digits else ""
        hours, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
        if self.style == "seconds":
            return f"{sign}{self._first(hours)}:{minute:02d}:{second:02d}{tail}"
        days, hours = divmod(hours, 24)
        if self.style == "days":
            return f"{sign}{days} days {self._first(hours)}:{minute:02d}:{second:02d}{tail}"
        return sign + _iso(days, hours, minute, f"{second}{tail}" if second or part else "")

    def _first(self, number: int) -> str:
        return f"{number:02d}" if self.padded else str(number)

    def in_words(self) -> str:
        """What the column was taken for."""
        return f"time spans like {self.text(90 * 10**self.digits)}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


def _iso(days: int, hours: int, minutes: int, seconds: str) -> str:
    clock = "".join(f"{number}{letter}" for number, letter in ((hours, "H"), (minutes, "M")) if number)
    clock += f"{seconds}S" if seconds else ""
    date = f"{days}D" if days else ""
    return f"P{date}{'T' + clock if clock else ''}" if date or clock else "PT0S"


def span_notation(texts: Sequence[str]) -> SpanNotation | None:
    """The notation in which every one of these texts is a time span and is written back, None where none is."""
    digits = len(texts[0].partition(".")[2].rstrip("S"))
    if digits > 6:
        return None
    for style in _SPANS:
        for padded in (True, False):
            notation = SpanNotation(style, padded, digits)
            try:
                if all(notation.text(notation.value(text)) == text for text in texts):
                    return notation
            except ValueError:
                continue
    return None
