"""Settings that cannot go together, and those that the data cannot heed. No torch here."""

from __future__ import annotations

from evenodds.config.data_settings import DataSettings
from evenodds.config.settings import NetworkSettings, Recipe
from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec, SampleSpec

OF_PICTURES = ("size", "fit", "channels", "range", "direction", "frames")
DENSE_G, DENSE_D = ("tabular", "gan"), ("tabular", "autoregressive", "gan")
OF_TABLES = ("key", "exclude", "header", "rule", "faked")


def refuse_settings_of_others(recipe: Recipe, spec: SampleSpec) -> None:
    """Raises UserError for a setting of pictures chosen for a table, or one of tables for pictures."""
    table = isinstance(spec, RowSpec)
    foreign, kind = (OF_PICTURES, "pictures") if table else (OF_TABLES, "tables")
    defaults = DataSettings()
    for name in foreign:
        if getattr(recipe.data, name) != getattr(defaults, name):
            flag = "--no-header" if name == "header" else f"--{name}"
            this = "a table" if table else "pictures"
            raise UserError(f"{flag} is for {kind} only, leave it out for {this}")


def refuse_contradictions(recipe: Recipe, n_train: int) -> None:
    """Raises UserError for what cannot be played."""
    network, objective = recipe.network, recipe.objective
    if network.norm_d == "batch" and network.network != "dcgan":
        raise UserError("--norm-d batch is for dcgan alone, add --network dcgan or leave it out")
    if network.padding == "reflect" and network.network != "resunet":
        raise UserError("--padding reflect is for resunet alone, add --network resunet or leave it out")
    if network.norm_d == "batch" and objective.penalty != "none":
        raise UserError(
            f"--penalty {objective.penalty} with --norm-d batch is wrong: batch normalisation leaks the gradient "
            "between samples, take --norm-d none or --penalty none"
        )
    if objective.loss == "wasserstein" and (objective.penalty == "none" or objective.penalty_weight == 0):
        raise UserError(
            "--loss wasserstein needs a penalty to keep D's slope bounded, take --norm-d none "
            "--penalty interpolated and a weight above zero"
        )
    if recipe.game.freeze_d and recipe.plan.init is None:
        raise UserError(
            "--freeze-d keeps layers as --init gave them: name a run with --init, or leave it out"
        )
    refuse_layers(recipe.network)
    if recipe.game.batch > n_train:
        raise UserError(
            f"--batch {recipe.game.batch} is more than the {n_train} training samples, take a smaller one"
        )


def refuse_layers(settings: NetworkSettings) -> None:
    """Raises UserError for a number of layers that the network does not have to choose."""
    for flag, count, dense in (
        ("layers", settings.layers, DENSE_G),
        ("layers-d", settings.layers_d, DENSE_D),
    ):
        if count and settings.network not in dense:
            raise UserError(
                f"--{flag} {count} is for dense networks ({', '.join(dense)}), and this is {settings.network}: "
                "leave it out"
            )
