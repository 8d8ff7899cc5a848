"""Samples: pictures and tables."""

from __future__ import annotations

import math

from claims.claim import Claim, Count, Facts, above, at_least, at_most, below, number
from claims.readers import SHARE, TIMES, cell, lead, lowest, summary

_DEFAULTS = {"people": "tabular", "digits": "gan", "faces": "dcgan"}
"""What `--network auto` takes."""


def _best_defaults(facts: Facts) -> Count:
    """For how many sources the default network scores best."""
    hits = 0
    for source, network in _DEFAULTS.items():
        rows = facts.where(source=source)
        off = {row["network"]: abs(row["score"] - 0.5 * (row["measure"] == "AUC")) for row in rows}
        hits += off[network] == min(off.values())
    return Count(hits, len(_DEFAULTS))


def _told(facts: Facts) -> float:
    """By how much the AUC of a game that is told the income is ahead of one that is not."""
    told = facts.that(lambda row: row["learnt from"].endswith(" income"))[0]
    return float(told["AUC on real rows"]) - facts.value(
        "AUC on real rows", learnt_from="without a condition"
    )


def _checks_until_named(facts: Facts) -> float:
    """The most checks that a lost group stays unnamed; infinitely many where sound rows raise the alarm too often."""
    alarms = max(facts.values("false alarms"))
    return number(facts.summary["checks until it is named, most"]) if alarms <= 5 else math.inf


def _foretold(facts: Facts) -> Count:
    """How many of the games that no curve was fitted to came to within 1.5 times of what was foretold."""
    factors = [number(row["came / foretold"]) for row in facts.where(fitted="no")]
    return Count(sum(1 / 1.5 <= factor <= 1.5 for factor in factors), len(factors))


PICTURES = [
    Claim(
        "People, digits, faces: default network is the best at equal time",
        "networks",
        _best_defaults,
        at_least(3),
    ),
    Claim(
        "Digits: least share of one of the ten, 5 minutes",
        "digits",
        lowest("share of fakes"),
        at_least(0.04),
        SHARE,
    ),
    Claim(
        "Faces of 64 px: largest error of an attribute level's share, 20 minutes",
        "faces",
        lambda facts: max(abs(row["share of fakes"] - row["share of reals"]) for row in facts.where()),
        form=SHARE,
    ),
    Claim(
        "MNIST: samples that show the requested label",
        "labels-mnist",
        summary("found, label"),
        at_least(0.97),
        SHARE,
    ),
    Claim(
        "Fashion-MNIST: samples that show the requested label",
        "labels-fashion",
        summary("found, label"),
        at_least(0.85),
        SHARE,
    ),
    Claim(
        "Faces: samples that show the requested attribute, least of six",
        "labels-faces",
        lambda facts: min(number(value) for key, value in facts.summary.items() if key.startswith("found")),
        at_least(0.95),
        SHARE,
    ),
    Claim(
        "Portraits from outlines: SSIM above the nearest outline's portrait by",
        "pairs-outlines",
        lambda facts: facts.rows[0]["SSIM"] - facts.rows[1]["SSIM"],
        above(0),
        "{:.3f}",
    ),
    Claim(
        "Portraits from outlines: F1 of the outlines",
        "pairs-outlines",
        lambda facts: float(facts.rows[0]["outline F1"]),
        at_least(0.8),
        "{:.3f}",
    ),
    Claim(
        "Facades: Fréchet distance with the GAN over L1 alone",
        "pairs-facades",
        lead("Fréchet distance", "trained with", "L1 + cGAN", "L1 alone", ratio=True),
        below(1),
        TIMES,
    ),
    Claim(
        "Facades: feature distance to the own photograph with the GAN over L1 alone",
        "pairs-facades",
        lead("feature distance (EfficientNet-Lite0)", "trained with", "L1 + cGAN", "L1 alone", ratio=True),
        below(1),
        TIMES,
    ),
    *[
        Claim(
            f"{text}: distance over the usual loop's after {minutes} minutes",
            f"quality-{name}",
            cell("of the usual loop's", minutes=minutes, game="evenodds"),
            at_most(goal),
            "{:.3f} ×",
        )
        for name, text in (("fashion", "Fashion-MNIST, 32 px"), ("faces", "Faces, 64 px"))
        for minutes, goal in ((10, 1 / 3), (30, 1 / 2))
    ],
    *[
        Claim(
            f"{text}: SVM on features of D, accuracy above raw pixels and an untrained D by",
            f"svm-{name}",
            lead("accuracy", "what", "D of evenodds", "raw pixels", "D before its first turn"),
            above(0),
            "{:.3f}",
        )
        for name, text in (("fashion", "Fashion-MNIST"), ("mnist", "MNIST"))
    ],
    *(
        Claim(
            f"Photographs of 64 px, {source}: half the width over the preset, {features}",
            "photographs",
            cell(f"{column}, of at once", source=source, game="half as wide"),
            at_most(goal),
            TIMES,
        )
        for source, column, features, goal in (
            ("cats", "labels", "a classifier of breeds", 0.5),
            ("cats", "lite 2", "EfficientNet-Lite2", 0.8),
            ("faces", "labels", "a classifier of attributes", 0.5),
            ("faces", "lite 2", "EfficientNet-Lite2", 0.8),
            ("caltech", "lite 2", "EfficientNet-Lite2", 0.8),
        )
    ),
    *(
        Claim(
            f"Cats that begin with a game on dogs over cats from nothing, 1,200 rounds each, {features}",
            "transfer",
            cell(f"{column}, of nothing", rounds=1200, game="from dogs"),
            at_most(0.67),
            TIMES,
        )
        for column, features in (("labels", "a classifier of breeds"), ("lite 2", "EfficientNet-Lite2"))
    ),
    Claim(
        "Games of pictures that no curve was fitted to: distance within 1.5 times of what was foretold",
        "scales",
        _foretold,
    ),
    Claim(
        "Faces: precision of the best tenth by the judge above that of all fakes by",
        "choice",
        lead("precision", "fakes", "--best 10%", "--truncation 1"),
        above(0),
        "{:.3f}",
    ),
    Claim(
        "Faces: precision with latents at 0.7 of their length above that of all fakes by",
        "choice",
        lead("precision", "fakes", "--truncation 0.7", "--truncation 1"),
        above(0),
        "{:.3f}",
    ),
]


TABLES = [
    Claim(
        "Churn: checks until a lost group is named, with at most 5 false alarms in 100 draws on each of seven tables",
        "groups",
        _checks_until_named,
        at_most(3),
    ),
    Claim(
        "Adult: rows with the requested value",
        "labels-adult",
        summary("asked value in rows, least"),
        at_least(1),
        SHARE,
    ),
    Claim(
        "Adult: AUC on real rows, with a condition minus without",
        "labels-adult",
        _told,
        at_least(0),
        "{:.3f}",
    ),
    *[
        Claim(
            f"Adult: F1 of {model} above the better of CTGAN and TVAE, 300 epochs, by",
            "adult",
            lead(f"F1 of {model}", "learnt from", "evenodds", "CTGAN, 300 epochs", "TVAE, 300 epochs"),
            above(0),
            "{:.3f}",
        )
        for model in ("trees", "logistic regression")
    ],
    *[
        Claim(
            f"Adult: time over {rival}'s 300 epochs",
            "adult",
            lead("seconds", "learnt from", "evenodds", f"{rival}, 300 epochs", ratio=True),
            at_most(0.2),
            TIMES,
        )
        for rival in ("CTGAN", "TVAE")
    ],
]
