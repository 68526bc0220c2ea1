"""Cross-entropy of the starts that a predicted clean latent decodes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from mug.diffusion.objective import full_precision
from mug.diffusion.parameterization import Parameterization
from mug.notes import NoteLayout


@dataclass(frozen=True)
class StartLoss:
    """Judges where notes begin, which a squared error of latents weighs no more than anything else.

    The first stage decodes the clean latent that the denoiser predicts; its weights are frozen, its
    gradient is not. A sample counts by its share of signal, abar: at high noise the prediction is a
    mean over many charts, which no chart decodes to.

    Args:
        parameterization: meaning of the denoiser's output.
        decode: latents to logits of the note tensor.
        positive_weight: how much more a frame with a start counts than one without. Unlike in the
            first stage, nothing takes it back: above 1 asks for more notes.
    """

    parameterization: Parameterization
    decode: Callable[[Tensor], Tensor]
    positive_weight: float = 1.0

    def of(
        self,
        output: Float[Tensor, "b ..."],
        x_t: Float[Tensor, "b ..."],
        step: Int[Tensor, "b"],
        notes: Float[Tensor, "b c t"],
        valid: Float[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, ""]:
        """Loss of a batch, the mean over its samples.

        Args:
            output: of the denoiser.
            x_t: noisy latents that it was given.
            step: time steps.
            notes: the charts, see `mug.notes.NoteLayout`.
            valid: 1 where a chart has been, 0 behind its end; None for everywhere.
        """
        x_0 = self.parameterization.to_prediction(full_precision(output), x_t, step).x0
        rows = NoteLayout.from_channels(notes.shape[1]).start
        logits, starts = full_precision(self.decode(x_0))[:, rows], notes[:, rows].float()
        loss = binary_cross_entropy_with_logits(logits, starts, reduction="none")
        loss = loss * (1 + (self.positive_weight - 1) * starts)
        counts = torch.ones_like(starts[:, :1]) if valid is None else valid[:, None].float()
        # At least 1: an item without a chart in the crop has no loss.
        cells = (counts.sum((1, 2)) * starts.shape[1]).clamp(min=1)
        per_sample = (loss * counts).sum((1, 2)) / cells
        signal = self.parameterization.schedule.at("alphas_cumprod", step, per_sample)
        return (signal * per_sample).mean()
