"""Scores of tables against SDMetrics, against loops, and where the answer is known beforehand."""

from __future__ import annotations

import json
import math
import os
import subprocess
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenodds.core.errors import UserError
from evenodds.data.tables.codec import TableCodec
from evenodds.metrics.columns import BINS, Kind, comparable, kinds_of, number, shapes, trends
from evenodds.metrics.records import closest, target_of, usefulness
from tests.conftest import mixed

SDMETRICS = os.environ.get("SDMETRICS_PYTHON")
"""A Python that has sdmetrics, in an environment of its own: its copulas are under the BUSL."""

KINDS: dict[str, Kind] = {
    "height": "number",
    "count": "number",
    "sex": "category",
    "ok": "category",
    "day": "number",
}


CODEC = TableCodec.fit(mixed(), (), np.random.default_rng(0))


def one() -> pd.DataFrame:
    """A table of every kind of column, dates as numbers."""
    return comparable(mixed(), CODEC)


def other(rows: int = 300) -> pd.DataFrame:
    """The same columns of another law, one level that is new."""
    frame = mixed(rows)
    rng = np.random.default_rng(1)
    frame["height"] = rng.normal(175, 5, rows).round(1)
    frame["sex"] = pd.Series(rng.choice(["f", "m", "x"], rows, p=[0.5, 0.3, 0.2]), dtype="str")
    frame["count"] = frame["count"] + (frame["ok"].fillna(False)).astype("int64") * 40
    frame["day"] = frame["day"] + pd.Timedelta(days=30)
    return comparable(frame, CODEC)


