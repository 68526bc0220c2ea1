"""Timing, onsets and curves of a song, each worked out when first asked for and once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from mug.audio.flux import SAMPLE_RATE as FLUX_RATE
from mug.audio.flux import Curves, flux_curves
from mug.audio.load import Wave, load_song, resample
from mug.messages.message import Message
from mug.timing.chart_offset import SongOnsets, onset_strength
from mug.timing.estimate import TimingEstimate, checked_onsets, timing_of
from mug.timing.onsets import Onsets


class SongAnalysis:
    """Timing, onsets and line curves of a song, which share their spectra.

    Args:
        wave: mono samples.
        sample_rate: of the wave, in Hz.
        notices: on what of its file could not be read.
    """

    def __init__(self, wave: Wave, sample_rate: int, notices: tuple[Message, ...] = ()) -> None:
        self.wave, self.sample_rate, self.notices = wave, sample_rate, notices

    @classmethod
    def read(cls, audio: Path, sample_rate: int) -> SongAnalysis:
        """Return the song of a sound file.

        Raises:
            AudioError: when it cannot be read.
        """
        wave, notices = load_song(audio, sample_rate)
        return cls(wave, sample_rate, notices)

    @property
    def duration_ms(self) -> float:
        """Length of the song."""
        return 1000.0 * len(self.wave) / self.sample_rate

    @cached_property
    def onsets(self) -> Onsets:
        """Onset strength in bands, and harmony.

        Raises:
            DataError: for samples that are not numbers.
        """
        return checked_onsets(self.wave, self.sample_rate)

    @cached_property
    def timing(self) -> TimingEstimate:
        """Tempo, beat and bars, estimated from the sound."""
        return timing_of(self.onsets)

    @cached_property
    def onset_strength(self) -> SongOnsets:
        """Onset strength of each millisecond."""
        return onset_strength(self.onsets.envelope)

    @cached_property
    def curves(self) -> Curves:
        """Onset and level curves, which line channels are read from."""
        return flux_curves(resample(self.wave, self.sample_rate, FLUX_RATE))


Analysed = Callable[[], SongAnalysis]
"""Gives the analysis of a song, or raises what was wrong with it."""
