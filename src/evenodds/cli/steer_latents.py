"""What the `evenodds steer` commands share: opening a run's latent space, and latents of seeds and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from evenodds.cli.options import Device
from evenodds.cli.remarks import say

if TYPE_CHECKING:
    from torch import Tensor

    from evenodds.steer.editor import LatentEditor

Seeds = Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative="")]
SEEDS = (0, 1, 2, 3)
Picture = Annotated[str | None, Parameter(name="--picture")]


def steering_of(run: Path, device: Device) -> LatentEditor:
    """The latent space of a run. torch is imported here and not above."""
    from evenodds.core.device import find_device
    from evenodds.export.pretrained import open_run
    from evenodds.steer.editor import LatentEditor

    return LatentEditor(open_run(run), find_device(device))


def moving(
    steering: LatentEditor, seeds: tuple[int, ...], picture: str | None
) -> tuple[LatentEditor, Tensor]:
    """The latents (n, latent) of seeds, or of a person's own pictures with a G tuned to them."""
    if picture is None:
        return steering, steering.latents(seeds)
    pictures = steering.pictures(picture, say)[1]
    z, error = steering.invert(pictures)
    tuned = steering.tuned(z, pictures)
    after = tuned.reconstruction_error(z, pictures).mean()
    say(f"inverted, pixels off by {error.mean():.1%}, and by {after:.1%} once G is tuned")
    return tuned, z


def examples(steering: LatentEditor, named: tuple[str, ...]) -> Tensor:
    """The latents (n, latent) of examples: seeds as numbers, and picture files."""
    import torch

    parts = [
        steering.latents([int(name)])
        if name.isdecimal()
        else steering.invert(steering.pictures(name, say)[1])[0]
        for name in named
    ]
    return torch.cat(parts) if parts else torch.empty(0, steering.width)
