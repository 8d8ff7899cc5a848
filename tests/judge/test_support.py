"""How far outside of what real rows show a row lies: by hand where that can be done, and on laws that are known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenodds.data.tables.codec import TableCodec
from evenodds.judge.calibration import p_values
from evenodds.judge.oddities import SENTENCES, sentence
from evenodds.judge.pairs import EXPECTED, LevelPairs
from evenodds.judge.support import LIMIT, TOLD, Levels, Range, Support, limited, tail_length

N = 100


def support_of(frame: pd.DataFrame) -> Support:
    """The support of a table's rows."""
    rng = np.random.default_rng(0)
    codec = TableCodec.fit(frame, (), rng)
    return Support.fit(codec, codec.encode(frame, rng))


def shop(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table with a number, a date, and two categories of which two levels never meet."""
    rng = np.random.default_rng(seed)
    town = rng.choice(["Ulm", "Rom", "Oslo"], n)
    kind = np.where(town == "Oslo", "ski", rng.choice(["ski", "boat"], n))
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 100, n), "D")
    return pd.DataFrame({"spent": rng.normal(50, 10, n).round(2), "day": day, "town": town, "kind": kind})


def test_a_tail_is_the_mean_excess_of_the_outermost_values() -> None:
    # Of 40 values the outermost 5 count: 5, 6, 7, 8 and 14 lie 0, 1, 2, 3 and 9 beyond the first of them.
    x = np.sort(np.concatenate([np.linspace(-96, 4, 35), [5, 6, 7, 8, 14]]))
    assert tail_length(x, step=0.0) == pytest.approx(3.0)
    assert tail_length(x, step=4.0) == 4.0
    # Zero almost everywhere: a thousandth of the range; one far value: a twentieth of it.
    assert tail_length(np.arange(1001.0) * 0 + np.r_[0, np.full(1000, 1000.0)], 0.0) == 1.0
    assert tail_length(np.r_[np.zeros(99), 1000.0], 0.0) == 50.0
    assert tail_length(np.full(9, 7.0), 0.0) == 7.0


def test_a_value_beyond_the_edge_lowers_the_odds_by_tails_and_their_square() -> None:
    extent = Range(low=0.0, high=100.0, low_tail=2.0, high_tail=5.0, middle=40.0, missing=False)
    lowers = extent.lowers(np.array([0.0, 50.0, 100.0, 105.0, 110.0, -2.0, -6.0, np.nan]), rows=99)
    assert lowers == pytest.approx([0, 0, 0, 2, 6, 2, 12, np.log(100)])
    assert extent.inside(np.array([-6.0, 50.0, 101.0, np.nan])).tolist() == [0, 50, 100, 40]
    assert np.isfinite(limited(extent.lowers(np.array([1e300, -1e300]), rows=99))).all()


def test_the_effect_rises_from_nothing_at_the_edge_and_has_no_end() -> None:
    extent = Range(0.0, 100.0, 2.0, 5.0, 40.0, missing=False)
    lowers = limited(extent.lowers(np.linspace(99, 1_000, 5_000), rows=99))
    assert (np.diff(lowers) >= 0).all()
    assert np.diff(lowers).max() < 1
    assert lowers[-1] > LIMIT


def test_a_level_never_seen_is_as_likely_as_those_seen_once_say() -> None:
    levels = Levels(seen=(True, False, True), once=2, usual=2)
    assert levels.lowers(np.array([0, 1, 2, -1]), rows=99) == pytest.approx(
        [0, np.log(100 / 3), 0, np.log(100 / 3)]
    )
    assert levels.inside(np.array([0, 1, 2, -1])).tolist() == [0, 2, 2, 2]


def never_together() -> LevelPairs:
    """Two columns of 40 rows: level 0 twenty times beside 0, level 1 nineteen times beside 1, and once (1, 2)."""
    first, second = np.repeat([0, 1], 20), np.repeat([0, 1, 2], [20, 19, 1])
    return LevelPairs.fit([first, second])


def test_pairs_never_seen_are_those_that_chance_would_show() -> None:
    pairs = never_together()
    # 20 * 19 / 40 and 20 * 20 / 40; level 2 of the second column stands once, too seldom to be missed anywhere.
    assert sorted(pairs.expected.tolist()) == [9.5, 10.0]
    rows = [np.array([0, 0, 1, 1, 0, -1]), np.array([0, 1, 0, 1, 2, 0])]
    assert pairs.strangeness(rows).tolist() == [0, 9.5, 10, 0, 0, 0]
    # None of the 40 rows would be so strange without itself: one in 41.
    assert pairs.lowers(np.array([0.0, 9.5])) == pytest.approx([0, np.log(41)])
    pair = pairs.strangest([np.array([1]), np.array([0])])
    assert (pair.first, pair.second, pair.expected) == ((0, 1), (1, 0), 10.0)


def test_a_pair_seen_once_says_how_often_unseen_ones_come() -> None:
    first, second = np.repeat([0, 1], [21, 20]), np.repeat([0, 1, 0], [20, 1, 20])
    second[21:] = 1
    pairs = LevelPairs.fit([first, second])  # (0, 1) stands once, in row 20; (1, 0) never
    # Without row 20: 20 of level 0 and 20 of level 1 in 40 rows, so chance would show the pair 10 times.
    assert pairs.left_out.tolist() == [10.0]
    [strangeness] = pairs.strangeness([np.array([1]), np.array([0])])
    assert strangeness == pytest.approx(20 * 20 / 41)
    # That row is stranger: it and the row asked about are two of 42.
    assert pairs.lowers(np.array([strangeness]))[0] == pytest.approx(-np.log(2 / 42))


def test_strange_beside_several_counts_for_each() -> None:
    first = np.repeat([0, 1], 20)
    pairs = LevelPairs.fit([first, first, first])
    one = [np.array([1, 0]), np.array([0, 0]), np.array([0, 1])]
    assert pairs.strangeness(one).tolist() == [20, 20]
    assert LevelPairs.fit([]).strangeness([]).tolist() == []
    assert len(LevelPairs.fit([first]).expected) == 0


def test_independent_columns_have_no_pair_that_counts() -> None:
    rng = np.random.default_rng(0)
    places = [rng.integers(0, 10, 2_000) for _ in range(6)]
    assert len(LevelPairs.fit(places).expected) == 0
    assert EXPECTED < 2_000 / 100


def test_new_rows_are_as_strange_as_rows_left_out_say() -> None:
    """Rare combinations abound: the share of new rows with a never-seen pair is the one foretold."""
    rng = np.random.default_rng(1)
    middle = rng.integers(0, 30, 3_000)
    places = [np.abs(middle + rng.geometric(0.35, 3_000) - rng.geometric(0.35, 3_000)) // 2 for _ in range(5)]
    pairs = LevelPairs.fit([place[:1_500] for place in places])
    strangeness = pairs.strangeness([place[1_500:] for place in places])
    foretold = len(pairs.left_out) / 1_500
    assert foretold > 0.02
    assert (strangeness > 0).mean() == pytest.approx(foretold, abs=0.03)
    lowers = pairs.lowers(strangeness)
    for share in (0.01, 0.02):
        assert (lowers >= -np.log(share)).mean() == pytest.approx(share, abs=0.02)


def test_rows_inside_are_encoded_as_ever_and_rows_outside_at_the_edge() -> None:
    frame = shop()
    support = support_of(frame)
    seen = support.look(frame)
    assert (seen.lowers == 0).all()
    assert (seen.block == support.codec.encode(frame, np.random.default_rng(0))).all()
    greatest = frame["spent"].max()
    ends = frame.head(2).assign(spent=[greatest, greatest + 500])
    assert support.look(ends).lowers[0] == 0
    assert support.look(ends).lowers[1] > LIMIT
    inside = support.codec.decode(support.look(ends).block, np.random.default_rng(0))
    assert inside["spent"].tolist() == pytest.approx([greatest, greatest])


def test_what_a_store_keeps_is_looked_at_as_values_are() -> None:
    frame = shop(800)
    rng = np.random.default_rng(0)
    codec = TableCodec.fit(frame, (), rng)
    block = codec.encode(frame, rng)
    order = np.argsort(frame["spent"].to_numpy())
    support = Support.fit(
        codec, block[order[:-5]]
    )  # the five greatest are held out, as the codec's range is not
    stored, given = support.look_at_stored(block), support.look(frame)
    assert np.flatnonzero(stored.lowers).tolist() == sorted(order[-5:].tolist())
    assert stored.lowers == pytest.approx(given.lowers, abs=0.02)
    assert (stored.block[order[:-5]] == block[order[:-5]]).all()


CASES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "below": (
        lambda row: row.assign(spent=-400.0),
        r"spent -400 lies 4\d\d\.\d+ below the least of 400 real rows",
    ),
    "above": (
        lambda row: row.assign(spent=1000.5),
        r"spent 1000.5 lies 9\d\d\.\d+ above the greatest of 400 real rows",
    ),
    "before": (
        lambda row: row.assign(day=pd.Timestamp("1999-12-31")),
        "day 1999-12-31 lies before 2024-01-01, the earliest of 400 real rows",
    ),
    "after": (
        lambda row: row.assign(day=pd.Timestamp("2031-05-06")),
        "day 2031-05-06 lies after 2024-04-09, the latest of 400 real rows",
    ),
    "level": (lambda row: row.assign(town="Bonn"), "town Bonn is in none of 400 real rows"),
    "missing": (
        lambda row: row.assign(spent=np.nan),
        "spent is missing, which it is in none of 400 real rows",
    ),
    "pair": (
        lambda row: row.assign(town="Oslo", kind="boat"),
        r"town Oslo beside kind boat is in none of 400 real rows, and would be in \d\d if the columns were independent",
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_what_lies_outside_is_named(code: str) -> None:
    frame = shop()
    support = support_of(frame)
    change, words = CASES[code]
    odd = change(frame.head(1))
    [[oddity]] = support.oddities(odd)
    assert oddity.code == code
    assert oddity.lowers >= TOLD
    assert support.look(odd).lowers[0] == pytest.approx(limited(np.array([oddity.lowers]))[0])
    assert re.fullmatch(words, sentence(oddity))
    assert support.oddities(frame.head(1)) == [()]


def test_every_code_has_a_sentence() -> None:
    assert {f"outside {code}" for code in CASES} == set(SENTENCES)


def test_what_decides_most_is_named_first() -> None:
    support = support_of(shop())
    odd = shop().head(1).assign(town="Bonn", spent=1e4)
    [oddities] = support.oddities(odd)
    assert [oddity.code for oddity in oddities] == ["above", "level"]


def test_p_values_of_new_rows_are_exact_with_the_evidence() -> None:
    """A score that knows nothing, lowered by the evidence alone: new rows are flagged as often as promised."""
    rng = np.random.default_rng(5)
    flagged = []
    for seed in range(60):
        heavy = rng.standard_cauchy(220)
        frame = shop(220, seed).assign(spent=heavy, other=rng.standard_t(2, 220))
        codec = TableCodec.fit(frame.head(120), (), np.random.default_rng(0))
        block = codec.encode(frame.head(120), np.random.default_rng(0))
        support = Support.fit(codec, block[:60])
        score = rng.normal(size=160)
        heldout = score[:60] - support.look_at_stored(block[60:]).lowers
        new = score[60:] - support.look(frame.tail(100)).lowers
        flagged.append((p_values(new, np.sort(heldout)) < 0.05).mean())
    assert np.mean(flagged) == pytest.approx(3 / 61, abs=0.012)


def test_it_is_stored_and_read(tmp_path: Path) -> None:
    support = support_of(shop())
    text = json.dumps(support.to_json(), allow_nan=False)
    again = Support.from_json(support.codec, json.loads(text), support.pairs.to_tensors())
    odd = shop(50, seed=9).assign(spent=np.linspace(-500, 500, 50), kind="boat")
    assert (again.look(odd).lowers == support.look(odd).lowers).all()
    assert again.oddities(odd) == support.oddities(odd)


def test_a_column_of_which_training_has_only_gaps() -> None:
    extent = Range.fit(np.full(4, np.nan), 0.0)
    assert extent.lowers(np.array([1.0, np.nan]), 4).tolist() == [0, 0]
    json.dumps(vars(extent), allow_nan=False)


def test_an_order_that_a_row_breaks_is_seen_in_what_is_learnt_in_its_place() -> None:
    rng = np.random.default_rng(0)
    start = rng.integers(0, 300, 400)
    frame = pd.DataFrame(
        {"start": start, "end": start + rng.poisson(3, 400), "town": rng.choice(["Ulm", "Rom"], 400)}
    )
    codec = TableCodec.fit(frame, (), rng).deriving(frame, rng)
    assert codec.names == ("start", "town", "end - start")
    support = Support.fit(codec, codec.encode(frame, rng))
    rows = pd.DataFrame({"start": [100, 100], "end": [103, 20], "town": ["Ulm", "Ulm"]}, index=[7, 9])
    right, wrong = support.oddities(rows)
    assert not right
    assert wrong[0].facts["column"] == "end - start"
