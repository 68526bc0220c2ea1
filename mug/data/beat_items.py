"""Training items on the axis of beats (`time_axis: beat`): notes, sound and rows, warped alike.

Notes lie where the red lines say, exactly; the sound may be moved against them, as a detector's
offset would be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from mug.audio.flux import HOP_MS, SAMPLE_RATE, Curves, FluxCache, flux_curves
from mug.audio.load import load_audio
from mug.clock import FrameClock
from mug.data.charts import TrainingChart
from mug.data.item_options import (
    AugmentOptions,
    BeatOptions,
    LineOptions,
)
from mug.encoding.beat_axis import LINES, NOTE_FRAMES, PHASE, BeatAxis
from mug.encoding.bound_rows import RowTable, hinted_rows, rows_at
from mug.encoding.line_channels import line_channels, position_channels
from mug.encoding.line_tensor import line_tensor
from mug.encoding.note_arrays import NoteArrays
from mug.errors import ConfigError, DataError
from mug.messages.message import Message
from mug.rhythm.rows import draw_rows
from mug.rhythm.scorer import RhythmScorer, condition, load_scorer

DRAW_TEMPERATURE = 0.25
"""Of rows that training items are given: likely ones, not always the likeliest."""


SoundLines = Float32[np.ndarray, "beats 12 c"]


@dataclass(frozen=True)
class BeatPart:
    """Part of a song that an item holds.

    Args:
        notes: by their axis: ms on it, from the part's beginning.
        axis: of the notes.
        sound_axis: the same, moved against the sound.
        first_beat: with which the part begins.
        beats: of the part.
    """

    notes: NoteArrays
    axis: BeatAxis
    sound_axis: BeatAxis
    first_beat: int
    beats: int


@dataclass(frozen=True)
class BeatItems:
    """Reads the parts of songs that items hold.

    Args:
        clock: of the model; a beat lasts one latent frame.
        beats: of an item.
        options: how sound and rows are given.
        cache: folder of cached curves; computed each time when None.
    """

    clock: FrameClock
    beats: int
    options: LineOptions
    cache: Path | None = None

    @classmethod
    def of(
        cls, clock: FrameClock, note_frames: int, options: LineOptions, cache: Path | None
    ) -> BeatItems:
        """Return the reader for items of so many note frames.

        Raises:
            DataError: when they are no whole number of beats.
        """
        if note_frames % NOTE_FRAMES:
            raise DataError("data.items_must_be_whole_beats", value=note_frames, frames=NOTE_FRAMES)
        return cls(clock, note_frames // NOTE_FRAMES, options, cache)

    def curves(self, audio: Path) -> Curves:
        """Onset and level curves of a song."""
        if self.cache is not None:
            return FluxCache(self.cache).get(audio)
        return flux_curves(load_audio(audio, SAMPLE_RATE))

    def part(
        self, chart: TrainingChart, duration_ms: float, place: float, rng: np.random.Generator
    ) -> BeatPart:
        """Part of a chart that begins on a beat.

        Args:
            chart: with red lines.
            duration_ms: of the song.
            place: 0 ... 1, of the part in the song.
            rng: two numbers are drawn from it.
        """
        moved, wrong = rng.standard_normal(), rng.random()
        if not chart.red_lines:
            raise DataError(
                "data.chart_has_no_red_lines", file=chart.path, remedy="remedy.give_tempo_of_song"
            )
        axis = BeatAxis.of(chart.red_lines)
        if wrong < self.options.half_beat_p:
            axis = axis.moved(float(axis.beat_ms(0, 1)[0]) / 2)
        first = int(place * (max(axis.count_beats(duration_ms) - self.beats, 0) + 1))
        begin_ms = first * self.clock.latent_frame_ms
        begin, end = (
            axis.to_real_ms(
                np.array([begin_ms, begin_ms + self.beats * self.clock.latent_frame_ms]),
                self.clock,
            )
        ).tolist()
        return BeatPart(
            notes=self._warped(chart.between(begin, end), axis, begin_ms),
            axis=axis,
            sound_axis=axis.moved(self.options.offset_ms * moved),
            first_beat=first,
            beats=self.beats,
        )

    def _warped(self, notes: NoteArrays, axis: BeatAxis, begin_ms: float) -> NoteArrays:
        start = axis.to_axis_ms(notes.start_ms, self.clock) - begin_ms
        end = axis.to_axis_ms(notes.end_ms, self.clock) - begin_ms
        return replace(notes, start_ms=start, end_ms=end)

    def lines(
        self, part: BeatPart, curves: Curves, stars: float | None, rng: np.random.Generator
    ) -> Float32[np.ndarray, "c beats"]:
        """Line channels of a part with its rows, changed as the options say.

        Args:
            part: of a chart.
            curves: of the song.
            stars: of the chart, for rows that are drawn.
            rng: of everything random.
        """
        given, seed = rng.random(), int(rng.integers(2**31))
        sound = line_channels(curves, part.sound_axis, part.first_beat, part.beats)
        rows = self._rows(part, sound, stars, given, seed)
        return line_tensor(self._changed(sound, rng), part.sound_axis, part.first_beat, rows)

    def _rows(
        self, part: BeatPart, sound: SoundLines, stars: float | None, given: float, seed: int
    ) -> RowTable | None:
        """Rows that an item is given, if any: the chart's own, or drawn ones."""
        own, drawn = self.options.own_rows_p, self.options.drawn_rows_p
        if given >= own + drawn:
            return None
        if given < own and not self.options.row_hints:
            return self.own_rows(part)
        logits = self.row_logits(part, sound, stars)
        rows = self.own_rows(part) if given < own else self.drawn_rows(part, logits, seed)
        return hinted_rows(rows, logits) if self.options.row_hints else rows

    @cached_property
    def scorer(self) -> RhythmScorer | None:
        """The scorer that draws rows, read once a process."""
        return None if self.options.scorer is None else load_scorer(self.options.scorer)

    def row_logits(
        self, part: BeatPart, sound: SoundLines, stars: float | None
    ) -> Float32[np.ndarray, " lines"]:
        """Calibrated logits of a row at each line of a part, by the scorer."""
        assert self.scorer is not None
        with torch.no_grad():
            place = position_channels(part.sound_axis, part.first_beat, part.beats)
            given = condition(stars, None)
            arrays = (torch.from_numpy(sound), torch.from_numpy(place), given)
            logits: np.ndarray = self.scorer.calibrated(self.scorer(*(x[None] for x in arrays)))[
                0
            ].numpy()
        return logits

    def drawn_rows(
        self, part: BeatPart, logits: Float32[np.ndarray, " lines"], seed: int
    ) -> RowTable:
        """As many rows as the chart has, where the scorer draws them."""
        own = self.own_rows(part)
        chosen = draw_rows(logits, int(own.sum()), seed, temperature=DRAW_TEMPERATURE)
        rows = np.zeros(part.beats * LINES, np.float32)
        rows[chosen] = 1
        return rows.reshape(part.beats, LINES)

    def own_rows(self, part: BeatPart) -> RowTable:
        """The lines on which the chart has rows, as 1."""
        return rows_at(part.notes.start_ms / self.clock.latent_frame_ms - PHASE, part.beats)

    def _changed(self, sound: SoundLines, rng: np.random.Generator) -> SoundLines:
        """Sound at the lines with a gain for each channel, noise, and channels left out."""
        options = self.options
        channels = sound.shape[-1]
        gain = np.exp(options.gain * rng.standard_normal(channels))
        noise = rng.standard_normal(sound.shape, np.float32)
        dropped = rng.random() < options.drop_p
        left = rng.random(channels) >= (options.drop_share if dropped else 0.0)
        changed: SoundLines = ((sound * gain + options.noise * noise) * left).astype(np.float32)
        return changed


def check_beat_options(augment: AugmentOptions, beat: BeatOptions, rules: str) -> None:
    """Refuse what has no meaning on the axis of beats.

    Raises:
        ConfigError: names the option.
    """
    refused = {
        "augment.rate_p": augment.rate_p,  # the axis takes tempo out; the same notes would come
        "augment.shift_p": augment.shift_p,
        "augment.jitter_p": augment.jitter_p,
        "augment.mirror_at_interval_p": augment.mirror_at_interval_p,
        "augment.freq_mask_p": augment.freq_mask_p,
        "augment.pitch_p": augment.pitch_p,
        "beat.condition": beat.condition,  # line channels tell it
        "rules": rules if rules != "own" else None,
    }
    for name, value in refused.items():
        if value:
            raise ConfigError(
                "data.not_with_beat_axis",
                name=name,
                value=value,
                remedy=Message("remedy.leave_out_or_use_ms", name=name),
            )


def duration_of(curves: Curves) -> float:
    """Duration of a song in ms."""
    return len(curves) * HOP_MS
