"""A generator of rows that draws column after column, each from what came before, and so knows a row's likelihood."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, RowSpec, Span

BINS = 32
"""Bins of a number, each as likely as the others in training where no value repeats."""
WAVES = 16
"""Cosines of a number's share, which later spans see of it, and of which its bins' logits are made: what is near is
alike, unless rows say otherwise."""
DROPOUT = 0.2
"""Share of the hidden units that a likelihood does without while G learns: few rows are soon known by heart."""
LIMIT = 3.5
"""Normal scores of numbers lie within +-LIMIT (`data/tables/quantiles.py`)."""
CLOSEST = 1e-6
"""How near to 0 and 1 the shares of draws come."""


class AutoregressiveGenerator(nn.Module):
    """G(z): (n, latent) -> (n, spec.width), a span after another, each from those before it.

    A span is one choice: among its places, or of a number among ``BINS`` bins between ``edges``, with a place inside.
    One masked network gives all logits of real rows in one pass (Germain 2015, 1502.03509, equation 8), as
    TabularARGN's do (Tiwald 2025, 2501.12012); a row is made by filling the same units in turn. Every span has hidden
    units of its own, which see the spans before it and serve no other: so each may stop learning when it has learnt
    enough (docs/experiments/likelihood.md, 2026-11-29).

    A choice is the inverse of its distribution function at the share of N(0, 1) below one place of z: so the same z
    makes the same row, and what z lacks is drawn. Gradients are those of the inverse for numbers, and straight through
    the probabilities for choices.

    Given values c (n, width) are the first spans, in their order, and stand in the row as they were given.
    """

    edges: Tensor
    first_mask: Tensor
    line_mask: Tensor
    order: Tensor
    drawn_numbers: Tensor

    def __init__(self, spec: RowSpec, settings: NetworkSettings, condition: Condition | None = None) -> None:
        super().__init__()
        fixed = () if condition is None else condition.places
        self.fixed = sorted((s for s in spec.spans if s.start in fixed), key=lambda s: fixed.index(s.start))
        self.open = [span for span in spec.spans if span.start not in fixed]
        self.spans = [*self.fixed, *self.open]
        self.units = settings.width
        self.seen = ends([width_seen(span) for span in self.spans])
        self.answers = ends([width_answered(span) for span in self.spans])
        self.choices = ends([choices_of(span) for span in self.spans])
        hidden = self.units * len(self.spans)
        self.first = nn.Linear(self.seen[-1], hidden)
        self.second = nn.Linear(self.units, hidden)
        self.last = nn.Linear(self.units, self.answers[-1], bias=False)
        self.line = nn.Linear(self.seen[-1], self.answers[-1], bias=False)
        self.frequencies = nn.Parameter(torch.zeros(self.choices[-1]))
        self.numbers = [span for span in self.spans if span.kind == "number"]
        self.number_of = {self.spans.index(span): which for which, span in enumerate(self.numbers)}
        even = torch.linspace(0, 1, BINS + 1).repeat(len(self.numbers), 1)
        self.register_buffer("edges", even)
        made = [position for span in self.spans for position in span.places]
        order = sorted(range(len(made)), key=made.__getitem__)
        self.register_buffer("order", torch.tensor(order), persistent=False)
        open_numbers = {span.start for span in self.open if span.kind == "number"}
        drawn = torch.tensor([position in open_numbers for position in range(len(made))])
        self.register_buffer("drawn_numbers", drawn, persistent=False)
        self.slight = len(self.spans) ** -0.5
        self.mask()

    def mask(self) -> None:
        """Sets to zero, for good, what would let a span see itself or a later one; the rest begins at unit variance."""
        seen = owners(self.seen)
        with torch.no_grad():
            for name, own in (("first", owners(self.hidden)), ("line", owners(self.answers))):
                mask = (own[:, None] > seen[None]).to(self.first.weight.dtype)
                self.register_buffer(f"{name}_mask", mask, persistent=False)
            # A row has one place in a span that is hot.
            spread = owners(self.hidden).clamp(min=1)[:, None].float().rsqrt()
            self.first.weight.copy_(torch.randn(self.first.weight.shape) * spread * self.first_mask)
            self.second.weight.copy_(torch.randn(self.second.weight.shape) * self.units**-0.5)
            self.last.weight.copy_(0.3 * torch.randn(self.last.weight.shape) * self.units**-0.5)
            self.line.weight.zero_()
            for layer in (self.first, self.second):
                layer.bias.zero_()

    @property
    def hidden(self) -> list[int]:
        """Where each span's hidden units begin, and the end."""
        return [self.units * at for at in range(len(self.spans) + 1)]

    def span_of_rows(self) -> dict[str, Tensor]:
        """For each weight by name, which span each of its rows (len(weight),) serves."""
        hidden, answers = owners(self.hidden), owners(self.answers)
        layers = {"first": hidden, "second": hidden, "last": answers, "line": answers}
        named = {name: layers[name.split(".")[0]] for name, _ in self.named_parameters() if "." in name}
        return {**named, "frequencies": owners(self.choices)}

    # Likelihood

    def log_likelihood(self, rows: Tensor) -> Tensor:
        """(n, spec.width) -> (n,): the log-probability of the open spans' choices, in nats, numbers by their bins."""
        return self.log_likelihoods(rows)[:, len(self.fixed) :].sum(1)

    def log_likelihoods(self, rows: Tensor) -> Tensor:
        """(n, spec.width) -> (n, spans): the same of each span's choice, given those before it."""
        parts = [self.part_of(span, rows) for span in self.spans]
        each = [
            -F.cross_entropy(logits, self.chosen(at, parts[at]), reduction="none")
            for at, logits in enumerate(self.logits_of(parts))
        ]
        return torch.stack(each, dim=1)

    def probabilities(self, rows: Tensor) -> list[Tensor]:
        """(n, spec.width) -> of every span those of its choices (n, choices), each by the spans before it."""
        return [
            logits.softmax(1) for logits in self.logits_of([self.part_of(span, rows) for span in self.spans])
        ]

    def logits_of(self, parts: list[Tensor]) -> list[Tensor]:
        """All spans' parts -> their logits (n, choices), in one pass."""
        answers = self.masked_pass(torch.cat([seen_of(part) for part in parts], dim=1))
        return [self.logits(at, answer) for at, answer in enumerate(answers)]

    def part_of(self, span: Span, rows: Tensor) -> Tensor:
        """A span of rows (n, spec.width) as it is chosen: its places, or a number's share of those below it, (n, 1)."""
        part = rows[:, span.start : span.stop]
        return shares(part) if span.kind == "number" else part

    def masked_pass(self, x: Tensor) -> list[Tensor]:
        """What is looked at of rows (n, seen) -> answers to all spans (n, width answered), each by those before it."""
        drop = DROPOUT if self.training else 0.0
        spans, units = len(self.spans), self.units
        first = F.silu(F.linear(x, self.first.weight * self.first_mask, self.first.bias))
        hidden = first.view(-1, spans, units).transpose(0, 1)
        weight = self.second.weight.view(spans, units, units).transpose(1, 2)
        bent = torch.baddbmm(self.second.bias.view(spans, 1, units), F.dropout(hidden, drop), weight)
        hidden = F.dropout(hidden + F.silu(bent), drop)
        line = F.linear(x, self.line.weight * self.line_mask) * self.slight
        cut = widths(self.answers)
        last, lines = torch.split(self.last.weight, cut), torch.split(line, cut, dim=1)
        return [
            torch.addmm(straight, own, weight.T)
            for straight, own, weight in zip(lines, hidden.unbind(0), last, strict=True)
        ]

    def logits(self, at: int, answer: Tensor) -> Tensor:
        """An answer (n, width answered) to a span as the logits (n, choices) of its choices."""
        frequencies = self.frequencies[self.choices[at] : self.choices[at + 1]]
        if self.spans[at].kind != "number":
            return answer + frequencies
        edges = self.edges[self.number_of[at]]
        return answer @ waves((edges[1:] + edges[:-1]) / 2).T + frequencies

    def chosen(self, at: int, part: Tensor) -> Tensor:
        """Which choice a span's part is, (n,)."""
        if self.spans[at].kind != "number":
            return part.argmax(1)
        inner = self.edges[self.number_of[at], 1:-1].contiguous()
        return torch.searchsorted(inner, part.squeeze(1).contiguous(), right=True)

    # Rows

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        u = self.draws(z)
        filling = Filling(self, z)
        fixed = () if c is None else torch.split(c, [span.width for span in self.fixed], dim=1)
        parts: list[Tensor] = []
        for at, span in enumerate(self.spans):
            if at < len(self.fixed):
                part = shares(fixed[at]) if span.kind == "number" else fixed[at]
            else:
                part = self.choose(at, self.logits(at, filling.answer(at)), u[:, at - len(self.fixed)])
            filling.fill(seen_of(part))
            parts.append(part)
        row = torch.cat([*fixed, *parts[len(fixed) :]], dim=1)[:, self.order]
        return torch.where(self.drawn_numbers, scores(row), row) if self.numbers else row

    def draws(self, z: Tensor) -> Tensor:
        """(n, latent) -> (n, open spans): a share in (0, 1) for each choice."""
        missing = len(self.open) - z.shape[1]
        u = below(z[:, : len(self.open)])
        if missing > 0:
            u = torch.cat([u, torch.rand(len(z), missing, device=z.device, dtype=z.dtype)], dim=1)
        return u.clamp(CLOSEST, 1 - CLOSEST)

    def choose(self, at: int, logits: Tensor, u: Tensor) -> Tensor:
        """Logits (n, choices) of a span and shares u (n,) -> its part."""
        p = logits.softmax(1)
        total = p.cumsum(1)
        choice = (u[:, None] >= total[:, :-1]).sum(1, keepdim=True)
        if self.spans[at].kind != "number":
            hard = F.one_hot(choice.squeeze(1), p.shape[1]).to(p.dtype)
            return hard + (p - p.detach())
        edges = self.edges[self.number_of[at]]
        inside = 1 - (total.gather(1, choice) - u[:, None]) / p.gather(1, choice).clamp(min=1e-12)
        return edges[choice] + inside.clamp(0, 1) * (edges[choice + 1] - edges[choice])


