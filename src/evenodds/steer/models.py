"""What steering loads of a run, once: the averaged G, D's features, the label readers and the encoder."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.store import Store
from evenodds.networks.generate import fixed_noise
from evenodds.runs.conditions import resolve_condition
from evenodds.runs.run import EYES, Run
from evenodds.runs.sample import load_generator
from evenodds.runs.source_data import store_of
from evenodds.steer.attribute_classifier import attribute_reader, stored_reader
from evenodds.steer.attributes import AttributeReader, TensorFn
from evenodds.steer.inversion import Dissimilarity, Encoder, discriminator_features, encoder_of
from evenodds.steer.styles import latents_for


class RunModels:
    """The networks of a run's best state. None of them depends on a generator that was tuned to pictures.

    Raises UserError for a run whose G takes a picture in: there the picture steers.
    """

    def __init__(self, run: Run, device: torch.device) -> None:
        if run.condition is not None and run.condition.pictures:
            raise UserError(
                f"{run.path} makes pictures from pictures, whose latent space holds little: change the picture given"
            )
        self.run, self.device, self.best = run, device, run.checkpoints.best()
        self.generator = load_generator(run, device)
        c = resolve_condition(run, None, run.recipe.plan.seed).conditions_for(0, 1)
        self.condition = None if c is None else c.to(device)
        """What G is given beside latents, (1, width): the same for all."""
        self.latents = latents_for(self.generator, run.recipe.network.latent, self.condition, device)
        """What steering moves: z, or w of a style-based G."""

    def picture_spec(self) -> PictureSpec:
        """The spec of the run's pictures. Raises UserError for a run of rows."""
        if not isinstance(self.run.spec, PictureSpec):
            raise UserError(f"{self.run.path} makes table rows, only pictures are inverted")
        return self.run.spec

    def generate(self, generator: nn.Module, z: Tensor) -> Tensor:
        """Samples (n, *shape) of latents (n, latent) by a generator of the run's kind; differentiable.

        G's own noise is the same every time.
        """
        c = self.condition
        with fixed_noise(self.device):
            return self.latents.generate(generator, z, None if c is None else c.expand(len(z), -1))

    @cached_property
    def store(self) -> Store:
        """The data that the run was trained on. Raises UserError where it is gone or has changed."""
        return store_of(self.run)

    @cached_property
    def attributes(self) -> AttributeReader:
        """What reads features from samples; readers of pictures' labels are trained the first time."""
        return self.attributes_at_hand or attribute_reader(
            self.store, self.run.recipe.plan.seed, self.device, self.run.path / EYES
        )

    @property
    def attributes_at_hand(self) -> AttributeReader | None:
        """What reads features from pictures, where it was trained before: the data need not be there. Else None."""
        if "attributes" in vars(self):
            return self.attributes
        if not isinstance(self.run.spec, PictureSpec):
            return None
        fingerprint = str(self.run.facts["data"]["fingerprint"])
        return stored_reader(self.run.spec, fingerprint, self.device, self.run.path / EYES)

    @cached_property
    def discriminator_features(self) -> TensorFn:
        """D's features of pictures, differentiable."""
        return discriminator_features(self.run, self.condition, self.device)

    @cached_property
    def encoder(self) -> tuple[Encoder, Dissimilarity]:
        """The encoder, trained the first time on the run's own G, and the likeness it was trained by.

        Raises UserError for a run of rows.
        """

        def generate(z: Tensor) -> Tensor:
            return self.generate(self.generator, z)

        features = self.discriminator_features
        spec, store = self.picture_spec(), self.store
        return encoder_of(self.run, spec, store, self.latents, generate, features, self.device)
