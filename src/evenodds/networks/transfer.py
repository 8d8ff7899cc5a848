"""What a network takes over from another one: tensors that stand in the same role, as far as their shapes go together.

Networks that draw pictures of other sizes agree at the coarse end: a doubling more or less stands at the picture. A
wider layer holds the narrower one as its first channels, which read none of the new ones, so that they say what they
said. Families whose layers do not double take over what is named alike and has the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from evenodds.networks.cascade import CascadeDiscriminator, CascadeGenerator
from evenodds.networks.fitting import begin_as_identity, fitted, picture_channels
from evenodds.networks.roles import Slot, aligned, keeps_picture, sized

How = Literal["whole", "partly", "channels", "size", "labels", "shape"]
"""How a tensor begins. Taken over: whole; partly, since one of both is wider; or with other channels of the picture.
Anew: since pictures are of another size, labels are others, or shapes are."""
COARSE = "coarse."
"""What the names of a cascade's coarse tensors begin with."""
TAKEN: tuple[How, ...] = ("whole", "partly", "channels")


class Match(NamedTuple):
    """A tensor of the new network, the one that it begins with, None for none, and how."""

    name: str
    source: str | None
    how: How


def take_over(new: nn.Module, old: nn.Module, tensors: Mapping[str, Tensor]) -> list[Match]:
    """Have ``new`` begin with the state ``tensors`` of a network built as ``old``, and say what became of each tensor.

    ``old`` may lie on the device `meta`: of it names, shapes and layers count. What is not taken over stays as it is in
    ``new``, but a layer that a size adds to r3gan begins as the identity, and one of style draws nothing yet: G draws
    its old picture, enlarged.
    """
    if is_cascade(old) or is_cascade(new):
        return take_over_stages(new, old, tensors)
    before, after = aligned(old, new)
    matches = matched(old, new)
    state = new.state_dict()
    with torch.no_grad():
        for match in matches:
            if match.source is not None:
                slots = before[match.source], after[match.name]
                value = fitted(
                    tensors[match.source].to(state[match.name]), state[match.name], *slots, old, new
                )
                state[match.name].copy_(cast(Tensor, value))
            elif match.how == "size" and after[match.name].role.endswith(".change.weight"):
                begin_as_identity(state[match.name])
            elif match.how == "size" and ".picture conv." in after[match.name].role:
                state[match.name].zero_()
    return matches


def take_over_stages(new: nn.Module, old: nn.Module, tensors: Mapping[str, Tensor]) -> list[Match]:
    """``take_over`` where pictures were or will be learnt coarse to fine: the coarse ends match each other, and what
    enlarges is taken over as it is."""
    (_, low_new), (prefix, low_old) = coarse_end(new), coarse_end(old)
    below = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    take_over(low_new, low_old, below)
    matches, state = matched(old, new), new.state_dict()
    with torch.no_grad():
        for match in matches:
            if is_cascade(new) and not match.name.startswith(COARSE) and match.source is not None:
                state[match.name].copy_(tensors[match.source])
    return matches


def matched_stages(old: nn.Module, new: nn.Module) -> list[Match]:
    """``matched`` where pictures were or will be learnt coarse to fine."""
    (to, low_new), (prefix, low_old) = coarse_end(new), coarse_end(old)
    matches = [
        Match(to + name, source and prefix + source, how) for name, source, how in matched(low_old, low_new)
    ]
    if is_cascade(new):
        olds = old.state_dict() if is_cascade(old) else {}
        for name, value in new.state_dict().items():
            if not name.startswith(COARSE):
                same = name in olds and olds[name].shape == value.shape
                matches.append(Match(name, name, "whole") if same else Match(name, None, "size"))
    return matches


def is_cascade(network: nn.Module) -> bool:
    """Whether a network plays coarse to fine."""
    return isinstance(network, CascadeGenerator | CascadeDiscriminator)


def coarse_end(network: nn.Module) -> tuple[str, nn.Module]:
    """The coarse part of a network that plays coarse to fine, with what its tensors' names begin with; all of another
    one."""
    return (COARSE, network.get_submodule("coarse")) if is_cascade(network) else ("", network)


def matched(old: nn.Module, new: nn.Module) -> list[Match]:
    """What ``take_over`` does with each tensor of ``new``, by names and shapes alone."""
    if is_cascade(old) or is_cascade(new):
        return matched_stages(old, new)
    before, after = aligned(old, new)
    sources = {slot.role: name for name, slot in before.items()}
    olds, news = ({name: value.to("meta") for name, value in one.state_dict().items()} for one in (old, new))
    matches = []
    for name, slot in after.items():
        source = sources.get(slot.role)
        if slot.role.startswith("picture.") and not keeps_picture(old, new):
            source = None
        if source is None:
            how: How = "labels" if slot.end == "labels" else "size" if sized(slot.role) else "shape"
        elif fitted(olds[source], news[name], before[source], slot, old, new) is None:
            source, how = None, "labels" if slot.end == "labels" else "shape"
        else:
            how = how_taken(olds[source], news[name], slot, old, new)
        matches.append(Match(name, source, how))
    return matches


def how_taken(was: Tensor, now: Tensor, slot: Slot, old: nn.Module, new: nn.Module) -> How:
    """How a tensor is taken over that is."""
    if slot.end == "picture" and picture_channels(was, old, slot) != picture_channels(now, new, slot):
        return "channels"
    return "whole" if was.shape == now.shape else "partly"