class Filling:
    """The units of one network, filled span by span: all that it computes in one pass, in turn."""

    def __init__(self, network: AutoregressiveGenerator, z: Tensor) -> None:
        self.z, units, answers = z, network.units, widths(network.answers)
        # Cut once: each cut's gradient is as large as what it is cut from.
        self.first, self.second = (
            list(zip(torch.split(layer.weight, units), torch.split(layer.bias, units), strict=True))
            for layer in (network.first, network.second)
        )
        self.last = torch.split(network.last.weight, answers)
        self.line = torch.split(network.line.weight, answers)
        self.slight = network.slight
        self.looked: list[Tensor] = []

    def answer(self, at: int) -> Tensor:
        """The answer (rows, width answered) to a span, from those before it."""
        (weight, bias), (second, second_bias) = self.first[at], self.second[at]
        if not at:
            hidden = F.silu(torch.zeros_like(self.z[:, :1]) + bias)
        else:
            seen = torch.cat(self.looked, dim=1)
            hidden = F.silu(F.linear(seen, weight[:, : seen.shape[1]], bias))
        hidden = hidden + F.silu(F.linear(hidden, second, second_bias))
        answer = F.linear(hidden, self.last[at])
        if at:
            answer = answer + F.linear(seen, self.line[at][:, : seen.shape[1]]) * self.slight
        return answer

    def fill(self, looked: Tensor) -> None:
        """Has later spans see the next one as ``looked``."""
        self.looked.append(looked)


