"""What a run's recipe holds about the data it was trained on, beside their fingerprint and spec."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


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
