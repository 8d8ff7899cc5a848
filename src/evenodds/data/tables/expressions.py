"""Expressions over columns, such as tenure * monthly or month(day): read by a grammar of their own, computed on arrays.

::

    rule       = expression ("=" | "~" | "<=" | "<" | ">=" | ">") expression
    expression = term (("+" | "-") term)*
    term       = factor (("*" | "//" | "/" | "%") factor)*
    factor     = "-" factor | number | function "(" expression ")" | column | "(" expression ")"
    column     = a name of letters, digits, _ and ., or any name between backquotes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenodds.core.errors import UserError

COMPARISONS = ("<=", ">=", "<", ">", "=", "~")
LONGEST = 200
"""Numbers, columns and signs of a rule, at most."""
DEEPEST = 32
"""Parentheses within each other, at most."""
_TOKEN = re.compile(r"\s*(?:(`[^`]+`)|(\d+\.?\d*|\.\d+)|(\w[\w.]*)|(<=|>=|==|//|[-+*/%()<>=~])|(\S))")
_PLAIN = re.compile(r"[^\W\d][\w.]*")
_DAY = 86_400_000_000
"""Microseconds, in which a moment is a number."""

Floats = NDArray[np.float64]
Amounts = Callable[[str], Floats]
"""A column's numbers (n,) by its name, NaN where missing; of moments the microseconds since 1970."""


def _months(x: Floats) -> NDArray[np.int64]:
    return _moments(x).astype("datetime64[M]").astype(np.int64)


def _moments(x: Floats) -> NDArray[np.datetime64]:
    return np.where(np.isnan(x), 0, x).astype(np.int64).astype("datetime64[us]")


def _day_of_month(x: Floats) -> NDArray[np.int64]:
    days = _moments(x).astype("datetime64[D]")
    since: NDArray[np.int64] = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    return since + 1


FUNCTIONS: dict[str, Callable[[Floats], NDArray[np.generic]]] = {
    "year": lambda x: _moments(x).astype("datetime64[Y]").astype(np.int64) + 1970,
    "quarter": lambda x: _months(x) % 12 // 3 + 1,
    "month": lambda x: _months(x) % 12 + 1,
    "day": _day_of_month,
    "weekday": lambda x: (np.floor_divide(x, _DAY) + 3) % 7,
    "hour": lambda x: np.floor_divide(x, _DAY / 24) % 24,
    "minute": lambda x: np.floor_divide(x, _DAY / 1440) % 60,
    "second": lambda x: np.floor_divide(x, 1e6) % 60,
}
"""Parts of a moment; weekdays count from Monday, 0."""


@dataclass(frozen=True)
class Expression:
    """A number, a column, or an operator with its operands; ``text`` reads as itself again."""

    operator: str
    operands: tuple[Expression, ...] = ()
    name: str = ""
    number: float = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is computed from, each once."""
        inner = [name for operand in self.operands for name in operand.columns]
        return tuple(dict.fromkeys([self.name] if self.operator == "column" else inner))

    @property
    def text(self) -> str:
        """Itself as a text that ``parse_expression`` reads."""
        if self.operator == "column":
            return self.name if _PLAIN.fullmatch(self.name) else f"`{self.name}`"
        if self.operator == "number":
            return f"{self.number:.15g}"
        if self.operator in FUNCTIONS:
            return f"{self.operator}({self.operands[0].text})"
        if self.operator == "negative":
            return f"-{self._within(self.operands[0])}"
        left, right = self.operands
        inner = (
            left.text if self.operator in "+-" or left.operator not in ("+", "-") else f"({left.text})",
            right.text if self.operator == "+" else self._within(right),
        )
        return f"{inner[0]} {self.operator} {inner[1]}"

    def _within(self, operand: Expression) -> str:
        return operand.text if len(operand.operands) < 2 else f"({operand.text})"

    def values(self, amounts: Amounts) -> Floats:
        """Its values (n,), NaN where an operand is missing or there is none, as of a division by nothing."""
        if self.operator == "column":
            return amounts(self.name)
        if self.operator == "number":
            return np.array(self.number)
        inner = [operand.values(amounts) for operand in self.operands]
        with np.errstate(all="ignore"):
            if self.operator in FUNCTIONS:
                parts = FUNCTIONS[self.operator](inner[0]).astype(np.float64)
                return np.where(np.isnan(inner[0]), np.nan, parts)
            values = _OPERATORS[self.operator](*inner)
        return np.where(np.isfinite(values), values, np.nan)


_OPERATORS: dict[str, Callable[..., Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.mod,
    "negative": np.negative,
}


@dataclass(frozen=True)
class Statement:
    """Two expressions and how they compare."""

    left: Expression
    comparison: str
    right: Expression

    @property
    def text(self) -> str:
        return f"{self.left.text} {self.comparison} {self.right.text}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is about, each once."""
        return tuple(dict.fromkeys((*self.left.columns, *self.right.columns)))


