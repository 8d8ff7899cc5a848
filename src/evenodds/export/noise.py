"""Turns a network's internal randomness into an input, so that the exported network is a pure function."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class ExplicitNoise(TorchFunctionMode):
    """While it is entered, Gumbel draws and dropout take their uniform numbers from ``noise`` (n, k) in (0, 1), in the
    order in which they are asked for, and not from the random state.

    A hard Gumbel-softmax draw is the largest of logits - log(-log u) (Jang 2016, 1611.01144, equation 1), and dropout
    keeps what has u at least p, scaled by 1 / (1 - p). With no ``noise`` all numbers are one half: for counting, after
    which ``taken`` is k.
    """

    def __init__(self, noise: Tensor | None = None) -> None:
        super().__init__()
        self.noise, self.taken = noise, 0

    def take(self, like: Tensor) -> Tensor:
        """The next numbers, in the shape of ``like`` (n, ...)."""
        count, first = math.prod(like.shape[1:]), self.taken
        self.taken += count
        if self.noise is None:
            return torch.full_like(like, 0.5)
        return self.noise[:, first : self.taken].reshape(-1, *like.shape[1:])

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.gumbel_softmax:
            logits = args[0]
            best = (logits - torch.log(-torch.log(self.take(logits)))).argmax(1)
            return F.one_hot(best, logits.shape[1]).to(logits.dtype)
        if func is F.dropout:
            x, p = args[0], (kwargs or {})["p"]
            return x * (self.take(x) >= p) / (1 - p)
        return func(*args, **(kwargs or {}))


def noise_of(network: nn.Module, *inputs: Tensor | None) -> int:
    """How many uniform numbers a sample a network draws by itself."""
    counter = ExplicitNoise()
    with torch.inference_mode(), counter:
        network(*inputs)
    return counter.taken
