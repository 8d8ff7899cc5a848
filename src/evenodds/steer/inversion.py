"""Inverts pictures to latents: an encoder's guess, then descent on pixels and D's features (in-domain inversion).

Zhu 2020, 2004.00049. No outside weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from evenodds.core import bundle
from evenodds.core.rng import seed_of, seeded
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import as_samples
from evenodds.data.store import Store
from evenodds.networks.build import build
from evenodds.networks.cascade import CascadeDiscriminator, shrink
from evenodds.networks.classifier import convolutional_body, descend
from evenodds.networks.conditional import ConcatDiscriminator, ProjectionDiscriminator
from evenodds.networks.optimizers import Adam
from evenodds.runs.run import Run
from evenodds.steer.styles import Latents

WIDTH = 32
STEPS, BATCH = 300, 32
"""Steps that the encoder is trained for, each on as many fakes as reals."""
DESCENT, RATE = 200, 0.05
"""Steps on the latents themselves."""
FEATURE_WEIGHT = 0.3
"""Weight of D's features relative to pixels."""
SPREAD_SAMPLES = 512
"""Reals whose variance is the unit of dissimilarity."""
LENGTH_WEIGHT = 0.02
"""Weight of the penalty on latents longer than those G was trained on."""

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


class Dissimilarity:
    """Dissimilarity of pictures, (n,): mean squared differences of pixels and of D's features, each over its variance.

    The variances are those of ``reals`` (n, *shape).
    """

    def __init__(self, features: Make, reals: Tensor) -> None:
        self.features = features
        with torch.no_grad():
            self.spreads = [part.var(0).mean().clamp_min(1e-8) for part in (reals, features(reals))]

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        pixels, feature_error = (
            (a - b).square().flatten(1).mean(1) / spread
            for a, b, spread in zip((x, self.features(x)), (y, self.features(y)), self.spreads, strict=True)
        )
        dissimilarity: Tensor = pixels + FEATURE_WEIGHT * feature_error
        return dissimilarity


def train_encoder(
    encoder: Encoder,
    generate: Make,
    draw_reals: Callable[[int], Tensor],
    dissimilarity: Dissimilarity,
    draw_latents: Callable[[int], Tensor],
) -> None:
    """Train an encoder on the latents of fakes, and on reals that G reconstructs; ``draw_reals`` and ``draw_latents``
    draw n."""

    def loss() -> Tensor:
        reals = draw_reals(BATCH)
        z = draw_latents(BATCH)
        with torch.no_grad():
            fakes = generate(z)
        latents = encoder(torch.cat([fakes, reals]))
        return (
            mse_loss(latents[:BATCH], z)
            + dissimilarity(generate(latents[BATCH:]), reals).mean()
            + length_penalty(latents).mean()
        )

    descend(encoder, loss, STEPS)


def optimize_latents(z: Tensor, x: Tensor, generate: Make, dissimilarity: Dissimilarity) -> Tensor:
    """Optimise latents z (n, latent) until G reconstructs pictures x (n, *shape): Adam with a cosine schedule."""
    z = z.detach().clone().requires_grad_(True)
    optimizer = Adam([z], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, DESCENT)
    for _ in range(DESCENT):
        loss = (dissimilarity(generate(z), x) + length_penalty(z)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return z.detach()


def length_penalty(z: Tensor) -> Tensor:
    """A penalty (n,) on latents (n, latent) longer than samples of N(0, 1), which G was not trained on."""
    penalty: Tensor = LENGTH_WEIGHT * (z.square().mean(1) - 1).relu()
    return penalty


class Inverter:
    """Inverts pictures x (n, *shape) in [-1, 1] to their nearest latents (n, latent)."""

    def __init__(self, encoder: Encoder, generate: Make, dissimilarity: Dissimilarity) -> None:
        self.encoder, self.generate, self.dissimilarity = encoder, generate, dissimilarity

    def __call__(self, x: Tensor) -> Tensor:
        """(n, *shape) -> (n, latent)."""
        return torch.cat([self.nearest(part) for part in x.split(BATCH)])

    def nearest(self, x: Tensor) -> Tensor:
        """As the call, for one batch."""
        with torch.no_grad():
            guess = self.encoder(x)
        return optimize_latents(guess, x, self.generate, self.dissimilarity)


def encoder_of(
    run: Run,
    spec: PictureSpec,
    store: Store,
    space: Latents,
    generate: Make,
    features: Make,
    device: torch.device,
) -> tuple[Encoder, Dissimilarity]:
    """Train or load the run's encoder, and return it with the dissimilarity that its loss is measured by.

    ``generate`` is the run's own G: the encoder is stored for its checkpoint, and a tuned G is another.
    """
    path, best = run.path / "encoder", run.checkpoints.best().name

    def draw_reals(count: int) -> Tensor:
        return as_samples(store, store.train(torch.randint(store.n_train, (count,)).numpy()), device)

    with seeded(seed_of(run.recipe.plan.seed, "encoder"), device):
        encoder = Encoder(spec, space.width).to(device)
        dissimilarity = Dissimilarity(features, draw_reals(SPREAD_SAMPLES))
        stored = bundle.read(path) if path.exists() else None
        if stored is not None and stored[1] == {"checkpoint": best}:
            encoder.load_state_dict(stored[0]["encoder"])
            encoder.eval()
        else:
            train_encoder(encoder, generate, draw_reals, dissimilarity, space.draw)
            bundle.write(path, {"encoder": encoder.state_dict()}, {"checkpoint": best})
    return encoder.requires_grad_(False), dissimilarity


def discriminator_features(run: Run, condition: Tensor | None, device: torch.device) -> Make:
    """The features of the D of the run's best checkpoint, as a function: pictures (n, *shape) -> (n, ...)."""
    with torch.random.fork_rng():
        _, discriminator = build(run.spec, run.recipe.network, run.condition)
    tensors, _ = bundle.read(run.checkpoints.best())
    discriminator.load_state_dict(tensors["discriminator"])
    return features_of(discriminator.eval().requires_grad_(False).to(device), condition)


def features_of(discriminator: Any, condition: Tensor | None) -> Make:
    """A D's features of pictures under one condition for all: of a cascade those at every size, side by side."""
    if isinstance(discriminator, CascadeDiscriminator):
        coarse, fine = features_of(discriminator.coarse, condition), discriminator.fine
        side = discriminator.side
        return lambda x: torch.cat([coarse(shrink(x, side)).flatten(1), fine.features(x).flatten(1)], dim=1)
    if isinstance(discriminator, ConcatDiscriminator) and condition is not None:
        concat: Any = discriminator
        return lambda x: concat.inner.features(concat.beside(x, condition))
    inner: Any = discriminator.inner if isinstance(discriminator, ProjectionDiscriminator) else discriminator
    features: Make = inner.features
    return features
