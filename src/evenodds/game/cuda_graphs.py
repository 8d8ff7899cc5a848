"""Turns on a GPU, recorded and replayed: a turn is hundreds of small kernels, which take longer to launch than to run,
and a CUDA graph launches all of them at once (PyTorch's notes on CUDA semantics, "CUDA graphs")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor

Turn = Callable[..., Tensor]
"""Tensors, or None in place of one -> the loss. All else that a turn needs lies where it lay when it was recorded."""

WARM = 3
"""Turns of a kind that are played as they stand before one is recorded: libraries load their kernels, and optimisers
make their memory."""


class Recorded(NamedTuple):
    """A turn as a graph, where it looks for what it is given, and where it puts its loss."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor | None, ...]
    loss: Tensor

    def play(self, inputs: tuple[Tensor | None, ...]) -> Tensor:
        for static, value in zip(self.inputs, inputs, strict=True):
            if static is not None and value is not None:
                static.copy_(value)
        self.graph.replay()
        return self.loss.clone()


class CudaGraphRunner:
    """Plays turns on a device; on a GPU, from the WARM-th of a kind on, by one that it recorded.

    A kind is one way to be played: the same kernels on tensors of the same shapes. ``forget`` says that one of them
    is now played otherwise. Random numbers are those that the turn would have drawn: a replay draws from the device's
    random state as it is then. Where a graph has no room in the device's memory, all turns are played as they stand
    from then on.
    """

    def __init__(
        self, device: torch.device, optimizers: tuple[torch.optim.Optimizer, ...], on: bool = True
    ) -> None:
        """``optimizers`` are those that turns end with a step of; without ``on`` all turns are played as they stand."""
        self.on = on and device.type == "cuda"
        self.optimizers = optimizers
        self.stream: Any = torch.cuda.Stream(device) if self.on else None  # type: ignore[no-untyped-call]
        self.invalidate()

    def invalidate(self) -> None:
        """Rates, the penalty's weight, augmentation, the optimisers' memory or the parts of a batch are others now."""
        self.played: Counter[Hashable] = Counter()
        self.recorded: dict[Hashable, Recorded] = {}
        self.pool = torch.cuda.graph_pool_handle() if self.on else None

    def play(self, kind: Hashable, turn: Turn, *inputs: Tensor | None) -> Tensor:
        """The loss of a turn on what it is given."""
        if not self.on:
            return turn(*inputs)
        if kind not in self.recorded:
            self.played[kind] += 1
            if self.played[kind] <= WARM:
                return self.run_on_side_stream(turn, inputs)
            with suppress(torch.OutOfMemoryError):
                self.recorded[kind] = self.record(turn, inputs)
        if kind not in self.recorded:
            self.on = False
            self.invalidate()
            return turn(*inputs)
        return self.recorded[kind].play(inputs)

    def run_on_side_stream(self, turn: Turn, inputs: tuple[Tensor | None, ...]) -> Tensor:
        """Plays a turn on the stream that turns are recorded on, where libraries then have their workspaces."""
        now = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(now)
        with torch.cuda.stream(self.stream):
            loss = turn(*inputs)
        now.wait_stream(self.stream)
        return loss

    def record(self, turn: Turn, inputs: tuple[Tensor | None, ...]) -> Recorded:
        """Writes down a turn without playing it. Raises OutOfMemoryError where it has no room."""
        graph = torch.cuda.CUDAGraph()
        room = tuple(None if tensor is None else tensor.clone() for tensor in inputs)
        # Another thread may use the device meanwhile: the studio shows runs while it trains one.
        alone = torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local")
        with capturable(self.optimizers), alone:
            loss = turn(*room)
        return Recorded(graph, room, loss)


@contextmanager
def capturable(optimizers: tuple[torch.optim.Optimizer, ...]) -> Iterator[None]:
    """Optimisers refuse to be recorded without this flag, and warn where they have it and are not. Fused ones count
    their steps on the device with and without it."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False
