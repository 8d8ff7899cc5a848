"""How a tensor takes over another one of the same role and another shape."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.networks.conditional import (
    EMBEDDED,
    ConcatDiscriminator,
    ValueGenerator,
)
from evenodds.networks.dcgan import ConvDiscriminator, ConvGenerator
from evenodds.networks.fast import FastDiscriminator, FastGenerator
from evenodds.networks.mlp import DenseGenerator
from evenodds.networks.r3gan import ResidualGenerator
from evenodds.networks.roles import Slot, inner
from evenodds.networks.style import StyleGenerator


def fitted(
    was: Tensor, now: Tensor, old_slot: Slot, slot: Slot, old: nn.Module, new: nn.Module
) -> Tensor | None:
    """``now`` with what is taken over of ``was`` in its place, None where their shapes do not go together."""
    if slot.end == "exact" or was.dim() != now.dim() or not was.dim():
        return was if was.shape == now.shape else None
    if slot.end == "labels":
        same = was.shape[1:] == now.shape[1:] and score_places(old) == score_places(new)
        return first_channels(was, now, slot.module) if same else None
    was = resized(was, now, slot.module)
    if slot.end == "latent":
        return side_by_side(was, now, slot.module, beside(old), beside(new))
    if slot.end == "picture":
        return at_picture(was, now, slot, old, new)
    if was.dim() > 1 and max(groups(old_slot.module), groups(slot.module)) > 1:
        return in_groups(was, now, groups(old_slot.module))
    return first_channels(was, now, slot.module)


def in_front(value: Tensor, module: nn.Module) -> Tensor:
    """The tensor with what it makes in its first axis and what it reads in its second; of the same memory."""
    return value.movedim(1, 0) if isinstance(module, nn.ConvTranspose2d) and value.dim() > 1 else value


def reads(value: Tensor, module: nn.Module) -> bool:
    """Whether a tensor has an axis of channels that it reads."""
    return value.dim() > 1 and isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)


def first_channels(was: Tensor, now: Tensor, module: nn.Module) -> Tensor:
    """The old channels first, as many as there is room for; they read no new ones."""
    result = now.clone()
    here, there = in_front(result, module), in_front(was, module)
    made = min(len(here), len(there))
    if reads(now, module):
        both = min(here.shape[1], there.shape[1])
        here[:made, :both] = there[:made, :both]
        here[:made, both:] = 0
    else:
        here[:made] = there[:made]
    return result


def in_groups(was: Tensor, now: Tensor, old_groups: int) -> Tensor | None:
    """A grouped convolution's first groups, where groups are of one size, or one group inside a larger one."""
    result, made = now.clone(), min(len(was), len(now))
    if was.shape[1] == now.shape[1]:
        result[:made] = was[:made]
        return result
    if old_groups > 1 or was.shape[1] > now.shape[1]:
        return None
    result[:made, : was.shape[1]] = was[:made]
    result[:made, was.shape[1] :] = 0
    return result


def side_by_side(was: Tensor, now: Tensor, module: nn.Module, old_beside: int, new_beside: int) -> Tensor:
    """The layer that reads the latent vector: its first numbers, and those of what stands beside it, labels' embedding;
    numbers that are new begin as they are in ``now``."""
    result = now.clone()
    here, there = in_front(result, module), in_front(was, module)
    made = min(len(here), len(there))
    old_width, new_width = there.shape[1] - old_beside, here.shape[1] - new_beside
    both = min(old_width, new_width)
    here[:made, :both] = there[:made, :both]
    if old_beside and new_beside:
        here[:made, new_width:] = there[:made, old_width:]
    return result


def at_picture(was: Tensor, now: Tensor, slot: Slot, old: nn.Module, new: nn.Module) -> Tensor:
    """The layer that makes the picture or reads it. Gray and color: G draws one channel as many, or many as their mean;
    D reads many as it read one, or a gray picture as if all channels were it."""
    channels = picture_channels(now, new, slot)
    if draws(new):
        there = in_front(was, slot.module)
        if len(there) != channels:
            there = there.mean(0, keepdim=True).expand(channels, *there.shape[1:])
        return first_channels(in_front(there, slot.module), now, slot.module)
    seen = picture_channels(was, old, slot)
    part, rest = was[:, :seen], was[:, seen:]
    if seen != channels:
        part = (part.sum(1, keepdim=True) / channels).expand(-1, channels, *part.shape[2:])
    result, made = now.clone(), min(len(was), len(now))
    result[:made, :channels] = part[:made]
    if rest.shape[1] and now.shape[1] > channels:
        result[:made, channels:] = rest[:made]
    return result


def picture_channels(value: Tensor, network: nn.Module, slot: Slot) -> int:
    """The picture's channels, of the layer that makes it or reads it."""
    if draws(network):
        return len(in_front(value, slot.module))
    return value.shape[1] - beside(network)


def resized(was: Tensor, now: Tensor, module: nn.Module) -> Tensor:
    """A map of the coarsest level for one of other places; where it is summed over, the sum stays alike."""
    if was.dim() < 3 or was.shape[-2:] == now.shape[-2:]:
        return was
    more = was.unsqueeze(0) if was.dim() == 3 else was
    more = F.interpolate(more, size=now.shape[-2:], mode="bilinear", align_corners=False)
    if isinstance(module, nn.Conv2d):
        more = more * (was.shape[-1] * was.shape[-2] / (now.shape[-1] * now.shape[-2]))
    return more.reshape(*was.shape[:-2], *now.shape[-2:])


def begin_as_identity(weight: Tensor) -> None:
    """A 1 x 1 convolution (after, before, 1, 1) whose first channels out are the first ones in."""
    both = min(weight.shape[:2])
    weight[:both] = 0
    weight[range(both), range(both)] = 1


def draws(network: nn.Module) -> bool:
    """Whether the network is a generator."""
    return isinstance(
        inner(network)[1],
        ConvGenerator | ResidualGenerator | StyleGenerator | FastGenerator | DenseGenerator,
    )


def beside(network: nn.Module) -> int:
    """Numbers of the labels' embedding beside a latent vector or a picture's channels."""
    return EMBEDDED if isinstance(network, ValueGenerator | ConcatDiscriminator) else 0


def groups(module: nn.Module) -> int:
    """Groups of a convolution, 1 of any other layer."""
    return module.groups if isinstance(module, nn.Conv2d) else 1


def score_places(network: nn.Module) -> tuple[int, ...]:
    """Height and width of the map from which dcgan's D or fast's scores, and which labels are projected on; nothing of
    others."""
    core = inner(network)[1]
    if isinstance(core, FastDiscriminator):
        return core.last.kernel_size
    return cast(nn.Conv2d, core.body[-1]).kernel_size if isinstance(core, ConvDiscriminator) else ()
