"""Training loss and metrics of the first stage."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from mug.notes import NoteLayout


class ManiaReconstructLoss(nn.Module):
    """Cross-entropy of starts and holds, squared error of offsets where they mean something.

    Args:
        weight_start_offset: weight of the start offsets, judged at starts only.
        weight_holding: weight of the holds.
        weight_end_offset: weight of the end offsets, judged at the last frames of holds only.
        label_smoothing: targets 0 and 1 become this and 1 minus this.
        weight_start: weight of the starts.
        positive_weight: how much more a frame with a start or a hold counts than one without;
            starts are in one cell of thirty, and at 1 small networks see them late. The logits
            are shifted by its logarithm, so that a logit of 0 still means even odds.
        use_valid: judge only the frames of the chart. Off, as in the reference, silence after the
            last note counts as much as notes.

    Source: reference facts, section 10; Menon et al. 2021 for the shift.
    """

    def __init__(
        self,
        weight_start_offset: float = 1.0,
        weight_holding: float = 1.0,
        weight_end_offset: float = 1.0,
        label_smoothing: float = 0.0,
        *,
        use_valid: bool = False,
        weight_start: float = 1.0,
        positive_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight_start, self.positive_weight = weight_start, positive_weight
        self.weight_start_offset = weight_start_offset
        self.weight_holding = weight_holding
        self.weight_end_offset = weight_end_offset
        self.label_smoothing = label_smoothing
        self.use_valid = use_valid

    def forward(
        self,
        target: Float[Tensor, "b c t"],
        reconstruction: Float[Tensor, "b c t"],
        valid: Float[Tensor, "b t"],
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """Total loss, and its parts and metrics by name.

        Args:
            target: notes, see `mug.notes.NoteLayout`.
            reconstruction: logits of starts and holds, offsets as they are.
            valid: 1 where the chart has been, 0 behind its end.
        """
        layout = NoteLayout.from_channels(target.shape[1])
        target, reconstruction = target.float(), reconstruction.float()
        # Ones, as in the reference, judge the silence behind the chart as well (B10).
        mask = (valid.float() if self.use_valid else torch.ones_like(valid).float())[:, None]
        starts, holds = target[:, layout.start], target[:, layout.holding]
        start_loss = self._cross_entropy(reconstruction[:, layout.start], starts, mask)
        holding_loss = self._cross_entropy(reconstruction[:, layout.holding], holds, mask)
        difference = (reconstruction - target).square()
        # An offset means something only where something starts or ends.
        offset_start_loss = _masked(difference[:, layout.start_offset], starts * mask)
        offset_end_loss = _masked(difference[:, layout.end_offset], _ends(holds) * mask)
        total = (
            self.weight_start * start_loss
            + self.weight_holding * holding_loss
            + self.weight_start_offset * offset_start_loss
            + self.weight_end_offset * offset_end_loss
        )
        return total, {
            "start_loss": start_loss,
            "holding_loss": holding_loss,
            "offset_start_loss": offset_start_loss,
            "offset_end_loss": offset_end_loss,
            **_classification(reconstruction[:, layout.start], starts, mask, "rice"),
            **_classification(reconstruction[:, layout.holding], holds, mask, "ln"),
        }

    def _cross_entropy(self, logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        # Towards the middle from both sides: 0 and 1 would ask for infinite logits.
        smoothed = target * (1 - 2 * self.label_smoothing) + self.label_smoothing
        # Weighting positives by w moves the optimum by log w; the shift undoes that, so that the
        # decoder's threshold of 0 stays the point of even odds (Menon et al. 2021).
        shifted = logits + math.log(self.positive_weight)
        loss = binary_cross_entropy_with_logits(shifted, smoothed, reduction="none")
        return _masked(loss * (1 + (self.positive_weight - 1) * target), mask)


def _masked(loss: Tensor, mask: Tensor) -> Tensor:
    """Mean of the loss relative to the share of the mask; `mask` may have one row for all."""
    # The small number keeps an empty mask from dividing by zero.
    return (loss * mask).mean() / (mask + 1e-6).mean()


def _ends(holds: Float[Tensor, "b k t"]) -> Float[Tensor, "b k t"]:
    """1 at the last frame of each hold."""
    # Held now and not in the next frame; behind the last frame nothing is held.
    return ((holds - pad(holds, (0, 1))[..., 1:]) > 0.5).float()


def _classification(
    logits: Float[Tensor, "b k t"],
    target: Float[Tensor, "b k t"],
    mask: Float[Tensor, "b 1 t"],
    name: str,
) -> dict[str, Tensor]:
    """Share of right frames, precision and recall of one kind of row."""
    # A logit of 0 is a probability of one half.
    predicted = (logits.detach() >= 0).float() * mask
    true = target * mask
    right = (true == predicted).float() * mask
    return {
        f"acc_{name}": right.sum() / (mask.sum() + 1e-5) / target.shape[1],
        f"precision_{name}": (right * predicted).sum() / (predicted.sum() + 1e-5),
        f"recall_{name}": (right * true).sum() / (true.sum() + 1e-5),
    }
