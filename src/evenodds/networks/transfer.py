"""What a network takes over from another one: tensors that stand in the same role, as far as their shapes go together.

Networks that draw pictures of other sizes agree at the coarse end: a doubling more or less stands at the picture. A
wider layer holds the narrower one as its first channels, which read none of the new ones, so that they say what they
said. Families whose layers do not double take over what is named alike and has the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.networks.cascade import CascadeDiscriminator, CascadeGenerator
from evenodds.networks.conditional import (
    EMBEDDED,
    ConcatDiscriminator,
    ProjectionDiscriminator,
    ValueGenerator,
)
from evenodds.networks.dcgan import ConvDiscriminator, ConvGenerator
from evenodds.networks.mlp import DenseGenerator
from evenodds.networks.r3gan import ResidualDiscriminator, ResidualGenerator

How = Literal["whole", "partly", "channels", "size", "labels", "shape"]
"""How a tensor begins. Taken over: whole; partly, since one of both is wider; or with other channels of the picture.
Anew: since pictures are of another size, labels are others, or shapes are."""
COARSE = "coarse."
"""What the names of a cascade's coarse tensors begin with."""
TAKEN: tuple[How, ...] = ("whole", "partly", "channels")
End = Literal["inside", "latent", "picture", "labels", "exact"]
"""What a layer is joined to: others alone; the latent vector, the picture or labels; ``exact`` takes no other shape."""


class Slot(NamedTuple):
    """Where a tensor stands in a network: a ``role`` that networks of other sizes have, too."""

    role: str
    module: nn.Module
    end: End


class Match(NamedTuple):
    """A tensor of the new network, the one that it begins with, None for none, and how."""

    name: str
    source: str | None
    how: How


def take_over(new: nn.Module, old: nn.Module, tensors: Mapping[str, Tensor]) -> list[Match]:
    """Have ``new`` begin with the state ``tensors`` of a network built as ``old``, and say what became of each tensor.

    ``old`` may lie on the device `meta`: of it names, shapes and layers count. What is not taken over stays as it is in
    ``new``, but a layer that a size adds to r3gan begins as the identity: G draws its old picture, enlarged.
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


# Roles


def inner(network: nn.Module) -> tuple[str, nn.Module]:
    """The network that knows no labels, and what its tensors' names begin with."""
    if isinstance(network, ValueGenerator | ProjectionDiscriminator | ConcatDiscriminator):
        return "inner.", network.inner
    return "", network


def aligned(old: nn.Module, new: nn.Module) -> tuple[dict[str, Slot], dict[str, Slot]]:
    """The slots of both networks, with levels counted from the end at which both are alike."""
    from_picture = not levels_agree(old, new)
    return slots(old, from_picture), slots(new, from_picture)


def levels_agree(old: nn.Module, new: nn.Module) -> bool:
    """Whether two networks are alike from the coarse end on. Of residual ones, whose channels stop growing there, one
    may have a layer between two levels where channels stay in the other."""
    cores = inner(old)[1], inner(new)[1]
    if not all(isinstance(core, ResidualGenerator | ResidualDiscriminator) for core in cores):
        return True
    both = min(len(cast(Any, core).stages) for core in cores)
    first, second = ({slot.role for slot in slots(network, False).values()} for network in (old, new))
    names = (f"level {level}.change.weight" for level in range(1, both))
    return all((name in first) == (name in second) for name in names)


def slots(network: nn.Module, from_picture: bool) -> dict[str, Slot]:
    """Every tensor of a network's state by its name. Levels are counted from the coarse end or ``from_picture``."""
    prefix, core = inner(network)
    named = {}
    for name in network.state_dict():
        path, _, attribute = name.rpartition(".")
        module = network.get_submodule(path)
        if prefix and not name.startswith(prefix):
            named[name] = Slot(name, module, "labels")
            continue
        within = path.removeprefix(prefix.rstrip(".")).lstrip(".")
        role = f"{role_of(within, core, from_picture)}.{attribute}".lstrip(".")
        named[name] = Slot(role, module, end_of(role, core))
    return named


