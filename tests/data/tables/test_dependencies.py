"""What hangs together in a table is found where it is there, and not where chance made it; fakes keep it exactly."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data.doctor import examine
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.derivations import Derivation, Formula, Lookup, Relative
from evenodds.data.tables.files import read_table
from evenodds.data.tables.parsing import parse_row

RNG = np.random.default_rng
TABLES = Path(__file__).parents[4] / "shared" / "data" / "tables"


def fitted(frame: pd.DataFrame, *rules: str, search: bool = True) -> TableCodec:
    """A codec with what was found, read back from JSON."""
    codec = TableCodec.fit(frame, (), RNG(0)).deriving(frame, RNG(0), rules, search)
    again = TableCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again == codec
    return again


def derived(codec: TableCodec) -> dict[str, Derivation]:
    return {one.name: one for one in codec.derived}


def noise(codec: TableCodec, count: int = 5_000, seed: int = 1) -> pd.DataFrame:
    """Rows of a generator that has learnt nothing."""
    rows = RNG(seed).standard_normal((count, codec.spec.width)).astype(np.float32)
    return codec.to_table(rows, RNG(seed))


def shop(count: int = 1_000) -> pd.DataFrame:
    """Orders of a shop, whose columns hang together in all the ways that are looked for."""
    rng = RNG(7)
    town = rng.integers(0, 12, count)
    start = np.datetime64("2023-01-05") + rng.integers(0, 700, count)
    net, tax = rng.integers(100, 9_000, count) / 100, rng.integers(0, 900, count) / 100
    carrier, size = rng.integers(0, 4, count), rng.integers(0, 5, count)
    cost = RNG(3).permutation(20)[carrier * 5 + size] // 2
    clock = rng.integers(0, 24, count) * 100 + rng.integers(0, 60, count)
    return pd.DataFrame(
        {
            "town": [f"town {one}" for one in town],
            "zip": [f"0{100 + 7 * one}" for one in town],
            "region": [f"region {one % 3}" for one in town],
            "start": start,
            "month": start.astype("datetime64[M]").astype(int) % 12 + 1,
            "end": start + rng.poisson(2, count) * np.timedelta64(1, "D"),
            "net": net,
            "tax": tax,
            "total": np.round(net + tax, 2),
            "pieces": rng.integers(1, 40, count),
            "carrier": [f"carrier {one}" for one in carrier],
            "size": [f"size {one}" for one in size],
            "cost": cost,
            "clock": clock,
            "hour": clock // 100,
        }
    )


def check_shop(frame: pd.DataFrame) -> None:
    """Raises where a row breaks what holds in the shop."""
    number = frame["town"].str.removeprefix("town ").astype(int)
    assert (frame["zip"] == "0" + (100 + 7 * number).astype("str")).all()
    assert (frame["region"] == "region " + (number % 3).astype("str")).all()
    start, end = pd.to_datetime(frame["start"]), pd.to_datetime(frame["end"])
    assert (frame["month"] == start.dt.month).all()
    assert (start <= end).all()
    assert (frame["total"] == np.round(frame["net"] + frame["tax"], 2)).all()
    assert (frame["hour"] == frame["clock"] // 100).all()


def test_everything_that_hangs_together_is_found_and_said() -> None:
    frame = shop()
    codec = fitted(frame)
    one = derived(codec)
    assert set(one) == {"zip", "region", "month", "end", "total", "cost", "hour"}
    assert one["zip"].inputs == one["region"].inputs == ("town",)
    assert isinstance(one["zip"], Lookup)
    assert one["zip"].reversible
    assert one["cost"].inputs == ("carrier", "size")
    assert isinstance(one["total"], Formula)
    assert one["total"].expression.text == "net + tax"
    assert isinstance(one["end"], Relative)
    assert codec.names == ("town", "start", "net", "tax", "pieces", "carrier", "size", "clock", "end - start")
    assert any("'total' is net + tax" in note for note in codec.notes)
    assert codec.required == tuple(name for name in frame.columns if name not in set(one) - {"end"})


def test_a_table_comes_back_as_it_was() -> None:
    frame = shop()
    codec = fitted(frame)
    back = codec.to_table(codec.encode(frame, RNG(0)), RNG(0))
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)
    required = frame[list(codec.required)]
    pd.testing.assert_frame_equal(codec.to_table(codec.encode(required, RNG(0)), RNG(0)), back)


def test_no_fake_breaks_what_is_kept_whatever_a_generator_makes() -> None:
    frame = shop()
    fakes = noise(fitted(frame))
    assert list(fakes.columns) == list(frame.columns)
    check_shop(fakes)
    assert fakes["end"].max() <= frame["end"].max()


def test_dates_that_are_texts_and_gaps_are_kept_too() -> None:
    frame = shop().assign(
        start=lambda t: t["start"].dt.strftime("%d.%m.%Y"), end=lambda t: t["end"].dt.strftime("%Y-%m-%d")
    )
    missing = RNG(2).random(len(frame)) < 0.1
    frame.loc[missing, ["tax", "total"]] = np.nan
    frame.loc[missing, "end"] = None
    codec = fitted(frame)
    assert {"month", "end", "total"} <= set(derived(codec))
    back = codec.to_table(codec.encode(frame, RNG(0)), RNG(0))
    pd.testing.assert_frame_equal(
        back[["start", "end", "month", "total"]], frame[["start", "end", "month", "total"]]
    )
    fakes = noise(codec)
    days = pd.to_datetime(fakes["end"]) - pd.to_datetime(fakes["start"], format="%d.%m.%Y")
    assert (days.dropna() >= pd.Timedelta(0)).all()
    assert (fakes["total"].isna() == fakes["tax"].isna()).all()
    assert 0 < fakes["end"].isna().mean() < 1


@pytest.mark.parametrize("broken", ["total", "month", "zip", "hour", "cost"])
def test_one_row_that_breaks_it_is_enough_for_it_not_to_be_kept(broken: str) -> None:
    frame = shop()
    other = frame[broken].iloc[:-1].tolist()
    frame.loc[len(frame) - 1, broken] = next(value for value in other if value != frame[broken].iloc[-1])
    assert not isinstance(derived(fitted(frame)).get(broken), Formula | Lookup)


def test_what_chance_may_have_made_is_not_found() -> None:
    rng = RNG(4)
    count = 400
    frame = pd.DataFrame(
        {
            "many": [f"level {one}" for one in rng.permutation(np.arange(count) % 250)],
            "rare": np.where(np.arange(count) == 3, "yes", "no"),
            "flag": rng.random(count) < 0.5,
            "low": rng.normal(0, 1, count),
            "high": rng.normal(60, 1, count),
            "age": rng.integers(18, 80, count),
            "weight": rng.integers(81, 140, count),
        }
    )
    assert not derived(fitted(frame))
    assert not derived(fitted(shop(99)))


def test_orders_that_are_never_reached_are_no_rules() -> None:
    rng = RNG(5)
    low = rng.normal(0, 1, 2_000)
    frame = pd.DataFrame({"low": low, "high": low + 3 + rng.random(2_000)})
    assert not derived(fitted(frame))


def test_an_order_whose_difference_says_no_more_than_the_column_learns_the_column_itself() -> None:
    """Houses: built, and renovated never (the same year) or any time later; those before 1950 count as of 1950."""
    built = RNG(0).integers(1900, 2010, 2_000)
    renovated = np.where(RNG(1).random(2_000) < 0.5, built, RNG(2).integers(built, 2011))
    frame = pd.DataFrame({"built": built, "renovated": np.maximum(renovated, 1950)})
    frame.loc[frame["renovated"] < frame["built"], "renovated"] = frame["built"]
    codec = fitted(frame)
    order = derived(codec)["renovated"]
    assert isinstance(order, Relative)
    assert order.sense == "least"
    assert any("'renovated' is learnt, and raised where it is less" in note for note in codec.notes)
    back = codec.to_table(codec.encode(frame, RNG(0)), RNG(0))
    changed = back["renovated"] != frame["renovated"]
    assert (back["renovated"][changed] == back["built"][changed]).all()
    assert changed.mean() < 0.06  # within a few years of each other
    assert (order.near > 0) == (changed.any())
    fakes = noise(codec)
    assert (fakes["built"] <= fakes["renovated"]).all()
    assert (fakes["renovated"] == 1950).mean() > 0.2


def test_circles_and_chains_are_resolved() -> None:
    rng = RNG(6)
    a, b, c = (rng.integers(0, 500, 2_000) for _ in range(3))
    frame = pd.DataFrame({"a": a, "b": b, "ab": a + b, "c": c, "abc": a + b + c, "c again": c, "rest": a - b})
    codec = fitted(frame)
    fakes = noise(codec)
    assert (fakes["ab"] == fakes["a"] + fakes["b"]).all()
    assert (fakes["abc"] == fakes["ab"] + fakes["c"]).all()
    assert (fakes["rest"] == fakes["a"] - fakes["b"]).all()
    assert len(codec.columns) <= 4


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("small <= large", lambda t: t["small"] <= t["large"]),
        ("large >= small", lambda t: t["small"] <= t["large"]),
        ("small < 2 * large + 1", lambda t: t["small"] < 2 * t["large"] + 1),
        ("area = small * large", lambda t: t["area"] == t["small"] * t["large"]),
        ("bill ~ small * large", lambda t: (t["bill"] / (t["small"] * t["large"])).between(0.85, 1.15)),
        ("`the end` > start", lambda t: t["the end"] > t["start"]),
    ],
)
def test_a_stated_rule_is_kept(rule: str, holds: object) -> None:
    rng = RNG(8)
    small, apart = rng.integers(1, 50, 600), rng.integers(0, 30, 600)
    start = np.datetime64("2024-02-01T08:00") + rng.integers(0, 10**6, 600) * np.timedelta64(1, "s")
    frame = pd.DataFrame({"small": small, "large": small + apart, "area": small * (small + apart)})
    frame["bill"] = np.round(frame["area"] * rng.uniform(0.9, 1.1, 600), 2)
    frame["start"], frame["the end"] = start, start + rng.integers(1, 5_000, 600) * np.timedelta64(1, "s")
    codec = fitted(frame, rule, search=False)
    assert len(codec.derived) == 1
    assert callable(holds)
    assert holds(noise(codec)).all()
    assert holds(codec.to_table(codec.encode(frame, RNG(0)), RNG(0))).all()


def test_of_nothing_a_ratio_has_one_answer() -> None:
    rng = RNG(9)
    months, price = rng.integers(0, 70, 900), rng.integers(1_800, 11_000, 900) / 100
    total = np.where(months == 0, np.nan, np.round(months * price * rng.uniform(0.95, 1.05, 900), 2))
    frame = pd.DataFrame({"months": months, "price": price, "total": total})
    codec = fitted(frame, "total ~ months * price")
    fakes = noise(codec)
    assert (fakes["total"].isna() == (fakes["months"] == 0)).all()
    assert (
        codec.to_table(codec.encode(frame, RNG(0)), RNG(0))["total"].isna() == frame["total"].isna()
    ).all()


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("net <= tax", r"broken in \d+ of 1,000 rows, such as row \d+ \(net=.*, tax="),
        ("total = net - tax", r"broken in \d+ of 1,000 rows"),
        ("net ~ pieces", r"broken in \d+ of 1,000 rows"),
        ("net <= gross", "'gross', which is no learnt column; the columns are"),
        ("town <= net", "'town', which holds no numbers or dates"),
        ("net + tax <= 2 * total", None),
        ("net + tax <= net + tax", "cannot be kept beside the others"),
        ("1 <= 2", "names no column"),
        ("net <=", "ends too soon"),
        ("net", "has no comparison"),
        ("net <= (tax", r"lacks a \)"),
        ("net <= tax tax", "goes on with 'tax'"),
        ("__import__('os') <= net", "which no rule has"),
        ("(" * 40 + "net" + ")" * 40 + " <= tax", "too deep"),
        ("net <= " + " + ".join(["tax"] * 400), "too long"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_with_the_reason(rule: str, what: str | None) -> None:
    if what is None:
        with pytest.raises(UserError, match="cannot be kept"):
            fitted(shop(), rule)
        return
    with pytest.raises(UserError, match=what):
        fitted(shop(), rule)


@pytest.mark.slow
def test_a_million_rows_keep_it_with_flat_memory() -> None:
    codec = fitted(shop()[["town", "region", "net", "tax", "total", "clock", "hour", "start", "end"]])
    used = []
    tracemalloc.start()
    for start in range(0, 1_000_000, 100_000):
        fakes = noise(codec, 100_000, start)
        assert (fakes["region"] == "region " + (fakes["town"].str[5:].astype(int) % 3).astype("str")).all()
        assert (fakes["total"] == np.round(fakes["net"] + fakes["tax"], 2)).all()
        assert (fakes["hour"] == fakes["clock"] // 100).all()
        assert (fakes["start"] <= fakes["end"]).all()
        used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert used[-1] < used[1] + 2**20


@pytest.mark.parametrize(
    ("table", "name", "inputs"),
    [
        ("flights", "hour", {"dep_time"}),
        ("flights", "minute", {"dep_time"}),
        ("adult", "education-num", {"education"}),
        ("churn", "phone_service", {"multiple_lines"}),
        ("nhefs_complete", "wt82", {"wt71", "wt82_71"}),
        ("nhefs_complete", "older", {"age"}),
    ],
)
def test_real_tables_hang_together(table: str, name: str, inputs: set[str]) -> None:
    path = TABLES / f"{table}.csv"
    if not path.exists():
        pytest.skip(f"needs {path}")
    frame = read_table(path)[sorted({name, *inputs})]
    one = derived(fitted(frame))[name]
    assert set(one.inputs) == inputs


def test_diamonds_and_penguins_have_no_such_ties() -> None:
    for table in ("diamonds", "penguins"):
        path = TABLES / f"{table}.csv"
        if not path.exists():
            pytest.skip(f"needs {path}")
        assert not derived(fitted(read_table(path)))


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop as a text file, as people write one: German dates, a decimal comma and a currency."""
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    frame = shop()
    for name in ("start", "end"):
        frame[name] = frame[name].dt.strftime("%d.%m.%Y")
    for name in ("net", "tax", "total"):
        frame[name] = [f"{value:.2f} €".replace(".", ",") for value in frame[name]]
    frame.insert(0, "order_id", [f"B-{one:05d}" for one in RNG(9).permutation(90_000)[: len(frame)]])
    frame.to_csv(path, index=False, sep=";")
    return path


