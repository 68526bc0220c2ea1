"""Judging charts of any origin against human ones: songs, figures, baselines.

`docs/benchmark.md` defines every figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from mug.audio.load import hash_samples, load_audio
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats import CHARTS, kind_of, read_chart
from mug.beatmap.losses import LossReport
from mug.beatmap.timing_points import TimingPoint
from mug.data.difficulty import ln_ratio, star_rating
from mug.data.msd import estimate_msd
from mug.data.songs import find_audio
from mug.errors import DataError, ModeError, MugError
from mug.metrics.grid import grid_sync
from mug.metrics.memory import chart_distance, shared_run
from mug.metrics.onsets import column_score, onset_score, tail_score
from mug.metrics.patterns import (
    divergences,
    hand_imbalance,
    pattern_counts,
    pooled_counts,
    row_information,
)
from mug.metrics.structure import bar_energy, density_energy
from mug.metrics.tempo import tempo_score
from mug.metrics.validity import violations
from mug.postprocess.lint import count_by_severity, lint, tier_for
from mug.postprocess.lint_text import played_minutes

SAMPLE_RATE = 22050
LEAST_NOTES = 10

Figures = dict[str, float]


@dataclass(frozen=True)
class HumanSong:
    """A song with its human charts.

    Args:
        name: of its folder.
        audio: the sound file.
        charts: human charts of one number of columns, easiest first, each with notes.
        stars: star rating of each.
    """

    name: str
    audio: Path
    charts: tuple[Beatmap, ...]
    stars: tuple[float, ...]

    def nearest(self, stars: float, *, apart_from: int | None = None) -> int | None:
        """Index of the chart nearest in star rating; None where there is none to choose."""
        indices = [i for i in range(len(self.charts)) if i != apart_from]
        return min(indices, key=lambda i: abs(self.stars[i] - stars), default=None)


@dataclass(frozen=True)
class Heard:
    """A song's sound, once for all its charts."""

    wave: np.ndarray

    @property
    def duration_ms(self) -> float:
        """Its length."""
        return 1000.0 * len(self.wave) / SAMPLE_RATE

    @property
    def digest(self) -> str:
        """Names the sound, whatever file it is in."""
        return hash_samples(self.wave[:, None], SAMPLE_RATE)


@dataclass(frozen=True)
class Row:
    """The figures of one chart.

    Args:
        song: name of the song.
        difficulty: the human chart that it is held against.
        column: who made it, e.g. `raw` or `random on the grid`.
        timing: `given`, `free`, or `` where there is no such choice.
        seed: number of the sample, 0 where there is one only.
        figures: by name; not a number where a figure does not apply.
        file: the chart as written, relative to the results; empty where it was not.
    """

    song: str
    difficulty: str
    column: str
    timing: str = ""
    seed: int = 0
    figures: Figures = field(default_factory=dict)
    file: str = ""


def load_songs(folder: Path, keys: int) -> list[HumanSong]:
    """Songs in a folder of beatmapset folders; one folder with charts is one song.

    Charts of other modes and numbers of columns are left out; so are songs without any other.

    Raises:
        DataError: without songs.
        BeatmapError: for a chart that cannot be read.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in CHARTS and p.is_file())
    grouped: dict[Path, list[Beatmap]] = {}
    for file in files:
        try:
            found = read_chart(file, kind_of(file), losses=LossReport())
        except ModeError:
            continue
        fits = [b for b in found if b.keys == keys and len(b.hit_objects) >= LEAST_NOTES]
        grouped.setdefault(file.parent, []).extend(fits)
    songs = []
    for place, charts in sorted(grouped.items()):
        if charts:
            rated = sorted(
                ((star_rating(c), c) for c in charts), key=lambda x: (x[0], x[1].version)
            )
            stars, ordered = tuple(s for s, _ in rated), tuple(c for _, c in rated)
            songs.append(HumanSong(place.name, find_audio(ordered[0]), ordered, stars))
    if not songs:
        raise DataError(f"no {keys}K charts in this folder", file=folder)
    return songs


def hear(audio: Path) -> Heard:
    """Decodes a song."""
    return Heard(load_audio(audio, SAMPLE_RATE))


def assert_unseen(judged: Sequence[HumanSong], training: Sequence[HumanSong]) -> None:
    """Refuses to judge on what a model was trained on: by folder name and by decoded sound.

    Raises:
        DataError: names the song.
    """
    names = {song.name for song in training}
    sounds = {hear(song.audio).digest for song in training}
    for song in judged:
        if song.name in names or hear(song.audio).digest in sounds:
            raise DataError(
                "a song to judge by is among the training songs",
                value=song.name,
                remedy="Take it out of one of the folders",
            )


@dataclass(frozen=True)
class Against:
    """What a chart is held against.

    Args:
        song: the human song.
        index: the human chart.
        heard: the song's sound.
        others: songs by people for patterns and copies, e.g. the training songs.
    """

    song: HumanSong
    index: int
    heard: Heard
    others: tuple[HumanSong, ...] = ()

    @property
    def human(self) -> Beatmap:
        """The human chart."""
        return self.song.charts[self.index]

    @property
    def stars(self) -> float:
        """Its star rating: what is asked for."""
        return self.song.stars[self.index]


def figures_of(
    chart: Beatmap, against: Against, found: Sequence[TimingPoint] | None = None
) -> Figures:
    """All figures of one chart.

    Args:
        chart: by anyone.
        against: the human chart, its song and other people's charts.
        found: red lines that were heard in the sound, where they are to be judged.
    """
    human, red = against.human, against.human.red_lines
    notes, reference = chart.hit_objects, human.hit_objects
    sync = grid_sync(notes, red)
    figures: Figures = {
        "clean_rate": sync.clean_rate,
        "clean_rate_chance": sync.chance,
        "phase_ms": abs(sync.phase_ms),
        "mean_ms": sync.mean_ms,
        "notes_ratio": len(notes) / len(reference),
        **{f"f1_{ms}": onset_score(notes, reference, ms).f1 for ms in (10, 20, 50)},
        **{
            f"tail_f1_{ms}": tail_score(notes, reference, ms).f1 if human.long_notes else math.nan
            for ms in (20, 50)
        },
        "column_f1_20": column_score(notes, reference, 20.0).f1,
        "hand_imbalance": hand_imbalance(notes, chart.keys),
        "information_bits": row_information(notes, chart.keys),
        "information_away": _beyond_band(row_information(notes, chart.keys), against),
    }
    figures |= _control(chart, against)
    broken = violations(chart, red, keys=human.keys, audio_ms=against.heard.duration_ms)
    figures |= {f"violations_{name}": float(n) for name, n in asdict(broken).items()}
    figures["violations"] = float(broken.total) + figures["unreadable"]
    figures |= _playability(chart, against)
    figures |= _patterns(chart, against)
    edges, energy = bar_energy(against.heard.wave, SAMPLE_RATE, red)
    figures["density_energy"] = density_energy(notes, edges, energy)
    own = replace(chart, timing=chart.red_lines or red)
    known = [c for song in against.others for c in song.charts]
    figures["shared_run"] = float(max((shared_run(own, c) for c in known), default=math.nan))
    if found:
        first = min(note.start_ms for note in reference)
        tempo = tempo_score(found, red, float(first), human.last_ms)
        figures |= {
            "tempo_exact": float(tempo.exact),
            "tempo_octave": float(tempo.octave),
            "offset_ms": abs(tempo.offset_ms),
            "tempo_error": tempo.integrated,
        }
    return figures


def _control(chart: Beatmap, against: Against) -> Figures:
    """Star rating, share of long notes and MSD against the human chart's."""
    nan = math.nan
    figures = dict.fromkeys(("sr", "sr_error", "sr_abs_error", "ln_abs_error", "msd_error"), nan)
    try:
        stars = star_rating(chart)
    except MugError:  # the independent reader refuses the chart: that is the figure
        return {**figures, "unreadable": 1.0}
    figures |= {
        "sr": stars,
        "sr_error": stars - against.stars,
        "sr_abs_error": abs(stars - against.stars),
        "ln_abs_error": abs(ln_ratio(chart.hit_objects) - ln_ratio(against.human.hit_objects)),
        "unreadable": 0.0,
    }
    if chart.keys == 4:
        figures["msd_error"] = abs(_msd(chart) - _msd(against.human))
    return figures


