"""Chooses among more fakes than are asked for: the best share of them, or those that the judge thinks real enough."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.judge.judge import Judge
from evenodds.judge.predict import predict_block
from evenodds.runs.conditions import SamplingCondition
from evenodds.runs.sample import Sampler
from evenodds.runs.sample_request import SampleRequest

SMALLEST_SHARE = 1e-4
AT_ONCE = 256
"""Fakes chosen at once, at most: each such group is the best share of its own candidates, so that memory is flat."""
MOST_TRIED = 1_000
"""Candidates for each fake asked for, after which the search is given up; and at least FEWEST_TRIED."""
FEWEST_TRIED = 10_000


class Rule(NamedTuple):
    """Which fakes are chosen: the best share of them, or those of at least so many percent real."""

    best: float = 1.0
    min_real: float = 0.0

    @classmethod
    def parse(cls, best: str | None, min_real: float | None) -> Rule:
        """The rule of `--best 10%` or `--min-real 30`; all fakes where neither is given. Raises UserError for both, and
        for what is no share or percent.

        >>> Rule.parse("10%", None)
        Rule(best=0.1, min_real=0.0)
        """
        if best is not None and min_real is not None:
            raise UserError("--best and --min-real are two ways to choose, give one of them")
        if min_real is not None:
            if not 0 < min_real < 100:
                raise UserError(f"--min-real {min_real:g} is no percent above 0 and below 100")
            return cls(min_real=min_real)
        if best is None:
            return cls()
        try:
            share = float(best.removesuffix("%")) / 100 if best.endswith("%") else float(best)
        except ValueError:
            share = math.nan
        if not SMALLEST_SHARE <= share < 1:
            raise UserError(
                f"--best {best} is no share of the fakes, give one such as 10% (0.01% to below 100%)"
            )
        return cls(best=share)


class Selection:
    """Chooses by a rule and a judge. ``made`` is how many fakes were made for those that were chosen."""

    def __init__(self, rule: Rule, judge: Judge) -> None:
        self.rule, self.judge = rule, judge
        self.made = 0

    def choose(self, sampler: Sampler, request: SampleRequest, condition: SamplingCondition) -> Iterator[Any]:
        """As many fakes as requested, in batches as ``sampler`` gives them. Raises UserError where too few fakes are
        real enough."""
        n = request.n or 0
        if self.rule.min_real:
            return self._real_enough(sampler, request, condition, n)
        return self._best(sampler, request, condition, n)

    def _best(
        self, sampler: Sampler, request: SampleRequest, condition: SamplingCondition, n: int
    ) -> Iterator[Any]:
        groups = [min(AT_ONCE, n - start) for start in range(0, n, AT_ONCE)]
        sizes = [math.ceil(group / self.rule.best) for group in groups]
        candidates = self._candidates(sampler, request, condition, sum(sizes))
        waiting: list[Any] = []
        scores = np.empty(0)
        for group, size in zip(groups, sizes, strict=True):
            while len(scores) < size:
                part = next(candidates)
                waiting.append(part)
                scores = np.concatenate([scores, [one.score for one in self._judged(part)]])
            whole = joined(waiting)
            chosen = np.sort(np.argsort(-scores[:size], kind="stable")[:group])
            yield taken(whole, chosen)
            waiting = [taken(whole, np.arange(size, len(scores)))] if len(scores) > size else []
            scores = scores[size:]
            self.made += size

    def _real_enough(
        self, sampler: Sampler, request: SampleRequest, condition: SamplingCondition, n: int
    ) -> Iterator[Any]:
        most, missing = max(FEWEST_TRIED, MOST_TRIED * n), n
        candidates = self._candidates(sampler, request, condition, most)
        while missing:
            part = next(candidates, None)
            if part is None:
                raise UserError(
                    f"of {self.made:,} fakes {n - missing:,} are at least {self.rule.min_real:g}% real: lower "
                    "--min-real, choose by --best, or train longer"
                )
            percents = np.array([one.percent_real for one in self._judged(part)])
            chosen = np.flatnonzero(percents >= self.rule.min_real)[:missing]
            self.made += len(percents) if len(chosen) < missing else int(chosen[-1]) + 1
            missing -= len(chosen)
            if len(chosen):
                yield taken(part, chosen)

    def _candidates(
        self, sampler: Sampler, request: SampleRequest, condition: SamplingCondition, n: int
    ) -> Iterator[Any]:
        if isinstance(sampler.run.spec, PictureSpec):
            return sampler.pictures(n, request.seed, condition, truncation=request.truncation)
        return sampler.rows(n, request.seed, condition)

    def _judged(self, part: Any) -> Iterator[Any]:
        block = part if isinstance(part, pd.DataFrame) else np.ascontiguousarray(part.transpose(0, 3, 1, 2))
        return predict_block(self.judge, [""] * len(part), block)


def joined(parts: list[Any]) -> Any:
    """Batches as one: pictures (m, H, W, C) or rows (m)."""
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    return np.concatenate(parts)


def taken(part: Any, places: Any) -> Any:
    """The samples of a batch at these places."""
    return part.iloc[places].reset_index(drop=True) if isinstance(part, pd.DataFrame) else part[places]
