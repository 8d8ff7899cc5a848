"""What a run's recipe holds about the data it was trained on, beside their fingerprint and spec."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from evenodds.core.spec import SampleSpec
from evenodds.data.images.decoding import MOST
from evenodds.data.images.values import Values

MEASURED = ("values", "range_of_samples", "range_of_inputs")
"""What a run takes over from the facts of its store where it is there: how values are read and given back. The ranges
are those of unpaired sets, of which each has its own; of other pictures the recipe's ``range`` says it."""


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class DataFacts:
    """How many samples there are, and what is to be said of them."""

    counts: dict[str, int] = field(default_factory=dict)
    """Of ``samples``, and of those in ``train`` and ``heldout``."""
    notes: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    license: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As recipe.json and the journal's first line hold it."""
        skipped = [one._asdict() for one in self.skipped]
        return {"counts": self.counts, "notes": self.notes, "skipped": skipped, "licence": self.license}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> DataFacts:
        """What ``to_json`` gave, a store's facts, or less. Raises KeyError, TypeError or ValueError for others."""
        skipped = [Skipped(str(one["file"]), str(one["reason"])) for one in facts.get("skipped") or []]
        counts = {str(name): int(count) for name, count in dict(facts.get("counts") or {}).items()}
        license_text = facts.get("licence")
        return cls(
            counts,
            [str(note) for note in facts.get("notes") or []],
            skipped,
            license_text and str(license_text),
        )


def values_from_json(facts: Any, spec: SampleSpec) -> Values | None:
    """What a store says of its values: those of bands, or the ends of a range within 16 bits. Raises ValueError,
    KeyError or TypeError for others."""
    if facts is None:
        return None
    if isinstance(facts, dict):
        values = Values.from_json(facts)
        if values.channels != spec.shape[0]:
            raise ValueError(f"{facts} are not the values of {spec.shape[0]} channels")
        return values
    low, high = map(float, facts)
    if not 0 <= low < high <= MOST:
        raise ValueError(f"{facts} are no values of 16 bits")
    return Values((low,), (high,), "uint16")


def range_from_json(facts: Any) -> tuple[float, float] | None:
    """The range of a set of pictures, if any is named. Raises ValueError or TypeError for another value."""
    if facts is None:
        return None
    low, high = map(float, facts)
    return low, high
