"""A pool of past fakes: D does not forget what G made before (Shrivastava 2016, 1612.07828, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor


class FakePool:
    """Holds ``size`` fakes of ``shape``; each step half of the new ones are exchanged for such that came before, as in
    CycleGAN (Zhu 2017, 1703.10593, section 4)."""

    def __init__(self, size: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.fakes = torch.zeros(size, *shape, device=device)
        self.count = 0

    def exchange(self, fake: Tensor) -> Tensor:
        """New fakes (n, *shape) -> as many: the first ones fill the pool and come back; of later ones half are put into
        the pool for others that lay there. Draws from torch's current random state."""
        room = min(len(fake), len(self.fakes) - self.count)
        self.fakes[self.count : self.count + room] = fake[:room]
        self.count += room
        rows = torch.arange(room, len(fake), device=fake.device)
        rows = rows[torch.rand(len(rows), device=fake.device) < 0.5][: len(self.fakes)]
        places = torch.randperm(len(self.fakes), device=fake.device)[: len(rows)]
        mixed = fake.clone()
        mixed[rows] = self.fakes[places]
        self.fakes[places] = fake[rows]
        return mixed

    def state(self) -> dict[str, Tensor]:
        """What it holds, as tensors; ``restore`` is its inverse."""
        return {"fakes": self.fakes, "count": torch.tensor(self.count, device=self.fakes.device)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes over what ``state`` gave. Raises KeyError, RuntimeError or ValueError for anything else."""
        count = int(tensors["count"])
        if not 0 <= count <= len(self.fakes) or tensors["fakes"].shape != self.fakes.shape:
            raise ValueError(f"{count} fakes of {tuple(tensors['fakes'].shape)} are not such a pool")
        self.fakes.copy_(tensors["fakes"])
        self.count = count
