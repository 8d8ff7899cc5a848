"""Recipes that earlier versions wrote: what they leave open means what it meant then."""

from __future__ import annotations

from typing import Any

from evenodds.config.data_settings import NOTHING_FAKED, READ_BEFORE


def complete(facts: dict[str, Any]) -> None:
    """Writes into a recipe's facts what its version did where a setting of now was not there yet."""
    data = facts["settings"]["data"]
    # Before version 0.2 a tenth was held out of every source, no picture was mirrored, and no transparency learnt.
    data.setdefault("holdout", 0.1)
    if "frames" not in data and data.get("channels", "auto") == "auto":
        data["channels"] = "opaque"
    data.setdefault("range", "full")
    data.setdefault("read", READ_BEFORE)
    data.setdefault("rules", False)
    data.setdefault("faked", NOTHING_FAKED)
    facts["settings"]["game"].setdefault("mirror", "off")
    facts["settings"]["network"].setdefault("scale", "small")
    facts.setdefault("presets", 1)
