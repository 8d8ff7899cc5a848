"""A small classifier trained on real, labelled pictures: the benchmarks' measure of samples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from evenodds.data.images.arrays import to_tensor
from evenodds.data.store import Store

FEATURES = 64


class Classifier(nn.Module):
    """One head a label column over shared features (n, FEATURES)."""

    def __init__(self, channels: int, levels: dict[str, list[str]]) -> None:
        super().__init__()
        self.levels = levels
        widths = [channels, 24, 48, FEATURES]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.squeeze = nn.Sequential(nn.Linear(FEATURES * 16, FEATURES), nn.ReLU())
        self.heads = nn.ModuleDict({name: nn.Linear(FEATURES, len(kinds)) for name, kinds in levels.items()})

    def features(self, x: Tensor) -> Tensor:
        out: Tensor = self.squeeze(self.body(x))
        return out

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = self.features(x)
        return {name: head(found) for name, head in self.heads.items()}


def train_classifier(
    store: Store, steps: int, batch: int = 64, seed: int = 0
) -> tuple[Classifier, dict[str, float]]:
    """The classifier and its accuracy a column on held-out reals."""
    torch.manual_seed(seed)
    labels = store.labels("train")
    heldout = store.labels("heldout")
    assert labels is not None
    assert heldout is not None
    levels = {name: sorted(labels[name].dropna().unique()) for name in labels}
    model = Classifier(store.spec.shape[0], levels)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    targets = codes(labels, levels)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        chosen = rng.integers(store.n_train, size=batch)
        scores = model(to_tensor(store.train(chosen)))
        losses = [nn.functional.cross_entropy(scores[name], targets[name][chosen]) for name in levels]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        schedule.step()
    model.eval()
    found = predict(model, to_tensor(store.heldout(np.arange(store.n_heldout))))
    truth = codes(heldout, levels)
    return model, {name: float((found[name] == truth[name]).float().mean()) for name in levels}


def codes(labels: pd.DataFrame, levels: dict[str, list[str]]) -> dict[str, Tensor]:
    """Labels as class numbers."""
    return {
        name: torch.tensor(pd.Categorical(labels[name], categories=kinds).codes.astype(np.int64))
        for name, kinds in levels.items()
    }


@torch.inference_mode()
def predict(model: Classifier, x: Tensor, batch: int = 256) -> dict[str, Tensor]:
    """The likeliest class a column, (n,) each."""
    parts = [model(part) for part in x.split(batch)]
    return {name: torch.cat([part[name].argmax(1) for part in parts]) for name in model.levels}


@torch.inference_mode()
def features(model: Classifier, x: Tensor, batch: int = 256) -> np.ndarray:
    """Features (n, FEATURES) in float64."""
    return torch.cat([model.features(part) for part in x.split(batch)]).double().numpy()