def test_a_file_is_written_as_it_was_read(shop_file: Path) -> None:
    store = prepare(find(str(shop_file)), DataSettings())
    codec = TableCodec.from_json(store.codec_json or {})
    rows = np.concatenate([store.train(np.arange(store.n_train)), store.heldout(np.arange(store.n_heldout))])
    written = codec.written(codec.with_keys(codec.decode(rows, RNG(0)), 0, 0))
    cells = pd.read_csv(shop_file, sep=";", dtype=str)
    assert list(written.columns) == list(cells.columns)
    others = [name for name in cells.columns if name != "order_id"]
    assert sorted(written[others].itertuples(index=False)) == sorted(cells[others].itertuples(index=False))


def test_the_doctor_says_what_is_derived_and_from_what(shop_file: Path) -> None:
    facts = examine(find(str(shop_file)), DataSettings())
    columns = {column["name"]: column for column in facts["columns"]}
    assert {name for name, column in columns.items() if column["kind"] == "derived"} == {
        *("zip", "region", "month", "end", "total", "cost", "hour")
    }
    assert columns["total"]["in_words"] == "net + tax"
    assert columns["cost"]["in_words"] == "looked up by carrier and size"
    assert columns["end"]["in_words"] == "from end - start and start"
    assert facts["left_out"] == ["order_id"]
    assert "column 'hour' is clock // 100: it is computed, not learnt" in facts["notes"]


