"""Names, addresses, mail and phone numbers: noticed by header and shape, made up anew, none of the table's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenodds.config.data_settings import DataSettings
from evenodds.config.settings import Recipe
from evenodds.core.errors import UserError
from evenodds.data import prepare as prepare_module
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.tables import faked
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.faked import Faked, kind_of_texts
from evenodds.training import session

RNG = np.random.default_rng
faker = pytest.importorskip("faker")
ROWS = 150


def texts(language: str, maker: str, count: int = ROWS) -> list[str]:
    source = faker.Faker(language)
    source.seed_instance(1)
    return [str(getattr(source, maker)()).replace("\n", ", ") for _ in range(count)]


def people() -> pd.DataFrame:
    """A table of people in two languages, of whom only the age is to be learnt."""
    return pd.DataFrame(
        {
            "고객명": texts("ko_KR", "name"),
            "주소": texts("ko_KR", "address"),
            "전화번호": texts("ko_KR", "phone_number"),
            "customer_name": texts("en_US", "name"),
            "Address": texts("en_US", "address"),
            "phone": texts("en_US", "phone_number"),
            "contact": texts("en_US", "email"),
            "lastName": texts("en_US", "last_name"),
            "product_name": [
                f"Blue chair {letter}{other}" for letter in "abcdefghijklmno" for other in "abcdefghij"
            ],
            "age": np.arange(ROWS) % 57,
        }
    )


def fitted(frame: pd.DataFrame, stated: str | None = None) -> TableCodec:
    codec = TableCodec.fit(frame, (), RNG(0), faked=stated)
    assert TableCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec
    return codec


def test_columns_are_noticed_by_header_and_shape_and_come_back_new_in_their_language() -> None:
    frame = people()
    codec = fitted(frame)
    made = {key.name: (key.kind, key.language) for key in codec.keys if isinstance(key, Faked)}
    assert made == {
        "고객명": ("name", "ko_KR"),
        "주소": ("address", "ko_KR"),
        "전화번호": ("phone", "ko_KR"),
        "customer_name": ("name", "en_US"),
        "Address": ("address", "en_US"),
        "phone": ("phone", "en_US"),
        "contact": ("email", "en_US"),
        "lastName": ("last_name", "en_US"),
    }
    assert codec.names == ("age",)
    assert any(
        "'고객명' left out: fakes have new ones by Faker (Korean names)" in note for note in codec.notes
    )
    rows = codec.to_table(codec.encode(frame, RNG(0)), RNG(0))
    fakes = codec.with_ids(rows, 0, 5)
    assert list(fakes.columns) == [name for name in frame.columns if name != "product_name"]
    for name in made:
        assert not set(fakes[name]) & set(frame[name])
        assert fakes[name].nunique() > 1
        assert kind_of_texts(fakes[name].rename(name)) == made[name][0]
    # The same seed makes the same rows, whatever part of them is asked for; another one makes others.
    rest = codec.with_ids(rows[100:].reset_index(drop=True), 100, 5)
    pd.testing.assert_frame_equal(rest, fakes[100:].reset_index(drop=True))
    assert not codec.with_ids(rows, 0, 6)["customer_name"].equals(fakes["customer_name"])


def test_no_value_of_the_table_is_stored() -> None:
    frame = people()
    stored = json.dumps(fitted(frame).to_json(), ensure_ascii=False)
    for name in frame.columns.drop("age"):
        assert not [text for text in frame[name] if text in stored]


def test_gaps_come_as_often_and_what_a_table_has_is_drawn_again() -> None:
    names = pd.Series([*texts("ko_KR", "name", 3_000), *[None] * 1_000], dtype="str", name="이름")
    made = faked.faked_of(names, "name")
    fakes = made.values(0, 2_000, 0)
    assert fakes.isna().mean() == pytest.approx(0.25, abs=0.04)
    assert all(made.marked(text) for text in names.dropna())
    assert not any(made.marked(text) for text in fakes.dropna())


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("name", ["3M", "7-Eleven", "A4 paper", "B52"]),
        ("email", ["by post", "none of it", "who knows", "a b"]),
        ("phone", ["12", "34", "56", "78"]),
        ("city", ["Seoul", "Busan", "Daegu", "Incheon"]),
        ("file_name", ["One File", "Two File", "Three File", "Four File"]),
    ],
)
def test_what_only_looks_or_sounds_so_is_not_taken(header: str, values: list[str]) -> None:
    assert kind_of_texts(pd.Series(values, dtype="str", name=header)) is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize("header", ["name", "email", "phone", "address", "first name"])
@pytest.mark.parametrize(
    "text", ["A" + " b" * 5_000 + "1", "A" + "," * 5_000 + "1", "a@" + "a." * 2_000 + "@"]
)
def test_long_texts_that_almost_fit_are_turned_down_without_trying_every_way(header: str, text: str) -> None:
    assert kind_of_texts(pd.Series([text] * 3, dtype="str", name=header)) in (None, "address")


@pytest.mark.parametrize(
    ("stated", "what"),
    [
        ("nobody:name", "there is no column 'nobody'"),
        ("age:phone", "column 'age' holds no text; add --read age=text"),
    ],
)
def test_a_column_that_cannot_be_made_up_is_refused(stated: str, what: str) -> None:
    with pytest.raises(UserError, match=f"--faked {stated}: {what}"):
        fitted(people(), stated)


def test_without_faker_they_are_refused_as_ever_with_the_way_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faked, "installed", lambda name: False)
    with pytest.raises(
        UserError, match=r"'주소' is free text.*--exclude '주소'; with pip install 'evenodds\[names\]'"
    ):
        fitted(people())
    codec = fitted(people()[["contact", "product_name", "age"]])
    assert not codec.keys
    assert (
        "column 'contact' left out: most of its values are different, as in names or ids; with pip install"
        in codec.notes[0]
    )
    assert "pip" not in codec.notes[1]


def test_a_store_is_the_same_where_the_recipe_states_what_was_noticed(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    people()[["고객명", "contact", "age"]].to_csv(file, index=False)
    noticed = prepare(find(str(file)), DataSettings())
    stated = prepare(find(str(file)), DataSettings(faked="고객명:name,contact:email"))
    assert noticed.fingerprint == stated.fingerprint
    none = prepare(find(str(file)), DataSettings(faked="none"))
    assert none.fingerprint != stated.fingerprint
    assert none.codec_json is not None
    assert "keys" not in none.codec_json


@pytest.mark.parametrize("with_faker", [True, False])
def test_a_game_that_goes_on_finds_its_table_prepared(
    with_faker: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is made up: there is one store of it, whether Faker is installed or not."""
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    for module in (faked, prepare_module, session):
        monkeypatch.setattr(module, "installed", lambda name: with_faker)
    file = tmp_path / "numbers.csv"
    pd.DataFrame({"a": range(1, 2_001, 4), "b": np.random.default_rng(0).normal(size=500)}).to_csv(
        file, index=False
    )
    first = prepare(find(str(file)), DataSettings())
    stated = session.with_faked(Recipe(), first).data
    assert stated.faked == (None if with_faker else "none")
    assert prepare(find(str(file)), stated).path == first.path
