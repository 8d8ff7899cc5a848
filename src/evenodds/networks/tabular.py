"""Networks for rows: dense, with a head for each column span in G and Fourier features in D."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from evenodds.networks.layers import SLOPE, FourierFeatures, bounded, dense, drawn
from evenodds.networks.settings import NetworkSettings
from evenodds.spec import Condition, RowSpec

FREQUENCIES = 32
"""Random projections in D; 32 lifted high-quality samples on the 25-grid from 63 % to 91 %."""
HEAD = 64
"""Hidden units of a head of G."""
STEEPER = 2.0
"""What belongs together must be told apart sharply: logits grow so much faster."""
SCALE = 1.0
"""Standard deviation of the frequencies, in radians a normal score."""


class RowGenerator(nn.Module):
    """G(z): (n, latent) -> (n, spec.width).

    Every hidden layer also sees what came before it, as CTGAN's generator does (Xu 2019, 1907.00503, section
    4.4), but without batch normalisation. Categories are drawn one after another, each seeing those before it, and
    numbers see them all: drawn each for itself, columns that belong together come apart (docs/evidence.md).

    Given values c (n, width) are known from the first layer on, and stand in the row as they were given.
    """

    order: Tensor

    def __init__(self, spec: RowSpec, settings: NetworkSettings, condition: Condition | None = None) -> None:
        super().__init__()
        w = settings.width
        given = () if condition is None else condition.places
        enters = settings.latent + len(given)
        self.first = nn.Linear(enters, w)
        self.second = nn.Linear(enters + w, w)
        self.third = nn.Linear(enters + 2 * w, w)
        known = enters + 3 * w
        asked = [span for span in spec.spans if span.start not in given]
        self.choices = [span for span in asked if span.kind == "category"]
        numbers = [place for span in asked if span.kind == "number" for place in range(span.start, span.stop)]
        heads = []
        for span in self.choices:
            heads.append(Head(known, span.width))
            known += span.width
        if numbers:
            heads.append(Head(known, len(numbers)))
        self.heads = nn.ModuleList(heads)
        # From what is given and made, choices first, to the table's order.
        choices = [place for span in self.choices for place in range(span.start, span.stop)]
        made = [*given, *choices, *numbers]
        self.register_buffer("order", torch.tensor(made).argsort(), persistent=False)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = z if c is None else torch.cat([z, c], dim=1)
        for layer in (self.first, self.second, self.third):
            x = torch.cat([x, nn.functional.leaky_relu(layer(x), SLOPE)], dim=1)
        made: list[Tensor] = []
        for place, (head, begun) in enumerate(zip(self.heads, self.begin(x), strict=True)):
            values = head(begun, made)
            made.append(drawn(values) if place < len(self.choices) else bounded(values))
        given = [] if c is None else [c]
        row: Tensor = torch.cat([*given, *made], dim=1)[:, self.order]
        return row

    def begin(self, x: Tensor) -> tuple[Tensor, ...]:
        """What every head sees of x (n, known before any choice), in one product: a tensor a head."""
        layers = [cast(Head, head).first for head in self.heads]
        weight = torch.cat([layer.weight[:, : x.shape[1]] for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        return nn.functional.linear(x, weight, bias).split_with_sizes(
            [len(layer.bias) for layer in layers], 1
        )


class Head(nn.Module):
    """(n, known) -> (n, count): a straight line and, STEEPER, a bend through one hidden layer.

    ``first`` holds both, the bend's hidden layer and then the line. What it sees comes in two parts: ``begun``, its
    product with what all heads know (n, HEAD + count), and the ``chosen`` categories before it.
    """

    def __init__(self, known: int, count: int) -> None:
        super().__init__()
        self.first = nn.Linear(known, HEAD + count)
        self.second = nn.Linear(HEAD, count)

    def forward(self, begun: Tensor, chosen: list[Tensor]) -> Tensor:
        if chosen:
            seen = torch.cat(chosen, dim=1)
            begun = begun + nn.functional.linear(seen, self.first.weight[:, -seen.shape[1] :])
        made: Tensor = begun[:, HEAD:] + STEEPER * self.second(
            nn.functional.leaky_relu(begun[:, :HEAD], SLOPE)
        )
        return made


class RowDiscriminator(nn.Module):
    """D(x): (n, spec.width) -> (n,), one unbounded score a sample, higher for real; x itself holds what was given."""

    def __init__(self, spec: RowSpec, settings: NetworkSettings) -> None:
        super().__init__()
        w = settings.width
        features = FourierFeatures(spec.width, FREQUENCIES, SCALE)
        self.body = nn.Sequential(features, *dense([spec.width + 2 * FREQUENCIES, w, w, w]), nn.Linear(w, 1))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        score: Tensor = self.body(x)
        return score.squeeze(1)
