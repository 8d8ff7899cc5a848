"""The usual DCGAN loop, as tutorials write it: the baseline of speed and quality.

Networks and settings of the paper (Radford 2015, 1511.06434, sections 3 and 4) with 64 channels at the finest layer:
batch normalisation in both, weights from N(0, 0.02^2), Adam 2e-4 with beta1 0.5, batches of 128. Real and fake pass
through D one after the other, D collects gradients in G's turn, tensors lie contiguous, and nothing is fused.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import PictureSpec
from evenodds.networks.dcgan import ConvDiscriminator, ConvGenerator

LATENT, CHANNELS, BATCH = 100, 64, 128
PUBLISHED = NetworkSettings(network="dcgan", width=CHANNELS, latent=LATENT, norm_d="batch")


class Usual:
    """Both networks with their optimisers."""

    def __init__(self, spec: PictureSpec, device: torch.device, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.device = device
        # The same layers as ours, in the order of the paper: what differs is how they are played.
        self.generator = ConvGenerator(spec, PUBLISHED).to(device)
        self.discriminator = ConvDiscriminator(spec, PUBLISHED).to(device)
        self.loss = nn.BCEWithLogitsLoss()
        self.optimizer_d = torch.optim.Adam(
            self.discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False, fused=False
        )
        self.optimizer_g = torch.optim.Adam(
            self.generator.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False, fused=False
        )

    def round(self, real: Tensor) -> None:
        """One turn of each on reals (n, C, H, W) in [-1, 1]."""
        ones = torch.ones(len(real), device=self.device)
        self.optimizer_d.zero_grad()
        self.loss(self.discriminator(real), ones).backward()
        fake = self.generator(torch.randn(len(real), LATENT, device=self.device))
        self.loss(self.discriminator(fake.detach()), 0 * ones).backward()
        self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        self.loss(self.discriminator(fake), ones).backward()
        self.optimizer_g.step()
