"""A run's latent space: from seeds and pictures to latents, from latents to samples and their attributes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.core.rng import seed_of, seeded
from evenodds.core.spec import PictureSpec, at_most
from evenodds.data.images.alpha import premultiplied, straight
from evenodds.data.images.arrays import to_tensor
from evenodds.data.inputs import pictures_from
from evenodds.data.store import Store
from evenodds.networks.generate import latents_of
from evenodds.runs.run import Run
from evenodds.steer.attributes import AttributeReader, TensorFn
from evenodds.steer.inversion import Inverter
from evenodds.steer.models import RunModels
from evenodds.steer.pivotal_tuning import tune_generator
from evenodds.steer.styles import mixed, style_core

MAX_FAKES = 4_000
"""Most fakes that a direction is fitted on; fewer of large pictures."""
BATCH = 128

Shares = NDArray[np.float64]
Examples = Sequence[int] | Tensor | NDArray[np.uint8]
"""Seeds, latents (n, latent), or pictures (n, H, W, C)."""


class LatentSpace:
    """The latent space of a run's best G: samples are tensors (n, *shape) as G makes them, latents (n, latent): z, or
    w of a style-based G, see ``styles``.

    ``generator`` takes the place of the run's own G, and ``models`` are those of a space of the same run, so that they
    are loaded once; what depends on the generator is cached a space. Raises UserError for a run whose G takes a picture
    in.
    """

    def __init__(
        self,
        run: Run,
        device: torch.device,
        *,
        generator: nn.Module | None = None,
        models: RunModels | None = None,
    ) -> None:
        self.models = models or RunModels(run, device)
        self.run, self.device, self.best = run, device, self.models.best
        self.width = self.models.latents.width
        self.generator = self.models.generator if generator is None else generator

    @property
    def store(self) -> Store:
        """The data that the run was trained on. Raises UserError where it is gone or has changed."""
        return self.models.store

    @property
    def has_data(self) -> bool:
        """Whether the data that the run was trained on is there."""
        try:
            return self.store is not None
        except UserError:
            return False

    @property
    def attributes(self) -> AttributeReader:
        """What reads features from samples; readers of pictures' labels are trained the first time."""
        return self.models.attributes

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """The latent vectors of seeds, (n, latent): always the same."""
        latents = self.models.latents
        return latents.of(latents_of(seeds, latents.latent, self.device))

    def pictures(self, path: str, say: Say) -> tuple[list[str], NDArray[np.uint8]]:
        """Read the names and pictures uint8 (n, H, W, C), of straight alpha where the run has it, at the run's size, of
        a file, folder or zip.

        Skipped files are reported to ``say``. Raises UserError for a run of rows, and if there is no picture.
        """
        spec = self.picture_spec()
        parts = list(pictures_from(path, spec, self.run.recipe.data, say, self.run.values))
        names = [name for parts, _ in parts for name in parts]
        pictures = np.concatenate([block for _, block in parts]).transpose(0, 2, 3, 1)
        return names, straight(pictures) if spec.alpha else pictures

    def latents_of(self, examples: Examples) -> Tensor:
        """The latents (n, latent) of seeds or of pictures uint8 (n, H, W, C); latents are returned unchanged."""
        if isinstance(examples, Tensor):
            return examples.to(self.device)
        if isinstance(examples, np.ndarray):
            return self.invert(examples)[0]
        return self.latents(examples)

    @torch.inference_mode()
    def generate(self, z: Tensor) -> Tensor:
        """Generate samples (n, *shape) of latents (n, latent).

        G's own noise is the same every time, and a conditional G gets one condition for all.
        """
        return torch.cat([self.generate_batch(part.to(self.device)) for part in torch.split(z, BATCH)])

    def generate_batch(self, z: Tensor) -> Tensor:
        """As ``generate``, in one batch and differentiable."""
        return self.models.generate(self.generator, z)

    def mix_styles(self, coarse: Tensor, fine: Tensor, level: int) -> Tensor:
        """Generate samples (n, *shape) with what coarse levels draw of latents ``coarse`` (n, latent), and from
        ``level`` on what ``fine`` draw: pose and shape of the one, colors of the other.

        Raises UserError for a run of another network than style, and for a level that is not there.
        """
        return self.generate(mixed(coarse, fine, level, len(style_core(self.generator).layers)))

    @cached_property
    def latents_for_fitting(self) -> Tensor:
        """Latents (n, latent) that directions are fitted on."""
        count = at_most(self.run.spec, MAX_FAKES, MAX_FAKES, MAX_FAKES * 64**2, 1000)
        with seeded(seed_of(self.run.recipe.plan.seed, "steer", "learn"), self.device):
            return self.models.latents.draw(count)

    @cached_property
    def labelled_latents(self) -> tuple[Tensor, Shares]:
        """Latents (n, latent) and the attributes of their fakes, (n, features)."""
        z = self.latents_for_fitting
        return z, np.concatenate(
            [self.attributes.read(self.generate(part)) for part in torch.split(z, BATCH)]
        )

    def fake_features(self, z: Tensor) -> NDArray[np.float32]:
        """The features (n, k) of latents' fakes: those of the best checkpoint's D; rows unchanged."""
        parts = [self.generate(part) for part in torch.split(z, BATCH)]
        if isinstance(self.run.spec, PictureSpec):
            features = self.discriminator_features  # loaded outside inference mode: descent needs it too
            with torch.inference_mode():
                parts = [features(part) for part in parts]
        return np.asarray(torch.cat([part.flatten(1).float().cpu() for part in parts]).numpy())

    @property
    def discriminator_features(self) -> TensorFn:
        """D's features of pictures, differentiable."""
        return self.models.discriminator_features

    # Inverting

    def picture_spec(self) -> PictureSpec:
        """The spec of the run's pictures. Raises UserError for a run of rows."""
        return self.models.picture_spec()

    @cached_property
    def inverter(self) -> Inverter:
        """What finds the latents of pictures; its encoder is trained the first time. Raises UserError for rows."""
        encoder, dissimilarity = self.models.encoder
        return Inverter(encoder, self.generate_batch, dissimilarity)

    def invert(self, pictures: NDArray[np.uint8]) -> tuple[Tensor, Shares]:
        """Find the nearest latents (n, latent) of pictures uint8 (n, H, W, C) of the run's size, and G's error (n,).

        The error is the root mean squared difference of pixels in [0, 1]. Raises UserError for another size.
        """
        z = self.inverter(self.to_samples(pictures))
        return z, self.reconstruction_error(z, pictures)

    def reconstruction_error(self, z: Tensor, pictures: NDArray[np.uint8]) -> Shares:
        """Measure ``invert``'s error (n,) of G's samples of latents (n, latent) to pictures uint8 (n, H, W, C)."""
        error = (self.generate(z) - self.to_samples(pictures)).flatten(1).square().mean(1).sqrt() / 2
        return error.double().cpu().numpy()

    def to_samples(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Convert pictures uint8 (n, H, W, C), or such in values of 16 bits or bands, to samples (n, *shape). Raises
        UserError for another size."""
        spec = self.picture_spec()
        if self.run.values is not None and str(pictures.dtype) == self.run.values.dtype != "uint8":
            pictures = self.run.values.levels(pictures)
        expected = (spec.height, spec.width, spec.channels)
        if pictures.ndim != 4 or pictures.shape[1:] != expected or pictures.dtype != np.uint8:
            raise UserError(
                f"pictures to be inverted are uint8 of shape (n, {', '.join(map(str, expected))}) and not "
                f"{pictures.dtype} of {pictures.shape}"
            )
        pictures = premultiplied(pictures) if spec.alpha else pictures
        return to_tensor(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), self.device)

    def tuned(self, z: Tensor, pictures: NDArray[np.uint8]) -> Self:
        """Return a space whose G is tuned to make pictures uint8 (n, H, W, C) of their latents (n, latent).

        The latents are those of ``invert``: edits then start from the picture itself. Directions, the run and this
        space do not change.
        """
        x, dissimilarity = self.to_samples(pictures), self.inverter.dissimilarity
        with seeded(seed_of(0, "steer", "tune"), self.device):
            generator = tune_generator(
                self.generator, self.models.generate, self.models.latents.draw, z, x, dissimilarity
            )
        return type(self)(self.run, self.device, generator=generator, models=self.models)
