"""Any pair of players under a condition of chosen values: labels, or columns of a row (Mirza and Osindero 2014,
1411.1784)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, PictureSpec, SampleSpec
from evenodds.networks.dcgan import ConvDiscriminator
from evenodds.networks.fast import FastDiscriminator
from evenodds.networks.layers import fill_normal
from evenodds.networks.mlp import DenseDiscriminator
from evenodds.networks.r3gan import ResidualDiscriminator

Featured = (
    type[DenseDiscriminator] | type[ConvDiscriminator] | type[ResidualDiscriminator] | type[FastDiscriminator]
)
"""A D whose score is a linear function of its features."""

EMBEDDED = 32
"""Numbers that values become before they stand beside the latent vector, or beside a picture's channels."""


class ValueGenerator(nn.Module):
    """G(z, c): (n, latent), (n, condition.spec.width) -> (n, *spec.shape). ``family`` makes the G(z) inside, whose
    latent vector is z beside an embedding of c; columns of a row stand in it as they were given."""

    places: Tensor

    def __init__(
        self,
        family: type[nn.Module],
        spec: SampleSpec,
        settings: NetworkSettings,
        condition: Condition,
    ) -> None:
        super().__init__()
        self.embed = embedding(condition)
        self.inner = family(spec, settings.model_copy(update={"latent": settings.latent + EMBEDDED}))
        self.register_buffer("places", torch.tensor(condition.places, dtype=torch.long), persistent=False)

    def joined(self, z: Tensor, c: Tensor) -> Tensor:
        """What the G inside takes for its latent vector, (n, latent + EMBEDDED)."""
        return torch.cat([z, self.embed(c)], dim=1)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        x: Tensor = self.inner(self.joined(z, c))
        if len(self.places):
            x = x.index_copy(1, self.places, c)
        return x


class ProjectionDiscriminator(nn.Module):
    """D(x, c): (n, *spec.shape), (n, condition.spec.width) -> (n,): the score of ``family``'s features h, and how well
    c fits them: s(h) + <V c, h> (Miyato and Koyama 2018, 1802.05637, equation 3)."""

    def __init__(
        self,
        family: Featured,
        spec: Any,
        settings: NetworkSettings,
        condition: Condition,
    ) -> None:
        super().__init__()
        self.inner = family(spec, settings)
        self.project = nn.Linear(condition.spec.shape[0], self.inner.n_features, bias=False)
        nn.init.zeros_(self.project.weight)  # it starts as the D that knows no condition

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.score(self.inner.features(x), c)

    def score(self, features_of_x: Tensor, c: Tensor) -> Tensor:
        """The scores (n,) of features under c."""
        fit: Tensor = self.project(c) * features_of_x.flatten(1)
        return self.inner.score(features_of_x) + fit.sum(1)

    @property
    def reconstructs(self) -> bool:
        """Whether the D inside also reconstructs reals."""
        return isinstance(self.inner, FastDiscriminator)

    def score_and_reconstruct(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """As that of the D inside, under c."""
        features_of_x, loss = cast(FastDiscriminator, self.inner).features_and_loss(x, x)
        return self.score(features_of_x, c), loss


class ConcatDiscriminator(nn.Module):
    """D(x, c) of pictures x: an embedding of c as further channels, the same at every place (Mirza 2014, section 3)."""

    def __init__(
        self,
        family: type[nn.Module],
        spec: PictureSpec,
        settings: NetworkSettings,
        condition: Condition,
    ) -> None:
        super().__init__()
        self.embed = embedding(condition)
        wider = replace(spec, channels=spec.channels + EMBEDDED)
        self.reconstructs = issubclass(family, FastDiscriminator)
        self.inner = family(wider, settings, **{"beside": EMBEDDED} if self.reconstructs else {})

    def beside(self, x: Tensor, c: Tensor) -> Tensor:
        """(n, C, H, W), (n or 1, condition.spec.width) -> (n, C + EMBEDDED, H, W)."""
        beside = self.embed(c)[:, :, None, None].expand(len(x), -1, *x.shape[-2:])
        return torch.cat([x, beside], dim=1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        score: Tensor = self.inner(self.beside(x, c))
        return score

    def score_and_reconstruct(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """As that of the D inside, which reconstructs the picture alone."""
        inner = cast(FastDiscriminator, self.inner)
        features_of_x, loss = inner.features_and_loss(self.beside(x, c), x)
        return inner.score(features_of_x), loss


def embedding(condition: Condition) -> nn.Linear:
    """(n, width) -> (n, EMBEDDED), of a latent vector's scale for a one-hot column."""
    layer = nn.Linear(condition.spec.shape[0], EMBEDDED, bias=False)
    fill_normal(layer.weight)
    return layer
