"""One dict from a network's name to what builds it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, SampleSpec
from evenodds.networks.conditional import ConcatDiscriminator, ProjectionDiscriminator, ValueGenerator
from evenodds.networks.dcgan import ConvDiscriminator, ConvGenerator
from evenodds.networks.mlp import DenseDiscriminator, DenseGenerator
from evenodds.networks.pix2pix import PatchDiscriminator, UNetGenerator
from evenodds.networks.r3gan import ResidualDiscriminator, ResidualGenerator
from evenodds.networks.resunet import ResidualPatchDiscriminator, ResidualUNet
from evenodds.networks.tabular import RowDiscriminator, RowGenerator


class Family(NamedTuple):
    """What builds a pair of players, which samples they are for, and whether a picture is given to them."""

    generator: Any
    discriminator: Any
    takes: tuple[type, ...]
    given_pictures: bool = False


FAMILIES: dict[str, Family] = {
    "gan": Family(DenseGenerator, DenseDiscriminator, (PictureSpec, RowSpec)),
    "dcgan": Family(ConvGenerator, ConvDiscriminator, (PictureSpec,)),
    "r3gan": Family(ResidualGenerator, ResidualDiscriminator, (PictureSpec,)),
    "tabular": Family(RowGenerator, RowDiscriminator, (RowSpec,)),
    "pix2pix": Family(UNetGenerator, PatchDiscriminator, (PictureSpec,), given_pictures=True),
    "resunet": Family(ResidualUNet, ResidualPatchDiscriminator, (PictureSpec,), given_pictures=True),
}


def family_for(spec: SampleSpec, settings: NetworkSettings, condition: Condition | None = None) -> Family:
    """The family that the settings name. Raises UserError where it is not made for samples of ``spec``, or not for
    the condition."""
    pictures = condition is not None and condition.pictures
    family = FAMILIES.get(settings.network)  # none where a recipe was changed by hand to leave it open
    if family is not None and isinstance(spec, family.takes) and family.given_pictures == pictures:
        return family
    kind = "pictures" if isinstance(spec, PictureSpec) else "tables"
    under = "" if condition is None else f" under --condition {condition.kind}"
    fitting = ", ".join(
        name
        for name, other in FAMILIES.items()
        if isinstance(spec, other.takes) and other.given_pictures == pictures
    )
    raise UserError(f"--network {settings.network} does not play on {kind}{under}, take one of: {fitting}")


def build(
    spec: SampleSpec, settings: NetworkSettings, condition: Condition | None = None
) -> tuple[nn.Module, nn.Module]:
    """(G, D) for samples of ``spec`` under a condition, drawn from torch's current random state.

    Raises UserError where the network is not made for such samples.
    """
    family = family_for(spec, settings, condition)
    judging = settings.model_copy(update={"width": settings.width_d or settings.width})
    players = pair(family, spec, settings, judging, condition)
    for weight in (weight for player in players for weight in player.parameters() if weight.dim() == 4):
        # Convolutions run up to twice as fast on this layout, on CPUs and GPUs alike. It is written anew: of one
        # channel or one place, `contiguous` finds it there already, and leaves strides that say the other.
        weight.data = torch.empty_like(weight, memory_format=torch.channels_last).copy_(weight.data)
    return players


def pair(
    family: Family,
    spec: SampleSpec,
    settings: NetworkSettings,
    judging: NetworkSettings,
    condition: Condition | None,
) -> tuple[nn.Module, nn.Module]:
    """(G, D) of a family, joined to the condition where it does not take it by itself."""
    made, seen = family.generator, family.discriminator
    if condition is None:
        return made(spec, settings), seen(spec, judging)
    if family.given_pictures:
        return made(spec, settings, condition), seen(spec, judging, condition)
    if made is RowGenerator and isinstance(spec, RowSpec):
        return RowGenerator(spec, settings, condition), seen(spec, judging)
    generator = ValueGenerator(made, spec, settings, condition)
    if condition.places:  # a row holds what was given
        return generator, seen(spec, judging)
    if settings.conditioning == "concat" and isinstance(spec, PictureSpec):
        return generator, ConcatDiscriminator(seen, spec, judging, condition)
    return generator, ProjectionDiscriminator(seen, spec, judging, condition)
