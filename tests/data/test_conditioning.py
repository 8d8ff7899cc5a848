"""Values that are given: chosen, encoded beside the samples, asked for in words; what cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec
from evenodds.data.conditioning import RequestedValue, requested_values
from evenodds.data.doctor import examine
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec

ADULT = Path(__file__).parents[2].parent / "shared" / "data" / "tables" / "adult.csv"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def album(folder: Path, labels: pd.DataFrame | None = None, count: int = 60) -> str:
    """Pictures whose red level is their number, with a metadata.csv."""
    folder.mkdir()
    names = [f"{number:02}.png" for number in range(count)]
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / name)
    if labels is not None:
        labels.assign(file_name=names).to_csv(folder / "metadata.csv", index=False)
    return str(folder)


def kinds(count: int = 60) -> pd.DataFrame:
    number = np.arange(count)
    return pd.DataFrame(
        {
            "digit": number % 7,
            "smiles": number % 2 == 0,
            "age": 20 + number * 0.37,
            "hair, dyed": np.where(number % 3, "red", "blue"),
            "id": number * 1000,
            "caption": [f"a picture of number {n} taken by somebody" for n in number],
            "year": 2024,
        }
    )


def opened(source: str, given: str, **more: object) -> Store:
    return prepare(
        find(source), DataSettings.model_validate({"size": 8, "rules": False, "given": given, **more})
    )


def conditions(store: Store) -> np.ndarray:
    """In the order in which the samples were prepared."""
    both = [store.conditions("heldout", np.arange(store.n_heldout))]
    both.append(store.conditions("train", np.arange(store.n_train)))
    whole = np.concatenate([part for part in both if part is not None])
    back = np.empty_like(whole)
    back[np.load(store.path / "order.npy")] = whole
    return back


def codec_of(store: Store) -> TableCodec:
    assert store.condition_codec is not None
    return TableCodec.from_json(store.condition_codec)


def one(codec: TableCodec, text: str) -> RequestedValue:
    (asked,) = requested_values(codec, text)
    return asked


def table(count: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, count), "D")
    frame = pd.DataFrame(
        {
            "height": rng.normal(170, 9, count).round(1),
            "income": rng.choice([" <=50K", " >50K"], count),
            "day": day.strftime("%d.%m.%Y"),
            "born": day,
            "rooms": rng.choice([1, 2, 3], count),
            "owner": rng.choice([True, False], count),
            "year": 2024,
            "weight": rng.normal(70, 9, count),
        }
    )
    frame.loc[:20, "height"] = None
    frame.loc[5:30, "rooms"] = None
    return frame


@pytest.fixture
def rows(tmp_path: Path) -> str:
    table().to_parquet(tmp_path / "mine.parquet")
    return str(tmp_path / "mine.parquet")


def test_all_labels_are_given_but_those_that_name_their_row(tmp_path: Path) -> None:
    store = opened(album(tmp_path / "mine", kinds()), "labels")
    assert store.condition is not None
    assert (store.condition.kind, store.condition.places) == ("labels", ())
    codec = codec_of(store)
    assert codec.names == ("digit", "smiles", "age", "hair, dyed")
    assert store.condition.spec == codec.spec
    assert store.facts["given"] == {"kind": "labels", "columns": list(codec.names)}
    notes = "; ".join(store.facts["notes"])
    assert "column 'year' left out: it is constant" in notes
    assert "column 'id' left out: most" in notes
    assert "column 'caption' left out: it is free text" in notes
    assert store.labels("all") is not None


def test_each_sample_has_its_own_labels(tmp_path: Path) -> None:
    store = opened(album(tmp_path / "mine", kinds()), "digit, smiles,age")
    number = store.in_file_order(0, 60)[:, 0, 0, 0].astype(int)
    back = codec_of(store).decode(conditions(store), np.random.default_rng(0))
    assert back["digit"].tolist() == [str(n % 7) for n in number]
    assert back["smiles"].tolist() == [str(n % 2 == 0) for n in number]
    assert np.allclose(back["age"], 20 + number * 0.37, atol=1e-3)
    train = store.conditions("train", np.array([3, 0]))
    assert train is not None
    assert train.dtype == np.float32
    asked = [one(codec_of(store), f"digit={n % 7}").values for n in store.train(np.array([3, 0]))[:, 0, 0, 0]]
    assert np.array_equal(train[:, :7], asked)


def test_a_skipped_picture_takes_its_labels_with_it_and_a_bare_one_is_missing(tmp_path: Path) -> None:
    folder = Path(album(tmp_path / "mine", kinds()))
    (folder / "10.png").write_bytes(b"")
    Image.new("RGB", (8, 8), (200, 0, 0)).save(folder / "bare.png")
    store = opened(str(folder), "digit")
    number = store.in_file_order(0, 60)[:, 0, 0, 0]
    back = codec_of(store).decode(conditions(store), np.random.default_rng(0))["digit"]
    assert back.isna().tolist() == [n == 200 for n in number]
    assert back.dropna().tolist() == [str(n % 7) for n in number if n != 200]
    assert one(codec_of(store), "digit=").value is None


def test_a_name_with_a_comma_may_stand_alone(tmp_path: Path) -> None:
    assert codec_of(opened(album(tmp_path / "mine", kinds()), "hair, dyed")).names == ("hair, dyed",)


def test_classes_are_labels(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / "mine" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(path)
    store = opened(str(tmp_path / "mine"), "label")
    asked = one(codec_of(store), "label=cat")
    alike = (conditions(store) == asked.values).all(1)
    assert (store.in_file_order(0, 20)[:, 0, 0, 0] % 2 == alike).all()


def test_digits_are_ten_choices() -> None:
    store = prepare(find("digits"), DataSettings(condition="labels"))
    assert conditions(store).shape == (1797, 10)
    labels = store.labels("all")
    assert labels is not None
    assert codec_of(store).decode(conditions(store), np.random.default_rng(0)).equals(labels)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("hat", r"mine has no label 'hat' that --condition hat names; the labels are digit, smiles, age"),
        ("digit,", r"mine has no label ''"),
        ("id", r"--condition id cannot be had: column 'id' left out: most of its values are different"),
        ("digit,caption", r"--condition caption cannot be had: .* free text"),
        ("year", r"--condition year cannot be had: column 'year' left out: it is constant"),
    ],
)
def test_labels_that_cannot_be_given(given: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        opened(album(tmp_path / "mine", kinds()), given)


def test_pictures_without_labels_are_told_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"mine has no labels, .*one folder a class, or put a metadata.csv .*outlines"
    ):
        opened(album(tmp_path / "mine"), "glasses")


def test_what_is_given_makes_another_store_and_none_the_same(tmp_path: Path) -> None:
    source = album(tmp_path / "mine", kinds())
    stores = [opened(source, given) for given in ("digit", "smiles", "outlines")]
    plain = prepare(find(source), DataSettings(size=8))
    turned = prepare(find(source), DataSettings(size=8, direction="BtoA"))
    assert len({store.fingerprint for store in [*stores, plain]}) == 4
    assert turned.path == plain.path
    assert plain.condition is None
    assert "given" not in plain.facts
    assert opened(source, " digit ").path == stores[0].path


def test_columns_of_a_table_hold_the_very_same_numbers(rows: str) -> None:
    store = opened(rows, "rooms,height")
    assert store.condition is not None
    assert isinstance(store.condition.spec, RowSpec)
    assert store.condition.kind == "columns"
    assert codec_of(store).names == ("height", "rooms")
    assert codec_of(store).spec == store.condition.spec
    places = np.array(store.condition.places)
    heldout, train = np.arange(store.n_heldout), np.arange(store.n_train)
    samples = np.concatenate([store.heldout(heldout), store.train(train)])
    parts = [
        part
        for part in (store.conditions("heldout", heldout), store.conditions("train", train))
        if part is not None
    ]
    assert np.array_equal(np.concatenate(parts), samples[:, places])
    whole = TableCodec.from_json(store.codec_json or {})
    alone = whole.decode(store.train(np.arange(50)), np.random.default_rng(0))
    again = codec_of(store).decode(store.train(np.arange(50))[:, places], np.random.default_rng(0))
    assert again.equals(alone[["height", "rooms"]])
    assert examine(find(rows), DataSettings(condition="rooms,height"))["given"] == {
        "kind": "columns",
        "columns": ["height", "rooms"],
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "nothing",
            r"mine has no column 'nothing' that --condition nothing names; the columns are height, income",
        ),
        ("year,rooms", r"--condition year cannot be had: column 'year' left out: it is constant"),
        ("labels", r"--condition labels is for pictures, and mine is a table: name some of height"),
        ("outlines", r"--condition outlines is for pictures"),
        (
            "height,income,day,born,rooms,owner,weight",
            r"names every column of mine and nothing is left to make",
        ),
    ],
)
def test_columns_that_cannot_be_given(given: str, message: str, rows: str) -> None:
    with pytest.raises(UserError, match=message):
        opened(rows, given)


def test_a_column_left_out_as_asked_cannot_be_given(rows: str) -> None:
    with pytest.raises(UserError, match="column 'day' left out: as asked"):
        opened(rows, "day", exclude=("day",))


ASKED = {
    "height=170.04": 170.0,
    "income=<=50K": " <=50K",
    "income= >50K ": " >50K",
    "rooms=2": 2,
    "owner=yes": True,
    "rooms=": None,
    "height=": None,
    "born=2020-02-03": pd.Timestamp("2020-02-03"),
}


@pytest.mark.parametrize("text", ASKED)
def test_what_is_asked_for_comes_back(text: str) -> None:
    frame = table()
    codec = TableCodec.fit(frame, (), np.random.default_rng(0))
    asked = one(codec, text)
    assert asked.value == ASKED[text]
    assert asked.values.dtype == np.float32
    row = codec.encode(frame.iloc[100:101], np.random.default_rng(0))
    row[:, asked.start : asked.stop] = asked.values
    back = codec.decode(row, np.random.default_rng(0))
    if asked.value is None:
        assert back[asked.name].isna().all()
    else:
        assert back[asked.name].iloc[0] == asked.value
    others = codec.decode(
        codec.encode(frame.iloc[100:101], np.random.default_rng(0)), np.random.default_rng(0)
    )
    assert back.drop(columns=asked.name).equals(others.drop(columns=asked.name))


def test_a_date_in_its_own_writing_is_asked_for() -> None:
    frame = table()
    codec = TableCodec.fit(frame, (), np.random.default_rng(0))
    day = frame["day"].iloc[7]
    asked = one(codec, f"day={day}")
    assert asked.value == day
    row = codec.encode(frame.iloc[:1], np.random.default_rng(0))
    row[:, asked.start : asked.stop] = asked.values
    assert codec.decode(row, np.random.default_rng(0))["day"].iloc[0] == day


def test_several_at_once_in_the_codecs_order_with_commas_in_values() -> None:
    frame = pd.DataFrame({"a": ["x, y", "z"] * 30, "b": np.arange(60) * 1.1, "c": ["u", "v", "w"] * 20})
    codec = TableCodec.fit(frame, (), np.random.default_rng(0))
    asked = requested_values(codec, "c=w, a=x, y")
    assert [(each.name, each.value) for each in asked] == [("a", "x, y"), ("c", "w")]
    assert [(each.start, each.stop) for each in asked] == [(0, 2), (3, 6)]
    assert all(
        np.array_equal(each.values, again.values)
        for each, again in zip(asked, requested_values(codec, "c=w,a=x, y"), strict=True)
    )


def test_a_rare_level_that_shares_its_place_keeps_its_name() -> None:
    names = [f"town {n:03}" for n in range(300) for _ in range(400 - n)]
    codec = TableCodec.fit(pd.DataFrame({"town": names}), (), np.random.default_rng(0))
    assert one(codec, "town=town 299").value == "town 299"
    with pytest.raises(
        UserError, match=r"'town' knows no 'nowhere', ask for town 000, .*town 011 and 288 more"
    ):
        requested_values(codec, "town=nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hat=yes", r"nothing was trained for 'hat', ask for height, income"),
        ("income=rich", r"column 'income' knows no 'rich', ask for <=50K, >50K|>50K, <=50K"),
        ("income=<=50k", r"knows no '<=50k'"),
        ("income=", r"column 'income' never was missing in training"),
        ("rooms=4", r"column 'rooms' knows no '4', ask for"),
        ("rooms=many", r"column 'rooms' knows no 'many', ask for"),
        ("owner=perhaps", r"column 'owner' knows no 'perhaps', ask for"),
        ("weight=heavy", r"column 'weight': 'heavy' is no number"),
        ("height=300", r"column 'height' goes from 1\d\d(\.\d)? to (19|20)\d(\.\d)? in training"),
        ("height=nan", r"column 'height' goes from"),
        ("day=1999", r"column 'day': '1999' is no date, write it like %d\.%m\.%Y"),
        ("day=01.02.1999", r"column 'day' goes from 0\d\.01\.2020 to \d\d\.06\.2022 in training"),
        ("born=1999-01-01", r"column 'born' goes from 2020-01-0\d to 2022-06-\d\d in training"),
        ("weight", r"weight has 'weight' without a ="),
        ("rooms=1,rooms=2", r"names 'rooms' twice"),
    ],
)
def test_what_cannot_be_asked_for(text: str, message: str) -> None:
    codec = TableCodec.fit(table(), (), np.random.default_rng(0))
    with pytest.raises(UserError, match=message) as caught:
        requested_values(codec, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["height", "weight"])
def test_the_ends_of_a_range_may_be_asked_for(name: str) -> None:
    frame = table()
    codec = TableCodec.fit(frame, (), np.random.default_rng(0))
    for end in (frame[name].min(), frame[name].max()):
        assert one(codec, f"{name}={float(end)!r}").value == end


@pytest.mark.skipif(not ADULT.exists(), reason="shared/data is not here")
def test_adult_given_its_income() -> None:
    store = opened(str(ADULT), "income")
    assert store.condition is not None
    assert store.condition.spec.shape == (2,)
    asked = one(codec_of(store), "income=>50K")
    train = store.train(np.arange(store.n_train))
    rich = (train[:, np.array(store.condition.places)] == asked.values).all(1)
    assert 0.2 < rich.mean() < 0.3
    back = TableCodec.from_json(store.codec_json or {}).decode(train[:200], np.random.default_rng(0))
    assert ((back["income"] == asked.value) == rich[:200]).all()
