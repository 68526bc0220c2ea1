"""From the network's notes to a chart: clean up, name."""

from __future__ import annotations

from collections.abc import Sequence

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.beatmap.latin import latin
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.finish.cleanup import Changes, Surroundings, finish_notes
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.provenance import WORDS
from mug.timing.estimate import TimingEstimate

__all__ = ["FinishOptions", "chart_of", "finish_chart", "red_lines_of"]

CREATOR = "MuG Diffusion"
TAGS = " ".join(WORDS)


def red_lines_of(options: FinishOptions, timing: TimingEstimate) -> tuple[TimingPoint, ...]:
    """The red lines to write and to snap to: those given, else those of this timing."""
    return options.red_lines or timing.tempo_map.red_lines


def finish_chart(
    notes: Sequence[HitObject],
    options: FinishOptions,
    *,
    keys: int,
    index: int,
    timing: TimingEstimate,
    duration_ms: float,
) -> tuple[Beatmap, Changes]:
    """A chart, and what was changed on the way.

    Args:
        notes: hit objects as decoded.
        options: what to do with them.
        keys: columns.
        index: number of the chart within the request, from 0.
        timing: tempo and offset to write and to snap to, where the options give no red lines.
        duration_ms: length of the song; nothing lies after it.
    """
    where = Surroundings(keys, red_lines_of(options, timing), duration_ms)
    kept, changes = finish_notes(notes, options, where)
    return chart_of(kept, options, where, index), changes


def chart_of(
    notes: Sequence[HitObject], options: FinishOptions, where: Surroundings, index: int = 0
) -> Beatmap:
    """A chart of these notes, as they are.

    Args:
        notes: at whole milliseconds.
        options: names.
        where: columns and red lines.
        index: number of the chart within the request, from 0.
    """
    return Beatmap(
        keys=where.keys,
        hit_objects=tuple(notes),
        timing=tuple(where.red_lines),
        general=_general(options),
        editor={},
        metadata=_metadata(options, index),
        difficulty={
            "HPDrainRate": "8",
            "CircleSize": str(where.keys),
            "OverallDifficulty": "8",
            "ApproachRate": "5",
            "SliderMultiplier": "1.4",
            "SliderTickRate": "1",
        },
    )


def _general(options: FinishOptions) -> dict[str, str]:
    return {
        "AudioFilename": options.audio_filename,
        "AudioLeadIn": "0",
        "PreviewTime": "-1",
        "Countdown": "0",
        "SampleSet": "Soft",
        "StackLeniency": "0.7",
        "Mode": "3",
        "LetterboxInBreaks": "0",
        "SpecialStyle": "0",
        "WidescreenStoryboard": "0",
    }


def _metadata(options: FinishOptions, index: int) -> dict[str, str]:
    return {
        "Title": latin(options.title),
        "TitleUnicode": options.title,
        "Artist": latin(options.artist),
        "ArtistUnicode": options.artist,
        "Creator": CREATOR,
        "Version": options.version or f"AI v{index + 1}",
        "Source": "",
        "Tags": TAGS,
        "BeatmapID": "0",
        "BeatmapSetID": "-1",
    }
