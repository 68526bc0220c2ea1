"""The four networks of a diffusion model under one roof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mug.errors import ConfigError
from mug.model.s4 import S4, bind_lengths
from mug.model.weights import selects
from mug.protocols import Condition


class Networks(nn.Module):
    """Denoiser, first stage, audio encoder and feature encoder, in the order of checkpoints.

    The first stage stays in evaluation mode whatever `train()` says.

    Args:
        unet_model: called as `unet_model(x_t, step, context, *audio)`.
        first_stage_model: `encode` and `decode` between data and latents.
        wave_model: audio to one or more levels, coarsest last; None without audio.
        cond_stage_model: feature ids to context; None without features.
        audio_levels: how many of the last levels the denoiser reads; None for all.
        beat_model: beat channels to what is added to the finest of these levels; None without.
    """

    def __init__(
        self,
        unet_model: nn.Module,
        first_stage_model: nn.Module,
        wave_model: nn.Module | None,
        cond_stage_model: nn.Module | None,
        audio_levels: int | None = None,
        beat_model: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.unet_model = unet_model
        self.first_stage_model = first_stage_model.eval()
        self.wave_model = wave_model
        self.cond_stage_model = cond_stage_model
        self.beat_model = beat_model
        self.audio_levels = audio_levels
        # Diffusion learns the latents of this autoencoder; if it moved on, they would mean
        # something else.
        self.first_stage_model.requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> Networks:
        """Training or evaluation mode of all but the first stage."""
        super().train(mode)
        self.first_stage_model.eval()
        return self

    def context(self, feature_ids: Int[Tensor, "b n"] | Float[Tensor, "b n"]) -> Tensor | None:
        """Feature tokens `[b, c, n]`."""
        if self.cond_stage_model is None:
            return None
        tokens: Tensor = self.cond_stage_model(feature_ids)
        return tokens

    def audio(self, audio: Tensor | None, beat: Tensor | None = None) -> list[Tensor]:
        """Audio levels that the denoiser reads, with the beat where it is a condition."""
        if self.wave_model is None:
            return []
        levels = self.wave_model(audio)
        levels = [levels] if isinstance(levels, Tensor) else list(levels)
        # Of ten levels the original's U-Net reads the last four; the others need not be kept or
        # copied.
        levels = levels if self.audio_levels is None else levels[-self.audio_levels :]
        return self.with_beat(levels, beat)

    def with_beat(self, levels: Sequence[Tensor], beat: Tensor | None) -> list[Tensor]:
        """Audio levels, to whose finest the beat is added; as they are without beat condition."""
        if self.beat_model is None or beat is None:
            return list(levels)
        # Added, not joined: the denoiser's widths, and with them older weights, stay as they are.
        return [levels[0] + self.beat_model(beat), *levels[1:]]

    def denoise(
        self, x_t: Float[Tensor, "b ..."], step: Int[Tensor, "b"], condition: Condition
    ) -> Float[Tensor, "b ..."]:
        """The denoiser's output; conditions with a batch of one serve every item."""
        rows = len(x_t)
        context = None if condition.context is None else _rows(condition.context, rows)
        audio = [_rows(level, rows) for level in condition.audio]
        output: Tensor = self.unet_model(x_t, step, context, *audio)
        return output

    def bind_lengths(
        self, z: Float[Tensor, "b ..."], audio: Tensor | None, feature_ids: Tensor | None
    ) -> None:
        """Prepare state-space layers for training at these lengths, see `mug.model.s4`.

        Done once for a new model, before its first step; nothing changes where that has happened.
        """
        if self.wave_model is not None and _has_s4(self.wave_model):
            bind_lengths(self.wave_model, audio)
        if not _has_s4(self.unet_model):
            return
        # Only lengths matter here, no gradients.
        with torch.no_grad():
            context = None if feature_ids is None else self.context(feature_ids)
            levels = self.audio(audio)
        step = torch.zeros(len(z), dtype=torch.long, device=z.device)
        bind_lengths(self.unet_model, z, step, context, *levels)

    def train_only(self, keys: Sequence[str]) -> None:
        """Leave only the parameters trainable that a list of keys selects (see `selects`).

        Names are relative to this module. Those of the first stage can be selected too.

        Raises:
            ConfigError: when the keys select nothing.
        """
        # Compared first: keys that select nothing must not leave a network without any gradient.
        chosen = {name for name, _ in self.named_parameters() if selects(keys, name)}
        if not chosen:
            raise ConfigError(
                "model.training_keys_select_no_parameter",
                value=list(keys),
                remedy="remedy.start_training_keys",
            )
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name in chosen)


def _has_s4(network: nn.Module) -> bool:
    return any(isinstance(part, S4) for part in network.modules())


def _rows(x: Tensor, rows: int) -> Tensor:
    return x.expand(rows, *x.shape[1:]) if len(x) == 1 else x


def parameter_groups(
    module: nn.Module, weight_decay: float, *, decay_all: bool = False
) -> list[dict[str, Any]]:
    """Trainable parameters for AdamW, those with weight decay apart from those without.

    Biases, normalisations and what is marked `_no_weight_decay` (S4's dynamics, whose zero means
    nothing) are not decayed, unless `decay_all` asks for the reference's behaviour.
    """
    trainable = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if decay_all:
        return [{"params": list(trainable.values()), "weight_decay": weight_decay}]
    normalisations = (nn.GroupNorm, nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)
    # Decay pulls towards 0, which is no neutral value for a gain, a shift or a time step.
    spared = {
        id(parameter)
        for part in module.modules()
        if isinstance(part, normalisations)
        for parameter in part.parameters(recurse=False)
    }
    spared |= {
        id(parameter)
        for name, parameter in trainable.items()
        if name.endswith("bias") or getattr(parameter, "_no_weight_decay", False)
    }
    decayed = [p for p in trainable.values() if id(p) not in spared]
    kept = [p for p in trainable.values() if id(p) in spared]
    # Empty groups are left out: optimizers refuse them.
    groups = [(decayed, weight_decay), (kept, 0.0)]
    return [{"params": group, "weight_decay": decay} for group, decay in groups if group]
