"""What the report says, in English, by key; another language takes a speaker of its own."""

from __future__ import annotations

from typing import Any

from evenodds.runs.messages import MESSAGES, Speaker
from evenodds.runs.status import MEANINGS

REPORT = {
    "report going on": "The game is going on.",
    "report verdict": "verdict",
    "report none yet": "none yet",
    "report paused": "none yet: paused",
    "report network": "network",
    "report odds": "odds (95 %)",
    "report referee": "referee (95 %)",
    "report interval": "{value:.0%} ({low:.0%} to {high:.0%})",
    "report rounds": "rounds",
    "report seen": "samples seen",
    "report seconds": "seconds",
    "report head start won": "D won its head start; the odds were level at the last {checks} checks.",
    "report head start lost": "D did not win its head start; the odds were level at the last {checks} checks.",
    "report ruling": "The referee ({by}) looked at the state of round {round:,}: 95 % interval {low:.1%} to "
    "{high:.1%}; even needs at most {margin:.0%} at its upper end, and as much power.",
    "report best": "The state kept as best is that of round {round:,}.",
    "report no judge": "Not made yet: evenodds judge makes it when it is first asked.",
    "report judge made": "Made for the state of round {round:,} in {seconds:.0f} seconds.",
    "report judge error": "Its percents are off by {error:.1f} points on average over {over:,} samples that it did not "
    "learn from, {reals:,} of them held-out reals (expected calibration error).",
    "report judge kinds": "How often it scores a held-out real above one of: {kinds}.",
    "report judge kind": "{name} fakes {share:.1%}",
    "report pairs": "Over {pairs:,} held-out pairs fakes differ from reals by {l1:.3f} (L1, values from 0 to 1); PSNR "
    "{psnr:.1f} dB, SSIM {ssim:.3f}, Fréchet distance {distance:.3f}.",
    "report outlines": "Of the outlines found in fakes {precision:.0%} were given, and of those given {recall:.0%} are "
    "found, within 2 px: F1 {f1:.3f}.",
    "report honoured": "What was given differs from the same taken from the fake by {difference:.3f} (L1).",
    "report unpaired": "What is made from {pictures:,} held-out pictures lies {distance:.3f} from held-out reals of "
    "the other set (Fréchet distance), and these pictures themselves lie {distance_before:.3f} from them.",
    "report content": "Patch by patch fakes keep {share:.0%} of the content: 100% is all of it, 0% no more than "
    "chance.",
    "report beside": "Beside each figure stands what as many real samples get in the fakes' place. Figures compare "
    "only where extractor, resizer, counts and split are the same.",
    "report state": "Of the state of round {round:,}.",
    "report range": "{value} ({low} to {high})",
    "report measured": "{fakes:,} fakes, {reals:,} {split} reals; {made}",
    "report split train": "training",
    "report split held-out": "held-out",
    "report towards reals": "→ reals",
    "report counts": "{samples:,} samples: {train:,} to train on, {heldout:,} held out.",
    "report round": "round",
    "report axis odds": "odds",
    "report even": "even",
    "report by referee": "referee",
    "report conditions": "held-out conditions, what G makes of them, and the reals",
    "report conditions alone": "held-out conditions and what G makes of them",
    "report fakes": "fakes 0 to {last} of the state kept as best",
    "report reals": "reals that were never trained on",
    "report film": "the game from its first round to its last; orange is fake",
    "report chapters": "Chapters",
    "report chapter": "round {round:,}: {name}",
    "chapter head start": "D has its head start",
    "chapter enters": "G enters",
    "chapter even": "first even odds",
    "chapter referee": "the referee",
    "chapter verdict": "the verdict",
    "report plots": "{reals:,} {rows} and {fakes:,} fakes of the state of round {round:,}. A shape is 1 where both are "
    "spread alike, and 0 where they share no value; a pair trend says the same of two columns together.",
    "report rows train": "training rows",
    "report rows held-out": "held-out rows",
    "report no shape": "no value on one side",
    "report shape": "shape {shape:.3f}",
    "report trend": "pair trend {trend:.3f}",
    "report over": "{second} over {first}",
    "report and": "{first} and {second}",
    "report real": "real",
    "report fake": "fake",
    "report missing": "missing",
    "report others": "({count:,} others)",
    "report drawing": "{what}: real rows and fakes",
    "report title odds": "The odds",
    "report about odds": "How often the discriminator scores a held-out real sample above a fresh fake. At 50 % it can "
    "no longer tell them apart. The referee is a classifier that knows neither player and is trained anew each time.",
    "report title events": "What happened",
    "report what": "what",
    "report title figures": "What the generator makes",
    "report title pairs": "What was given, and what came of it",
    "report title scores": "The scores",
    "report figure": "figure",
    "report of fakes": "fakes (95 %)",
    "report of reals": "reals",
    "report measured on": "measured on",
    "report title columns": "The columns, the least alike first",
    "report more": "{count} more columns, which are more alike",
    "report title column pairs": "The pairs of columns that are least alike",
    "report title rows": "Rows the generator made",
    "report title judge": "The judge",
    "report title data": "The data",
    "report skipped": "skipped",
    "report why": "why",
    "report title recipe": "The recipe",
}

VERDICTS = {name: name for name in MEANINGS}


def english(key: str, /, **facts: Any) -> str:
    """The report's and the messages' text of a key in English. Raises KeyError for an unknown key.

    >>> english("report best", round=1200)
    'The state kept as best is that of round 1,200.'
    """
    kind, _, name = key.partition(" ")
    if kind == "verdict":
        return VERDICTS[name]
    if kind == "meaning":
        return MEANINGS[name]
    text = REPORT.get(key) or MESSAGES[key]
    return text.format(**facts) if facts else text


def text_of(say: Speaker, key: str, text: str) -> str:
    """The text of a key, where there is one in the speaker's language; ``text`` itself where there is none."""
    try:
        return say(key)
    except KeyError:
        return text