def owners(parts: list[int]) -> Tensor:
    """Of parts by where they begin, and the end: which part each position is of.

    >>> owners([0, 2, 3]).tolist()
    [0, 0, 1]
    """
    return torch.tensor([at for at, width in enumerate(widths(parts)) for _ in range(width)])


def ends(widths: list[int]) -> list[int]:
    """Where parts of so many places begin, and the end."""
    return list(accumulate(widths, initial=0))


def widths(parts: list[int]) -> list[int]:
    """The inverse of ``ends``."""
    return [stop - start for start, stop in pairwise(parts)]


def choices_of(span: Span) -> int:
    """Among how many a span is one choice."""
    return BINS if span.kind == "number" else span.width


def width_answered(span: Span) -> int:
    """How many numbers the network gives for a span."""
    return WAVES if span.kind == "number" else span.width


def seen_of(part: Tensor) -> Tensor:
    """A span's part as those after it see it: a number's share (n, 1) as waves, places as they are."""
    return waves(part.squeeze(1)) if part.shape[1] == 1 else part


def width_seen(span: Span) -> int:
    """How many numbers a span is to those after it."""
    return WAVES if span.width == 1 else span.width


def waves(share: Tensor) -> Tensor:
    """Shares (n,) in [0, 1] as cosines (n, WAVES), the faster the less they weigh."""
    k = torch.arange(1, WAVES + 1, device=share.device, dtype=share.dtype)
    return torch.cos(math.pi * k * share[:, None]) * 2 / (1 + k / 2)


def below(score: Tensor) -> Tensor:
    """The share of N(0, 1) below scores."""
    return 0.5 * (1 + torch.erf(score / math.sqrt(2)))


LEAST = 0.5 * math.erfc(LIMIT / math.sqrt(2))
"""The share of N(0, 1) below -LIMIT."""


def shares(score: Tensor) -> Tensor:
    """Normal scores as shares in [0, 1] of the normal distribution cut at +-LIMIT."""
    return ((below(score) - LEAST) / (1 - 2 * LEAST)).clamp(0, 1)


def scores(share: Tensor) -> Tensor:
    """The inverse of ``shares``: ONNX has no quantiles of N(0, 1), so by rational functions (Acklam 2003, to 1e-9), one
    for the middle and one for both ends."""
    p = LEAST + share.clamp(0, 1) * (1 - 2 * LEAST)
    tail = torch.minimum(p, 1 - p)
    q, r = tail - 0.5, (tail - 0.5) ** 2
    middle = q * horner(MIDDLE[0], r) / horner((*MIDDLE[1], 1.0), r)
    t = (-2 * tail.log()).sqrt()
    end = horner(ENDS[0], t) / horner((*ENDS[1], 1.0), t)
    lower = torch.where(tail < ENDS_BELOW, end, middle)
    return torch.where(p < 0.5, lower, -lower)


def horner(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """A polynomial, the highest power first."""
    value = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


ENDS_BELOW = 0.02425
MIDDLE = (
    (
        -39.69683028665376,
        220.9460984245205,
        -275.9285104469687,
        138.3577518672690,
        -30.66479806614716,
        2.506628277459239,
    ),
    (-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572),
)
ENDS = (
    (
        -0.007784894002430293,
        -0.3223964580411365,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ),
    (0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416),
)
