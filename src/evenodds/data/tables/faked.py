"""Names, addresses, mail addresses and phone numbers: never learnt, made up anew by Faker (extra `names`)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from evenodds.config.data_settings import stated_kinds
from evenodds.core.errors import UserError
from evenodds.core.optional import installed, need
from evenodds.core.rng import seed_of
from evenodds.data.tables.files import normalize
from evenodds.data.tables.fitting import Column, learn

PEOPLE = (
    "customer",
    "client",
    "patient",
    "employee",
    "contact",
    "person",
    "member",
    "user",
    "student",
    "full",
)
HEADERS = {
    "first_name": ("first name", "firstname", "given name", "forename"),
    "last_name": ("last name", "lastname", "surname", "family name"),
    "email": ("email", "e mail", "mail", "이메일", "메일"),
    "phone": (
        "phone",
        "phone number",
        "telephone",
        "tel",
        "mobile",
        "cell",
        "전화",
        "휴대폰",
        "핸드폰",
        "연락처",
    ),
    "address": ("address", "street", "addr", "주소"),
    "name": (
        "name",
        "fullname",
        *(f"{who} name" for who in PEOPLE),
        "이름",
        "성명",
        "성함",
        "고객명",
        "회원명",
    ),
}
"""What a column's name is, or ends with, or in Korean holds, that has such values; the first that fits counts."""
WHOLE = ("name", "tel", "cell", "mobile")
"""Of these the whole name: product_name is no person's."""
SHAPES = {
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "phone": r"\+?(?=(?:\D*\d){7,20}\D*$)[\d\s+().x/-]+",
    "address": r"(?=.*\d)(?=.*[^\W\d_]).{6,}",
    "name": r"[^\W\d_a-z][^\s,]*[ ,][^\d@]*[^\d@ ,]|[\uac00-\ud7a3]{2,5}",
    "first_name": r"[^\W\d_a-z][^\d@]*",
    "last_name": r"[^\W\d_a-z][^\d@]*",
}
MOSTLY = 0.9
"""Share of a column's values, at least, that have the shape."""
SLOTS = 16
"""Marks for each distinct value of the table: one in so many of what is made up is taken for one of them by chance."""
WAY_ON = "with pip install 'evenodds[names]' fakes get new ones"
TRIES = 100
"""Draws of a value, at most, until one is none of the table's."""
_HANGUL = re.compile("[\u3131-\u318e\uac00-\ud7a3]")
_KOREAN_PHONE = r"(?:\+82[\s-]?|0)\d{1,2}[\s-]?\d{3,4}[\s-]?\d{4}"


@dataclass(frozen=True)
class Faked:
    """A column of texts that are made up by Faker: which ``kind`` of them, in which language.

    ``marks`` holds a bit for the salted hash of each of the table's values: what falls on one is drawn again, so that
    no fake has a value of the table, and the values themselves are nowhere. Gaps come as often as in the table.
    """

    name: str
    kind: str
    language: str
    missing: float
    salt: str = field(repr=False)
    size: int = 0
    marks: str = field(default="", repr=False)
    dtype: str = "str"

    def values(self, start: int, count: int, seed: int) -> pd.Series[Any]:
        """The values of rows start to start + count - 1 under a seed. UserError where Faker is not installed."""
        faker = need("faker", "names", f"column {self.name!r}, whose values are made up,").Faker(
            self.language
        )
        makers: dict[str, Callable[[], str]] = {
            "email": faker.ascii_safe_email,
            "phone": faker.phone_number,
            "address": lambda: faker.address().replace("\n", ", "),
            **{name: getattr(faker, name) for name in ("name", "first_name", "last_name")},
        }
        texts: list[str | None] = []
        for row in range(start, start + count):
            faker.seed_instance(seed_of(seed, "faked", self.name, row))
            gap = faker.random.random() < self.missing
            texts.append(None if gap else self._new(makers[self.kind]))
        return pd.Series(texts, dtype="str", name=self.name)

    def _new(self, make: Callable[[], str]) -> str:
        """A value that is none of the table's, so far as there are others."""
        text = make()
        for _ in range(TRIES):
            if not self.marked(text):
                break
            text = make()
        return text

    def marked(self, text: str) -> bool:
        """Whether a text may be one of the table's: all of those are."""
        return bool(self._bits[_slot(text, self.salt, self.size)])

    @cached_property
    def _bits(self) -> np.ndarray[Any, Any]:
        return np.unpackbits(np.frombuffer(base64.b64decode(self.marks), np.uint8), count=self.size)

    @property
    def sentence(self) -> str:
        """What becomes of the column, for the user."""
        what = {"phone": "phone numbers", "email": "mail addresses", "address": "addresses"}
        named = {"ko_KR": "Korean", "en_US": "English"}[self.language]
        return (
            f"fakes have new ones by Faker ({named} {what.get(self.kind, self.kind.replace('_', ' ') + 's')})"
        )

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Faked:
        """The column whose ``to_json`` gave these facts."""
        return cls(**{name: value for name, value in facts.items() if name != "by"})

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "by": "faker"}


