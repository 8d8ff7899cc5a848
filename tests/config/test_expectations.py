"""Curves on record: distances by what was seen and back, and words for them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from evenodds.config.expectations import LOOKS, Curve, curve_of, curves, look, next_distance


@pytest.mark.parametrize("curve", curves(), ids=lambda curve: f"{curve.side} px, {curve.scale}")
def test_a_curve_on_record_falls_and_is_turned_around(curve: Curve) -> None:
    distances = [curve.distance(seen) for seen in (3_000, 10_000, 30_000, 100_000)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > curve.floor
    for seen in (3_000, curve.most_seen):
        assert curve.seen(curve.distance(seen)) == pytest.approx(seen)
    assert curve.seen(curve.floor) == math.inf


def test_larger_pictures_take_longer() -> None:
    for scale in ("tiny", "small"):
        distances = [curve.distance(20_000) for curve in curves() if curve.scale == scale]
        assert distances == sorted(distances)
        assert len(distances) > 1


def test_nothing_is_said_of_a_side_that_is_not_on_record() -> None:
    assert curve_of(48, "small") is None
    assert curve_of(64, "large") is None
    assert curve_of(64, "small") is not None


def test_words_go_from_the_worst_to_the_best() -> None:
    assert [look(least) for least, _ in LOOKS] == [words for _, words in LOOKS]
    assert look(100) == LOOKS[0][1]
    for (least, _), (_, better) in pairwise(LOOKS):
        assert next_distance(2 * least) == least
        assert look(0.99 * least) == better
    assert next_distance(LOOKS[-2][0] / 2) is None
