"""Charts by rules from the exact notes: the same music always gives the same notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mug.beatmap.beatmap import MANIA, Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.compose.columns import ColumnPlanner
from mug.compose.score import NoteEvent, Song
from mug.compose.tempo import TICKS, Metre

CREATOR = "MuG compose"
TAGS = "machine-made sample composed by code mug compose"

Moment = Mapping[str, NoteEvent]
"""Notes at one time, by instrument; of a chord its highest note."""


@dataclass(frozen=True, slots=True)
class ChartRules:
    """Rules of one difficulty.

    Args:
        name: of the difficulty.
        step_ms: least distance between two notes; sets how fine a grid the chart follows.
        finest: the finest grid, whatever the tempo: beat, half or quarter.
        sources: instruments whose onsets are played.
        size: notes that a moment is worth, at least 1.
        column_gap_ms: least distance between two starts in a column.
        hold_ms: melody notes held at least so long become long notes.
        release_ms: least time between a long note's end and the next start in its column.
        hold_alone: whether nothing else is played while a long note is held.
        overall_difficulty: how strictly hits are judged.
        hp_drain: how fast mistakes drain.
    """

    name: str
    step_ms: float
    finest: str
    sources: frozenset[str]
    size: Callable[[Moment], int]
    column_gap_ms: float
    hold_ms: float
    release_ms: float
    hold_alone: bool
    overall_difficulty: float
    hp_drain: float


_STRONG = frozenset({"kick", "snare", "tom", "melody"})


def _accent(moment: Moment) -> bool:
    """Return whether a back beat is struck: a snare that is no ghost note."""
    snare = moment.get("snare")
    return snare is not None and snare.velocity > 0.9


def _crash_two(moment: Moment) -> int:
    return 2 if "crash" in moment else 1


def _accents_two(moment: Moment) -> int:
    return 2 if "crash" in moment or (_accent(moment) and "melody" in moment) else 1


def _pairs_two(moment: Moment) -> int:
    if "crash" in moment:
        return 3
    return 2 if _accent(moment) or len(_STRONG & set(moment)) >= 2 else 1


def _pairs_three(moment: Moment) -> int:
    strong = len(_STRONG & set(moment))
    if "crash" in moment or (_accent(moment) and strong >= 2):
        return 3
    return 2 if strong or "chord" in moment else 1


_BEATS = frozenset({"kick", "snare", "tom", "crash", "melody"})

_HELD = _BEATS | {"open_hat", "chord"}
_ALL = _HELD | {"hat", "bass"}

# fmt: off
TIERS = (
    ChartRules("Easy", 290.0, "beat", _BEATS, _crash_two, 420.0, 600.0, 120.0, True, 5.0, 5.0),
    ChartRules("Normal", 140.0, "half", _HELD, _accents_two, 260.0, 420.0, 100.0, False, 6.5, 6.0),
    ChartRules("Hard", 95.0, "quarter", _ALL, _pairs_two, 170.0, 320.0, 80.0, False, 7.5, 7.0),
    ChartRules("Expert", 70.0, "quarter", _ALL, _pairs_three, 110.0, 300.0, 70.0, False, 8.0, 8.0),
)
# fmt: on


def _grids(metre: Metre) -> tuple[int, ...]:
    """Grids from fine to coarse, in ticks."""
    return (metre.quarter, metre.half, TICKS, 2 * TICKS, 4 * TICKS)


def grid_ticks(song: Song, tier: ChartRules) -> int:
    """The finest grid of a song that a tier may play, in ticks.

    Easy takes the next coarser grid where it would share Normal's.
    """
    steps = _grids(song.metre)
    first = {"quarter": 0, "half": 1, "beat": 2}[tier.finest]
    playable = [s for s in steps[first:] if song.tempo.shortest_step_ms(s) >= tier.step_ms]
    step = playable[0] if playable else steps[-1]
    if tier.name == "Easy" and step == grid_ticks(song, TIERS[1]):
        return steps[min(steps.index(step) + 1, len(steps) - 1)]
    return step


def moments(song: Song) -> list[Moment]:
    """Notes that sound together, by time."""
    found: dict[int, dict[str, NoteEvent]] = {}
    for event in song.events:
        # Events rise in pitch within an instrument, so that the highest stays.
        found.setdefault(event.tick, {})[event.instrument] = event
    return [found[tick] for tick in sorted(found)]


def _lead(moment: Moment) -> NoteEvent:
    """Any event of a moment; all share its time."""
    return next(iter(moment.values()))


def _place(moment: Moment, low: int, high: int) -> float | None:
    """Position of the melody between its lowest and highest note; drums have none."""
    note = moment.get("melody")
    return None if note is None or high == low else (note.pitch - low) / (high - low)


def _hold_end(moment: Moment, tier: ChartRules) -> int | None:
    note = moment.get("melody")
    if note is None or note.duration_ms < tier.hold_ms:
        return None
    return round(note.time_ms + note.duration_ms)


def place_notes(song: Song, tier: ChartRules, keys: int) -> list[HitObject]:
    """Hit objects of a difficulty by time and column, in whole ms."""
    pitches = [event.pitch for event in song.of(["melody"])]
    low, high = min(pitches, default=0), max(pitches, default=0)
    grid = grid_ticks(song, tier)
    planner = ColumnPlanner(keys, tier.column_gap_ms, tier.release_ms)
    placed: list[HitObject] = []
    for moment in moments(song):
        event = _lead(moment)
        time_ms = round(event.time_ms)
        if event.tick % grid or not tier.sources & set(moment):
            continue
        held = planner.holds_at(time_ms)
        if tier.hold_alone and held:
            continue
        chosen = planner.choose(time_ms, tier.size(moment), _place(moment, low, high))
        end_ms = _hold_end(moment, tier) if held < max(1, keys // 2) else None
        for column in sorted(chosen):
            # Of a chord, the note that follows the melody is the one that is held.
            if end_ms is not None and column == chosen[0]:
                placed.append(LongNote(column, float(time_ms), float(end_ms)))
                planner.press(column, time_ms, end_ms)
            else:
                placed.append(Rice(column, float(time_ms)))
                planner.press(column, time_ms)
    return placed


def _timing(song: Song) -> tuple[TimingPoint, ...]:
    return tuple(
        TimingPoint(segment.time_ms, segment.beat_ms, meter=song.metre.beats)
        for segment in song.tempo.segments
    )


def _preview_ms(song: Song) -> int:
    """Start of the first chorus, or of the song where it has none."""
    chorus = next((s for s in song.sections if s.kind == "chorus"), song.sections[0])
    return round(song.tempo.ms(float(chorus.first_bar * song.metre.beats)))


def make_chart(
    song: Song, tier: ChartRules, *, keys: int = 4, audio_filename: str, beatmapset_id: int
) -> Beatmap:
    """One difficulty of a song.

    Args:
        song: the music.
        tier: rules of the difficulty.
        keys: number of columns, 1 ... 18.
        audio_filename: name of the sound file beside the chart.
        beatmapset_id: tells songs apart; the same for all difficulties of a song.
    """
    names = {"Title": song.title, "TitleUnicode": song.title}
    names |= {"Artist": song.artist, "ArtistUnicode": song.artist, "Creator": CREATOR}
    return Beatmap(
        keys=keys,
        hit_objects=tuple(place_notes(song, tier, keys)),
        timing=_timing(song),
        general={
            "AudioFilename": audio_filename,
            "AudioLeadIn": "0",
            "PreviewTime": str(_preview_ms(song)),
            "Countdown": "0",
            "SampleSet": "Soft",
            "StackLeniency": "0.7",
            "Mode": str(MANIA),
            "LetterboxInBreaks": "0",
        },
        metadata={
            **names,
            "Version": tier.name,
            "Source": "",
            "Tags": TAGS,
            "BeatmapID": "0",
            "BeatmapSetID": str(beatmapset_id),
        },
        difficulty={
            "HPDrainRate": f"{tier.hp_drain:g}",
            "CircleSize": str(keys),
            "OverallDifficulty": f"{tier.overall_difficulty:g}",
            "ApproachRate": "5",
            "SliderMultiplier": "1.4",
            "SliderTickRate": "1",
        },
    )


def make_charts(
    song: Song,
    tiers: Sequence[ChartRules] = TIERS,
    *,
    keys: int = 4,
    audio_filename: str,
    beatmapset_id: int,
) -> list[Beatmap]:
    """All difficulties of a song, easiest first; arguments as for `make_chart`."""
    return [
        make_chart(
            song, tier, keys=keys, audio_filename=audio_filename, beatmapset_id=beatmapset_id
        )
        for tier in tiers
    ]
