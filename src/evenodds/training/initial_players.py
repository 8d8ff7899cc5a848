"""Begins a game with the networks of another one: what fits is taken over, and what does not is said."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from evenodds.config.presets import followed, preset_of
from evenodds.config.settings import NetworkSettings, Recipe
from evenodds.config.sizes import start_of
from evenodds.config.stages import stages_of
from evenodds.core.bundle import fits
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, SampleSpec
from evenodds.data.store import Store
from evenodds.game.step import Players
from evenodds.networks.build import build, families_for
from evenodds.networks.freezing import freeze
from evenodds.networks.r3gan import WIDEST
from evenodds.networks.transfer import TAKEN, How, Match, matched, take_over
from evenodds.runs.initial_weights import InitialWeights

TOLD: tuple[How, ...] = ("channels", "partly", "size", "labels", "shape")
"""What is said of tensors that are not taken over as they are."""
LARGEST_WIDTH = 4096


def with_network_of(recipe: Recipe, initial: InitialWeights, store: Store) -> Recipe:
    """The recipe with the network of what it begins with, where the user left that open.

    Raises UserError where that network does not learn such samples, or where the user asks for another one.
    """
    theirs, families = initial.settings.network, families_for(store.spec, store.condition)
    if theirs not in families:
        raise UserError(
            f"--init {initial.name} was trained with {theirs} on {described(initial.spec, initial.condition)}, and "
            f"this is {described(store.spec, store.condition)}: begin with a run of {' or '.join(families)}"
        )
    network = followed(recipe.network, fitting_width(initial, store, recipe.network))
    if network.network != theirs:
        raise UserError(
            f"--init {initial.name} was trained with {theirs}, which {network.network} cannot take over: leave "
            f"--network out, or begin with a run of {network.network}"
        )
    return recipe.model_copy(update={"network": network})


def described(spec: SampleSpec, condition: Condition | None) -> str:
    """What is learnt, in words."""
    kind = "pictures" if isinstance(spec, PictureSpec) else "rows"
    return kind if condition is None else f"{kind} under --condition {condition.kind}"


def fitting_width(initial: InitialWeights, store: Store, chosen: NetworkSettings) -> NetworkSettings:
    """Their settings at the width at which coarse layers are as wide as there, and for larger pictures no narrower than
    the preset, nor wider than theirs: each doubling at the picture has half the channels of the one before."""
    settings, before, spec = initial.settings, initial.spec, store.spec
    if "stages" in chosen.model_fields_set:
        settings = settings.model_copy(update={"stages": chosen.stages})
    elif before.shape[1:] != spec.shape[1:]:  # other stages, too
        settings = settings.model_copy(update={"stages": "off"})
    if not (
        settings.network in ("dcgan", "r3gan", "style", "fast")
        and isinstance(before, PictureSpec)
        and isinstance(spec, PictureSpec)
    ):
        return settings
    stages = stages_of(settings.stages, settings.network, spec, store.condition)
    first = spec.at_side(stages[0] if stages else spec.shorter)
    first_before = before.at_side((*initial.settings.sides, before.shorter)[0])
    was, now = (start_of(*one.size).doublings for one in (first_before, first))
    halvings = max(was, now) - (settings.network != "r3gan")
    if 2**halvings > WIDEST and (
        now > was or settings.network == "r3gan"
    ):  # the coarsest layers are all as wide
        return settings
    preset = preset_of(settings.network, first, store.n_train).network["width"]
    widths = {
        name: max(math.ceil(width * 2.0 ** (was - now)), min(width, preset) if now > was else 0)
        for name in ("width", "width_d")
        if (width := getattr(settings, name))
    }
    return settings.model_copy(update={name: min(LARGEST_WIDTH, width) for name, width in widths.items()})


def refuse_frozen_anew(recipe: Recipe, initial: InitialWeights, store: Store) -> None:
    """Raises UserError where layers of D are to stay as they are that D does not have, or that begin anew."""
    count = recipe.game.freeze_d
    if not count:
        return
    _, old = unmade(initial.settings, initial.spec, initial.condition)
    _, new = unmade(recipe.network, store.spec, store.condition)
    frozen = freeze(new, count)
    if "discriminator" not in initial.read():
        raise UserError(
            f"--freeze-d keeps layers of D, and {initial.name} holds G alone: leave --freeze-d out"
        )
    anew = [match for match in matched(old, new) if match.name in frozen and match.how not in TAKEN]
    if anew:
        raise UserError(
            f"--freeze-d {count} would keep layers of D that begin anew ({', '.join(layers(anew))}), take a smaller one"
        )


def unmade(
    settings: NetworkSettings, spec: SampleSpec, condition: Condition | None
) -> tuple[nn.Module, nn.Module]:
    """G and D as names and shapes, without memory for their weights."""
    with torch.device("meta"):
        return build(spec, settings, condition)


def begin_with(players: Players, initial: InitialWeights) -> list[dict[str, Any]]:
    """Have new players take over the weights of others; optimisers remember nothing yet.

    Returns what is said of it, as reasons of the event `init`. Raises UserError where the weights do not read, or are
    of other networks than their recipe says.
    """
    tensors = initial.read()
    generator, discriminator = unmade(initial.settings, initial.spec, initial.condition)
    tensors.setdefault("generator", tensors["average"])
    parts = [
        ("generator", players.generator, generator),
        ("average", players.average.network, generator),
        ("discriminator", players.discriminator, discriminator),
    ]
    matches: dict[str, list[Match]] = {}
    for name, new, old in parts:
        if name not in tensors:
            continue
        if not fits({key: value.shape for key, value in old.state_dict().items()}, tensors[name]):
            raise UserError(
                f"--init {initial.name} holds other networks than its recipe says, begin with another run"
            )
        matches[name] = take_over(new, old, tensors[name])
    return reasons(initial.name, players, matches)


def reasons(name: str, players: Players, matches: dict[str, list[Match]]) -> list[dict[str, Any]]:
    """What was taken over, and layers that were not or not as they are, by why; ``runs.messages`` has the sentences."""
    first, second = matches["generator"], matches.get("discriminator", [])
    facts: list[dict[str, Any]] = [
        {
            "code": "init_taken",
            "source": name,
            "taken_g": count_taken(first),
            "of_g": len(first),
            "taken_d": count_taken(second),
            "of_d": len(players.discriminator.state_dict()),
        }
    ]
    for how in TOLD:
        parts = [
            f"{player} {', '.join(layers(match for match in some if match.how == how))}"
            for player, some in (("G", first), ("D", second))
            if any(match.how == how for match in some)
        ]
        if parts:
            facts.append({"code": f"init_{how}", "layers": "; ".join(parts)})
    if not second:
        facts.append({"code": "init_alone", "source": name})
    return facts


def count_taken(matches: list[Match]) -> int:
    """How many tensors are taken over, whole or in part."""
    return sum(match.how in TAKEN for match in matches)


def layers(matches: Iterable[Match]) -> list[str]:
    """The layers of tensors, named as far as a reader counts them, each once."""
    paths = (match.name.removeprefix("inner.").split(".") for match in matches)
    return list(
        dict.fromkeys(".".join(path[:2] if path[1:2] and path[1].isdigit() else path[:1]) for path in paths)
    )
