"""Keys come back as new ids of their pattern: all different, none of the table's, and none remembered."""

from __future__ import annotations

import json
import tracemalloc
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenodds.core.errors import UserError
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.keys import Key, key_of

RNG = np.random.default_rng


def ids(kind: str, count: int = 500) -> list[Any]:
    rng = RNG(0)
    numbers = rng.choice(10**6, count, replace=False)
    kinds: dict[str, Any] = {
        "padded": lambda: [f"CUST-{n:06d}" for n in numbers],
        "unpadded": lambda: [f"c{n + 1}" for n in numbers],
        "letters": lambda: [f"{n:06d}-{''.join(rng.choice(list('ABCXYZ'), 4))}" for n in numbers],
        "uuid": lambda: [str(uuid.UUID(int=int.from_bytes(rng.bytes(16)), version=4)) for _ in numbers],
        "counter": lambda: list(range(1, count + 1)),
        "numbers": lambda: [int(n) + 10_000_000 for n in numbers * 80],
        "beyond floats": lambda: [str(2**60 + int(n)) for n in numbers],
    }
    values: list[Any] = kinds[kind]()
    return values


KINDS = ["padded", "unpadded", "letters", "uuid", "counter", "numbers", "beyond floats"]


def key(values: list[Any]) -> Key:
    series = pd.Series(values, name="id", dtype="str" if isinstance(values[0], str) else "int64")
    result = key_of(series)
    assert result is not None
    assert Key.from_json(json.loads(json.dumps(result.to_json()))) == result
    return result


@pytest.mark.parametrize("kind", KINDS)
def test_new_ids_have_the_pattern_and_are_new(kind: str) -> None:
    real = ids(kind)
    made = key(real).values(0, 20_000, 1)
    assert made.nunique() == 20_000
    assert not set(made) & set(real)
    shape = r"[0-9a-f]" if kind == "uuid" else None
    if kind in ("padded", "letters", "uuid", "numbers", "beyond floats"):
        assert set(made.astype("str").str.len()) == {len(str(real[0]))}
    if kind == "uuid":
        assert {text[14] for text in made} == {"4"}
        assert {text[19] for text in made} == set("89ab")
    if shape is None and isinstance(real[0], str):
        first = made.iloc[0]
        assert [c.isdigit() for c in first[-2:]] == [c.isdigit() for c in str(real[0])[-2:]]
    assert str(made.dtype) == ("str" if isinstance(real[0], str) else "int64")


def test_a_seed_gives_the_same_ids_whatever_the_batches() -> None:
    for kind in KINDS:
        one = key(ids(kind))
        whole = one.values(0, 1000, 7)
        parts = pd.concat([one.values(start, 250, 7) for start in range(0, 1000, 250)], ignore_index=True)
        assert whole.tolist() == parts.tolist()
    assert one.values(0, 10, 7).tolist() != one.values(0, 10, 8).tolist()


def test_a_million_are_unique() -> None:
    """These have room for fewer than a million: the rest are a digit longer."""
    real = ids("padded")
    one, hashes = key(real), []
    for start in range(0, 1_000_000, 50_000):
        hashes.append(pd.util.hash_array(one.values(start, 50_000, 0).to_numpy(object)))
    seen = np.concatenate(hashes)
    assert len(np.unique(seen)) == 1_000_000
    assert not np.isin(seen, pd.util.hash_array(np.array(real, object))).any()


def test_none_is_remembered() -> None:
    """The memory of a batch is the same at the first rows and after many."""
    one, peaks = key(ids("letters")), []
    one.values(0, 1, 0)
    for start in range(0, 20_000, 2_000):
        tracemalloc.start()
        one.values(start, 2_000, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks[1:]) < 1.2 * min(peaks[1:])


def test_what_is_no_key_stays_none() -> None:
    for values in (
        ["a", "b"] * 30,
        [f"Ann {chr(97 + n % 26)}{'x' * n}" for n in range(60)],
        [None, *(f"K{n:03d}" for n in range(60))],
        [f"K{n:03d}" for n in range(5)],
        [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(60)],
    ):
        assert key_of(pd.Series(values, name="id", dtype="str")) is None
    assert key_of(pd.Series(np.arange(60) / 7, name="id")) is None


def test_keys_of_a_table_are_noticed_made_and_put_where_they_were() -> None:
    frame = pd.DataFrame({"size": RNG(0).normal(size=60), "id": ids("padded", 60), "n": np.arange(60)})
    codec = TableCodec.fit(frame, (), RNG(0), keys=())
    assert codec.names == ("size",)
    assert [one.name for one in codec.keys] == ["id", "n"]
    assert "names or ids; fakes have new ids like CUST-" in codec.notes[0]
    assert TableCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec
    rows = codec.with_keys(codec.decode(codec.encode(frame, RNG(1)), RNG(2)), 0, 3)
    assert rows.columns.tolist() == ["size", "id", "n"]
    assert rows["n"].tolist() == list(range(60, 120))
    assert TableCodec.fit(frame, (), RNG(0)).keys == ()
    assert TableCodec.fit(frame, ("id",), RNG(0), keys=()).order == ("size", "n")


def test_a_key_that_is_named_is_one_or_is_refused() -> None:
    frame = pd.DataFrame({"size": [1.5, 2.5, 1.5], "id": ["K1", "K2", "K3"]})
    assert TableCodec.fit(frame, (), RNG(0), keys=("id",)).keys[0].values(0, 1, 0).iloc[0][0] == "K"
    for name, words in (("size", "not ids of one pattern"), ("none", "no column 'none'")):
        with pytest.raises(UserError, match=words):
            TableCodec.fit(frame, (), RNG(0), keys=(name,))