def role_of(path: str, core: nn.Module, from_picture: bool) -> str:
    """The role of a module of ``core``; its name where layers do not double."""
    if isinstance(core, ConvGenerator | ConvDiscriminator):
        return conv_role(int(path.removeprefix("body.")), core)
    if isinstance(core, ResidualGenerator | ResidualDiscriminator):
        return residual_role(path, core, from_picture)
    return path


def conv_role(index: int, core: ConvGenerator | ConvDiscriminator) -> str:
    """The role of a layer of dcgan, by its place among the convolutions."""
    convs = [
        number for number, layer in enumerate(core.body) if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    ]
    nth, last = sum(number <= index for number in convs) - 1, len(convs) - 1
    kind = "conv" if index in convs else "norm"
    if isinstance(core, ConvGenerator):
        return "picture" if nth == last else f"level {nth}.{kind}"
    return "score" if nth == last else "picture" if nth == 0 else f"level {last - 1 - nth}.{kind}"


def residual_role(path: str, core: ResidualGenerator | ResidualDiscriminator, from_picture: bool) -> str:
    """The role of a layer of r3gan. A change between two levels is the finer one's."""
    kind, _, rest = path.partition(".")
    if kind not in ("stages", "changes"):
        return "picture" if kind in ("to_picture", "from_picture") else path
    index, _, within = rest.partition(".")
    level, drawn = int(index), isinstance(core, ResidualGenerator)
    if kind == "changes" and drawn:
        level += 1
    if drawn == from_picture:
        level = len(core.stages) - 1 - level
    return f"level {level}.{'change' if kind == 'changes' else f'stage.{within}'}"


def sized(role: str) -> bool:
    """Whether a layer is there or not by the size of pictures."""
    return role.startswith(("level ", "picture."))


def end_of(role: str, core: nn.Module) -> End:
    """What the layer of a role is joined to."""
    grows = isinstance(core, ConvGenerator | ConvDiscriminator | ResidualGenerator | ResidualDiscriminator)
    first = {
        ConvGenerator: "level 0.conv.weight",
        ResidualGenerator: "modulate.weight",
        DenseGenerator: "body.0.weight",
    }
    if role == first.get(cast(Any, type(core))):
        return "latent"
    if not grows:
        return "exact"
    drawn = isinstance(core, ConvGenerator | ResidualGenerator)
    return "picture" if role == "picture.weight" or (drawn and role == "picture.bias") else "inside"


def keeps_picture(old: nn.Module, new: nn.Module) -> bool:
    """Whether the layer at the picture is the same of both. With a doubling more or less dcgan's D still looks for the
    same in small places, and r3gan's new layers begin as the identity; other layers at the picture are joined to
    channels that mean something else."""
    core = inner(new)[1]
    if isinstance(core, ResidualGenerator | ResidualDiscriminator):
        more = len(core.stages) - len(cast(Any, inner(old)[1]).stages)
        return more >= 0 or not levels_agree(old, new)
    if isinstance(core, ConvGenerator):
        return len(core.body) == len(cast(Any, inner(old)[1]).body)
    return True


# Shapes


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
    """A map of the coarsest level, side x side, for another side; where it is summed over, the sum stays alike."""
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
    return isinstance(inner(network)[1], ConvGenerator | ResidualGenerator | DenseGenerator)


def beside(network: nn.Module) -> int:
    """Numbers of the labels' embedding beside a latent vector or a picture's channels."""
    return EMBEDDED if isinstance(network, ValueGenerator | ConcatDiscriminator) else 0


def groups(module: nn.Module) -> int:
    """Groups of a convolution, 1 of any other layer."""
    return module.groups if isinstance(module, nn.Conv2d) else 1


def score_places(network: nn.Module) -> tuple[int, ...]:
    """Height and width of the map from which dcgan's D scores, and which labels are projected on; nothing of others."""
    core = inner(network)[1]
    return cast(nn.Conv2d, core.body[-1]).kernel_size if isinstance(core, ConvDiscriminator) else ()
