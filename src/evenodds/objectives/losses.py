"""Adversarial losses: functions of D's scores. All take scores of shape (n,) and give a scalar mean.

Scores have no unit and no bound; higher means more real. The n-th real and the n-th fake are a pair only for the
relativistic loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

PairLoss = Callable[[Tensor, Tensor], Tensor]
"""(scores of reals, scores of fakes) -> loss."""


class Loss(NamedTuple):
    """What D and G each minimise, and whether G's part looks at reals at all."""

    d: PairLoss
    g: PairLoss
    g_needs_real: bool = False


def nonsaturating_d(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(D(x)) - log(1 - s(D(G(z)))), s the sigmoid (Goodfellow 2014, 1406.2661, equation 1)."""
    return softplus(-real).mean() + softplus(fake).mean()


def nonsaturating_g(_: Tensor, fake: Tensor) -> Tensor:
    """-log s(D(G(z))) (Goodfellow 2014, section 3: the loss that does not saturate early)."""
    return softplus(-fake).mean()


def saturating_g(_: Tensor, fake: Tensor) -> Tensor:
    """log(1 - s(D(G(z)))) (Goodfellow 2014, equation 1: the game as it was first written, whose slope vanishes where D
    is sure)."""
    return -softplus(fake).mean()


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))) (Lim and Ye 2017, 1705.02894; Miyato 2018, 1802.05957, equation 16)."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def leastsquares_d(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 (D(x) - 1)^2 + 1/2 D(G(z))^2 (Mao 2016, 1611.04076, equation 9)."""
    return ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2


def leastsquares_g(_: Tensor, fake: Tensor) -> Tensor:
    """1/2 (D(G(z)) - 1)^2 (Mao 2016, equation 9)."""
    return ((fake - 1) ** 2).mean() / 2


def wasserstein_d(real: Tensor, fake: Tensor) -> Tensor:
    """D(G(z)) - D(x) (Arjovsky 2017, 1701.07875, equation 3); needs a Lipschitz D: the interpolated penalty."""
    return fake.mean() - real.mean()


def score_g(_: Tensor, fake: Tensor) -> Tensor:
    """-D(G(z)): G's part of the Wasserstein (1701.07875, equation 3) and hinge (1802.05957, equation 17) losses."""
    return -fake.mean()


def relativistic_d(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-(D(x) - D(G(z)))) over pairs (Jolicoeur-Martineau 2018, 1807.00734; 2501.05441, equation 2)."""
    return softplus(fake - real).mean()


def relativistic_g(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-(D(G(z)) - D(x))) over pairs: the same game seen from the other side."""
    return softplus(real - fake).mean()


LOSSES: dict[str, Loss] = {
    "nonsaturating": Loss(nonsaturating_d, nonsaturating_g),
    "saturating": Loss(nonsaturating_d, saturating_g),
    "hinge": Loss(hinge_d, score_g),
    "leastsquares": Loss(leastsquares_d, leastsquares_g),
    "wasserstein": Loss(wasserstein_d, score_g),
    "relativistic": Loss(relativistic_d, relativistic_g, g_needs_real=True),
}
