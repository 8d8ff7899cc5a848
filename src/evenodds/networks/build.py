"""One dict from a network's name to what builds it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from evenodds.config.settings import NetworkSettings
from evenodds.config.stages import stages_of, written
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, SampleSpec
from evenodds.networks.autoregressive import AutoregressiveGenerator
from evenodds.networks.cascade import CascadeDiscriminator, CascadeGenerator, Enlarger, PatchScore
from evenodds.networks.conditional import ConcatDiscriminator, ProjectionDiscriminator, ValueGenerator
from evenodds.networks.dcgan import ConvDiscriminator, ConvGenerator
from evenodds.networks.fast import FastDiscriminator, FastGenerator
from evenodds.networks.mlp import DenseDiscriminator, DenseGenerator
from evenodds.networks.pix2pix import PatchDiscriminator, UNetGenerator
from evenodds.networks.r3gan import ResidualDiscriminator, ResidualGenerator
from evenodds.networks.resunet import ResidualPatchDiscriminator, ResidualUNet
from evenodds.networks.style import StyleGenerator
from evenodds.networks.tabular import RowDiscriminator, RowGenerator


class Family(NamedTuple):
    """What builds a pair of players, which samples they are for, and whether a picture is given to them."""

    generator: Any
    discriminator: Any
    takes: tuple[type, ...]
    given_pictures: bool = False
    unpaired: bool = False
    """Whether its G can compare what it makes with a picture that no real belongs to."""

    def plays_under(self, condition: Condition | None) -> bool:
        """Whether the family is made for a condition, or for none."""
        pictures = condition is not None and condition.pictures
        return self.given_pictures == pictures and (condition is None or condition.paired or self.unpaired)


ENLARGER = 32
"""Width of what plays after the first stage: larger pictures have no more to be said of a patch."""

FAMILIES: dict[str, Family] = {
    "gan": Family(DenseGenerator, DenseDiscriminator, (PictureSpec, RowSpec)),
    "dcgan": Family(ConvGenerator, ConvDiscriminator, (PictureSpec,)),
    "r3gan": Family(ResidualGenerator, ResidualDiscriminator, (PictureSpec,)),
    "style": Family(StyleGenerator, ConvDiscriminator, (PictureSpec,)),
    "fast": Family(FastGenerator, FastDiscriminator, (PictureSpec,)),
    "tabular": Family(RowGenerator, RowDiscriminator, (RowSpec,)),
    "autoregressive": Family(AutoregressiveGenerator, RowDiscriminator, (RowSpec,)),
    "pix2pix": Family(UNetGenerator, PatchDiscriminator, (PictureSpec,), given_pictures=True),
    "resunet": Family(
        ResidualUNet, ResidualPatchDiscriminator, (PictureSpec,), given_pictures=True, unpaired=True
    ),
}


def family_for(spec: SampleSpec, settings: NetworkSettings, condition: Condition | None = None) -> Family:
    """The family that the settings name. Raises UserError where it is not made for samples of ``spec``, or not for
    the condition."""
    family = FAMILIES.get(settings.network)  # none where a recipe was changed by hand to leave it open
    if family is not None and isinstance(spec, family.takes) and family.plays_under(condition):
        return family
    kind = "pictures" if isinstance(spec, PictureSpec) else "tables"
    under = "" if condition is None else f" under --condition {condition.kind}"
    fitting = ", ".join(families_for(spec, condition))
    raise UserError(f"--network {settings.network} does not play on {kind}{under}, take one of: {fitting}")


def families_for(spec: SampleSpec, condition: Condition | None = None) -> list[str]:
    """The names of the families that are made for samples of ``spec`` under a condition."""
    return [
        name
        for name, family in FAMILIES.items()
        if isinstance(spec, family.takes) and family.plays_under(condition)
    ]


def build(
    spec: SampleSpec, settings: NetworkSettings, condition: Condition | None = None
) -> tuple[nn.Module, nn.Module]:
    """(G, D) for samples of ``spec`` under a condition, drawn from torch's current random state.

    Raises UserError where the network is not made for such samples.
    """
    made = build_generator(spec, settings, condition)
    return made, channels_last(discriminator(spec, settings, condition))


def build_generator(
    spec: SampleSpec, settings: NetworkSettings, condition: Condition | None = None
) -> nn.Module:
    """G alone, the same as ``build`` makes. Raises UserError where the network is not made for such samples."""
    return channels_last(generator(spec, settings, condition))


def generator_shapes(
    spec: SampleSpec, settings: NetworkSettings, condition: Condition | None = None
) -> dict[str, torch.Size]:
    """The names and shapes of G's weights, found without memory for them: a recipe may ask for any size."""
    with torch.device("meta"):
        weights = generator(spec, settings, condition).state_dict()
    return {name: weight.shape for name, weight in weights.items()}


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its convolutions in the layout on which they run up to twice as fast, on CPUs and GPUs alike."""
    for weight in (weight for weight in network.parameters() if weight.dim() == 4):
        # It is written anew: of one channel or one place, `contiguous` finds it there already, and leaves strides that
        # say the other.
        weight.data = torch.empty_like(weight, memory_format=torch.channels_last).copy_(weight.data)
    return network


def generator(spec: SampleSpec, settings: NetworkSettings, condition: Condition | None) -> nn.Module:
    """G of the family, joined to the condition where it does not take it by itself."""
    made = family_for(spec, settings, condition).generator
    network: nn.Module
    smaller = coarse(spec, settings, condition)
    if smaller is not None:
        small = smaller[0]
        enlarge = Enlarger(small, ENLARGER, spec.shape[-1] // small.width)
        network = CascadeGenerator(generator(*smaller, condition), enlarge)
    elif condition is None:
        network = made(spec, settings)
    elif made in (RowGenerator, AutoregressiveGenerator, UNetGenerator, ResidualUNet):
        network = made(spec, settings, condition)
    else:
        network = ValueGenerator(made, spec, settings, condition)
    return network


def discriminator(spec: SampleSpec, settings: NetworkSettings, condition: Condition | None) -> nn.Module:
    """D of the family, of its own width, joined to the condition where it does not take it by itself."""
    family = family_for(spec, settings, condition)
    network: nn.Module
    smaller = coarse(spec, settings, condition)
    if smaller is not None:
        small = smaller[0]
        return CascadeDiscriminator(
            discriminator(*smaller, condition), PatchScore(small, ENLARGER), small.shorter
        )
    settings = settings.model_copy(
        update={
            "width": settings.width_d or settings.width,
            "layers": settings.layers_d or settings.layers,
        }
    )
    if condition is None or condition.places:  # a row holds what was given
        network = family.discriminator(spec, settings)
    elif family.given_pictures:
        network = family.discriminator(spec, settings, condition)
    elif settings.conditioning == "concat" and isinstance(spec, PictureSpec):
        network = ConcatDiscriminator(family.discriminator, spec, settings, condition)
    else:
        network = ProjectionDiscriminator(family.discriminator, spec, settings, condition)
    return network


def coarse(
    spec: SampleSpec, settings: NetworkSettings, condition: Condition | None
) -> tuple[PictureSpec, NetworkSettings] | None:
    """The smaller pictures that are learnt before those of ``spec``, and the settings of what plays them; None where
    there are none. Raises UserError for stages that cannot be played."""
    sides = stages_of(settings.stages, settings.network, spec, condition)
    if not sides or not isinstance(spec, PictureSpec):
        return None
    return spec.at_side(sides[-2]), settings.model_copy(update={"stages": written(sides[:-1])})
