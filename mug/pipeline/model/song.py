"""A song as a model reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from mug.audio.flux import Curves
from mug.encoding.beat_axis import BeatAxis
from mug.timing.analysis import SongAnalysis
from mug.timing.estimate import TimingEstimate


@dataclass(frozen=True)
class EncodedSong:
    """An encoded song, the condition of the denoiser.

    A model in beats reads a song once its red lines are known, see `mug.pipeline.beat.on_axis`.

    Args:
        sound: its samples, and what they say; the same for all axes.
        levels: the audio encoder's levels, with a batch of one; none where `lines` stand for them.
        latent_frames: length of a latent of this song; 0 as long as a needed axis is not known.
        axis: time of the latents, for a model in beats.
        lines: line channels `[1, c, beats]` without rows, for a model that reads them.
        placed: the same song on the axes that were asked for lately, by their keys.
        row_logits: of a rhythm scorer on this axis, by the star rating and density it was given.
        alike: for each beat the one whose draw it shares, by the least similarity.
    """

    sound: SongAnalysis
    levels: tuple[Tensor, ...]
    latent_frames: int
    axis: BeatAxis | None = None
    lines: Tensor | None = None
    placed: dict[tuple[float, ...], EncodedSong] = field(
        default_factory=dict, repr=False, compare=False
    )

    row_logits: dict[tuple[float | None, float | None], np.ndarray] = field(
        default_factory=dict, repr=False, compare=False
    )

    alike: dict[float, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def wave(self) -> np.ndarray:
        """Mono samples."""
        return self.sound.wave

    @property
    def duration_ms(self) -> float:
        """Length of the song."""
        return self.sound.duration_ms

    @property
    def timing(self) -> TimingEstimate:
        """Tempo and offset, estimated from the sound when first asked for."""
        return self.sound.timing

    @property
    def curves(self) -> Curves:
        """Onset and level curves of the song, which line channels are read from."""
        return self.sound.curves
