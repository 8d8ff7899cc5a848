"""Why something happened in a game, as a code and numbers; runs/messages.py has the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NO_FACTS: Mapping[str, float] = MappingProxyType({})


class Reason(NamedTuple):
    """A code, which names a sentence, and the numbers that the sentence takes, by name.

    >>> Reason("identical", {"share": 0.9}).to_json()
    {'code': 'identical', 'share': 0.9}
    """

    code: str
    facts: Mapping[str, float] = NO_FACTS

    def to_json(self) -> dict[str, Any]:
        """As the journal holds it: one flat object."""
        return {"code": self.code, **self.facts}
