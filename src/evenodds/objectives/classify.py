"""Training a classifier, of reals and fakes or of labels: cross-entropy, one cycle of the rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

RATE = 3e-3
DECAY = 1e-2


def fit(
    network: nn.Module,
    x: Tensor,
    real: Tensor,
    *,
    steps: int,
    batch: int = 128,
    change: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """Fits logits of ``network`` to which of x (n, ...) are ``real`` (n,), 1.0 or 0.0, and leaves it in eval mode.

    Minimises the cross-entropy by AdamW (Loshchilov and Hutter 2017, 1711.05101) over one cycle of the rate (Smith
    and Topin 2017, 1708.07120); both sides of a batch are of the same expected size, whatever theirs in x.
    ``change`` is applied to each batch. Random numbers come from torch's state.
    """
    share = real.mean()
    weights = torch.where(real > 0.5, 0.5 / share, 0.5 / (1 - share))

    def loss() -> Tensor:
        chosen = torch.multinomial(weights, min(batch, len(x)), replacement=True)
        sample = x[chosen] if change is None else change(x[chosen])
        return binary_cross_entropy_with_logits(network(sample), real[chosen])

    descend(network, loss, steps)


def fit_labels(
    network: nn.Module,
    x: Callable[[Tensor], Tensor],
    codes: Mapping[str, Tensor],
    *,
    steps: int,
    batch: int = 64,
) -> None:
    """Fits ``network``'s logits to the labels of samples, ``codes`` (n,) by name with -1 for none, as ``fit`` does.

    ``x`` gives the samples at places (m,) as (m, ...): they need not all lie in memory.
    """
    count = len(next(iter(codes.values())))

    def loss() -> Tensor:
        chosen = torch.randint(count, (batch,))
        said = network(x(chosen))
        parts = [cross_entropy(said[name], known[chosen], ignore_index=-1) for name, known in codes.items()]
        return torch.stack(
            [part for part in parts if part.isfinite()]
        ).sum()  # a batch may lack a label altogether

    descend(network, loss, steps)


def descend(network: nn.Module, loss: Callable[[], Tensor], steps: int) -> None:
    """Minimises a loss in so many steps, and leaves the network in eval mode."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, max(steps, 2))
    for _ in range(steps):
        found = loss()
        optimizer.zero_grad(set_to_none=True)
        found.backward()
        optimizer.step()
        schedule.step()
    network.eval()


@torch.inference_mode()
def logits(network: nn.Module, x: Tensor, batch: int = 512) -> Tensor:
    """The logits of x (n, ...): float32 (n,) on the CPU."""
    return torch.cat([network(part).float().cpu() for part in x.split(batch)])
