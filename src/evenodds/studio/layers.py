"""What happens inside the players: their maps for one sample, layer by layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evenodds.core import bundle
from evenodds.networks.build import build
from evenodds.runs.run import Run

SHOWN = 8
"""Maps of a layer that are shown: those that vary most."""


class Layer(NamedTuple):
    """A layer's maps for one sample: how many there are, their side in pixels, and some of them as uint8 (m, H, W)."""

    channels: int
    side: int
    maps: NDArray[np.uint8]


def players(run: Run) -> tuple[nn.Module, nn.Module]:
    """The run's averaged G and its D, at the best state, ready to look at."""
    with torch.random.fork_rng():
        generator, discriminator = build(run.spec, run.recipe.network, run.condition)
    tensors, _ = bundle.read(run.checkpoints.best())
    generator.load_state_dict(tensors["average"])
    discriminator.load_state_dict(tensors["discriminator"])
    return generator.eval(), discriminator.eval()


@torch.inference_mode()
def inside(network: nn.Module, *inputs: Any) -> tuple[Tensor, list[Layer]]:
    """What a network answers to one sample, and its maps wherever their side changes, in the order they arise."""
    seen: list[Tensor] = []

    def keep(module: nn.Module, inputs: Any, answer: Any) -> None:
        if isinstance(answer, Tensor) and answer.dim() == 4 and answer.shape[-1] > 1:
            # The next layer may change it in place.
            seen.append(answer[0].clone())

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(keep) for module in leaves]
    try:
        answer: Tensor = network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    sides = [maps.shape[-1] for maps in seen]
    last = [maps for maps, side, after in zip(seen, sides, [*sides[1:], 0], strict=False) if side != after]
    return answer, [layer(maps) for maps in last]


def layer(maps: Tensor) -> Layer:
    """Maps (channels, H, W) as they are shown, each from its darkest to its brightest."""
    flat = maps.flatten(1)
    order = flat.std(1).argsort(descending=True)[:SHOWN]
    chosen = maps[order].float()
    low = chosen.amin((1, 2), keepdim=True)
    span = (chosen.amax((1, 2), keepdim=True) - low).clamp_min(1e-9)
    shown = ((chosen - low) / span * 255).round().to(torch.uint8).numpy()
    return Layer(len(maps), maps.shape[-1], shown)
