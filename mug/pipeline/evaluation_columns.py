"""What stands in the columns of the benchmark: baselines, and what a model makes."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.data.difficulty import ln_ratio
from mug.features import FeatureValue
from mug.metrics.baselines import grid_chart, onset_chart
from mug.metrics.chart_features import chart_features
from mug.metrics.memory import mean_distance
from mug.metrics.onsets import match_onsets, onset_times
from mug.metrics.rows import rows_of
from mug.pipeline.candidates import judge
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.evaluation import SAMPLE_RATE, Against, human_distance
from mug.pipeline.evaluation_figures import figures_of
from mug.pipeline.evaluation_rows import DIVERSITY, Figures, Judged, Row
from mug.pipeline.finish import finish_chart, red_lines_of
from mug.pipeline.finish_options import FinishOptions
from mug.pipeline.prompt import Prompt
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import Ask, chart_seed
from mug.pipeline.score import rank

OTHER_DIFFICULTY, OTHER_SONG = "another difficulty", "human, another song"
RANDOM_GRID, LIBROSA = "random on the grid", "librosa, random columns"
LIBROSA_FITTED = "librosa, shifted to fit"
RAW, FINISHED, BEST = "raw", "post-processed", "best of N"


@dataclass(frozen=True)
class ModelRun:
    """How a model is asked.

    Args:
        seeds: samples a human chart.
        candidates: charts that the best is chosen from, for each seed; 1 leaves that column out.
        steps: sampler steps.
        guidance_scale: 1 is off.
    """

    seeds: int = 2
    candidates: int = 4
    steps: int = 50
    guidance_scale: float = 5.0


def rng_for(*words: object) -> np.random.Generator:
    """A source of chance that depends on what it is for alone."""
    digest = hashlib.sha256("|".join(map(str, words)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


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
    onsets = _librosa_onsets(against.heard.wave)
    found[LIBROSA] = onset_chart(human, onsets, rng)
    found[LIBROSA_FITTED] = onset_chart(human, onsets + _best_shift(onsets, human), rng)
    return found


def _best_shift(onsets_ms: np.ndarray, human: Beatmap) -> float:
    """The constant that helps most: this baseline is told the answer, so that it is no easy one."""
    times = onset_times(human.hit_objects)
    shifts = np.arange(-60.0, 61.0, 2.5)
    return float(max(shifts, key=lambda by: len(match_onsets(onsets_ms + by, times, 20.0))))


def _librosa_onsets(wave: np.ndarray) -> np.ndarray:
    import librosa.onset

    seconds = librosa.onset.onset_detect(y=wave, sr=SAMPLE_RATE, units="time")
    return np.asarray(seconds, np.float64) * 1000.0


def baseline_rows(against: Against) -> list[Judged]:
    """The baselines for one human chart, judged."""
    return [
        Judged(
            row_of(chart, against, column, figures=figures_of(chart, against)),
            chart,
            by_people=column in (OTHER_DIFFICULTY, OTHER_SONG),
        )
        for column, chart in baseline_charts(against).items()
    ]


def row_of(
    chart: Beatmap,
    against: Against,
    column: str,
    *,
    figures: Figures,
    timing: str = "",
    seed: int = 0,
    asked: Mapping[str, FeatureValue] | None = None,
) -> Row:
    """The row of a judged chart, with the features that distances compare."""
    human = against.human
    return Row(
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


def model_rows(generator: ChartGenerator, against: Against, run: ModelRun) -> list[Judged]:
    """What a model makes at a human chart's star rating and share of long notes.

    All columns and both timings come from the same samples: the raw notes of the first candidate
    of each seed, those notes finished, and the best of the candidates by the project's own score.
    """
    prompt = {"sr": against.stars, "ln_ratio": ln_ratio(against.human.hit_objects)}
    request = GenerationRequest(
        against.song.audio, prompt, steps=run.steps, guidance_scale=run.guidance_scale
    )
    song = generator.song(against.song.audio)
    asks = [
        Ask(prompt, {}, chart_seed(seed, number))
        for seed in range(run.seeds)
        for number in range(run.candidates)
    ]
    began = time.perf_counter()
    raw = generator.sample(song, asks, request)
    seconds = (time.perf_counter() - began) / len(asks)
    cost = {"seconds_a_song_minute": seconds / (song.duration_ms / 60000)}
    rows: list[Judged] = []
    for seed in range(run.seeds):
        mine = raw[seed * run.candidates : (seed + 1) * run.candidates]
        made = _Sampled(generator, against, request, seed)
        rows.append(made.raw(mine[0], cost))
        for timing in ("given", "free"):
            rows += made.finished(mine, timing)
    return [*rows, _diversity_row(against, [raw[s * run.candidates] for s in range(run.seeds)])]


@dataclass(frozen=True)
class _Sampled:
    """The rows of one seed."""

    generator: ChartGenerator
    against: Against
    request: GenerationRequest
    seed: int

    def _judged(
        self,
        chart: Beatmap,
        column: str,
        timing: str = "",
        found: Sequence[TimingPoint] | None = None,
        cost: Figures | None = None,
    ) -> Judged:
        row = row_of(
            chart,
            self.against,
            column,
            figures=figures_of(chart, self.against, found) | (cost or {}),
            timing=timing,
            seed=self.seed,
            asked=self.request.prompt,
        )
        return Judged(row, chart)

    def raw(self, notes: Sequence[HitObject], cost: Figures) -> Judged:
        human = self.against.human
        chart = replace(human.with_objects(notes), timing=human.red_lines)
        return self._judged(chart, RAW, cost=cost)

    def finished(self, candidates: Sequence[Sequence[HitObject]], timing: str) -> list[Judged]:
        """Post-processed, and the best of several where there are several."""
        song = self.generator.song(self.against.song.audio)
        given = self.against.human.red_lines if timing == "given" else ()
        options = replace(
            FinishOptions(title=self.against.human.title, artist=self.against.human.artist),
            red_lines=given,
            star_rating=self.against.stars,
        )
        tempo = options.timing_for(lambda: song.timing)
        made = [
            finish_chart(
                notes,
                options,
                keys=self.generator.model.keys,
                index=0,
                timing=tempo,
                duration_ms=song.duration_ms,
            )
            for notes in candidates
        ]
        found = None if given else red_lines_of(options, tempo)
        rows = [self._judged(made[0][0], FINISHED, timing, found)]
        if len(made) > 1:
            prompt = Prompt.of(self.generator.model.schema, self.request.prompt, {})
            scores = [judge(c, prompt, x, song.duration_ms, {}).score for c, x in made]
            best = made[rank(scores)[0]][0]
            rows.append(self._judged(best, BEST, timing, found))
        return rows


def _diversity_row(against: Against, charts: Sequence[Sequence[HitObject]]) -> Judged:
    """Distance between the raw charts of the seeds, and relative to human neighbours."""
    between, human = mean_distance(charts), human_distance(against.song)
    ratio = between / human if human > 0 else math.nan
    figures = {"seed_distance": between, "seed_distance_to_human": ratio}
    name, version = against.song.name, against.human.version
    return Judged(Row(name, version, RAW, figures=figures, chart=against.index, part=DIVERSITY))
