"""Several processes that play one game: who they are, and what they tell each other.

`torchrun` and `accelerate launch` set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT alike; nothing else is
read. Gradients are averaged by hand, once a turn, over one flat buffer: hooks that overlap them with the backward pass
(DistributedDataParallel) are wrong where a penalty differentiates twice.

Rank 0 leads: it looks, decides and writes, and announces every turn; the others (`hear`) play along. torch is imported
late, since the command line asks for the rank alone.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from evenodds.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.distributed import ProcessGroup

    Row = TypeVar("Row", bound=np.generic)

PATIENCE = "EVENODDS_PATIENCE"
"""The environment's name for how many seconds a silent rank is waited for."""
PATIENT = 600.0
"""So many where it says nothing: longer than rank 0's longest check."""

Result = TypeVar("Result")


class Lost(UserError):  # noqa: N818 - as its base
    """Another rank has gone, or is silent."""

    def __init__(self) -> None:
        super().__init__(
            "another rank of this training was lost: start all of them again, and the game goes on from its last "
            "checkpoint (torchrun --max-restarts does it by itself)"
        )


def rank() -> int:
    """Which of the processes this one is, from 0; 0 where there is one alone."""
    return _number("RANK", 0)


def size() -> int:
    """How many processes play together."""
    return _number("WORLD_SIZE", 1)


def local_rank() -> int:
    """Which of this machine's processes this one is: the GPU it takes."""
    return _number("LOCAL_RANK", 0)


def _number(name: str, without: int) -> int:
    text = os.environ.get(name, "")
    if text and not text.isdigit():
        raise UserError(f"the environment's {name} is {text!r} and no number, start with torchrun")
    return int(text) if text else without


class Team:
    """The processes of one game. A team of one does nothing and costs nothing."""

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        talk: ProcessGroup | None = None,
        device: torch.device | None = None,
    ) -> None:
        """``talk`` is a group of the CPU's for words; gradients go over the default one, on ``device``."""
        self.rank, self.size, self.talk, self.device = rank, size, talk, device

    @property
    def leads(self) -> bool:
        """Whether this is the process that looks, decides and writes."""
        return self.rank == 0

    def average(self, network: nn.Module) -> None:
        """Makes the gradients of a network the mean over all ranks: one message over one flat buffer."""
        if self.size > 1:
            self._mean([weight.grad for weight in network.parameters() if weight.grad is not None])

    def average_buffers(self, *networks: nn.Module) -> None:
        """Makes what networks remember beside their weights (batch normalisation's statistics) the mean over ranks."""
        if self.size > 1:
            buffers = [buffer for network in networks for buffer in network.buffers()]
            self._mean([buffer for buffer in buffers if buffer.is_floating_point()])

    def _mean(self, tensors: list[Tensor]) -> None:
        import torch
        from torch import distributed

        if not tensors:
            return
        with torch.no_grad(), _telling():
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            distributed.all_reduce(flat)
            flat /= self.size
            parts = flat.split_with_sizes([tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view(tensor.shape))

    def share_tensors(self, tensors: list[Tensor]) -> None:
        """Makes tensors of equal shapes on all ranks those of rank 0, in place."""
        from torch import distributed

        with _telling():
            for tensor in tensors if self.size > 1 else []:
                whole = tensor.detach().to(self.device or tensor.device).contiguous()
                distributed.broadcast(whole, 0)
                tensor.detach().copy_(whole)

    def share(self, message: Any = None) -> Any:
        """What rank 0 says, a JSON value, on all ranks."""
        import torch
        from torch import distributed

        if self.size == 1:
            return message
        content = bytearray(json.dumps(message).encode() if self.leads else b"")
        with _telling():
            length = torch.tensor([len(content)])
            distributed.broadcast(length, 0, group=self.talk)
            text = (
                torch.frombuffer(content, dtype=torch.uint8)
                if self.leads
                else torch.empty(int(length), dtype=torch.uint8)
            )
            distributed.broadcast(text, 0, group=self.talk)
        return json.loads(bytes(text.numpy()))

    def gather(self, rows: NDArray[Row]) -> NDArray[Row] | None:
        """Rows (n, ...) of all ranks in their order, on rank 0; None on the others. n may differ, 0 of any shape too;
        what a row is may not."""
        import numpy as np
        import torch
        from torch import distributed

        if self.size == 1:
            return rows
        mine = torch.zeros(1 + 8, dtype=torch.int64)
        mine[: 1 + rows.ndim] = torch.tensor([rows.ndim, *rows.shape])
        gathered = [torch.zeros_like(mine) for _ in range(self.size)]
        with _telling():
            distributed.all_gather(gathered, mine, group=self.talk)
            if not self.leads:
                if len(rows):
                    distributed.send(torch.from_numpy(np.ascontiguousarray(rows)), 0, group=self.talk)
                return None
            parts = [rows] if len(rows) else []
            for rank, (dimensions, count, *shape) in enumerate(one.tolist() for one in gathered):
                if rank and count:
                    part = torch.from_numpy(np.empty((count, *shape[: dimensions - 1]), rows.dtype))
                    distributed.recv(part, rank, group=self.talk)
                    parts.append(part.numpy())
        return np.concatenate(parts) if parts else rows

    def word(self, code: int, stop: bool = False) -> tuple[int, bool]:
        """Rank 0's word, and whether any rank is asked to stop: one small message on the CPU."""
        import torch
        from torch import distributed

        if self.size == 1:
            return code, stop
        with _telling():
            message = torch.tensor([code if self.leads else 0, int(stop)])
            distributed.all_reduce(message, distributed.ReduceOp.MAX, group=self.talk)
        return int(message[0]), bool(message[1])

    def first(self, work: Callable[[], Result]) -> Result | None:
        """Does ``work`` on rank 0 while the others wait, who return None. What it raises is told to all."""
        if self.size == 1:
            return work()
        if not self.leads:
            problem = self.share()
            if problem is not None:
                raise UserError(problem)
            return None
        try:
            result = work()
        except UserError as error:
            self.share(str(error))
            raise
        except BaseException as error:
            self.share(f"rank 0 has stopped ({type(error).__name__})")
            raise
        self.share(None)
        return result


ALONE = Team()


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """The processes that torchrun started, met and later parted; a team of one where it started none.

    Raises UserError where they do not meet, and Lost in the block where one of them goes.
    """
    if size() == 1:
        yield ALONE
        return
    from torch import distributed
    from torch.distributed.rendezvous import rendezvous

    patience = datetime.timedelta(seconds=float(os.environ.get(PATIENCE, "") or PATIENT))
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        store, mine, count = next(rendezvous("env://", timeout=patience))
        store = distributed.PrefixStore(_attempt(), store)  # type: ignore[attr-defined]
        distributed.init_process_group(backend, store=store, rank=mine, world_size=count, timeout=patience)
        talk = distributed.new_group(backend="gloo", timeout=patience)
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise UserError(
            f"the {size()} ranks did not meet ({first}): start all of them with torchrun"
        ) from error
    try:
        yield Team(rank(), size(), talk, device)
    finally:
        distributed.destroy_process_group()


def _attempt() -> str:
    """A name for this start of all ranks. On one machine torchrun keeps its store when it starts them again, and in it
    the addresses of those that are gone; several machines meet over a new one each time, and count their own starts."""
    alone = os.environ.get("GROUP_WORLD_SIZE", "1") == "1"
    return f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0') if alone else '0'}"


@contextmanager
def _telling() -> Iterator[None]:
    """Turns a broken connection into Lost."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise Lost from error
