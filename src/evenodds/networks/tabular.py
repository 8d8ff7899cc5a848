"""Networks for rows: dense, with a head for each column span in G and Fourier features in D."""

from __future__ import annotations

from itertools import accumulate
from typing import cast

import torch
from torch import Tensor, nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, RowSpec
from evenodds.networks.fourier import row_features
from evenodds.networks.layers import LAYERS, SLOPE, bounded, dense, sample_categories

HEAD = 64
"""Hidden units of a head of G."""
CHOOSING = 32
"""The same of a choice's where there are categories: a table may have many."""
HIDDEN = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
"""The names of G's hidden layers."""
STEEPER = 2.0
"""What belongs together must be told apart sharply: logits grow so much faster."""


class RowGenerator(nn.Module):
    """G(z): (n, latent) -> (n, spec.width).

    Every hidden layer also sees what came before it, as CTGAN's generator does (Xu 2019, 1907.00503, section
    4.4), but without batch normalisation. Choices are drawn one after another, each seeing those before it: drawn each
    for itself, columns that belong together come apart (docs/experiments/people-and-modes.md). Of a table with
    categories they see the last hidden layer, since there may be many; without, and numbers always, they see
    everything.

    Given values c (n, width) are known from the first layer on, and stand in the row as they were given.
    """

    order: Tensor

    def __init__(self, spec: RowSpec, settings: NetworkSettings, condition: Condition | None = None) -> None:
        super().__init__()
        w = settings.width
        given_columns = () if condition is None else condition.places
        enters = settings.latent + len(given_columns)
        layers = settings.layers or LAYERS
        self.hidden = HIDDEN[:layers]
        for below, name in enumerate(self.hidden):
            self.add_module(name, nn.Linear(enters + below * w, w))
        open_spans = [span for span in spec.spans if span.start not in given_columns]
        self.choices = [span for span in open_spans if span.kind != "number"]
        numbers = [position for span in open_spans if span.kind == "number" for position in span.places]
        choices = [position for span in self.choices for position in span.places]
        before = accumulate((span.width for span in self.choices), initial=0)
        inputs = enters + layers * w
        self.seen, hidden = (w, CHOOSING) if spec.categorical else (inputs, HEAD)
        self.heads = nn.ModuleList(
            Head(self.seen + chosen, hidden, span.width)
            for span, chosen in zip(self.choices, before, strict=False)
        )
        self.numbers = Head(inputs + len(choices), HEAD, len(numbers)) if numbers else None
        # From what is given and made, choices first, to the table's order.
        made = [*given_columns, *choices, *numbers]
        self.register_buffer(
            "order", torch.tensor(sorted(range(len(made)), key=made.__getitem__)), persistent=False
        )

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = z if c is None else torch.cat([z, c], dim=1)
        for name in self.hidden:
            x = torch.cat([x, nn.functional.leaky_relu(self.get_submodule(name)(x), SLOPE)], dim=1)
        made: list[Tensor] = []
        if self.choices:
            for head, begun in zip(self.heads, self.begin(x[:, -self.seen :]), strict=True):
                made.append(sample_categories(cast(Head, head).finish(begun, made)))
        if self.numbers is not None:
            made.append(bounded(self.numbers(torch.cat([x, *made], dim=1))))
        given_columns = [] if c is None else [c]
        row: Tensor = torch.cat([*given_columns, *made], dim=1)[:, self.order]
        return row

    def begin(self, x: Tensor) -> tuple[Tensor, ...]:
        """What every choice's head sees of x (n, seen), in one product: a tensor a head."""
        layers = [cast(Head, head).first for head in self.heads]
        weight = torch.cat([layer.weight[:, : x.shape[1]] for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        return nn.functional.linear(x, weight, bias).split_with_sizes(
            [len(layer.bias) for layer in layers], 1
        )


class Head(nn.Module):
    """(n, known) -> (n, count): a straight line and, STEEPER, a bend through one hidden layer.

    ``first`` holds both, the bend's hidden layer of ``hidden`` units and then the line.
    """

    def __init__(self, inputs: int, hidden: int, count: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden + count)
        self.second = nn.Linear(hidden, count)

    def forward(self, x: Tensor) -> Tensor:
        return self.bent(self.first(x))

    def finish(self, begun: Tensor, chosen: list[Tensor]) -> Tensor:
        """The same of known numbers in two parts: ``begun``, the product of ``first`` with those that come before
        any choice (n, hidden + count), and the ``chosen`` categories."""
        if chosen:
            seen = torch.cat(chosen, dim=1)
            begun = begun + nn.functional.linear(seen, self.first.weight[:, -seen.shape[1] :])
        return self.bent(begun)

    def bent(self, begun: Tensor) -> Tensor:
        """The line, and what the hidden layer makes of the rest."""
        hidden = self.second.in_features
        made: Tensor = begun[:, hidden:] + STEEPER * self.second(
            nn.functional.leaky_relu(begun[:, :hidden], SLOPE)
        )
        return made


class RowDiscriminator(nn.Module):
    """D(x): (n, spec.width) -> (n,), one unbounded score a sample, higher for real; x itself holds what was given."""

    def __init__(self, spec: RowSpec, settings: NetworkSettings) -> None:
        super().__init__()
        w = settings.width
        features = row_features(spec)
        self.body = nn.Sequential(
            features, *dense([features.width, *[w] * (settings.layers or LAYERS)]), nn.Linear(w, 1)
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        score: Tensor = self.body(x)
        return score.squeeze(1)
