"""The one owner of time: samples, audio frames, note frames, latent frames and milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from mug.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FrameClock:
    """Converts between milliseconds and the three grids of the model.

    With the shipped values an audio frame lasts 5.805 ms, a note frame 46.43991 ms and a latent
    frame 371.519 ms. Source: the original's `n_fft / 4 / sr * ratio * 1000`.

    Args:
        sample_rate: samples a second of the mono waveform.
        n_fft: window of the short-time Fourier transform in samples; the hop is a quarter of it.
        audio_per_note: audio frames a note frame (`audio_note_window_ratio` in the configs).
        notes_per_latent: note frames a latent frame.
    """

    sample_rate: int = 22050
    n_fft: int = 512
    audio_per_note: int = 8
    notes_per_latent: int = 8

    def __post_init__(self) -> None:
        for name in ("sample_rate", "n_fft", "audio_per_note", "notes_per_latent"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    "config.must_be_positive_whole_number", name=name, value=getattr(self, name)
                )

    @property
    def hop(self) -> int:
        """Samples between two audio frames."""
        return self.n_fft // 4

    @property
    def audio_frame_ms(self) -> float:
        """Duration of an audio frame in ms."""
        return self.n_fft / 4 / self.sample_rate * 1000

    @property
    def note_frame_ms(self) -> float:
        """Duration of a note frame in ms."""
        return self.n_fft / 4 / self.sample_rate * self.audio_per_note * 1000

    @property
    def latent_frame_ms(self) -> float:
        """Duration of a latent frame in ms."""
        return self.note_frame_ms * self.notes_per_latent

    def split_ms(self, time_ms: float) -> tuple[int, float]:
        """Note frame and offset within it, in frames; a negative time gives a negative offset.

        Truncates toward zero, as the original does: -10 ms is frame 0, offset -0.215.
        """
        index = int(time_ms / self.note_frame_ms)
        return index, (time_ms - index * self.note_frame_ms) / self.note_frame_ms

    def join_ms(self, note_frame: int, offset: float = 0.0) -> float:
        """Time in ms of an offset (in frames) within a note frame."""
        return (note_frame + offset) * self.note_frame_ms

    def note_frames(self, duration_ms: float) -> int:
        """Note frames that cover a duration, rounded up."""
        return max(0, -int(-duration_ms // self.note_frame_ms))

    def audio_frames(self, samples: int) -> int:
        """Audio frames of a centred short-time Fourier transform over so many samples."""
        return 1 + samples // self.hop
