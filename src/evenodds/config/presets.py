"""A recipe: every room's settings composed, and the presets that measurement chose. No torch here."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel

from evenodds.config.contradictions import refuse_contradictions
from evenodds.config.settings import NetworkName, NetworkSettings, Recipe, ScaleName
from evenodds.config.stages import stages_of, written
from evenodds.config.unpaired import GAME, OBJECTIVE, refuse_without_partner
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, SampleSpec

Settings = TypeVar("Settings", bound=BaseModel)

TINY = 16
"""Largest side, in pixels (of a rectangle: of the square of as many), at which an MLP beats DCGAN on grayscale images;
on color images it learns next to nothing (docs/experiments/networks.md, 2026-11-26)."""


GENERATION = 3
"""Raised whenever presets change: a run keeps what those of its time chose."""


class Preset(NamedTuple):
    """What a network plays best with, where the user did not say otherwise: the entry is cited beside each."""

    network: dict[str, Any]
    objective: dict[str, Any]
    game: dict[str, Any]


PRESETS: dict[str, Preset] = {
    # docs/experiments/penalty.md, 2026-11-27: the exact penalty for the dense network.
    "gan": Preset(
        {"width": 128, "latent": 64},
        {"penalty": "r1r2", "penalty_weight": 0.1, "penalty_every": 4},
        {"lr_d": 5e-4, "lr_g": 5e-4},
    ),
    # docs/experiments/penalty.md, 2026-11-26: the exact penalty for dcgan.
    "dcgan": Preset(
        {"width": 32},
        {"penalty": "r1r2", "penalty_weight": 1.0, "penalty_every": 4},
        {"batch": 32, "lr_d": 1e-3, "lr_g": 1e-3},
    ),
    # docs/experiments/networks.md, 2026-11-22: no default on two cores.
    "r3gan": Preset(
        {"width": 16, "latent": 64},
        {"penalty": "r1r2", "penalty_weight": 1.0, "penalty_every": 4, "penalty_estimator": "difference"},
        {"batch": 32, "lr_d": 5e-4, "lr_g": 5e-4},
    ),
    # docs/experiments/style.md, 2026-11-29: no default; what suits dcgan, whose D it plays against.
    "style": Preset(
        {"width": 32, "latent": 64},
        {"penalty": "r1r2", "penalty_weight": 1.0, "penalty_every": 4},
        {"batch": 32, "lr_d": 1e-3, "lr_g": 1e-3},
    ),
    # docs/experiments/fast.md, 2026-11-29: no default; the relativistic objective of dcgan in place of the hinge.
    "fast": Preset(
        {"width": 32},
        {"penalty": "r1r2", "penalty_weight": 1.0, "penalty_every": 4},
        {"batch": 16, "lr_d": 5e-4, "lr_g": 5e-4},
    ),
    # docs/experiments/conditions.md, 2026-11-24: structural similarity in the loss, batches, rates.
    "pix2pix": Preset(
        {"width": 32},
        {"loss": "nonsaturating", "penalty": "none", "l1": 300.0, "ssim": 300.0},
        {"batch": 8, "lr_d": 1e-3, "lr_g": 1e-3, "beta1": 0.5, "beta2": 0.999},
    ),
    # docs/experiments/networks.md, 2026-11-24: behind pix2pix on two cores.
    "resunet": Preset(
        {"width": 16, "latent": 64},
        {
            "penalty": "r1r2",
            "penalty_weight": 1.0,
            "penalty_every": 4,
            "penalty_estimator": "difference",
            "l1": 10.0,
        },
        {"batch": 16, "lr_d": 5e-4, "lr_g": 5e-4},
    ),
    # docs/experiments/penalty.md, 2026-11-27: the exact penalty for tables; balance.md: two D steps.
    "tabular": Preset(
        {"width": 128, "latent": 32},
        {"penalty": "r1r2", "penalty_weight": 0.1, "penalty_every": 4, "penalty_estimator": "difference"},
        {"batch": 256, "ema_half_life": 200_000, "d_steps": 2},
    ),
    # docs/experiments/likelihood.md, 2026-11-29: likelihood first.
    "autoregressive": Preset(
        {"width": 16, "width_d": 128},
        {"penalty": "r1r2", "penalty_weight": 0.1, "penalty_every": 4, "penalty_estimator": "difference"},
        {"batch": 256, "ema_half_life": 200_000, "d_steps": 2, "likelihood": 0.7},
    ),
}

Kind = Literal["people", "table", "digits", "pictures"]
BUDGETS: dict[Kind, str] = {"people": "90s", "table": "2m", "digits": "5m", "pictures": "20m"}


MIXED = Preset({}, {}, {"patience": 10})
"""What differs for rows that have a category: rates that brought a game far soon keep it from the rest
(docs/experiments/tables.md, 2026-11-26)."""
MOSTLY = 0.5
"""Share of places that are categories' from which a table has the values of categories alone; with fewer they lie
between these and those of numbers, as the share does."""
LIGHTEST = (0.1, 0.02)
"""The penalty's weight where rows are many, of numbers and of categories: corners must be told apart by steep scores
(docs/experiments/tables.md, 2026-11-25)."""
MANY, FEWER_ROWS, HEAVIEST = 15_000, 1.5, 3.0
"""With fewer rows than MANY the weight of categories is heavier, by this power of how many times fewer, up to HEAVIEST:
D learns few rows by heart, and its scores must be flatter (docs/experiments/tables.md, 2026-11-28)."""
RATES = (1e-3, 2e-3)
"""Learning rates, of numbers and of categories."""
LARGEST_BATCH = (256, 512)
"""Rows in a batch where rows are many, of numbers and of categories."""
SMALLEST_BATCH, BATCH_GROWTH = 64, 3.2
"""A batch grows with the square root of the rows: what few rows say is soon said, and more rounds are played."""
FEW_COLUMNS = 4
"""Up to so many columns `tabular` plays, whose rows move as one; of more, a column is best drawn after another."""
GENTLY = 0.025
"""By how much slower than D a G moves that goes on from likelihood (docs/experiments/likelihood.md, 2026-11-29)."""
WIDE_TABLE = (40, 8)
"""With more spans than so many, autoregressive's G has so few units for each."""
TRIED = 64
"""Side, in px, of the square of as many pixels, up to which dcgan's penalty has the preset's weight."""
HEAVIER = 4.0
"""By how much more it weighs for larger pictures, and then as their pixels, the heuristic of Karras 2020 (2006.06676,
appendix C): 16 at 128 px, where 4 and 64 were worse; at 64 px 1 and 5 are alike
(docs/experiments/penalty.md, 2026-11-26)."""
WIDER = {8: 8, 16: 2}
"""Up to so many px dcgan is so many times as wide as its preset: a tiny picture leaves it two layers, or three
(docs/experiments/networks.md, 2026-11-27)."""
SCALES: dict[ScaleName, tuple[float, int]] = {"tiny": (0.5, 1), "base": (2, 2), "large": (4, 4)}
"""By how much wider the networks of each scale are than those of small, the preset's, and by how much their batches are
larger. dcgan's large is as wide as the paper's, with its batch (docs/experiments/networks.md, 2026-11-29)."""
SCALED = ("dcgan", "r3gan", "style", "fast", "pix2pix", "resunet")
"""Networks that have scales."""
SMALLER_PAYS, SMALL_PAYS = 64, 40_000
"""From so many px on auto takes tiny, unless the budget shows D so many pictures at small
(docs/experiments/scales.md, 2026-11-29)."""
FEW_PAIRS = 5_000
"""With fewer pairs to train on they are jittered, unless the user says otherwise."""


