"""The denoising network: a U-Net over time with audio joined in at every level.

Source: reference facts, section 3; the frame is latent diffusion's (Rombach et al. 2022).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from mug.diffusion.unet_blocks import (
    AudioConcat,
    BlockOptions,
    Group,
    LSTMLayer,
    S4Layer,
    TimestepResBlock,
    audio_of_levels,
    transformer,
)
from mug.errors import ConfigError, DataError
from mug.model.embedding import timestep_embedding
from mug.model.modules import Downsample, Normalize, Upsample, zero_module
from mug.model.s4 import bind_lengths

_log = logging.getLogger(__name__)

CONDITIONING_LOST = (
    "num_groups %d leaves one channel a group at a width of %d: normalisation takes out again what"
    " the time step and the features add to a channel. Use fewer groups, or use_scale_shift_norm"
)


@dataclass(frozen=True)
class AttentionOptions:
    """Transformers of a U-Net.

    Args:
        num_heads: heads of each attention; or
        num_head_channels: channels of each head (it wins where positive).
        transformer_depth: blocks of each transformer.
    """

    num_heads: int = -1
    num_head_channels: int = -1
    transformer_depth: int = 1


@dataclass(frozen=True)
class UNetBlockOptions:
    """Layers of a U-Net's groups, all alike.

    Args:
        dropout: probability in the residual blocks.
        num_groups: groups of all normalisations (the original always has 32). With one channel a
            group the normalisation removes what is added to a channel; that is logged.
        use_scale_shift_norm: the time step scales and shifts instead of being added.
        prompt_embedding: the features' sum is added to the embedding of the time step, so that
            every residual block gets them, as guided diffusion gives the class (Dhariwal and
            Nichol 2021); the original has attention alone.
        lstm_layer: a recurrent layer after the first group of each level.
        s4_layer: a state-space layer in each group but the last of a level on the way up.
        s4_kernel_sum: "half" for the original's published weights, "conjugate" for new models.
        use_checkpoint: recompute activations in the backward pass.
    """

    dropout: float = 0.0
    num_groups: int = 32
    use_scale_shift_norm: bool = False
    prompt_embedding: bool = False
    lstm_layer: bool = False
    s4_layer: bool = False
    s4_kernel_sum: str = "conjugate"
    use_checkpoint: bool = False


class UNetModel(nn.Module):
    """Predicts noise (or data) from a noisy latent, the time step, the features and the audio.

    Args:
        in_channels: channels of the noisy latent.
        model_channels: width of the finest level; a multiple of `num_groups`.
        out_channels: channels of the prediction.
        num_res_blocks: groups a level on the way down; one more on the way up.
        attention_resolutions: downsampling factors (1, 2, 4 ...) of the levels with transformers.
        audio_channels: channels of the audio joined in at each level, finest first; 0 for none.
        channel_mult: width of each level in multiples of `model_channels`.
        context_dim: channels of the features' embedding.
        attention: all transformers.
        block: all groups of layers.

    Raises:
        ConfigError: `audio_channels` and `channel_mult` differ in length, or there are no features
            for a `prompt_embedding`.
    """

    def __init__(  # noqa: PLR0913 (its arguments are the keys of the YAML file)
        self,
        in_channels: int,
        model_channels: int,
        out_channels: int,
        num_res_blocks: int,
        attention_resolutions: Sequence[int],
        audio_channels: Sequence[int],
        channel_mult: Sequence[int] = (1, 2, 4, 8),
        *,
        context_dim: int | None = None,
        attention: AttentionOptions | None = None,
        block: UNetBlockOptions | None = None,
    ) -> None:
        super().__init__()
        widths = [model_channels * factor for factor in channel_mult]
        attention, block = attention or AttentionOptions(), block or UNetBlockOptions()
        _check_levels(audio_channels, channel_mult)
        _warn_if_conditioning_lost(min(widths), block.num_groups, block.use_scale_shift_norm)
        self.in_channels = in_channels
        self.model_channels, self.audio_channels = model_channels, tuple(audio_channels)
        self.num_res_blocks, self.attention_at = num_res_blocks, set(attention_resolutions)
        self.lstm_layer, self.s4_layer = block.lstm_layer, block.s4_layer
        self.options = BlockOptions(
            # Four times the width, as guided diffusion and the original have it.
            emb_channels=4 * model_channels,
            dropout=block.dropout,
            use_scale_shift_norm=block.use_scale_shift_norm,
            use_checkpoint=block.use_checkpoint,
            num_heads=attention.num_heads,
            num_head_channels=attention.num_head_channels,
            transformer_depth=attention.transformer_depth,
            context_dim=context_dim,
            num_groups=block.num_groups,
            s4_kernel_sum=block.s4_kernel_sum,
        )
        self.time_embed = _embedding(model_channels, 4 * model_channels)
        self.prompt_embed = _prompt_embedding(context_dim, model_channels, block.prompt_embedding)
        self.input_blocks = nn.ModuleList()
        skips = self._build_down(in_channels, widths)
        self.middle_block = _middle(widths[-1], self.options)
        self.output_blocks = nn.ModuleList()
        self._build_up(widths, skips)
        self.out = nn.Sequential(
            Normalize(widths[0], block.num_groups),
            nn.SiLU(),
            zero_module(nn.Conv1d(widths[0], out_channels, 3, padding=1)),
        )

    def _build_down(self, in_channels: int, widths: Sequence[int]) -> list[int]:
        """Fill `input_blocks`; return the channels of the skip connections in order."""
        width = self.model_channels
        self.input_blocks.append(Group(nn.Conv1d(in_channels, width, 3, padding=1)))
        skips = [width]
        for level, out in enumerate(widths):
            self.input_blocks.append(AudioConcat(self.audio_channels[level]))
            width += self.audio_channels[level]
            for block in range(self.num_res_blocks):
                first = block == 0
                self.input_blocks.append(Group(*self._layers(level, width, out, first, True)))
                width = out
                skips.append(width)
            if level < len(widths) - 1:
                self.input_blocks.append(Group(Downsample(width)))
                skips.append(width)
        return skips

    def _build_up(self, widths: Sequence[int], skips: list[int]) -> None:
        """Fill `output_blocks`, the coarsest level first; use up `skips`."""
        width = widths[-1]
        for level, out in reversed(list(enumerate(widths))):
            self.output_blocks.append(AudioConcat(self.audio_channels[level]))
            width += self.audio_channels[level]
            # One more than on the way down: a group takes one skip, and each level has that of its
            # last layer (first convolution or Downsample) besides those of its blocks.
            for block in range(self.num_res_blocks + 1):
                last = block == self.num_res_blocks
                layers = self._layers(level, width + skips.pop(), out, block == 0, not last)
                if last and level > 0:
                    layers.append(Upsample(out))
                self.output_blocks.append(Group(*layers))
                width = out

    def _layers(self, level: int, inner: int, out: int, lstm: bool, s4: bool) -> list[nn.Module]:
        """One group: residual block, then what the configuration asks for at this level."""
        layers: list[nn.Module] = [TimestepResBlock(inner, out, self.options)]
        # Resolutions are given as factors of shortening, not as levels.
        if 2**level in self.attention_at:
            layers.append(transformer(out, self.options))
        if self.lstm_layer and lstm:
            layers.append(LSTMLayer(out, self.options))
        if self.s4_layer and s4:
            layers.append(S4Layer(out, self.options))
        return layers

    def bind_length(self, frames: int) -> None:
        """Prepare the state-space layers for training at latents of up to `frames` frames.

        A new model needs it once, before its optimizer exists; without it every training step takes
        a matrix power for each channel (`mug.model.s4.NPLRKernel`). Layers that have been bound,
        as in a checkpoint, stay as they are. Inference needs nothing.
        """
        bind_lengths(self, *self.example(frames))

    def example(self, frames: int) -> list[Tensor | None]:
        """Arguments of one call at a latent length, all zeros; features of one token."""
        like, dim = next(self.parameters()), self.options.context_dim
        context = None if dim is None else like.new_zeros(1, dim, 1)
        audios = [
            # Values do not matter: the pass only shows which length each layer meets.
            like.new_zeros(1, channels, frames >> level)
            for level, channels in enumerate(self.audio_channels)
        ]
        return [like.new_zeros(1, self.in_channels, frames), like.new_zeros(1), context, *audios]

    def forward(
        self,
        x: Float[Tensor, "b c t"],
        timesteps: Shaped[Tensor, "b *one"],
        context: Float[Tensor, "b d k"] | None,
        *audios: Float[Tensor, "b _ _"],
    ) -> Float[Tensor, "b c_out t"]:
        """The network's output for each sample.

        Args:
            x: noisy latents; t is a multiple of 2^(levels - 1).
            timesteps: noise level of each sample, `[b]` or `[b, 1]`.
            context: embedded features, channels first.
            audios: levels of the audio encoder, finest first; see `audio_of_levels`.

        Raises:
            DataError: the length does not halve evenly, or the audio does not fit.
        """
        self.check_length(x.shape[2])
        levels = audio_of_levels(audios, self.audio_channels)
        emb = self.time_embed(timestep_embedding(timesteps.flatten(), self.model_channels).to(x))
        if self.prompt_embed is not None:
            emb = emb + self.prompt_embed(prompt_of(context))
        # The same audio on the way down and up, met in the opposite order.
        waiting = iter([*levels, *reversed(levels)])

        def run(block: nn.Module, h: Tensor) -> Tensor:
            given = (next(waiting),) if isinstance(block, AudioConcat) else (emb, context)
            result: Tensor = block(h, *given)
            return result

        out: Tensor = self.out(self.walk(x, run))
        return out

    def walk(self, x: Tensor, run: Callable[[nn.Module, Tensor], Tensor]) -> Tensor:
        """Pass a tensor through all blocks but `out`; the one place that knows their order.

        Args:
            x: noisy latents.
            run: applies one block to its input: `AudioConcat` or `Group`.
        """
        h, skips = x, []
        for block in self.input_blocks:
            h = run(block, h)
            if not isinstance(block, AudioConcat):
                skips.append(h)
        h = run(self.middle_block, h)
        for block in self.output_blocks:
            if not isinstance(block, AudioConcat):
                h = torch.cat([h, skips.pop()], dim=1)
            h = run(block, h)
        return h

    def check_length(self, frames: int) -> None:
        """Refuse a latent length that does not halve evenly at each level.

        Raises:
            DataError: names the length and the factor.
        """
        factor = 2 ** (len(self.audio_channels) - 1)
        if frames % factor:
            raise DataError("model.unet_takes_multiples", factor=factor, value=frames)


def _check_levels(audio_channels: Sequence[int], channel_mult: Sequence[int]) -> None:
    if len(audio_channels) != len(channel_mult):
        raise ConfigError(
            "model.audio_channels_needs_number_for_each_level",
            levels=len(channel_mult),
            value=list(audio_channels),
            remedy="remedy.write_0_for_levels_without_audio",
        )


def _warn_if_conditioning_lost(width: int, groups: int, scaled: bool) -> None:
    # Groups of one channel: the normalisation takes its mean over time away, and with it whatever
    # was added to all frames alike. Scale and shift come after it and survive.
    if width <= groups and not scaled:
        _log.warning(CONDITIONING_LOST, groups, width)


def _middle(width: int, options: BlockOptions) -> Group:
    first, last = (TimestepResBlock(width, width, options) for _ in range(2))
    return Group(first, transformer(width, options), last)


def prompt_of(context: Float[Tensor, "b d k"] | None) -> Float[Tensor, "b d"]:
    """All of a prompt's features in one vector of the same spread: their sum over sqrt(k).

    Raises:
        DataError: there is no prompt.
    """
    if context is None:
        raise DataError(
            "model.network_has_prompt_embedding_and_got",
            remedy="remedy.give_model_cond_stage_config_or_leave_prompt_embedding",
        )
    # Over the root, not the number: the sum of k independent vectors has k times the variance.
    prompt: Tensor = context.sum(dim=2) / context.shape[2] ** 0.5
    return prompt


def _embedding(channels: int, wide: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, wide), nn.SiLU(), nn.Linear(wide, wide))


def _prompt_embedding(context: int | None, channels: int, wanted: bool) -> nn.Sequential | None:
    if wanted and context is None:
        raise ConfigError(
            "model.prompt_embedding_needs_features",
            value=context,
            remedy="remedy.set_context_dim_to_width_of_cond_stage_config",
        )
    return _embedding(context, 4 * channels) if wanted and context else None


if __name__ == "__main__":  # the table of its layers; of the full model unless a config is given
    import sys

    from mug.config import load_config
    from mug.model.summary import summary
    from mug.util import find_file, instantiate_from_config

    model = load_config(sys.argv[1:] or [find_file("configs/mug/mug_diffusion.yaml")])["model"]
    unet = instantiate_from_config(model["params"]["unet_config"])
    summary(unet.eval(), unet.example(model["params"]["latent"]["z_length"]))