def linked(rows: int, seed: int) -> pd.DataFrame:
    """Three numbers, two of which hang together, and a choice that hangs on one."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=rows)
    noise = rng.normal(size=rows)
    return pd.DataFrame(
        {"a": a, "b": 0.8 * a + 0.6 * noise, "c": rng.normal(size=rows), "d": np.where(a > 0, "p", "n")}
    )


LINKED: dict[str, Kind] = {"a": "number", "b": "number", "c": "number", "d": "category"}


def test_kinds_are_the_codec_s_and_dates_are_numbers_however_they_are_written() -> None:
    assert kinds_of(CODEC) == KINDS
    days = [18262 + (day - pd.Timestamp("2020-01-01")).days for day in mixed()["day"]]  # since 1970
    assert one()["day"].tolist() == days
    written = mixed().assign(day=mixed()["day"].dt.strftime("%d.%m.%Y").astype("str"))
    codec = TableCodec.fit(written, (), np.random.default_rng(0))
    assert kinds_of(codec) == KINDS
    assert comparable(written, codec)["day"].tolist() == days


def test_a_table_is_like_itself_and_the_order_of_rows_says_nothing() -> None:
    frame = one()
    again = frame.sample(frac=1, random_state=1)
    assert set(shapes(frame, again, KINDS).values()) == {1}
    assert list(trends(frame, again, KINDS).values()) == pytest.approx([1] * 10)


def test_shapes_are_what_loops_count() -> None:
    real, fake = one(), other()
    found = shapes(real, fake, KINDS)
    for name, kind in KINDS.items():
        a, b = real[name].dropna().tolist(), fake[name].dropna().tolist()
        if kind == "number":
            steps = sorted({*a, *b})
            gap = max(abs(sum(v <= s for v in a) / len(a) - sum(v <= s for v in b) / len(b)) for s in steps)
        else:
            gap = sum(abs(a.count(v) / len(a) - b.count(v) / len(b)) for v in {*a, *b}) / 2
        assert found[name] == pytest.approx(1 - gap, abs=1e-9), name


def test_trends_are_what_loops_count() -> None:
    real, fake = one(), other()
    found = trends(real, fake, KINDS)
    assert list(found) == list(combinations(KINDS, 2))

    def text(frame: pd.DataFrame, name: str) -> list[str]:
        if KINDS[name] == "category":
            return ["-" if pd.isna(value) else str(value) for value in frame[name]]
        known = [value for value in number(real[name]) if not math.isnan(value)]
        low, width = min(known), (max(known) - min(known)) / BINS
        places = [math.nan if math.isnan(v) else (v - low) / width for v in number(frame[name])]
        return ["-" if math.isnan(p) else str(min(max(int(p), 0), BINS - 1)) for p in places]

    for (first, second), value in found.items():
        if {KINDS[first], KINDS[second]} == {"number"}:
            correlations = []
            for frame in (real, fake):
                both = pd.DataFrame({"a": number(frame[first]), "b": number(frame[second])}).dropna()
                correlations.append(both["a"].corr(both["b"]))
            gap = abs(correlations[0] - correlations[1]) / 2
        else:
            a, b = (list(zip(text(f, first), text(f, second), strict=True)) for f in (real, fake))
            gap = sum(abs(a.count(pair) / len(a) - b.count(pair) / len(b)) for pair in {*a, *b}) / 2
        assert value == pytest.approx(1 - gap, abs=1e-9), (first, second)


def test_a_shuffled_column_keeps_its_shape_and_loses_its_trends() -> None:
    real = linked(4000, 0)
    fake = linked(4000, 1)
    good = trends(real, fake, LINKED)
    fake["b"] = fake["b"].sample(frac=1, random_state=0, ignore_index=True)
    assert min(shapes(real, fake, LINKED).values()) > 0.96
    broken = trends(real, fake, LINKED)
    assert good["a", "b"] > 0.97
    assert broken["a", "b"] == pytest.approx(1 - 0.8 / 2, abs=0.03)
    assert broken["b", "d"] < good["b", "d"] - 0.2
    assert broken["a", "d"] == good["a", "d"]


def test_what_cannot_be_compared_is_no_number() -> None:
    real = pd.DataFrame({"a": [1.0, 1.0, 1.0], "b": [1.0, 2.0, 3.0], "c": ["x", "x", "y"]})
    empty = real.assign(b=np.nan, c=pd.Series([None] * 3, dtype="str"))
    kinds: dict[str, Kind] = {"a": "number", "b": "number", "c": "category"}
    found = shapes(real, empty, kinds)
    assert found["a"] == 1
    assert math.isnan(found["b"])
    assert math.isnan(found["c"])
    assert math.isnan(trends(real, real, kinds)["a", "b"])
    assert trends(real, empty, kinds)["b", "c"] == 0


def test_the_closest_record_is_what_loops_find() -> None:
    frame, among = other(60), one().iloc[:80]
    least, place = closest(frame, among, KINDS)
    names = list(KINDS)
    sides = [
        [number(side[name]) if KINDS[name] == "number" else side[name].tolist() for name in names]
        for side in (frame, among)
    ]
    for row in range(60):
        far = []
        for column in range(80):
            total = 0.0
            for name, ours, theirs in zip(names, *sides, strict=True):
                a, b = ours[row], theirs[column]
                if pd.isna(a) or pd.isna(b):
                    total += pd.isna(a) != pd.isna(b)
                elif KINDS[name] == "number":
                    total += min(abs(a - b) / (np.nanmax(theirs) - np.nanmin(theirs)), 1)
                else:
                    total += a != b
            far.append(total / 5)
        assert least[row] == pytest.approx(min(far), abs=1e-6)
        assert far[place[row]] == pytest.approx(min(far), abs=1e-6)


def test_copies_have_no_distance_and_a_constant_column_is_equal_or_not() -> None:
    frame = one()  # more rows than are held at once
    least, place = closest(frame, frame, KINDS)
    assert (least == 0).all()
    pd.testing.assert_frame_equal(frame.iloc[place].reset_index(drop=True), frame)
    flat = pd.DataFrame({"a": [5.0, 5.0, 5.0]})
    found, _ = closest(pd.DataFrame({"a": [5.0, 5.1, -1e9, np.nan]}), flat, {"a": "number"})
    assert found.tolist() == [0, 1, 1, 1]


def test_usefulness_is_perfect_where_the_rule_is_learnt_and_chance_where_it_is_not() -> None:
    rng = np.random.default_rng(0)

    def ruled(seed: int, *, shuffled: bool = False) -> pd.DataFrame:
        frame = linked(2000, seed)
        frame["e"] = np.where(frame["a"] > 0.8, "rich", "poor")
        return frame.assign(e=rng.permutation(frame["e"].to_numpy())) if shuffled else frame

    kinds: dict[str, Kind] = {**LINKED, "e": "category"}
    good = usefulness(ruled(0), ruled(1), kinds, "e")
    assert min(good.values()) > 0.95
    rare = float((ruled(1)["e"] == "rich").mean())
    assert rare < 0.3
    assert max(usefulness(ruled(0, shuffled=True), ruled(1), kinds, "e").values()) < 0.2
    one = usefulness(ruled(0).assign(e="poor"), ruled(1), kinds, "e")
    assert set(one.values()) == {0}, "who knows one level alone never finds the other"
    all_rich = usefulness(ruled(0).assign(e="rich"), ruled(1), kinds, "e")
    assert all_rich["trees"] == pytest.approx(2 * rare / (1 + rare))


def test_of_many_levels_the_mean_counts_and_gaps_and_new_levels_are_borne() -> None:
    real, fake = one(), other()
    fake.loc[::5, "height"] = np.nan
    levels = pd.cut(real["height"], 3, labels=["low", "middle", "high"]).astype("str")
    kinds: dict[str, Kind] = {**KINDS, "size": "category"}
    learn = fake.assign(size=pd.cut(fake["height"], 3, labels=["low", "middle", "high"]).astype("str"))
    found = usefulness(learn, real.assign(size=levels), kinds, "size")
    assert all(0 <= value < 0.9 for value in found.values())
    same = usefulness(real.assign(size=levels), real.assign(size=levels), kinds, "size")
    assert same["trees"] > 0.95


def test_the_target_is_the_last_category_of_few_levels_or_the_one_that_is_wanted() -> None:
    frame = mixed().assign(name=[f"n{i}" for i in range(400)])
    kinds: dict[str, Kind] = {**KINDS, "name": "category"}
    assert target_of(frame, kinds, None) == "ok"
    assert target_of(frame, kinds, "sex") == "sex"
    assert target_of(frame, {"height": "number", "day": "number"}, None) is None
    assert target_of(frame, {"sex": "category"}, None) is None
    for wanted, words in (
        ("height", "take one of sex, ok"),
        ("name", "no category of 2 to 20"),
        ("age", "no column"),
    ):
        with pytest.raises(UserError, match=words):
            target_of(frame, kinds, wanted)
    with pytest.raises(UserError, match="the table has none"):
        target_of(frame, {"height": "number", "day": "number"}, "day")


REFERENCE = """
import json, sys, warnings
import pandas as pd
from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
from sdmetrics.single_column import KSComplement, TVComplement
from sdmetrics.single_table.privacy.dcr_utils import calculate_dcr
warnings.simplefilter("ignore")
folder, kinds = sys.argv[1], json.loads(sys.argv[2])
real, fake = (pd.read_csv(f"{folder}/{name}.csv", dtype={n: object for n in kinds if kinds[n] == "category"})
              for name in ("real", "fake"))
