"""From the network's notes to a chart file: clip, snap, clean up, name, report."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.data.difficulty import ln_ratio, star_rating
from mug.errors import GenerationError, MugError
from mug.postprocess.minijacks import remove_minijacks
from mug.postprocess.snapping import snap_to_grid
from mug.postprocess.timing import TimingEstimate

CREATOR = "MuG Diffusion"
TAGS = "machine-made mug-diffusion"


@dataclass(frozen=True)
class FinishOptions:
    """How notes become a chart.

    Args:
        title: shown in the game; empty is filled from the file's tags or name.
        artist: likewise.
        timing: tempo and offset to use instead of detected ones.
        snap: move notes to the beat grid.
        divisors: parts of a beat that notes may snap to.
        minijack_ms: notes of one column closer than this are moved or removed; 0 leaves them.
        audio_filename: name of the song file beside the chart.
    """

    title: str = ""
    artist: str = ""
    timing: TimingEstimate | None = None
    snap: bool = True
    divisors: tuple[int, ...] = (1, 2, 3, 4, 6, 8)
    minijack_ms: float = 90.0
    audio_filename: str = "audio.mp3"

    def __post_init__(self) -> None:
        if not math.isfinite(self.minijack_ms) or self.minijack_ms < 0:
            raise GenerationError(
                "the mini-jack interval must be 0 or more", value=self.minijack_ms
            )

    @staticmethod
    def given_timing(bpm: float | None, offset_ms: float | None) -> TimingEstimate | None:
        """The user's own tempo and offset; None when neither is given."""
        if bpm is None and offset_ms is None:
            return None
        if bpm is None or offset_ms is None:
            raise GenerationError(
                "a tempo needs an offset and an offset a tempo",
                value={"bpm": bpm, "offset_ms": offset_ms},
                remedy="Give both, or neither",
            )
        if not (math.isfinite(bpm) and 10 <= bpm <= 1000 and math.isfinite(offset_ms)):
            raise GenerationError(
                "the tempo must be 10 to 1000 beats a minute",
                value={"bpm": bpm, "offset_ms": offset_ms},
            )
        return TimingEstimate(bpm=bpm, offset_ms=offset_ms, confidence=1.0, candidates=())


def finish_chart(
    notes: Sequence[HitObject],
    options: FinishOptions,
    *,
    keys: int,
    index: int,
    timing: TimingEstimate,
    duration_ms: float,
) -> tuple[Beatmap, dict[str, int]]:
    """A chart and the counts of what was changed on the way.

    Args:
        notes: hit objects as decoded.
        options: what to do with them.
        keys: columns.
        index: number of the chart within the request, from 0.
        timing: tempo and offset to write and to snap to.
        duration_ms: length of the song; nothing lies after it.
    """
    red_line = TimingPoint(time_ms=timing.offset_ms, beat_ms=60000.0 / timing.bpm)
    kept = [note for note in notes if note.start_ms >= 0 and note.last_ms <= duration_ms]
    changes = {"outside_song": len(notes) - len(kept), "unsnapped": 0, "minijacks": 0}
    if options.snap and kept:
        snapped = snap_to_grid(kept, [red_line], options.divisors)
        kept, changes["unsnapped"] = list(snapped.hit_objects), len(snapped.unsnapped)
    if options.minijack_ms > 0 and keys == 4:
        before = len(kept)
        kept = list(remove_minijacks(kept, options.minijack_ms))
        changes["minijacks"] = before - len(kept)
    whole = [_whole_ms(note) for note in kept]
    beatmap = Beatmap(
        keys=keys,
        hit_objects=tuple(sorted(whole, key=lambda note: (note.start_ms, note.column))),
        timing=(red_line,),
        general=_general(options),
        editor={},
        metadata=_metadata(options, index),
        difficulty={
            "HPDrainRate": "8",
            "CircleSize": str(keys),
            "OverallDifficulty": "8",
            "ApproachRate": "5",
            "SliderMultiplier": "1.4",
            "SliderTickRate": "1",
        },
    )
    return beatmap, changes


def describe_chart(
    beatmap: Beatmap, prompt: Mapping[str, Any], changes: Mapping[str, int]
) -> dict[str, Any]:
    """What was asked for and what was reached, as plain containers."""
    objects = beatmap.hit_objects
    reached: dict[str, Any] = {
        "notes": len(objects),
        "long_notes": len(beatmap.long_notes),
        "per_column": [
            count for _, count in sorted(Counter(note.column for note in objects).items())
        ],
        "ln_ratio": round(ln_ratio(objects), 4) if objects else None,
    }
    try:
        reached["sr"] = round(star_rating(beatmap), 3) if objects else None
    except MugError as error:
        reached["sr"] = None
        reached["sr_unknown_because"] = str(error)
    return {
        "difficulty": beatmap.version,
        "asked": dict(prompt),
        "reached": reached,
        "changes": dict(changes),
    }


def _whole_ms(note: HitObject) -> HitObject:
    """The same object at whole milliseconds, rounded half to even, as the file format has it."""
    if isinstance(note, LongNote):
        start, end = round(note.start_ms), round(note.end_ms)
        return LongNote(note.column, start, max(end, start + 1))
    return type(note)(note.column, round(note.start_ms))


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
        "Title": _latin(options.title),
        "TitleUnicode": options.title,
        "Artist": _latin(options.artist),
        "ArtistUnicode": options.artist,
        "Creator": CREATOR,
        "Version": f"AI v{index + 1}",
        "Source": "",
        "Tags": TAGS,
        "BeatmapID": "0",
        "BeatmapSetID": "-1",
    }


def _latin(text: str) -> str:
    """The text if it is ASCII; otherwise what ASCII can say of it."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return plain if plain.strip() else text
