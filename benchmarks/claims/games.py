"""Games: how they end, which modes they find, and how the players are balanced."""

from __future__ import annotations

from statistics import median

from claims.claim import Claim, Facts, Row, at_least, at_most, below
from claims.readers import SECONDS, SHARE, TIMES, cell, highest, summary


def _even(row: Row) -> bool:
    return row["verdict"] == "even" and float(row["referee"]) <= 0.55


def _moving(name: str, text: str) -> Claim:
    """The better of both schedules that move, against the best fixed ratio."""
    turns, penalty = (summary(f"median of {tempo} / best fixed") for tempo in ("turns", "penalty"))
    return Claim(
        f"{text}: the better moving schedule over the best fixed ratio, median distance",
        f"tempo-{name}",
        lambda facts: min(turns(facts), penalty(facts)),
        below(1),
        TIMES,
    )


PEOPLE = [
    Claim(
        "Seeds that end `even` with a referee's AUC of at most 0.55",
        "people",
        lambda facts: facts.count(_even),
        at_least(19),
    ),
    Claim(
        "Of these, share whose AUC by trees outside the game is at most 0.55",
        "people",
        lambda facts: sum(row["AUC"] <= 0.55 for row in facts.that(_even)) / len(facts.that(_even)),
        at_least(0.9),
        SHARE,
    ),
    Claim(
        "Median time of the whole command",
        "people",
        lambda facts: median(facts.values("seconds")),
        below(30),
        SECONDS,
    ),
    Claim(
        "Games stopped at a quarter of the time and called `even` where trees can tell",
        "people",
        lambda facts: facts.count(
            lambda row: row["verdict, quarter"] == "even" and row["AUC, quarter"] > 0.55
        ),
        at_most(0),
    ),
]


MODES = [
    Claim(
        "Ring: seeds with 8 of 8 modes and high quality of at least 0.99",
        "modes-ring",
        lambda facts: facts.count(lambda row: row["modes"] == 8 and row["high quality"] >= 0.99),
        at_least(10),
    ),
    Claim(
        "Grid: seeds with 25 of 25 modes and high quality of at least 0.99",
        "modes-grid",
        lambda facts: facts.count(lambda row: row["modes"] == 25 and row["high quality"] >= 0.99),
        at_least(10),
    ),
    Claim("Stacked MNIST: modes of 1,000", "stacked", cell("modes", what="fakes"), at_least(1000), "{:.0f}"),
    Claim("Stacked MNIST: KL to equal shares", "stacked", cell("KL", what="fakes"), at_most(0.029), "{:.3f}"),
    Claim(
        "Stacked MNIST: KL of as many real stacks", "stacked", cell("KL", what="real stacks"), form="{:.3f}"
    ),
]


def _apart(facts: Facts) -> float:
    """How far the referee lies from boosted trees on the unseen half, at most, where it speaks."""
    return max(
        abs(float(row["referee"]) - float(row["trees on the unseen half"]))
        for row in facts.that(lambda row: row["finding"] != "abstains")
    )


BALANCE = [
    Claim(
        "Halved tables: the referee's AUC from boosted trees' on the unseen half, where it speaks, at most",
        "proof",
        _apart,
        at_most(0.03),
        "{:.3f}",
    ),
    Claim(
        "Halved tables: planted fakes at the referee's power that it finds",
        "proof",
        lambda facts: sum(facts.values("found")) / sum(facts.values("planted at the power")),
        at_least(0.95),
        SHARE,
    ),
    Claim(
        "Halved tables: the sampled state's distance over the best state's, on the unseen half, highest",
        "proof",
        highest("distance over the best"),
        at_most(1.05),
        TIMES,
    ),
    _moving("people", "People"),
    _moving("grid", "Grid"),
    _moving("digits", "Digits"),
    _moving("faces", "Faces"),
    Claim(
        "Digits of 8 px, dense, large batches: distance where the game stops over the lowest of three times as long",
        "stops-digits",
        summary("stopped / lowest of all"),
        at_most(1.05),
        "{:.3f} ×",
    ),
    Claim(
        "Faces of 8 px, dense, large batches: the same",
        "stops-faces",
        summary("stopped / lowest of all"),
        at_most(1.05),
        "{:.3f} ×",
    ),
]
