"""What every group of settings has in common: frozen, no unknown names, and recipes of earlier versions read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

FORMER = {
    "rate_d": "lr_d",
    "rate_g": "lr_g",
    "turns_d": "d_steps",
    "turns_g": "g_steps",
    "half_life": "ema_half_life",
    "penalty_by": "penalty_estimator",
    "leave_out": "exclude",
    "join": "conditioning",
    "given": "condition",
    "end": "stop",
}
"""Names of settings in recipes that versions before 0.2 wrote."""
FORMER_VALUES: dict[tuple[Any, str], str] = {
    ("channels", "grey"): "gray",
    ("channels", "colour"): "color",
    ("condition", "grey"): "gray",
    ("stop", "proof"): "early",
}
"""Values that those versions spelled otherwise."""


class Group(BaseModel):
    """A group of settings: frozen, no unknown names, and the names of earlier versions read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def read_former_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        named = {FORMER.get(name, name): value for name, value in values.items()}
        return {
            name: FORMER_VALUES.get((name, value), value) if isinstance(value, str) else value
            for name, value in named.items()
        }
