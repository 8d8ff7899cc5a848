"""Which role each tensor of a network plays: the same in networks that draw pictures of other sizes."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

from torch import nn

from evenodds.networks.conditional import ConcatDiscriminator, ProjectionDiscriminator, ValueGenerator
from evenodds.networks.dcgan import ConvDiscriminator, ConvGenerator
from evenodds.networks.fast import SKIPPED, FastDiscriminator, FastGenerator
from evenodds.networks.mlp import DenseGenerator
from evenodds.networks.r3gan import ResidualDiscriminator, ResidualGenerator
from evenodds.networks.style import StyleGenerator

End = Literal["inside", "latent", "picture", "labels", "exact"]
"""What a layer is joined to: others alone; the latent vector, the picture or labels; ``exact`` takes no other shape."""


GROWING = (
    ConvGenerator,
    ConvDiscriminator,
    ResidualGenerator,
    ResidualDiscriminator,
    StyleGenerator,
    FastGenerator,
    FastDiscriminator,
)
"""Networks that have more levels for larger pictures."""


class Slot(NamedTuple):
    """Where a tensor stands in a network: a ``role`` that networks of other sizes have, too."""

    role: str
    module: nn.Module
    end: End


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
    if isinstance(core, StyleGenerator):
        return style_role(path)
    if isinstance(core, FastGenerator | FastDiscriminator):
        return fast_role(path, core)
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


def style_role(path: str) -> str:
    """The role of a layer of style. Each level draws a picture of its own, which the finer ones are added to."""
    kind, _, rest = path.partition(".")
    level, _, within = rest.partition(".")
    if kind == "layers":
        return f"level {level}.{within}".rstrip(".")
    return f"level {level}.picture {within}" if kind == "pictures" else path


def fast_role(path: str, core: FastGenerator | FastDiscriminator) -> str:
    """The role of a layer of fast. An excitation is the level's whose channels it gates; decoders keep their names."""
    kind, _, rest = path.partition(".")
    index, _, within = rest.partition(".")
    if kind in ("to_picture", "first"):
        return "picture"
    if kind == "levels":
        return f"level {index}.{within}"
    if kind == "excitations":
        return f"level {int(index) + SKIPPED}.{within}"
    if kind == "blocks":
        return f"level {len(cast(Any, core).blocks) - 1 - int(index)}.{within}"
    return path


def sized(role: str) -> bool:
    """Whether a layer is there or not by the size of pictures."""
    return role.startswith(("level ", "picture.", "whole.", "part."))


def end_of(role: str, core: nn.Module) -> End:
    """What the layer of a role is joined to."""
    grows = isinstance(core, GROWING)
    first = {
        ConvGenerator: "level 0.conv.weight",
        ResidualGenerator: "modulate.weight",
        StyleGenerator: "mapping.0.weight",
        FastGenerator: "level 0.conv.weight",
        DenseGenerator: "body.0.weight",
    }
    if role == first.get(cast(Any, type(core))):
        return "latent"
    if not grows or role.endswith(".noise"):  # made smaller or larger it would be of another strength
        return "exact"
    if isinstance(core, StyleGenerator):
        return "picture" if ".picture conv." in role else "inside"
    drawn = isinstance(core, ConvGenerator | ResidualGenerator | FastGenerator)
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
    if isinstance(core, FastGenerator):
        return len(core.levels) == len(cast(Any, inner(old)[1]).levels)
    return True
