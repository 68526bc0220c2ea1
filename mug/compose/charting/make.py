"""Charts of a varied song as beatmaps."""

from __future__ import annotations

from mug.beatmap.beatmap import MANIA, Beatmap
from mug.beatmap.timing_points import TimingPoint
from mug.compose.charting.notes import NoteWriter
from mug.compose.charting.rows import choose_rows
from mug.compose.charting.spec import ChartSpec
from mug.compose.charts import CREATOR, TAGS
from mug.compose.varied.song import VariedSong


def red_lines(song: VariedSong) -> tuple[TimingPoint, ...]:
    """The exact red lines of a song: one a tempo."""
    return tuple(
        TimingPoint(segment.time_ms, segment.beat_ms, meter=song.metre.beats)
        for segment in song.tempo.segments
    )


def _preview_ms(song: VariedSong) -> int:
    chorus = next((part for part in song.parts if part.kind == "chorus"), song.parts[0])
    return round(song.tick_ms(chorus.first_bar * song.bar_ticks))


def chart_song(
    song: VariedSong,
    spec: ChartSpec,
    *,
    name: str,
    keys: int = 4,
    audio_filename: str,
    beatmapset_id: int,
) -> Beatmap:
    """One chart of a varied song.

    Args:
        song: the music.
        spec: the chart to be made.
        name: of the difficulty.
        keys: number of columns, 1 ... 18.
        audio_filename: name of the sound file beside the chart.
        beatmapset_id: tells songs apart.
    """
    notes = NoteWriter(song, spec, keys).write(choose_rows(song, spec))
    return Beatmap(
        keys=keys,
        hit_objects=tuple(notes),
        timing=red_lines(song),
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
            "Title": song.title,
            "TitleUnicode": song.title,
            "Artist": song.artist,
            "ArtistUnicode": song.artist,
            "Creator": CREATOR,
            "Version": name,
            "Source": "",
            "Tags": TAGS,
            "BeatmapID": "0",
            "BeatmapSetID": str(beatmapset_id),
        },
        difficulty={
            "HPDrainRate": "8",
            "CircleSize": str(keys),
            "OverallDifficulty": "8",
            "ApproachRate": "5",
            "SliderMultiplier": "1.4",
            "SliderTickRate": "1",
        },
    )