shapes = {n: (KSComplement if k == "number" else TVComplement).compute(real[n], fake[n]) for n, k in kinds.items()}
pairs = []
for i, a in enumerate(kinds):
    for b in list(kinds)[i + 1:]:
        sides = real[[a, b]].copy(), fake[[a, b]].copy()
        numbers = [n for n in (a, b) if kinds[n] == "number"]
        if len(numbers) == 2:
            value = CorrelationSimilarity.compute(*sides)
        else:
            value = ContingencySimilarity.compute(*sides, continuous_column_names=numbers or None)
        pairs.append(value)
words = {"number": "numerical", "category": "categorical"}
metadata = {"columns": {n: {"sdtype": words[k]} for n, k in kinds.items()}}
print(json.dumps({"shapes": shapes, "pairs": pairs, "closest": calculate_dcr(fake, real, metadata).tolist()}))
"""


@pytest.mark.skipif(
    SDMETRICS is None,
    reason="SDMETRICS_PYTHON names no Python with sdmetrics, which is under the BUSL and no dependency",
)
def test_all_of_it_is_sdmetrics(tmp_path: Path) -> None:
    real, fake = one(), other()
    for name, frame in (("real", real), ("fake", fake)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    command = [str(SDMETRICS), "-c", REFERENCE, str(tmp_path), json.dumps(KINDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    expected = json.loads(done.stdout)
    # It counts a level that the reals lack as a millionth of one.
    assert shapes(real, fake, KINDS) == pytest.approx(expected["shapes"], abs=1e-6)
    assert list(trends(real, fake, KINDS).values()) == pytest.approx(expected["pairs"], abs=1e-9)
    assert closest(fake, real, KINDS)[0].tolist() == pytest.approx(expected["closest"], abs=1e-6)
