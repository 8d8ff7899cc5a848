"""Why something happened in a game, as a code and facts; runs/messages.py has the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Fact = float | str
"""A number, or a text as the data has it, such as a column's name."""
NO_FACTS: Mapping[str, Fact] = MappingProxyType({})


class Reason(NamedTuple):
    """A code, which names a sentence, and the facts that the sentence takes, by name.

    >>> Reason("identical", {"share": 0.9}).to_json()
    {'code': 'identical', 'share': 0.9}
    """

    code: str
    facts: Mapping[str, Fact] = NO_FACTS

    def to_json(self) -> dict[str, Any]:
        """As the journal holds it: one flat object."""
        return {"code": self.code, **self.facts}
