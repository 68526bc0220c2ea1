"""Options for making a chart of notes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mug.beatmap.timing_points import TimingPoint
from mug.errors import GenerationError
from mug.messages.message import Message
from mug.snapping.nearest import SnapOptions
from mug.timing.estimate import TimingEstimate
from mug.timing.tempo_map import timing_from_file
from mug.util import nearest

SNAPPING = ("voice", "nearest", "none")
FIXES = ("tier", "minijacks", "none")
UNFIT = ("move", "keep", "drop")


@dataclass(frozen=True)
class FinishOptions:
    """Options for making a chart of notes.

    Args:
        title: shown in the game; empty is filled from the file's tags or name.
        artist: likewise.
        version: name of the difficulty; empty gives `AI v1` and so on.
        timing: tempo and offset to use instead of detected ones.
        red_lines: timing points to use instead, e.g. those of a chart of the same song; they win
            over `timing`.
        timing_candidate: which reading of the beat to use where it is estimated; 1 is the
            likeliest.
        timing_source: where the timing comes from, as files and reports name it.
        snapping: `voice` (straight or triplet, beat by beat), `nearest` (the nearest line) or
            `none`.
        divisors: parts of a beat that notes may snap to; None leaves `voice` those of the tier
            and tempo, `nearest` 1, 2, 3, 4, 6 and 8.
        unfit: with `voice`, a note with no line within the tolerance is moved to the nearest line
            (`move`), kept where it is (`keep`) or left out (`drop`), and counted.
        fixes: `tier` (all that can be fixed, by the limits of the chart's tier), `minijacks`
            (the original's rule, four columns only) or `none`.
        minijack_ms: interval of the rule `minijacks`; 0 is off.
        star_rating: what the chart is meant to have; sets the tier. Without it the density of the
            notes does.
        long_notes: share of long notes that the chart is meant to have; with the fixes of its tier
            it is brought to that. Without it the notes stay as held as they were.
        audio_filename: name of the song file beside the chart.
    """

    title: str = ""
    artist: str = ""
    version: str = ""
    timing: TimingEstimate | None = None
    red_lines: tuple[TimingPoint, ...] = ()
    timing_candidate: int = 1
    timing_source: str = ""
    snapping: str = "voice"
    divisors: tuple[int, ...] | None = None
    unfit: str = "move"
    fixes: str = "tier"
    minijack_ms: float = 90.0
    star_rating: float | None = None
    long_notes: float | None = None
    audio_filename: str = "audio.mp3"

    def __post_init__(self) -> None:
        choices = (("snapping", SNAPPING), ("unfit", UNFIT), ("fixes", FIXES))
        for name, accepted in choices:
            value = getattr(self, name)
            if value not in accepted:
                raise GenerationError(
                    "pipeline.unknown_choice",
                    name=name,
                    value=value,
                    remedy=nearest(value, accepted),
                )
        if not math.isfinite(self.minijack_ms) or self.minijack_ms < 0:
            raise GenerationError(
                "pipeline.mini_jack_interval_must_not_be_negative", value=self.minijack_ms
            )
        if self.timing_candidate < 1:
            raise GenerationError(
                "pipeline.readings_of_beat_are_counted", value=self.timing_candidate
            )
        SnapOptions(divisors=self.divisors)  # refuses impossible divisors

    def timed_by(self, chart: Path) -> FinishOptions:
        """Return these options with the timing points of a chart, in any format.

        Raises:
            BeatmapError: for a chart that cannot be read or has no timing.
        """
        lines = timing_from_file(chart).red_lines
        source = f"file {chart.name}"
        return replace(self, red_lines=lines, timing=None, timing_source=source)

    def timing_for(self, estimate_from_sound: Callable[[], TimingEstimate]) -> TimingEstimate:
        """The song's timing: given, or a reading of the sound.

        Args:
            estimate_from_sound: listens to the song; asked only where nothing is given.

        Raises:
            GenerationError: when there are fewer readings than `timing_candidate`.
        """
        if self.red_lines:
            first = self.red_lines[0]
            return TimingEstimate(first.bpm, first.time_ms, 1.0, meter=first.meter)
        if self.timing is not None:
            return self.timing
        estimate = estimate_from_sound()
        if self.timing_candidate == 1:
            return estimate
        if self.timing_candidate > len(estimate.candidates):
            raise GenerationError(
                "pipeline.song_beat_has_no_such_reading",
                value=self.timing_candidate,
                remedy=Message(
                    "remedy.there_are_and_report_lists_them", count=len(estimate.candidates)
                ),
            )
        chosen = estimate.candidates[self.timing_candidate - 1]
        return TimingEstimate(chosen.bpm, chosen.offset_ms, chosen.confidence, estimate.candidates)

    @staticmethod
    def given_timing(bpm: float | None, offset_ms: float | None) -> TimingEstimate | None:
        """The user's own tempo and offset; None when neither is given."""
        if bpm is None and offset_ms is None:
            return None
        if bpm is None or offset_ms is None:
            raise GenerationError(
                "pipeline.tempo_needs_offset_and_offset_tempo",
                value={"bpm": bpm, "offset_ms": offset_ms},
                remedy="remedy.give_both_or_neither",
            )
        if not (math.isfinite(bpm) and 10 <= bpm <= 1000 and math.isfinite(offset_ms)):
            raise GenerationError(
                "pipeline.tempo_out_of_range",
                value={"bpm": bpm, "offset_ms": offset_ms},
            )
        return TimingEstimate(bpm=bpm, offset_ms=offset_ms, confidence=1.0, candidates=())
