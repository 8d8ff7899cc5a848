"""Speed, memory, many devices, the studio and robustness."""

from __future__ import annotations

from collections.abc import Callable

from claims.claim import Claim, Count, Facts, Goal, at_least, at_most, below
from claims.readers import SECONDS, SHARE, TIMES, cell, highest, lowest, summary


def _efficiency(gpus: int, link: str) -> Callable[[Facts], float]:
    return lambda facts: min(
        row["efficiency"] for row in facts.that(lambda row: row["GPUs"] == gpus and link in row["link"])
    )


SPEED = [
    Claim(
        "CPU: pictures a second, default over the usual loop",
        "speed",
        cell("times the usual loop", game="evenodds, default"),
        at_least(2),
        TIMES,
    ),
    Claim(
        "CPU: share of the matrix product's rate",
        "speed",
        cell("share of the matrix product's rate", game="evenodds, default"),
        at_least(0.7),
        SHARE,
    ),
    Claim(
        "GPU: pictures a second, default over the usual loop",
        "speed-gpu",
        cell("times the usual loop", game="evenodds, default"),
        at_least(5),
        TIMES,
    ),
    Claim("GPU: the same, best batch", "speed-gpu", highest("times the usual loop"), at_least(5), TIMES),
    Claim(
        "GPU: share of the matrix product's rate, highest",
        "speed-gpu",
        highest("share of the matrix product's rate"),
        at_least(0.5),
        SHARE,
    ),
    Claim(
        "A penalty in every D step, not every fourth, at 64 px: time of a round",
        "levers",
        cell("64 px, times", moved_alone="penalty every turn, not every fourth"),
        form=TIMES,
    ),
    Claim(
        "Layouts left to chance: most expensive network",
        "layouts",
        highest("left to chance, times"),
        form=TIMES,
    ),
    Claim(
        "`people`, watched: time of the same rounds",
        "watched",
        cell("watched / unwatched", source="people"),
        at_most(1.03),
        "{:.3f} times",
    ),
    Claim(
        "`people`, watched: frames in the first 10 s",
        "watched",
        cell("frames in 10 s", source="people"),
        at_least(10),
        "{:.0f}",
    ),
    Claim(
        "`digits`, watched: frames a second",
        "watched",
        cell("frames a second", source="digits"),
        at_least(1),
        "{:.1f}",
    ),
    Claim("`--help`", "sampling", cell("seconds", what="--help"), at_most(0.5), "{:.2f} s"),
    Claim("First round of `people`", "sampling", cell("seconds", what="first round of people"), form=SECONDS),
    Claim(
        "Pictures of 64 px a second, a folder",
        "sampling",
        cell("a second", what="pictures of 64 px, a folder"),
        form="{:,.0f}",
    ),
    Claim(
        "Rows a second, a million to Parquet", "sampling", cell("a second", made=1_000_000), form="{:,.0f}"
    ),
    Claim("onnxruntime over PyTorch, least of all generators", "runtimes", lowest("times"), form=TIMES),
]


SCALING = [
    Claim("Memory: 100,000 pictures over 10,000", "memory", summary("ratio"), Goal(0.9, 1.1), "{:.3f} ×"),
    Claim(
        "Memory of a million rows sampled over a tenth",
        "sampling",
        summary("memory, ten times the rows"),
        form="{:.3f} ×",
    ),
    Claim(
        "Time of a round: a million pictures over a thousand",
        "growth",
        lambda facts: (
            facts.value("ms a round", pictures=1_000_000) / facts.value("ms a round", pictures=1000)
        ),
        form=TIMES,
    ),
    Claim("JPEGs of 512 px prepared a second and core", "growth", summary("and core"), form="{:,.0f}"),
    Claim(
        "Efficiency on 8 GPUs by NVLink, calculated, least of four networks",
        "scaling",
        _efficiency(8, "NVLink"),
        form=SHARE,
    ),
    Claim(
        "Efficiency on 64 GPUs at 400 Gbit/s, calculated, least",
        "scaling",
        _efficiency(64, "400 Gbit/s"),
        form=SHARE,
    ),
    Claim(
        "Efficiency on 64 GPUs at 25 Gbit/s a machine, calculated, least",
        "scaling",
        _efficiency(64, "25 Gbit/s for all"),
        form=SHARE,
    ),
]


STUDIO = [
    Claim(
        "Errors",
        "studio",
        lambda facts: Count(int(sum(facts.values("errors"))), int(sum(facts.values("answers")))),
        at_most(0),
    ),
    Claim(
        "20 users: 95 % of the answers within",
        "studio",
        lambda facts: float(facts.that(lambda row: row["what"].startswith("20 users"))[0]["p95 ms"]),
        form="{:,.0f} ms",
    ),
    Claim(
        "Pen at 64 px: slowest answer", "studio", cell("max ms", what="pen, 64 px"), below(300), "{:.0f} ms"
    ),
    Claim(
        "Pen at 256 px: slowest answer",
        "studio",
        cell("max ms", what="pen, 256 px"),
        below(1000),
        "{:.0f} ms",
    ),
]


ROBUSTNESS = [
    Claim(
        "Kills and full disks with a wrong outcome",
        "soak",
        lambda facts: Count(int(sum(facts.values("wrong"))), int(sum(facts.values("times")))),
        at_most(0),
    ),
    *[
        Claim(
            f"{text} with a finding",
            name,
            lambda facts: Count(int(sum(facts.values("findings"))), int(sum(facts.values("inputs")))),
            at_most(0),
        )
        for text, name in (("Hostile inputs", "fuzz"), ("Guided inputs", "fuzz-guided"))
    ],
]