def test_without_rules_every_column_is_learnt(shop_file: Path) -> None:
    for settings in (DataSettings(rules=False), DataSettings(read="pandas")):
        facts = prepare(find(str(shop_file)), settings).codec_json or {}
        assert {"derived", "combinations"}.isdisjoint(facts)
    stated = DataSettings(rules=False, rule=("tax <= total",))
    codec = TableCodec.from_json(prepare(find(str(shop_file)), stated).codec_json or {})
    assert [one.name for one in codec.derived] == ["total"]


def test_a_condition_on_a_derived_column_names_what_it_is_made_from(shop_file: Path) -> None:
    with pytest.raises(UserError, match=r"'month' is made from start; name it, or train with --no-rules"):
        prepare(find(str(shop_file)), DataSettings(condition="month"))
    with pytest.raises(UserError, match=r"'total' is made from net, tax; name those"):
        prepare(find(str(shop_file)), DataSettings(condition="town,total"))


def test_a_row_is_judged_by_what_it_is_made_from(shop_file: Path) -> None:
    codec = TableCodec.from_json(prepare(find(str(shop_file)), DataSettings()).codec_json or {})
    row = (
        "town=town 3,start=01.02.2024,end=04.02.2024,net=3,00 €,tax=1,00 €,pieces=3,carrier=carrier 1,size=size 2,"
        "clock=900"
    )
    apart = codec.columns[codec.names.index("end - start")]
    encoded = codec.encode(parse_row(row, codec), RNG(0))
    assert apart.decode(encoded[:, -apart.width :], RNG(0)).tolist() == [3]
    with pytest.raises(UserError, match="the column 'end' is lacking"):
        parse_row(row.replace("end=04.02.2024,", ""), codec)
