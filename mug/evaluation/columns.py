"""Columns of the benchmark: baselines, and charts of a model."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mug.audio.librosa_once import load_librosa
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.stars import ln_ratio
from mug.evaluation.figures import figures_of
from mug.evaluation.made import BEST, FINISHED, FREE, GIVEN, RAW, Asked, Maker
from mug.evaluation.rows import DIVERSITY, Figures, Judged, ResultRow
from mug.evaluation.sampled import as_sampled, by_rule
from mug.evaluation.songs import SAMPLE_RATE, Against, human_distance, rng_for
from mug.metrics.audio_blind import METRE, STARS, metre_only, stars_only
from mug.metrics.baselines import grid_chart, onset_chart, onset_scores
from mug.metrics.chart_features import chart_features
from mug.metrics.matched_rows import LineScores, top_rows
from mug.metrics.memory import mean_distance
from mug.metrics.onsets import match_onsets, onset_times
from mug.metrics.rows import rows_of
from mug.pipeline.plan import Plan, Search
from mug.pipeline.request import GenerationResult

OTHER_DIFFICULTY, OTHER_SONG = "another difficulty", "human, another song"
RANDOM_GRID, LIBROSA = "random on the grid", "librosa, random columns"
LIBROSA_FITTED = "librosa, shifted to fit"
ONSETS_METRE = "onsets × metre"
SCORER = "scorer alone"
RULE = "raw rows, columns by rule"


def baseline_charts(against: Against) -> dict[str, Beatmap]:
    """Charts to hold others against, by column; those that there are no songs for are missing."""
    song, human = against.song, against.human
    found: dict[str, Beatmap] = {}
    other = song.nearest(against.stars, apart_from=against.index)
    if other is not None:
        found[OTHER_DIFFICULTY] = song.charts[other]
    foreign = [
        (abs(stars - against.stars), number, chart)
        for number, one in enumerate(against.others)
        for chart, stars in zip(one.charts, one.stars, strict=True)
    ]
    if foreign:
        found[OTHER_SONG] = min(foreign, key=lambda entry: entry[:2])[2]
    rng = rng_for(song.name, human.version)
    rows = len(rows_of(human.hit_objects, human.keys).time_ms)
    found[RANDOM_GRID] = grid_chart(human, rows, rng)
    onsets = _librosa_onsets(against.sound.wave)
    found[LIBROSA] = onset_chart(human, onsets, rng)
    found[LIBROSA_FITTED] = onset_chart(human, onsets + _best_shift(onsets, human), rng)
    count, lines = len(against.rows), against.lines
    found[METRE] = onset_chart(human, metre_only(lines, count, rng), rng)
    found[STARS] = onset_chart(human, stars_only(lines, against.stars, count, rng), rng)
    strongest = onset_scores(against.sound.wave, lines)
    found[ONSETS_METRE] = onset_chart(human, top_rows(strongest, against.rows, rng), rng)
    return found


def _best_shift(onsets_ms: np.ndarray, human: Beatmap) -> float:
    """The constant that helps most: this baseline knows the answer, so that it is no easy one."""
    times = onset_times(human.hit_objects)
    shifts = np.arange(-60.0, 61.0, 2.5)
    return float(max(shifts, key=lambda by: len(match_onsets(onsets_ms + by, times, 20.0))))


def _librosa_onsets(wave: np.ndarray) -> np.ndarray:
    seconds = load_librosa().onset.onset_detect(y=wave, sr=SAMPLE_RATE, units="time")
    return np.asarray(seconds, np.float64) * 1000.0


def baseline_rows(against: Against) -> list[Judged]:
    """The baselines for one human chart, judged."""
    return [
        Judged(
            row_of(
                chart,
                against,
                column,
                figures=figures_of(chart, against, lines=_scores(column, against)),
            ),
            chart,
            by_people=column in (OTHER_DIFFICULTY, OTHER_SONG),
        )
        for column, chart in baseline_charts(against).items()
    ]


def _scores(column: str, against: Against) -> LineScores | None:
    """Scores of the lines of a baseline that has them."""
    return onset_scores(against.sound.wave, against.lines) if column == ONSETS_METRE else None


def scorer_row(against: Against, lines: LineScores, seed: int = 0) -> Judged:
    """The rows that a scorer prefers, as many as the human chart has, in random columns.

    Args:
        against: the human chart.
        lines: the scorer's scores of the song's lines.
        seed: number of the sample that it belongs to.
    """
    rng = rng_for(against.song.name, against.human.version, SCORER)
    chart = onset_chart(against.human, top_rows(lines, against.rows, rng), rng)
    figures = figures_of(chart, against, lines=lines)
    return Judged(row_of(chart, against, SCORER, figures=figures, seed=seed), chart)


def row_of(
    chart: Beatmap,
    against: Against,
    column: str,
    *,
    figures: Figures,
    timing: str = "",
    seed: int = 0,
    asked: Asked | None = None,
) -> ResultRow:
    """The row of a judged chart, with the features that distances compare."""
    human = against.human
    return ResultRow(
        against.song.name,
        human.version,
        column,
        timing,
        seed,
        figures,
        chart=against.index,
        asked=asked or {},
        features=chart_features(chart.hit_objects, chart.keys, human.red_lines),
    )


def model_rows(maker: Maker) -> list[Judged]:
    """Return what a model makes at a human chart's star rating and share of long notes.

    All columns come from the same noise: the first candidate of each seed as sampled, with rows
    that do not bind; finished; and the best of the candidates by the project's own score. So do
    both timings, but for a model that is conditioned on the beat.
    """
    against, run = maker.against, maker.run
    prompt: Asked = {"sr": against.stars, "ln_ratio": ln_ratio(against.human.hit_objects)}
    asked = [(seed, timing) for seed in range(run.seeds) for timing in (GIVEN, FREE)]
    requests = [
        replace(maker.request(prompt, seed=seed, timing=timing), count=run.candidates)
        for seed, timing in asked
    ]
    clock = _SampleClock(maker.song.duration_ms / 60000)
    found = maker.make(requests, Plan(Search(candidates=run.candidates)), clock.progress)
    cost = {"seconds_a_song_minute": clock.seconds / (run.seeds * run.candidates) / clock.minutes}
    free = as_sampled(maker, prompt)
    rows: list[Judged] = []
    for seed, one in enumerate(free):
        sampled, ruled = _Sampled(maker, prompt, seed), by_rule(one.notes, against.human.keys)
        rows.append(sampled.judged(maker.raw(one.notes), RAW, more=cost, lines=one.lines))
        rows.append(sampled.judged(maker.raw(ruled), RULE, lines=one.lines))
    for (seed, timing), made in zip(asked, found, strict=True):
        rows += _Sampled(maker, prompt, seed).finished(made.result, timing)
    return [*rows, _diversity_row(against, [one.notes for one in free])]


class _SampleClock:
    """Seconds from its making to the last network step.

    Args:
        minutes: length of the song.
    """

    def __init__(self, minutes: float) -> None:
        self.minutes, self.seconds, self._began = minutes, 0.0, time.perf_counter()

    def progress(self, done: int, total: int) -> None:
        """Take the time of a network step."""
        self.seconds = time.perf_counter() - self._began


@dataclass(frozen=True)
class _Sampled:
    """The rows of one seed."""

    maker: Maker
    prompt: Asked
    seed: int

    def judged(
        self,
        chart: Beatmap,
        column: str,
        timing: str = "",
        found: Sequence[TimingPoint] | None = None,
        more: Figures | None = None,
        lines: LineScores | None = None,
    ) -> Judged:
        """A chart with its row."""
        row = row_of(
            chart,
            self.maker.against,
            column,
            figures=figures_of(chart, self.maker.against, found, lines) | (more or {}),
            timing=timing,
            seed=self.seed,
            asked=self.prompt,
        )
        return Judged(row, chart)

    def finished(self, result: GenerationResult, timing: str) -> list[Judged]:
        """Return the first candidate and, where there are several, the best, which leads them."""
        found = result.beatmaps[0].red_lines if timing == FREE else None
        first = result.beatmaps[result.indices.index(0)]
        rows = [self.judged(first, FINISHED, timing, found)]
        if len(result.beatmaps) > 1:
            rows.append(self.judged(result.beatmaps[0], BEST, timing, found))
        return rows


def _diversity_row(against: Against, charts: Sequence[Sequence[HitObject]]) -> Judged:
    """Distance between the raw charts of the seeds, and relative to human neighbours."""
    between, human = mean_distance(charts), human_distance(against.song)
    ratio = between / human if human > 0 else math.nan
    figures = {"seed_distance": between, "seed_distance_to_human": ratio}
    name, version = against.song.name, against.human.version
    return Judged(
        ResultRow(name, version, RAW, figures=figures, chart=against.index, part=DIVERSITY)
    )
