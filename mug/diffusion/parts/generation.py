"""Generation with a diffusion model: conditions, a denoiser, latents to data."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from mug.diffusion.networks import Networks
from mug.diffusion.parameterization import Parameterization
from mug.diffusion.parts.latent_scale import LatentScale
from mug.diffusion.unet_prepared import UNetPlan
from mug.errors import GenerationError
from mug.messages.message import Message
from mug.model.speed.precision import autocast_of
from mug.protocols import Condition, Denoiser, Prediction


class Generation:
    """The surface between a diffusion model and its samplers.

    Args:
        networks: the four networks.
        parameterization: meaning of the denoiser's output.
        latents: scale of the latents.
        z_channels: channels of a latent.
    """

    def __init__(
        self,
        networks: Networks,
        parameterization: Parameterization,
        latents: LatentScale,
        z_channels: int | None,
    ) -> None:
        self.networks, self.parameterization = networks, parameterization
        self.latents, self.z_channels = latents, z_channels

    def conditions(
        self, audio: Tensor | None, feature_ids: Tensor | None, beat: Tensor | None = None
    ) -> Condition:
        """Conditions of the denoiser from a song `[b, mels, t]` and a prompt `[b, features]`.

        Args:
            audio: spectrograms.
            feature_ids: of the prompt.
            beat: `mug.encoding.beat_condition` `[b, c, note frames]`; None if the timing is
                unknown.
        """
        context = None if feature_ids is None else self.context(feature_ids)
        return Condition(context, self.networks.audio(audio, beat))

    def context(self, feature_ids: Int[Tensor, "b n"] | Float[Tensor, "b n"]) -> Tensor | None:
        """The prompt's part of a condition."""
        return self.networks.context(feature_ids)

    def plan(self, frames: int) -> UNetPlan | None:
        """Plan shared by all calls of the denoiser at one length; None for a network without one.

        It holds until a weight changes: make one for a request, not one for a training run.
        """
        return UNetPlan.of(self.networks.unet_model, frames)

    def denoiser(self, condition: Condition, plan: UNetPlan | None = None) -> Denoiser:
        """Predictions under a condition; a condition with a batch of one serves every item.

        Args:
            condition: what the network is emb_out.
            plan: from `plan`, for the length of the latents: the same answers, sooner. No
                gradients flow through it.
        """
        prepared = None if plan is None else plan.prepare(condition.context, condition.audio)

        def as_it_is(x_t: Tensor, step: Tensor) -> Tensor:
            with autocast_of(self.networks.unet_model, x_t):
                return self.networks.denoise(x_t, step, condition)

        def denoise(x_t: Float[Tensor, "b ..."], step: Int[Tensor, "b"]) -> Prediction:
            output = (prepared or as_it_is)(x_t, step)
            return self.parameterization.to_prediction(output.to(x_t.dtype), x_t, step)

        return denoise

    def decode(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Data (logits for notes) of latents.

        Raises:
            TrainingError: where the latents' scale was to be measured and never was.
        """
        data: Tensor = self.networks.first_stage_model.decode(self.latents.removed(z))  # type: ignore[operator]
        return data

    def latent_shape(self, note_frames: int) -> tuple[int, int]:
        """Channels and frames of the latent of so many note frames.

        Raises:
            GenerationError: when the first stage cannot halve them evenly.
        """
        halving = int(getattr(self.networks.first_stage_model, "downsampling", 1))
        if note_frames % halving or self.z_channels is None:
            raise GenerationError(
                "model.note_frames_must_be_multiple",
                value=note_frames,
                remedy=Message("remedy.pad_to_multiple", multiple=halving),
            )
        return int(self.z_channels), note_frames // halving