def column(name: str) -> Expression:
    """A column as an expression."""
    return Expression("column", name=name)


def parse_expression(text: str) -> Expression:
    """The expression that a text is. UserError where it is none.

    >>> parse_expression("2 * (a + `b c`)").columns
    ('a', 'b c')
    """
    parser = Parser(text)
    expression = parser.expression()
    parser.end()
    return expression


def parse_rule(text: str) -> Statement:
    """The rule that a text is. UserError where it is none.

    >>> parse_rule("amount<=price").text
    'amount <= price'
    """
    parser = Parser(text)
    left = parser.expression()
    comparison = parser.take()
    comparison = "=" if comparison == "==" else comparison
    if comparison not in COMPARISONS:
        raise parser.problem(f"has no comparison ({', '.join(COMPARISONS)})")
    statement = Statement(left, comparison, parser.expression())
    parser.end()
    return statement


class Parser:
    """Reads a text from left to right, a token at a time."""

    def __init__(self, text: str) -> None:
        self.text, self.depth = text, 0
        self.tokens = list(self._tokens())
        if len(self.tokens) > LONGEST:
            raise self.problem("is too long")

    def _tokens(self) -> Iterator[tuple[str, str]]:
        for match in _TOKEN.finditer(self.text.rstrip()):
            kind = ("quoted", "number", "name", "sign", "strange")[(match.lastindex or 5) - 1]
            if kind == "strange":
                raise self.problem(
                    f"has {match[5]!r}, which no rule has; put a column's name between backquotes"
                )
            yield kind, match[match.lastindex or 5]

    def problem(self, what: str) -> UserError:
        """The error for this text."""
        return UserError(
            f'the rule "{self.text[:LONGEST]}" {what}: write it like "amount <= price" or "total ~ tenure * monthly"'
        )

    def look(self) -> str:
        """The next sign or name; empty at the end."""
        return self.tokens[0][1] if self.tokens else ""

    def take(self) -> str:
        """The next token."""
        return self.tokens.pop(0)[1] if self.tokens else ""

    def end(self) -> None:
        """UserError where something is left."""
        if self.tokens:
            raise self.problem(f"goes on with {self.look()!r} where it should end")

    def expression(self) -> Expression:
        """Terms that are added and subtracted."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.problem("is too deep")
        left = self.term()
        while self.look() in ("+", "-"):
            left = Expression(self.take(), (left, self.term()))
        self.depth -= 1
        return left

    def term(self) -> Expression:
        """Factors that are multiplied and divided."""
        left = self.factor()
        while self.look() in ("*", "/", "//", "%"):
            left = Expression(self.take(), (left, self.factor()))
        return left

    def factor(self) -> Expression:
        """A number, a column, a function's value, or what stands between parentheses."""
        kind, sign = self.tokens.pop(0) if self.tokens else ("end", "")
        negatives = 0
        while kind == "sign" and sign == "-" and self.tokens:
            negatives += 1
            kind, sign = self.tokens.pop(0)
        if kind == "number":
            made = Expression("number", number=float(sign))
        elif kind == "sign" and sign == "(":
            made = self._closed()
        elif kind == "name" and sign in FUNCTIONS and self.look() == "(":
            self.take()
            made = Expression(sign, (self._closed(),))
        elif kind in ("name", "quoted"):
            made = column(sign.strip("`"))
        else:
            raise self.problem(
                f"has {sign!r} where a column or a number should stand" if sign else "ends too soon"
            )
        return Expression("negative", (made,)) if negatives % 2 else made

    def _closed(self) -> Expression:
        inner = self.expression()
        if self.take() != ")":
            raise self.problem("lacks a )")
        return inner
