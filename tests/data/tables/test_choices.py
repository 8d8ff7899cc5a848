"""Choices that never stand together are found where independent columns would have them, and no fake has them."""

from __future__ import annotations

import json
import re
from itertools import product

import numpy as np
import pandas as pd
import pytest

from evenodds.data.tables.choices import Combinations
from evenodds.data.tables.codec import TableCodec

RNG = np.random.default_rng
SERVICES = ("security", "backup", "support")


def customers(count: int = 2_000) -> pd.DataFrame:
    """Customers with and without internet; who has none has no service on it, and no speed."""
    rng = RNG(1)
    internet = rng.choice(["DSL", "Fiber", "No"], count, p=[0.4, 0.4, 0.2])
    chosen = {name: np.where(internet == "No", "none", rng.choice(["Yes", "No"], count)) for name in SERVICES}
    speed = np.where(internet == "No", np.nan, rng.integers(10, 2_000, count) / 10)
    return pd.DataFrame({"internet": internet, **chosen, "speed": speed, "age": rng.integers(18, 90, count)})


def fitted(frame: pd.DataFrame) -> TableCodec:
    codec = TableCodec.fit(frame, (), RNG(0)).deriving(frame, RNG(0))
    codec = codec.combining(codec.encode(frame, RNG(0)))
    again = TableCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again == codec
    return again


def noise(codec: TableCodec, count: int = 5_000) -> np.ndarray:
    return RNG(2).standard_normal((count, codec.spec.width)).astype(np.float32)


def test_what_never_stands_together_is_found_and_said() -> None:
    codec = fitted(customers())
    never = {(one, other) for one, other, _ in codec.combinations.forbidden}
    assert never == {
        *(("internet", name) for name in (*SERVICES, "speed")),
        *(("security", "backup"), ("security", "support"), ("backup", "support")),
        *((name, "speed") for name in SERVICES),
    }
    assert "pairs of choices never stand together, such as" in codec.notes[-1]


def test_two_clusters_of_numbers_are_said_by_their_ends() -> None:
    near = RNG(4).random((300, 2)) + RNG(5).integers(0, 2, 300)[:, None] * 50
    note = fitted(pd.DataFrame(near, columns=["x", "y"])).notes[-1]
    said = re.search(r"such as x=(\S+) to (\S+) with y=(\S+) to (\S+):", note)
    assert said, note
    x, y = np.array(said.groups(), float).reshape(2, 2)
    assert (x < 2).all() != (y < 2).all()
    assert (x > 49).all() != (y > 49).all()


def test_no_fake_has_it_and_reals_stay_as_they_are() -> None:
    frame = customers()
    codec = fitted(frame)
    pd.testing.assert_frame_equal(codec.to_table(codec.encode(frame, RNG(0)), RNG(0)), frame)
    fakes = codec.to_table(noise(codec), RNG(3))
    for name in SERVICES:
        assert ((fakes[name] == "none") == (fakes["internet"] == "No")).all()
    assert (fakes["speed"].isna() == (fakes["internet"] == "No")).all()
    assert set(fakes["security"]) == {"none", "Yes", "No"}


def test_what_is_right_already_is_not_touched() -> None:
    codec = fitted(customers())
    rows = noise(codec)
    mended = codec.combinations.mend(rows, codec.columns, RNG(3))
    again = codec.combinations.mend(mended, codec.columns, RNG(4))
    np.testing.assert_array_equal(again, mended)
    assert not np.array_equal(mended, rows)


def test_a_fixed_column_stays_and_the_others_follow() -> None:
    codec = fitted(customers())
    rows = noise(codec)
    plain = TableCodec(codec.columns, ()).decode(rows, RNG(3))
    fakes = codec.decode(codec.mended(rows, RNG(3), ("support",)), RNG(3))
    assert (fakes["support"] == plain["support"]).all()
    assert ((fakes["support"] == "none") == (fakes["internet"] == "No")).all()


def test_independent_columns_have_no_such_choices() -> None:
    rng = RNG(5)
    frame = pd.DataFrame({name: rng.choice(list("abcdefgh"), 1_500) for name in ("one", "two", "three")})
    assert not fitted(frame).combinations.pairs


def test_rare_choices_that_never_met_are_not_kept_apart() -> None:
    one = np.array(["a"] * 990 + ["b"] * 10)
    two = np.array(["c"] * 10 + ["d"] * 990)
    assert not fitted(pd.DataFrame({"one": one, "two": two})).combinations.pairs


def test_columns_that_determine_a_third_have_only_pairs_that_are_there() -> None:
    rng = RNG(6)
    routes = [(one, other) for one, other in product(range(6), range(9)) if (one * other) % 4 != 1]
    route = rng.integers(0, len(routes), 1_500)
    origin, goal = np.array(routes)[route].T
    frame = pd.DataFrame({"origin": origin, "goal": goal}).astype("str") + "x"
    frame["distance"] = RNG(7).permutation(len(routes))[route] // 2 + 100
    codec = fitted(frame)
    assert [one.inputs for one in codec.derived] == [("origin", "goal")]
    fakes = codec.to_table(noise(codec), RNG(0))
    real = dict(zip(zip(frame["origin"], frame["goal"], strict=True), frame["distance"], strict=True))
    pairs = zip(fakes["origin"], fakes["goal"], strict=True)
    assert [real.get(pair) for pair in pairs] == fakes["distance"].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_dead_end_is_left_by_search(seed: int) -> None:
    """Three columns, of which the third allows nothing for what the first two chose: two of three must change."""
    never = Combinations(
        (("a", (5, 5)), ("b", (5, 5)), ("c", (5, 5))),
        (("a", "c", ((0, 0),)), ("b", "c", ((0, 1),))),
    )
    codes = RNG(seed).integers(0, 2, (200, 3))
    after = never._resolved(codes, [0, 1, 2], 0, RNG(seed))
    assert not ((after[:, 0] == 0) & (after[:, 2] == 0)).any()
    assert not ((after[:, 1] == 0) & (after[:, 2] == 1)).any()
    right = ~((codes[:, 0] == 0) & (codes[:, 2] == 0)) & ~((codes[:, 1] == 0) & (codes[:, 2] == 1))
    np.testing.assert_array_equal(after[right], codes[right])