def _slot(text: str, salt: str, size: int) -> int:
    """Which mark a text has."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, key=bytes.fromhex(salt)).digest()
    return int.from_bytes(digest) % size


def faked_of(series: pd.Series[Any], kind: str) -> Faked:
    """A column of texts, whose values are made up from now on. ``kind`` is one of FAKED_KINDS."""
    texts = [str(text) for text in series.dropna()]
    distinct = set(texts)
    salt = hashlib.blake2b("\n".join(sorted(distinct)).encode("utf-8", "replace"), digest_size=16).hexdigest()
    size = max(8, SLOTS * len(distinct))
    marks = np.zeros(size, bool)
    marks[[_slot(text, salt, size) for text in distinct]] = True
    bits = base64.b64encode(np.packbits(marks).tobytes()).decode()
    missing = float(series.isna().mean())
    return Faked(str(series.name), kind, _language(str(series.name), texts), missing, salt, size, bits)


def kind_of_texts(series: pd.Series[Any]) -> str | None:
    """Which of FAKED_KINDS a column of texts holds by its name and its values' shape; None where it is none of them."""
    texts = [str(text) for text in series.dropna()]
    if series.dtype != "str" or not texts:
        return None
    words = " ".join(
        re.sub(r"([a-z])([A-Z])", r"\1 \2", str(series.name)).replace("_", " ").replace("-", " ").split()
    )
    header = words.lower()
    for kind, ends in HEADERS.items():
        if any(_named(end, header) for end in ends):
            return kind if _share(SHAPES[kind], texts) >= MOSTLY else None
    return "email" if _share(SHAPES["email"], texts) == 1 else None


def fakes_of(frame: pd.DataFrame, stated: str | None, skip: Sequence[str]) -> dict[str, Faked]:
    """The columns of a frame that are made up, by name: those that are ``stated``, such as customer:name,contact:email,
    "none" for none; None for those that are recognised, but for those to ``skip``, where Faker is installed and more
    than half of the values differ. UserError for a column that is not there or holds no text."""
    if stated is not None:
        return {
            name: _stated(frame, name, kind)
            for name, kind in stated_kinds(stated).items()
            if name not in skip
        }
    if not installed("faker"):
        return {}
    kinds = {name: recognised(frame[name]) for name in frame.columns if name not in skip}
    return {name: faked_of(normalize(frame[name]), kind) for name, kind in kinds.items() if kind}


def recognised(series: pd.Series[Any]) -> str | None:
    """Which of FAKED_KINDS a column of texts holds of which more than half differ, None where it is none of them."""
    texts = normalize(series)
    if texts.dtype != "str" or texts.nunique() <= texts.notna().sum() / 2:
        return None
    return kind_of_texts(texts)


def _stated(frame: pd.DataFrame, name: str, kind: str) -> Faked:
    text = f"--faked {name}:{kind}"
    if name not in frame.columns:
        raise UserError(f"{text}: there is no column {name!r}; the columns are {', '.join(frame.columns)}")
    series = normalize(frame[name])
    if series.dtype != "str":
        raise UserError(f"{text}: column {name!r} holds no text; add --read {name}=text")
    need("faker", "names", text)
    return faked_of(series, kind)


def learn_or_name_way_on(
    series: pd.Series[Any], rng: np.random.Generator, notes: list[str], text: bool, faked: str | None
) -> Column | None:
    """``learn``, which says where a column that it leaves out or refuses could be made up."""
    way_on = f"; {WAY_ON}" if faked is None and recognised(series) else ""
    try:
        column = learn(series, rng, notes, text)
    except UserError as problem:
        raise UserError(f"{problem}{way_on}") from None
    if column is None:
        notes[-1] += way_on
    return column


def _named(end: str, header: str) -> bool:
    """Whether a column's name is, or ends with, or in Korean holds a word of HEADERS."""
    if _HANGUL.search(end):
        return end in header
    return header == end or (end not in WHOLE and header.endswith(" " + end))


def _share(shape: str, texts: Sequence[str]) -> float:
    """The share of texts that have a shape."""
    pattern = re.compile(shape)
    return sum(pattern.fullmatch(text.strip()) is not None for text in texts) / len(texts)


def _language(name: str, texts: Sequence[str]) -> str:
    """Faker's name of the language that texts are in: Korean where half of them have its letters or are its phone
    numbers, or the column's name does and they have no letters beyond ASCII's."""
    korean = _share(f".*{_HANGUL.pattern}.*|{_KOREAN_PHONE}", texts) if texts else 0.0
    return "ko_KR" if korean >= 0.5 or _HANGUL.search(name) else "en_US"
