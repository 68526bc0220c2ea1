"""Timing, onsets and curves of a song, each worked out when first asked for and once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from mug.audio.flux import SAMPLE_RATE as FLUX_RATE
from mug.audio.flux import Curves, flux_curves
from mug.audio.load import Wave, load_song, resample
from mug.errors import MugError
from mug.messages.message import Message
from mug.timing.chart_offset import SongOnsets, onset_strength
from mug.timing.estimate import TimingEstimate, checked_onsets, timing_of
from mug.timing.onsets import SAMPLE_RATE, Onsets


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


class AnalysisAhead:
    """A song that is read and analysed in a thread of its own, while a model is still loaded.

    Args:
        audio: the sound file.
        timing: whether to estimate its timing.
        curves: whether to work out its curves.
    """

    def __init__(self, audio: Path, *, timing: bool, curves: bool) -> None:
        self._audio, self._wanted = audio, {"timing": timing, "curves": curves}
        self._sound: SongAnalysis | None = None
        self._error: MugError | None = None
        self._thread = threading.Thread(target=self._analyse, daemon=True)
        self._thread.start()

    def result(self) -> SongAnalysis:
        """Wait for the song.

        Raises:
            AudioError: when it cannot be read.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._sound or _read(self._audio)

    def _analyse(self) -> None:
        try:
            sound = _read(self._audio)
            for name, wanted in self._wanted.items():
                if wanted:
                    getattr(sound, name)
            self._sound = sound
        except MugError as error:
            self._error = error


def _read(audio: Path) -> SongAnalysis:
    return SongAnalysis.read(audio, SAMPLE_RATE)


Analysed = Callable[[], SongAnalysis]
"""Gives the analysis of a song, or raises what was wrong with it."""
