"""How a column writes its numbers: read as numbers, written back letter by letter."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal

import pandas as pd

from evenodds.data.tables.notation import distinct_read, distinct_written

Form = Literal["integer", "fixed", "repr", "short", "shorter", "15g", "17g", "scientific", "SCIENTIFIC"]
Negative = Literal["-", "inner", "()", "after"]
"""Where the sign stands: before all, after the symbol ($-5), as parentheses, or behind (5-)."""

_SYMBOL = r"(?:[A-Z]{0,2}[$€£¥₩₹₽₺₴₫฿₦₱₪￥￦¢]|R\$|kr\.?|Kr\.?|zł|Kč|Fr\.|원|円|元|%|‰|％|[A-Z]{3})"
_ISO = (
    "AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NOK NZD PEN PHP PLN "
    "RMB RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
SPACES = " \u00a0\u2007\u2009\u202f"
_MINUSES = ("-", "\u2212")
_SIGN = r"[+\-\u2212]"
_PATTERN = re.compile(
    rf"(?P<open>\()?(?P<outer>{_SIGN})?(?P<before>{_SYMBOL}[{SPACES}]?)?(?P<inner>{_SIGN})?"
    rf"(?P<core>[0-9.](?:[0-9.,'’{SPACES}]*[0-9])?(?:[eE][+-][0-9]{{2,3}})?)"
    rf"(?P<after>[{SPACES}]?{_SYMBOL})?(?P<behind>-)?(?P<close>\))?"
)
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-][0-9]{2,3})?")


@dataclass(frozen=True)
class NumberNotation:
    """How a number is written: its digits by ``form``, with so many ``decimals`` where they are fixed, the marks, what
    stands before and after, the sign of negative ones, the ``width`` to which spaces fill on the left (0 for none), and
    ``gap`` for a missing one. ``bare`` writes .5 for 0.5; ``minus`` is the sign's letter."""

    form: Form
    decimals: int = 0
    decimal: str = "."
    thousands: str = ""
    before: str = ""
    after: str = ""
    negative: Negative = "-"
    minus: str = "-"
    plus: bool = False
    bare: bool = False
    width: int = 0
    gap: str = ""
    kind: ClassVar[str] = "number"

    def read(self, texts: pd.Series[Any]) -> pd.Series[Any]:
        """Texts (n) as numbers, missing where they are gaps. ValueError with the text that is no number."""
        integer = self.form == "integer"
        return distinct_read(texts, self.value, self.gap, "Int64" if integer else "float64")

    def write(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Numbers (n) as texts."""
        return distinct_written(values, self.text, self.gap)

    def value(self, text: str) -> float:
        """The number that a text is; one in plain digits is read too. ValueError where it is none."""
        if self.simple and "_" not in text:
            x = float(text)
            return self._of_form(x, text)
        try:
            parts = parts_of(text, self.width > 0)
            x = float(plain_of(parts.core, self.thousands, self.decimal))
            x = -x if parts.negative else x
        except ValueError:
            x = float(text)
        return self._of_form(x, text)

    def _of_form(self, x: float, text: str) -> float:
        if not math.isfinite(x):
            raise ValueError(text)
        return round(x) if self.form == "integer" else x

    @cached_property
    def simple(self) -> bool:
        """Whether Python writes numbers so, too."""
        around = self.before or self.after or self.width or self.plus or self.bare or self.minus != "-"
        return self.decimal == "." and self.negative == "-" and not (around or self.thousands)

    def text(self, x: float) -> str:
        """A number as the column writes it."""
        digits = magnitude(abs(x), self.form, self.decimals)
        if self.bare and digits.startswith("0.") and x != 0:
            digits = digits[1:]
        core = grouped(digits, self.thousands, self.decimal)
        if math.copysign(1, x) < 0:
            texts = {
                "-": f"{self.minus}{self.before}{core}{self.after}",
                "inner": f"{self.before}{self.minus}{core}{self.after}",
                "()": f"({self.before}{core}{self.after})",
                "after": f"{self.before}{core}{self.after}-",
            }
            text = texts[self.negative]
        else:
            sign = "+" if self.plus and x > 0 else ""
            inner = self.negative == "inner"
            text = (
                f"{self.before}{sign}{core}{self.after}"
                if inner
                else f"{sign}{self.before}{core}{self.after}"
            )
        return text.rjust(self.width)

    def in_words(self) -> str:
        """What a cell looks like, as an example."""
        example = 1234 if self.form == "integer" else 1234.5
        what = "whole numbers" if self.form == "integer" else "numbers"
        return f"{what} like {self.text(example).strip()}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Parts:
    """A number's text, cut up."""

    before: str
    after: str
    core: str
    sign: str
    negative: Negative | None


def parts_of(text: str, padded: bool = False) -> Parts:
    """A text cut up; spaces at its ends count to what stands before and after, unless it is ``padded``. ValueError
    where it is no number."""
    lead = len(text) - len(text.lstrip(" "))
    trail = len(text) - len(text.rstrip(" "))
    match = _PATTERN.fullmatch(text.strip(" "))
    if match is None:
        raise ValueError(text)
    sign, before, after = match["outer"] or match["inner"] or "", match["before"] or "", match["after"] or ""
    signs = [match["outer"], match["inner"], match["behind"], match["open"]]
    if sum(one is not None for one in signs) > 1 or (match["open"] is None) != (match["close"] is None):
        raise ValueError(text)
    for symbol in (before, after):
        letters = symbol.strip(SPACES)
        if len(letters) == 3 and letters.isascii() and letters.isalpha() and letters not in _ISO:
            raise ValueError(text)
    negative: Negative | None = None
    if match["open"]:
        negative = "()"
    elif match["behind"]:
        negative = "after"
    elif sign in _MINUSES:
        negative = "inner" if match["inner"] and before else "-"
    spaces = ("", "") if padded else (" " * lead, " " * trail)
    return Parts(spaces[0] + before, after + spaces[1], match["core"], sign or "-", negative)


def plain_of(core: str, thousands: str, decimal: str) -> str:
    """Digits with the marks of a column as plain ones, as float takes them. ValueError where the marks do not fit."""
    plain = core.replace(thousands, "") if thousands else core
    whole, mark, rest = plain.partition(decimal)
    plain = f"{whole or '0'}.{rest}" if mark else whole
    if _PLAIN.fullmatch(plain) is None or (thousands and not _groups(thousands, decimal).fullmatch(core)):
        raise ValueError(core)
    return plain


@lru_cache
def _groups(thousands: str, decimal: str) -> re.Pattern[str]:
    """Digits in groups of three, or without groups, with decimals or without."""
    mark, point = re.escape(thousands), re.escape(decimal)
    return re.compile(
        rf"(?:[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]*)(?:{point}[0-9]+)?(?:[eE][+-][0-9]{{2,3}})?"
    )


def grouped(digits: str, thousands: str, decimal: str) -> str:
    """Plain digits with the marks of a column."""
    whole, point, rest = digits.partition(".")
    if thousands and whole.isdecimal() and len(whole) > 3:
        first = len(whole) % 3
        groups = [whole[:first]] if first else []
        groups += [whole[start : start + 3] for start in range(first, len(whole), 3)]
        whole = thousands.join(groups)
    return f"{whole}{decimal if point else ''}{rest}"


def magnitude(x: float, form: Form, decimals: int) -> str:
    """A number, 0 and up, in plain digits of a form."""
    if form == "integer":
        return str(int(x))
    if form == "fixed":
        return f"{x:.{decimals}f}"
    if form in ("scientific", "SCIENTIFIC"):
        text = f"{x:.{decimals}e}"
        return text.upper() if form == "SCIENTIFIC" else text
    if form in ("15g", "17g"):
        return f"{x:.{form[:2]}g}"
    text = repr(float(x))
    if form == "repr":
        return text
    short = text.removesuffix(".0")
    return _shorter(float(x)) if form == "shorter" else short


def _shorter(x: float) -> str:
    """As R writes it: 15 digits at most, plain unless that takes more letters than with an exponent."""
    digits, exponent = f"{x:.14e}".split("e")
    mantissa = digits.rstrip("0").rstrip(".")
    scientific = f"{mantissa}e{exponent}"
    plain = f"{x:.{max(0, len(mantissa.replace('.', '')) - 1 - int(exponent))}f}"
    return plain if len(plain) <= len(scientific) else scientific
