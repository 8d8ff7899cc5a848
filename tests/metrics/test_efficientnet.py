"""The network that knows photographs: its features, and the opinion it adds to the referee's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evenodds.core.spec import PictureSpec
from evenodds.metrics.efficientnet import extractor, features, load
from evenodds.metrics.referee import Ruling, cross, linear, rule

CPU = torch.device("cpu")

installed = pytest.mark.skipif(extractor(CPU) is None, reason="the extra features is not installed")


def blots(n: int, seed: int, width: float) -> torch.Tensor:
    """Grey pictures of a soft spot anywhere, as wide as asked: (n, 1, 24, 24)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :24]
    middle = rng.uniform(6, 18, (n, 2))[:, :, None, None]
    far = (y - middle[:, 0]) ** 2 + (x - middle[:, 1]) ** 2
    return torch.from_numpy(2 * np.exp(-far / (2 * width**2)) - 1).float()[:, None]


def test_without_its_packages_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenodds.metrics.efficientnet.PACKAGE", "a_package_that_nobody_has")
    assert extractor(CPU) is None


@installed
def test_features_are_a_vector_a_picture_whatever_its_size_and_colours() -> None:
    network = load(CPU)
    for shape in ((3, 1, 16, 16), (2, 3, 40, 28), (2, 3, 100, 100)):
        found = features(network, torch.rand(shape) * 2 - 1)
        assert found.shape == (shape[0], 1280)
        assert np.isfinite(found).all()


@installed
def test_grey_is_seen_as_colour_and_batches_change_nothing() -> None:
    network, x = load(CPU), blots(5, 0, 3)
    whole = features(network, x)
    np.testing.assert_allclose(whole, features(network, x.expand(-1, 3, -1, -1)), atol=1e-5)
    np.testing.assert_allclose(whole, features(network, x, batch=2), atol=1e-4)


@pytest.mark.medium
@installed
def test_it_tells_wide_spots_from_narrow_ones_and_the_stricter_ruling_counts() -> None:
    real, fake = blots(60, 0, 3), blots(60, 1, 2)
    extract = extractor(CPU)
    assert extract is not None
    torch.manual_seed(0)
    known, made = (torch.from_numpy(extract(side)) for side in (real, fake))
    own: Ruling = cross("features", linear, known, made)
    assert own.auc > 0.9
    torch.manual_seed(0)
    assert rule(PictureSpec(1, 24, 24), real, fake, extract).auc >= own.auc
