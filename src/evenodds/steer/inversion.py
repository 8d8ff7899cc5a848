"""A person's own picture to the nearest latent: an encoder's guess, then descent on pixels and D's features (Zhu 2020,
2004.00049, in-domain inversion). No outside weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from evenodds.core import bundle
from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import as_samples
from evenodds.data.store import Store
from evenodds.networks.build import build
from evenodds.networks.classifier import convolutional_body, descend
from evenodds.networks.conditional import ConcatDiscriminator, ProjectionDiscriminator
from evenodds.networks.generate import draw
from evenodds.networks.optimizers import Adam
from evenodds.runs.run import Run

WIDTH = 32
STEPS, BATCH = 300, 32
"""How long the encoder learns, on as many fakes as reals a step."""
DESCENT, RATE = 200, 0.05
"""Steps on the latents themselves."""
SEEN = 0.3
"""Weight of D's features beside the pixels."""
SPREAD = 512
"""Reals whose spread is the unit of unlikeness."""
STRAY = 0.02
"""Weight of what a latent is longer than those G was trained on."""

Make = Callable[[Tensor], Tensor]
"""Latents (n, latent) -> samples (n, *shape), differentiable."""


class Encoder(nn.Module):
    """Pictures (n, *spec.shape) -> latents (n, latent)."""

    def __init__(self, spec: PictureSpec, latent: int) -> None:
        super().__init__()
        self.body, self.last = convolutional_body(spec, WIDTH), nn.Linear(2 * WIDTH, latent)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.last(self.body(x))
        return z


class Likeness:
    """How unlike pictures are, (n,): the mean squared difference of pixels and of D's features, each over its spread
    among reals x (n, *shape)."""

    def __init__(self, look: Make, reals: Tensor) -> None:
        self.look = look
        with torch.no_grad():
            self.spreads = [part.var(0).mean().clamp_min(1e-8) for part in (reals, look(reals))]

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        pixels, seen = (
            (a - b).square().flatten(1).mean(1) / spread
            for a, b, spread in zip((x, self.look(x)), (y, self.look(y)), self.spreads, strict=True)
        )
        unlike: Tensor = pixels + SEEN * seen
        return unlike


def learn(encoder: Encoder, make: Make, some: Callable[[int], Tensor], unlike: Likeness, latent: int) -> None:
    """Trains an encoder: the latents of fakes, and reals that G makes again from its answer. ``some`` draws reals."""

    def loss() -> Tensor:
        reals = some(BATCH)
        z = draw(BATCH, latent, reals.device)
        with torch.no_grad():
            fakes = make(z)
        found = encoder(torch.cat([fakes, reals]))
        return mse_loss(found[:BATCH], z) + unlike(make(found[BATCH:]), reals).mean() + stray(found).mean()

    descend(encoder, loss, STEPS)


def approach(z: Tensor, x: Tensor, make: Make, unlike: Likeness) -> Tensor:
    """Latents (n, latent) moved until G makes pictures (n, *shape) as well as it can: Adam, the rate falling as a
    cosine."""
    z = z.detach().clone().requires_grad_(True)
    optimizer = Adam([z], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, DESCENT)
    for _ in range(DESCENT):
        loss = (unlike(make(z), x) + stray(z)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return z.detach()


def stray(z: Tensor) -> Tensor:
    """A penalty (n,) on latents (n, latent) longer than N(0, 1) has them, whose fakes nobody has judged."""
    penalty: Tensor = STRAY * (z.square().mean(1) - 1).relu()
    return penalty


class Inverter:
    """Pictures x (n, *shape) in [-1, 1] to their nearest latents."""

    def __init__(self, encoder: Encoder, make: Make, unlike: Likeness) -> None:
        self.encoder, self.make, self.unlike = encoder, make, unlike

    def __call__(self, x: Tensor) -> Tensor:
        """(n, *shape) -> (n, latent)."""
        return torch.cat([self.nearest(part) for part in x.split(BATCH)])

    def nearest(self, x: Tensor) -> Tensor:
        """As the call, for a batch."""
        with torch.no_grad():
            guess = self.encoder(x)
        return approach(guess, x, self.make, self.unlike)


def encoder_of(
    run: Run, spec: PictureSpec, store: Store, make: Make, look: Make, device: torch.device
) -> tuple[Encoder, Likeness]:
    """The run's encoder, trained the first time and stored for that state of the run, and what its loss goes by.

    ``make`` is the run's own G: a tuned one would spoil what is stored.
    """
    latent = run.recipe.network.latent
    path, best = run.path / "encoder", run.checkpoints.best().name

    def some(count: int) -> Tensor:
        return as_samples(store, store.train(torch.randint(store.n_train, (count,)).numpy()), device)

    with torch.random.fork_rng():
        set_random(seed_of(run.recipe.plan.seed, "encoder"), device)
        encoder = Encoder(spec, latent).to(device)
        unlike = Likeness(look, some(SPREAD))
        stored = bundle.read(path) if path.exists() else None
        if stored is not None and stored[1] == {"checkpoint": best}:
            encoder.load_state_dict(stored[0]["encoder"])
            encoder.eval()
        else:
            learn(encoder, make, some, unlike, latent)
            bundle.write(path, {"encoder": encoder.state_dict()}, {"checkpoint": best})
    return encoder.requires_grad_(False), unlike


def look_of(run: Run, given: Tensor | None, device: torch.device) -> Make:
    """The features of the D that played beside the run's best G: pictures (n, *shape) -> (n, ...)."""
    with torch.random.fork_rng():
        _, discriminator = build(run.spec, run.recipe.network, run.condition)
    tensors, _ = bundle.read(run.checkpoints.best())
    discriminator.load_state_dict(tensors["discriminator"])
    discriminator = discriminator.eval().requires_grad_(False).to(device)
    if isinstance(discriminator, ConcatDiscriminator) and given is not None:
        concat: Any = discriminator
        return lambda x: concat.inner.features(concat.beside(x, given))
    inner: Any = discriminator.inner if isinstance(discriminator, ProjectionDiscriminator) else discriminator
    look: Make = inner.features
    return look
