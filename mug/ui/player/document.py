"""Document of the playable preview: a song and its candidate charts as JSON.

`mug/ui/player/README.md` has the schema and says how a page embeds the player.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError, ConfigError
from mug.messages.message import Message

SCHEMA = "mug-player/1"
LANGUAGES = ("en", "zh")
SEVERITIES = ("error", "warning", "info")

_TAIL_MS = 1000.0
_LEAST_BAR_MS = 100.0  # charts that fake scroll effects have bars of microseconds
_DENSITY_WINDOW_MS = 2000.0
_WAVE_POINTS = 2400


@runtime_checkable
class FindingLike(Protocol):
    """Finding as the player needs it; those of a linter fit."""

    @property
    def time_ms(self) -> float:
        """Its start."""

    @property
    def columns(self) -> Sequence[int]:
        """The columns concerned, counted from 0; empty for all."""

    @property
    def rule(self) -> str:
        """Name of the rule."""

    @property
    def severity(self) -> str:
        """`error`, `warning` or `info`."""

    @property
    def message(self) -> str:
        """Message about the fault, as a sentence."""


@dataclass(frozen=True, slots=True)
class PlayerFinding:
    """A finding to show on the lanes.

    Args:
        time_ms: when it begins.
        columns: the columns concerned, counted from 0; empty for all.
        rule: name of the rule.
        severity: `error`, `warning` or `info`.
        message: what is wrong, as a sentence.
        end_ms: when it ends; None for a moment.
    """

    time_ms: float
    columns: tuple[int, ...]
    rule: str
    severity: str
    message: str
    end_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Waveform:
    """A song's outline, for drawing.

    Args:
        step_ms: time that a point stands for.
        peaks: largest magnitude in each step, 0 ... 255 of the song's largest.
        rms: root mean square in each step, on the same scale.
    """

    step_ms: float
    peaks: tuple[int, ...]
    rms: tuple[int, ...]


def outline(wave: Float[np.ndarray, " samples"], sample_rate: int) -> Waveform:
    """Outline of a waveform in at most 2400 points.

    Args:
        wave: mono samples.
        sample_rate: in Hz.
    """
    step = max(1, math.ceil(len(wave) / _WAVE_POINTS))
    points = math.ceil(len(wave) / step)
    padded = np.zeros(points * step, dtype=np.float64)
    padded[: len(wave)] = np.abs(wave)
    pieces = padded.reshape(points, step)
    scale = 255.0 / max(float(padded.max(initial=0.0)), 1e-9)
    peaks = np.rint(pieces.max(axis=1) * scale).astype(int)
    rms = np.rint(np.sqrt((pieces**2).mean(axis=1)) * scale).astype(int)
    return Waveform(1000.0 * step / sample_rate, tuple(peaks.tolist()), tuple(rms.tolist()))


def bar_times(red_lines: Sequence[TimingPoint], until_ms: float) -> list[float]:
    """Starts of bars, from 0 to `until_ms`.

    A red line begins a bar; the first one's tempo holds before it, too. Bars shorter than 100 ms
    are counted by as many as it takes to reach that.

    Args:
        red_lines: in any order.
        until_ms: length of the song.

    Raises:
        BeatmapError: for a beat that lasts no time, or a bar without beats.
    """
    reds = sorted(red_lines, key=lambda line: line.time_ms)
    bars: list[float] = []
    for index, red in enumerate(reds):
        if not (0 < red.beat_ms < math.inf and red.meter > 0 and math.isfinite(red.time_ms)):
            raise BeatmapError(
                "ui.red_line_needs_beat_above_0",
                value=red,
                remedy="remedy.correct_timing_point",
            )
        length = red.beat_ms * red.meter
        length *= math.ceil(_LEAST_BAR_MS / length)
        begin = 0.0 if index == 0 else max(red.time_ms, 0.0)
        end = min(reds[index + 1].time_ms - 1.0 if index + 1 < len(reds) else math.inf, until_ms)
        count = math.ceil((begin - red.time_ms) / length - 1e-9)
        while (at := red.time_ms + count * length) <= end:
            bars.append(max(at, 0.0))
            count += 1
    return bars


def density_curve(starts_ms: Sequence[float], until_ms: float) -> dict[str, Any]:
    """Notes a second over the song: each point counts the two seconds around it.

    Args:
        starts_ms: when notes begin.
        until_ms: length of the song.
    """
    step = max(250.0, until_ms / 800)
    centres = np.arange(0.0, until_ms + step, step)
    starts = np.sort(np.asarray(starts_ms, dtype=np.float64))
    half = _DENSITY_WINDOW_MS / 2
    inside = np.searchsorted(starts, centres + half) - np.searchsorted(starts, centres - half)
    values = inside / (_DENSITY_WINDOW_MS / 1000)
    return {"step_ms": step, "values": [round(float(value), 2) for value in values]}


@dataclass(frozen=True)
class SongView:
    """View of the song besides its charts.

    Args:
        waveform: outline of the sound; None draws none.
        duration_ms: its length; a second after the last note when None.
        audio_start_ms: chart time of the sound's first sample. A page had better serve the samples
            of `mug.audio.load`: browsers cut other silence off the start of an MP3 than the game.
        title: instead of the first chart's.
        artist: instead of the first chart's.
        language: `en` or `zh`.
        texts: texts of the page's own, `{language: {key: text}}`; keys as in `player/texts.js`.
        bindings: key codes by number of columns, e.g. `{4: ["KeyD", "KeyF", "KeyJ", "KeyK"]}`.
    """

    waveform: Waveform | None = None
    duration_ms: float | None = None
    audio_start_ms: float = 0.0
    title: str | None = None
    artist: str | None = None
    language: str = "en"
    texts: Mapping[str, Mapping[str, str]] | None = None
    bindings: Mapping[int, Sequence[str]] | None = None


def player_document(
    beatmaps: Sequence[Beatmap],
    audio_url: str,
    findings: Sequence[Sequence[FindingLike]] = (),
    timing: Sequence[TimingPoint] | None = None,
    *,
    names: Sequence[str] | None = None,
    star_ratings: Sequence[float | None] | None = None,
    song: SongView | None = None,
) -> dict[str, Any]:
    """The document that the player shows.

    Args:
        beatmaps: the candidates, at least one; they may differ in their number of columns.
        audio_url: where the browser finds the sound: a path, or a `data:` URL.
        findings: those of each candidate, in their order; empty for none at all.
        timing: the song's red lines; those of the first candidate when None.
        names: of the candidates; their difficulty names when None.
        star_ratings: of the candidates, None where unknown.
        song: outline, length, title, language.

    Raises:
        ConfigError: no candidate, lists of another length, or an unknown language or severity.
        BeatmapError: notes outside their columns or without a finite time; broken timing.
    """
    song = song or SongView()
    if song.language not in LANGUAGES:
        raise ConfigError(
            "ui.no_such_language", value=song.language, remedy="remedy.choose_en_or_zh"
        )
    _check_lists(beatmaps, findings=findings, names=names, star_ratings=star_ratings)
    for beatmap in beatmaps:
        _check_notes(beatmap)
    reds = tuple(beatmaps[0].red_lines if timing is None else timing)
    last = max(beatmap.last_ms for beatmap in beatmaps)
    until = max(last, 0.0) + _TAIL_MS if song.duration_ms is None else song.duration_ms
    candidates = [
        _candidate(
            beatmap,
            names[index] if names else beatmap.version or f"{index + 1}",
            findings[index] if findings else (),
            star_ratings[index] if star_ratings else None,
            until,
        )
        for index, beatmap in enumerate(beatmaps)
    ]
    return {
        "schema": SCHEMA,
        "title": song.title or _first(beatmaps, "TitleUnicode", "Title"),
        "artist": song.artist or _first(beatmaps, "ArtistUnicode", "Artist"),
        "duration_ms": until,
        "language": song.language,
        "texts": {key: dict(texts) for key, texts in (song.texts or {}).items()},
        "bindings": {str(keys): list(codes) for keys, codes in (song.bindings or {}).items()},
        "audio": {"url": audio_url, "start_ms": song.audio_start_ms},
        "waveform": None if song.waveform is None else asdict(song.waveform),
        "timing": {"red_lines": _red_lines(reds), "bars": bar_times(reds, until)},
        "candidates": candidates,
    }


def _check_lists(beatmaps: Sequence[Beatmap], **lists: Sequence[object] | None) -> None:
    if not beatmaps:
        raise ConfigError("ui.player_needs_chart", remedy="remedy.pass_at_least_one_beatmap")
    for name, values in lists.items():
        if values and len(values) != len(beatmaps):
            raise ConfigError("ui.must_have_one_entry_a_chart", name=name, value=len(values))


def _first(beatmaps: Sequence[Beatmap], *keys: str) -> str:
    found = (beatmaps[0].metadata.get(key, "") for key in keys)
    return next((text for text in found if text), "")


def _check_notes(beatmap: Beatmap) -> None:
    if not 1 <= beatmap.keys <= 18:
        raise BeatmapError(
            "common.chart_has_1_to_18_columns", file=beatmap.path, value=beatmap.keys
        )
    for note in beatmap.hit_objects:
        if not 0 <= note.column < beatmap.keys:
            raise BeatmapError(
                "common.column_outside_keys", keys=beatmap.keys, file=beatmap.path, value=note
            )
        if not (math.isfinite(note.start_ms) and math.isfinite(note.last_ms)):
            raise BeatmapError(
                "common.hit_object_has_no_finite_time", file=beatmap.path, value=note
            )
        if note.last_ms < note.start_ms:
            raise BeatmapError("ui.hold_ends_before_begins", file=beatmap.path, value=note)


def _red_lines(reds: Sequence[TimingPoint]) -> list[dict[str, float]]:
    return [
        {"time_ms": red.time_ms, "beat_ms": red.beat_ms, "meter": red.meter}
        for red in sorted(reds, key=lambda line: line.time_ms)
    ]


def _candidate(
    beatmap: Beatmap,
    name: str,
    findings: Sequence[FindingLike],
    star_rating: float | None,
    until_ms: float,
) -> dict[str, Any]:
    notes = beatmap.sorted_objects()
    starts = [float(note.start_ms) for note in notes]
    return {
        "name": name,
        "keys": beatmap.keys,
        "overall_difficulty": _overall_difficulty(beatmap),
        "stats": {} if star_rating is None else {"star_rating": star_rating},
        "notes": {
            "column": [note.column for note in notes],
            "start_ms": starts,
            "end_ms": [float(note.last_ms) for note in notes],
        },
        "density": density_curve(starts, until_ms),
        "findings": [_finding(finding, beatmap.keys) for finding in findings],
        "scroll": _scroll(beatmap),
    }


def _scroll(beatmap: Beatmap) -> list[dict[str, float]]:
    """Green lines at which the scroll speed becomes another one that is a number."""
    found: list[dict[str, float]] = []
    for point in sorted(beatmap.green_lines, key=lambda line: line.time_ms):
        known = math.isfinite(point.time_ms) and math.isfinite(point.velocity)
        if known and (not found or found[-1]["velocity"] != point.velocity):
            found.append({"time_ms": point.time_ms, "velocity": point.velocity})
    return found


def _overall_difficulty(beatmap: Beatmap) -> float:
    text = beatmap.difficulty.get("OverallDifficulty", "8")
    try:
        value = float(text)
    except ValueError as error:
        raise BeatmapError(
            "ui.overall_difficulty_is_no_number", file=beatmap.path, value=text
        ) from error
    return min(max(value, 0.0), 10.0)


def _finding(finding: FindingLike, keys: int) -> dict[str, Any]:
    if finding.severity not in SEVERITIES:
        raise ConfigError(
            "ui.no_such_severity",
            value=finding.severity,
            remedy=Message("remedy.choose_of", names=", ".join(SEVERITIES)),
        )
    if not all(0 <= column < keys for column in finding.columns):
        raise BeatmapError("ui.finding_outside_keys", keys=keys, value=tuple(finding.columns))
    end_ms = getattr(finding, "end_ms", None)
    return {
        "time_ms": float(finding.time_ms),
        "end_ms": None if end_ms is None else float(end_ms),
        "columns": [int(column) for column in finding.columns],
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
    }