def _msd(chart: Beatmap) -> float:
    notes = chart.hit_objects
    return estimate_msd([n.start_ms for n in notes], [n.column for n in notes]).overall


def _playability(chart: Beatmap, against: Against) -> Figures:
    """Findings of lint a minute, by the tier that was asked for."""
    findings = lint(chart, star_rating=against.stars, audio_ms=against.heard.duration_ms)
    starts = [float(note.start_ms) for note in chart.hit_objects]
    minutes = played_minutes(chart.last_ms - min(starts, default=0.0))
    counts = count_by_severity(findings)
    return {f"lint_{name}s_a_minute": count / minutes for name, count in counts.items()}


def _patterns(chart: Beatmap, against: Against) -> Figures:
    """Jensen–Shannon divergences from human charts of the tier, of other songs where there are."""
    tier = tier_for(against.human, against.stars)
    pool = [
        pattern_counts(other.hit_objects, other.keys, other.red_lines)
        for song in against.others
        for other, stars in zip(song.charts, song.stars, strict=True)
        if tier_for(other, stars) == tier
    ]
    human = against.human
    pool = pool or [pattern_counts(human.hit_objects, human.keys, human.red_lines)]
    own = pattern_counts(chart.hit_objects, chart.keys, human.red_lines)
    found = divergences(own, pooled_counts(pool))
    return {
        **{f"js_{name}": value for name, value in found.items()},
        "js_mean": float(np.mean(list(found.values()))),
    }


def _beyond_band(bits: float, against: Against) -> float:
    """Bits outside the p10–p90 band of human charts: more and less are both worse."""
    charts = [c for song in (*against.others, against.song) for c in song.charts]
    low, high = np.percentile([row_information(c.hit_objects, c.keys) for c in charts], [10, 90])
    return float(max(low - bits, bits - high, 0.0))


def human_distance(song: HumanSong) -> float:
    """Distance between charts of one song by people that are next to each other in difficulty."""
    pairs = zip(song.charts, song.charts[1:], strict=False)
    found = [chart_distance(a.hit_objects, b.hit_objects) for a, b in pairs]
    return float(np.mean(found)) if found else math.nan


def as_json(row: Row) -> dict[str, object]:
    """Plain containers; not a number becomes null."""
    figures = {k: v if math.isfinite(v) else None for k, v in row.figures.items()}
    return {**{k: getattr(row, k) for k in row.__dataclass_fields__}, "figures": figures}


def from_json(plain: Mapping[str, object]) -> Row:
    """A row as `as_json` wrote it."""
    figures = plain["figures"]
    if not isinstance(figures, Mapping):
        raise DataError("a row of results has no figures", value=plain)
    read = {str(k): math.nan if v is None else float(v) for k, v in figures.items()}
    return Row(
        song=str(plain["song"]),
        difficulty=str(plain["difficulty"]),
        column=str(plain["column"]),
        timing=str(plain["timing"]),
        seed=int(str(plain["seed"])),
        figures=read,
        file=str(plain["file"]),
    )
