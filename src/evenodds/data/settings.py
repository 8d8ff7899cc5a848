"""The data room's settings. No torch here: the command line reads this file for its flags."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DataSettings(BaseModel):
    """How a source becomes samples."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int | None = Field(default=None, ge=8, le=1024)
    """Side of a square picture in pixels; what fits the source when left out (64 for a folder)."""

    fit: Literal["crop", "pad"] = "crop"
    """Pictures that are not square: crop the centre, or pad with the edge's mean colour."""

    channels: Literal["auto", "grey", "colour"] = "auto"
    """Grey (1 channel) or colour (3); auto takes grey only where every picture is grey."""

    leave_out: tuple[str, ...] = ()
    """Columns of a table that are not learnt."""

    given: str | None = None
    """What G is handed beside noise. Pictures: labels (all of them, or some by name with commas between), pairs,
    outlines, grey, small or masked. Tables: columns by name with commas between."""

    direction: Literal["AtoB", "BtoA"] = "AtoB"
    """Of pairs: AtoB gives A (the left half) and makes B, BtoA the other way round."""