def resolve(
    recipe: Recipe, spec: SampleSpec, n_train: int, source: str, condition: Condition | None = None
) -> Recipe:
    """The recipe with every open choice made; what the user set is kept.

    Raises UserError for settings that contradict each other.
    """
    pictures = isinstance(spec, PictureSpec)
    name: NetworkName = recipe.network.network
    if name == "auto":
        name = best_network(spec, condition)
    stages = stages_of(recipe.network.stages, name, spec, condition)
    # Networks, rates and penalties suit the pictures that are learnt first.
    first = spec
    if stages and isinstance(spec, PictureSpec):
        first = spec.at_side(stages[0])
    scale = scale_of(recipe.network.scale, name)
    preset = scaled(preset_of(name, first, n_train), scale)
    if condition is not None and not condition.paired:
        preset = preset._replace(objective=preset.objective | OBJECTIVE, game=preset.game | GAME)
    game = filled(recipe.game, preset.game)
    if "batch" not in recipe.game.model_fields_set:
        game = game.model_copy(update={"batch": min(game.batch, n_train)})
    if condition is not None and condition.pictures and game.augment == "auto":
        game = game.model_copy(update={"augment": "on" if n_train < FEW_PAIRS else "off"})
    if game.augment == "auto" and not pictures:
        game = game.model_copy(update={"augment": "off"})
    if game.augment == "on" and not pictures:
        raise UserError("--augment on is for pictures only, leave it out for a table")
    game = game.model_copy(update={"mirror": mirror_of(recipe, spec, condition)})
    network = filled(recipe.network, preset.network).model_copy(
        update={"network": name, "scale": scale, "stages": written(stages)}
    )
    objective = filled(recipe.objective, preset.objective)
    if network.norm_d == "batch" and "penalty" not in recipe.objective.model_fields_set:
        objective = objective.model_copy(update={"penalty": "none"})
    plan = recipe.plan.model_copy(
        update={
            "budget": BUDGETS[kind_of(source, pictures)]
            if recipe.plan.budget == "auto"
            else recipe.plan.budget,
            "check_every": recipe.plan.check_every
            or (max(1, 3200 // first.side) if isinstance(first, PictureSpec) else 50),
        }
    )
    resolved = recipe.model_copy(
        update={"plan": plan, "network": network, "objective": objective, "game": game}
    )
    refuse_contradictions(resolved, n_train)
    refuse_without_partner(recipe, condition)
    return resolved


def mirror_of(recipe: Recipe, spec: SampleSpec, condition: Condition | None) -> Literal["auto", "on", "off"]:
    """Whether reals are mirrored; auto stays open for pictures, since it asks the data."""
    if isinstance(spec, PictureSpec) and (condition is None or not condition.pictures):
        return recipe.game.mirror
    if recipe.game.mirror == "on":
        if condition is not None and condition.pictures:
            raise UserError(
                "--mirror on is not for pictures made from a picture, leave it out: --augment on mirrors both alike"
            )
        raise UserError("--mirror on is for pictures only, leave it out for a table")
    return "off"


def best_network(spec: SampleSpec, condition: Condition | None = None) -> NetworkName:
    """The best at equal time (docs/experiments/networks.md): dense for tiny grey pictures, else convolutions."""
    if condition is not None and condition.pictures:
        return "pix2pix" if condition.paired else "resunet"
    if isinstance(spec, PictureSpec):
        return "gan" if spec.side <= TINY and spec.channels == 1 else "dcgan"
    columns = sum(span.kind != "choice" for span in spec.spans)
    return "tabular" if columns <= FEW_COLUMNS else "autoregressive"


def preset_of(name: NetworkName, spec: SampleSpec, n_train: int) -> Preset:
    """The preset of a network for so many such samples."""
    preset = PRESETS[name]
    if name in ("tabular", "autoregressive") and isinstance(spec, RowSpec):
        return tabular_preset(name, spec, n_train)
    network, objective = preset.network, preset.objective
    if name in ("dcgan", "style", "fast") and isinstance(spec, PictureSpec):
        wider = next((times for side, times in WIDER.items() if spec.side <= side), 1)
        network = network | {"width": network["width"] * wider}
        if spec.side > TRIED:
            heavier = HEAVIER * (spec.side / TRIED) ** 2
            objective = objective | {"penalty_weight": objective["penalty_weight"] * heavier}
    return preset._replace(network=network, objective=objective)


def scale_of(scale: ScaleName, network: NetworkName) -> ScaleName:
    """The scale that is played; small is the preset as it is. Raises UserError where the network has no other one."""
    if scale in ("auto", "small"):
        return "small"
    if network not in SCALED:
        raise UserError(f"--scale {scale} is for {', '.join(SCALED)}, and this is {network}: give --width")
    return scale


def scale_for(recipe: Recipe, resolved: Recipe, spec: SampleSpec, seen: float) -> ScaleName:
    """The scale of a resolved recipe whose budget shows D so many pictures: what the recipe leaves open is chosen."""
    left_open = recipe.network.scale == "auto" and "width" not in recipe.network.model_fields_set
    measured = isinstance(spec, PictureSpec) and spec.side >= SMALLER_PAYS
    if left_open and measured and resolved.network.network == "dcgan" and not resolved.network.sides:
        return "tiny" if seen < SMALL_PAYS else "small"
    return resolved.network.scale


def scaled(preset: Preset, scale: ScaleName) -> Preset:
    """The preset at a scale."""
    if scale == "small":
        return preset
    wider, larger = SCALES[scale]
    return preset._replace(
        network=preset.network | {"width": max(4, round(preset.network["width"] * wider))},
        game=preset.game | {"batch": preset.game["batch"] * larger},
    )


def tabular_preset(name: NetworkName, spec: RowSpec, n_train: int) -> Preset:
    """The preset of `tabular` or `autoregressive` for ``n_train`` rows: penalty, rates and batch by their number and by
    the share of their places that are categories'."""
    places = sum(span.width for span in spec.spans if span.kind == "category")
    share = min(1.0, places / spec.width / MOSTLY)
    lightest = rounded(between(LIGHTEST, share))
    heavier = LIGHTEST[1] * (MANY / n_train) ** FEWER_ROWS
    weight = rounded(min(HEAVIEST, max(lightest, heavier)))
    rate = rounded(between(RATES, share))
    batch = round(max(SMALLEST_BATCH, min(between(LARGEST_BATCH, share), BATCH_GROWTH * n_train**0.5)))
    network, objective, game = PRESETS[name]
    if name == "autoregressive":
        spans = len(spec.spans)
        units = WIDE_TABLE[1] if spans > WIDE_TABLE[0] else network["width"]
        network = network | {"latent": spans, "width": units}
    if spec.categorical:
        game = game | MIXED.game
    if weight > lightest:  # by difference a heavy penalty is mostly noise
        objective = objective | {"penalty_estimator": "exact"}
    gentle = GENTLY if name == "autoregressive" else 1.0
    return Preset(
        network,
        objective | {"penalty_weight": weight},
        game | {"batch": batch, "lr_d": rate, "lr_g": rounded(rate * gentle)},
    )


def between(ends: tuple[float, float], share: float) -> float:
    """The value so far on the way between both ends, each step by the same factor."""
    first, last = ends
    return float(first * (last / first) ** share)


def rounded(value: float) -> float:
    """To three digits, as a recipe shows it."""
    return float(f"{value:.3g}")


def filled(settings: Settings, preset: dict[str, Any]) -> Settings:
    """The settings with the preset's values where the user gave none."""
    unset = {key: value for key, value in preset.items() if key not in settings.model_fields_set}
    return settings.model_copy(update=unset)


def followed(network: NetworkSettings, other: NetworkSettings) -> NetworkSettings:
    """The settings with another network's values where the user gave none; `auto` is no choice."""
    settings = filled(network, other.model_dump())
    return settings.model_copy(update={"network": other.network}) if network.network == "auto" else settings


def kind_of(source: str, pictures: bool) -> Kind:
    """What the default budget goes by."""
    if source == "people":
        return "people"
    if source == "digits":
        return "digits"
    return "pictures" if pictures else "table"
