"""Denoising loss of a batch: its clean latents, its conditions, its noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mug.diffusion.beat import beat_of
from mug.diffusion.objective import Losses, Objective, Target, full_precision, latent_mask
from mug.diffusion.parts.generation import Generation
from mug.diffusion.parts.options import BatchKeys, LatentOptions, ObjectiveOptions
from mug.diffusion.parts.start_loss import StartLoss
from mug.diffusion.samplers.base import Generators, noise_like
from mug.protocols import Condition

Batch = Mapping[str, Any]


class Denoising:
    """Training task of a diffusion model, from batches as the data module gives them.

    Args:
        generation: networks, conditions and the scale of the latents.
        options: the loss, and which time steps and frames count.
        latent: latents that are trained on.
        keys: names in a batch.
    """

    def __init__(
        self,
        generation: Generation,
        options: ObjectiveOptions,
        latent: LatentOptions,
        keys: BatchKeys,
    ) -> None:
        self.generation, self.networks = generation, generation.networks
        parameterization = generation.parameterization
        self.objective = Objective(
            parameterization,
            options.loss_type,
            options.l_simple_weight,
            options.original_elbo_weight,
        )
        self.min_step, self.max_step = options.step_range(parameterization.schedule.steps)
        self.start_weight = options.start_weight
        self.start_loss = StartLoss(
            parameterization, generation.decode, options.start_positive_weight
        )
        self.use_valid, self.sample_posterior = options.use_valid, latent.sample_posterior
        self.keys = keys

    def encode(self, batch: Batch, generator: Generators = None) -> Target:
        """Clean latents of a batch; a sample of the posterior only with generators."""
        latents = self.generation.latents
        with torch.no_grad():
            posterior = self.networks.first_stage_model.encode(batch[self.keys.note_key])  # type: ignore[operator]
            z = posterior.mode() if generator is None else posterior.sample(generator)
            latents.measure(z)
            z = full_precision(z) * latents.factor
        std = getattr(posterior, "std", None)
        valid = batch.get(self.keys.valid_key)
        mask = latent_mask(valid, z) if self.use_valid and valid is not None else None
        return Target(
            z,
            None if std is None else std * latents.factor,
            mask,
            partial(self._data_loss, batch),
            batch[self.keys.note_key],
            valid,
        )

    def condition_of(self, batch: Batch) -> Condition:
        """Audio, features and beat of a batch."""
        networks, keys = self.networks, self.keys
        audio = None if networks.wave_model is None else batch[keys.audio_key]
        features = None if networks.cond_stage_model is None else batch[keys.feature_key]
        return self.generation.conditions(audio, features, beat_of(networks, batch))

    def p_losses(
        self,
        target: Target,
        condition: Condition,
        step: Int[Tensor, "b"],
        noise: Float[Tensor, "b ..."],
        *,
        all_noise: bool = False,
    ) -> Losses:
        """Loss at given time steps and noise; with `all_noise` the input is the noise alone."""
        x_t = noise if all_noise else self.objective.noisy(target.z_0, step, noise)
        output = self.networks.denoise(x_t, step, condition)
        losses = self.objective.losses(output, target, step, noise)
        # Noise alone has no clean latent to be decoded; with weight 0 nothing is decoded either.
        if not self.start_weight or all_noise or target.notes is None:
            return losses
        starts = self.start_loss.of(output, x_t, step, target.notes, target.valid)
        total = losses.total + self.start_weight * starts
        parts = {**losses.parts, "loss_start": starts.detach(), "loss": total.detach()}
        return losses._replace(total=total, parts=parts)

    def draw(
        self, target: Target, generator: torch.Generator | Sequence[torch.Generator]
    ) -> tuple[Int[Tensor, "b"], Float[Tensor, "b ..."]]:
        """Time steps and noise for a batch, from one generator or from one for each item."""
        shares = (
            [(generator, len(target.z_0))]
            if isinstance(generator, torch.Generator)
            else [(each, 1) for each in generator]
        )
        low, high = self.min_step, self.max_step
        step = torch.cat([torch.randint(low, high, (n,), generator=g) for g, n in shares])
        return step.to(target.z_0.device), noise_like(target.z_0, generator)

    def _data_loss(self, batch: Batch, z: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        notes = batch[self.keys.note_key]
        valid = batch.get(self.keys.valid_key)
        valid = torch.ones_like(notes[:, 0]) if valid is None else valid
        result: tuple[Tensor, dict[str, Tensor]] = self.networks.first_stage_model.loss(  # type: ignore[operator]
            notes, self.generation.decode(z), valid
        )
        return result
