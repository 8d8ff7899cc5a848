"""Both players of a recipe, new, and what their optimisers remember."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evenodds.config.settings import GameSettings, Recipe
from evenodds.core.bundle import Tensors
from evenodds.core.rng import seed_of, set_random
from evenodds.data.store import Store
from evenodds.game.step import Players
from evenodds.networks.autoregressive import AutoregressiveGenerator
from evenodds.networks.build import build
from evenodds.networks.ema import Average
from evenodds.networks.freezing import freeze
from evenodds.networks.optimizers import Adam
from evenodds.training.bins import begin_at_frequencies


def make_players(recipe: Recipe, store: Store, device: torch.device) -> Players:
    """Untrained players, the same for the same seed. Raises UserError where D has fewer layers than are frozen."""
    set_random(seed_of(recipe.plan.seed, "weights"), device)
    generator, discriminator = (
        network.to(device) for network in build(store.spec, recipe.network, store.condition)
    )
    if isinstance(generator, AutoregressiveGenerator):
        begin_at_frequencies(generator, store)
    game = recipe.game
    if game.freeze_d:
        freeze(discriminator, game.freeze_d)
    average = Average(generator, game.ema_half_life)
    return Players(
        generator,
        discriminator,
        average,
        make_optimizer(generator, game.lr_g, game),
        make_optimizer(discriminator, game.lr_d, game),
    )


def make_optimizer(network: nn.Module, rate: float, game: GameSettings) -> Adam:
    """Adam for the weights that learn, fused into one kernel."""
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    return Adam(learning, lr=rate, betas=(game.beta1, game.beta2), fused=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's memory as named tensors: `index.kind`."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{kind}": value for index, memory in state.items() for kind, value in memory.items()}


def optimizer_slots(tensors: Tensors) -> list[list[str]]:
    """Where both optimisers have memory: pairs of a group's name and a tensor's."""
    return [[group, name] for group in ("optimizer_g", "optimizer_d") for name in tensors[group]]


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Takes over what ``optimizer_tensors`` gave; rates stay the recipe's."""
    parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, kind = name.split(".")
        if value.dim():
            # The fused kernel walks weights and memory side by side: both must lie alike in memory.
            value = torch.empty_like(parameters[int(index)]).copy_(value)
        state.setdefault(int(index), {})[kind] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
