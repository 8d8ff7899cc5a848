"""Settings as flags: every field of the settings classes, under one heading a group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from evenodds.config.data_settings import DataSettings
from evenodds.config.settings import GameSettings, NetworkSettings, ObjectiveSettings, PlanSettings, Recipe

PRESET = "Defaults depend on the network and the source (measured presets); RUN/recipe.json records the values used."


def default_text(default: object) -> str | None:
    """A default as --help shows it; None, for nothing, where there is no value and the flag's own text says what then
    holds."""
    return None if default is None or default == () else str(default)


def flat(heading: str, position: int, *, preset: bool = False) -> Parameter:
    """The fields of a settings class as flags of their own, under a heading."""
    group = Group(heading, help=PRESET if preset else "", sort_key=position)
    # Where presets decide, the class's own defaults would mislead and are not shown.
    return Parameter(name="*", group=group, show_default=False if preset else default_text)


@dataclass(frozen=True)
class Flags:
    """Every group of settings, as the command line takes them."""

    plan: Annotated[PlanSettings, flat("Plan", 1)] = PlanSettings()
    data: Annotated[DataSettings, flat("Data", 2)] = DataSettings()
    network: Annotated[NetworkSettings, flat("Networks", 3, preset=True)] = NetworkSettings()
    objective: Annotated[ObjectiveSettings, flat("Objective", 4, preset=True)] = ObjectiveSettings()
    game: Annotated[GameSettings, flat("Game", 5, preset=True)] = GameSettings()

    def recipe(self) -> Recipe:
        """The same as a recipe."""
        return Recipe(
            plan=self.plan, data=self.data, network=self.network, objective=self.objective, game=self.game
        )


FlatFlags = Annotated[Flags, Parameter(name="*")]
NO_FLAGS = Flags()

RunFolder = Annotated[Path, Parameter(help="A run folder that `train` has written, or gallery:NAME.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Parameter(help="Device to compute on; auto takes a GPU if there is one."),
]
