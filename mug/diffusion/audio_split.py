"""Residual blocks whose input is joined with audio that no step changes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class AudioSplit:
    """A residual block whose input is joined with audio: the audio's own groups taken apart.

    Group normalisation knows each group alone. Where a group lies wholly in the audio, its part of
    the first convolution is the same at every step, as is the audio's part of the skip path.

    Args:
        block: the normalisation of the input, the first convolution, and the skip path.
        before: channels before the audio.
        audio: channels of the audio.
    """

    def __init__(
        self, block: tuple[nn.GroupNorm, nn.Conv1d, nn.Module], before: int, audio: int
    ) -> None:
        norm, first, skip = block
        self.before, self.audio = before, audio
        self.norm, self.first = norm, first
        size = norm.num_channels // norm.num_groups
        # Groups that lie wholly in the audio: from the first border behind its begin to the last
        # before its end.
        low = -(-before // size) * size
        high = max(low, (before + audio) // size * size)
        self.low, self.high, self.groups = low, high, norm.num_groups - (high - low) // size
        self.weight = _without(first.weight, low, high)
        self.gain, self.shift = (_without(p[None], low, high)[0] for p in (norm.weight, norm.bias))
        self.path = skip if isinstance(skip, nn.Conv1d) else None
        end = before + audio
        self.skip = None if self.path is None else _without(self.path.weight, before, end)

    def join(self, audio: Float[Tensor, "b a t"]) -> JoinedAudio:
        """Contribution of one song's audio at every step."""
        return JoinedAudio(self, audio)


class JoinedAudio:
    """One song's share of a residual block's input.

    Args:
        split: the block, taken apart.
        audio: the song's level.
    """

    def __init__(self, split: AudioSplit, audio: Float[Tensor, "b a t"]) -> None:
        self.split = split
        low, high = split.low, split.high
        norm, first = split.norm, split.first
        inside = slice(low - split.before, high - split.before)
        self.edges = (audio[:, : inside.start], audio[:, inside.stop :])
        assert first.bias is not None
        # The bias belongs to the whole convolution once; it goes with the audio's share.
        self.hidden = first.bias[:, None].to(audio.dtype)
        if high > low:
            groups = norm.num_groups - split.groups
            gain, shift = norm.weight[low:high], norm.bias[low:high]
            h = torch.group_norm(audio[:, inside], groups, gain, shift, norm.eps)
            weight = first.weight[:, low:high]
            self.hidden = _conv(functional.silu(h), weight, first.bias, 1)
        self.skip = audio
        if split.path is not None:
            weight = split.path.weight[:, split.before : split.before + split.audio]
            self.skip = _conv(audio, weight, split.path.bias)

    def enter(self, x: Float[Tensor, "b c t"]) -> tuple[Tensor, Tensor]:
        """First convolution and skip path of `x` (without audio) joined with the audio."""
        split = self.split
        # Groups across the border need both sides, so those few audio channels stay with the input.
        h = self._between(x, *self.edges)
        h = torch.group_norm(h, split.groups, split.gain, split.shift, split.norm.eps)
        h = _conv(functional.silu(h, inplace=True), split.weight, None, 1)
        # A convolution is linear in its input channels: the two shares only add up.
        h = h.add_(self.hidden)
        if split.skip is None:
            return h, self._between(x, self.skip)
        return h, _conv(x, split.skip).add_(self.skip)

    def _between(self, x: Tensor, *audio: Tensor) -> Tensor:
        return join_audio(x, self.split.before, *audio)


def join_audio(
    x: Float[Tensor, "b c t"], before: int, *audio: Float[Tensor, "_ _ t"]
) -> Float[Tensor, "b c_out t"]:
    """Return `x` with the audio's channels after the first `before` of its own."""
    rows = [part.expand(len(x), *part.shape[1:]) for part in audio]
    return torch.cat([x[:, :before], *rows, x[:, before:]], dim=1)


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None = None, padding: int = 0) -> Tensor:
    out = functional.conv1d(x.to(weight.dtype), weight, bias, padding=padding)
    return out.to(x.dtype)


def _without(weight: Tensor, low: int, high: int) -> Tensor:
    """A weight without the input channels low ... high - 1."""
    return torch.cat([weight[:, :low], weight[:, high:]], dim=1)
