"""Rare levels of a column with many keep what they go with: a rare city its region, and all that a region says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import MAX_LEVELS, CategoryColumn

RNG = np.random.default_rng
CITIES, REGIONS, ROWS = 2_000, 17, 20_000


@pytest.fixture(scope="module")
def towns() -> pd.DataFrame:
    """Rows of people in 2,000 cities, few of them large, each with its region and its zip."""
    rng = RNG(0)
    weight = 1 / np.arange(1, CITIES + 1) ** 0.8
    city = rng.choice(CITIES, ROWS, p=weight / weight.sum())
    region = rng.integers(REGIONS, size=CITIES)[city]
    return pd.DataFrame(
        {
            "city": [f"city {one}" for one in city],
            "region": [f"region {one}" for one in region],
            "zip": 10_000 + 7 * city,
            "sex": rng.choice(["f", "m"], ROWS),
        }
    )


def fakes(codec: TableCodec, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of a generator that gives the data's own vectors: what it cannot know is drawn."""
    again = TableCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again == codec
    return again.to_table(again.encode(frame, RNG(1)), RNG(1))


def wrong(rows: pd.DataFrame, real: pd.DataFrame, column: str) -> float:
    """The share of rows whose city has another value of a column."""
    value = real.drop_duplicates("city").set_index("city")[column]
    return float((rows[column].to_numpy() != value[rows["city"]].to_numpy()).mean())


def test_a_rare_city_comes_back_in_its_region(towns: pd.DataFrame) -> None:
    codec = TableCodec.fit(towns, (), RNG(0))
    city = codec.columns[0]
    assert isinstance(city, CategoryColumn)
    assert city.width <= MAX_LEVELS
    assert sum(city.shared) == city.merged == len(city.levels) - city.alone
    assert len(city.shared) == REGIONS
    assert any("share 17 places, by the 'region' that they go with" in note for note in codec.notes)
    rows = fakes(codec, towns)
    assert (rows["city"] != towns["city"]).mean() > 0.3  # rare ones are drawn among those that share a place
    assert wrong(rows, towns, "region") == 0
    counts, drawn = (
        np.log(frame["city"].value_counts().reindex(city.levels).fillna(0) + 1) for frame in (towns, rows)
    )
    assert np.corrcoef(counts, drawn)[0, 1] > 0.8


def test_what_a_city_determines_is_looked_up(towns: pd.DataFrame) -> None:
    codec = TableCodec.fit(towns, (), RNG(0)).deriving(towns, RNG(0))
    assert {one.name for one in codec.derived} == {"region", "zip"}
    rows = fakes(codec, towns)
    assert wrong(rows, towns, "region") == wrong(rows, towns, "zip") == 0
    assert (rows["region"] == towns["region"]).all()  # so that all that goes with a region still does


def test_rare_levels_that_go_with_nothing_share_one_place(towns: pd.DataFrame) -> None:
    frame = towns.assign(region=RNG(2).permutation(towns["region"]), zip=1.5)
    codec = TableCodec.fit(frame, ("zip",), RNG(0))
    city = codec.columns[0]
    assert isinstance(city, CategoryColumn)
    assert city.shared == ()
    assert city.alone == MAX_LEVELS - 1
    assert len(city.sharing) == 1
