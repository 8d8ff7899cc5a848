"""Layers of D that stay as they are (FreezeD, Mo 2020, 2002.10964): what sees small places serves other data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from torch import nn

from evenodds.core.errors import UserError
from evenodds.networks.fast import FastDiscriminator
from evenodds.networks.roles import inner
from evenodds.networks.transfer import coarse_end


def freeze(discriminator: nn.Module, count: int) -> list[str]:
    """Have the ``count`` layers of D nearest to the picture learn nothing more, and return their tensors' names.

    Raises UserError where D has fewer; its last layer, which makes the score, always learns.
    """
    layers = list(layers_from_picture(discriminator))
    if count > len(layers):
        raise UserError(
            f"--freeze-d {count} is more than the {len(layers)} layers of D below its score, take a smaller one"
        )
    frozen = [weight for layer in layers[:count] for module in layer for weight in module.parameters()]
    for weight in frozen:
        weight.requires_grad_(False)
    return [name for name, weight in discriminator.named_parameters() if not weight.requires_grad]


def layers_from_picture(discriminator: nn.Module) -> Iterator[list[nn.Module]]:
    """D's layers from the sample on, each with what belongs to it, but for the last one, which makes the score."""
    _, core = inner(coarse_end(discriminator)[1])
    stages = getattr(core, "stages", None)
    if stages is not None:
        first, changing = cast(Any, core).from_picture, list(cast(Any, core).changes)
        for level, stage in enumerate(stages):
            yield [*([first] if level == 0 else []), stage, *changing[level : level + 1]]
        return
    if isinstance(core, FastDiscriminator):
        yield from ([block] for block in (core.first, *core.blocks))
        return
    layer: list[nn.Module] = []
    for module in cast(nn.Sequential, core.body):
        learns = isinstance(module, nn.Linear | nn.Conv2d)
        if learns and layer:
            yield layer
            layer = []
        if learns or layer:
            layer.append(module)
