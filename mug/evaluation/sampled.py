"""Charts as a model samples them, rows not binding, with the scores of the song's lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from mug.audio.flux import SAMPLE_RATE as FLUX_RATE
from mug.audio.flux import flux_curves
from mug.audio.load import resample
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.compose.charting.spec import LEAST_JACK_MS
from mug.compose.columns import ColumnPlanner
from mug.encoding.beat_axis import BeatAxis
from mug.encoding.bound_rows import start_scores
from mug.evaluation.made import GIVEN, Asked, Maker
from mug.evaluation.songs import SAMPLE_RATE, Against
from mug.metrics.audio_blind import MetreLines
from mug.metrics.matched_rows import LineScores
from mug.notes import NoteLayout
from mug.pipeline.beat import song_with_beat
from mug.pipeline.decode import decode_latent, note_logits
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.rows import rows_for
from mug.pipeline.sample import ChartRequest, chart_seed, sample_latents
from mug.rhythm.scorer import RhythmScorer, line_logits, load_scorer

_SURE = 20.0  # logit by which a line loses whose frame holds a start elsewhere


@dataclass(frozen=True)
class Sampled:
    """A chart as sampled.

    Args:
        notes: as decoded, no row bound.
        lines: highest start logit over columns of each line of the song.
    """

    notes: tuple[HitObject, ...]
    lines: LineScores


def as_sampled(maker: Maker, prompt: Asked) -> list[Sampled]:
    """Return the first chart of each seed with the human timing, as the network writes it.

    Args:
        maker: of the song.
        prompt: what is asked for.
    """
    generator, model = maker.generator, maker.generator.model
    requests = [maker.request(prompt, seed=seed, timing=GIVEN) for seed in range(maker.run.seeds)]
    song = song_with_beat(model, maker.song, requests[0].finish)
    charts = [
        ChartRequest(one.prompt, one.negative_prompt, chart_seed(one.seed, 0)) for one in requests
    ]
    generator.check(charts)
    rows = [rows_for(model, song, one, None) for one in charts]
    latents = sample_latents(model, song, charts, requests[0], rows=rows)
    return [
        Sampled(decode_latent(model, song, z), start_lines(model, song, z, maker.against.lines))
        for z in latents
    ]


def start_lines(
    model: LoadedModel, song: EncodedSong, z: Float[Tensor, "c t"], lines: MetreLines
) -> LineScores:
    """Highest start logit over columns at each line of a song, twelve a beat.

    Args:
        model: from `load_model`.
        song: encoded for it, on its axis for a model in beats.
        z: the latent of a chart.
        lines: of the human chart, for a model whose time is in ms.
    """
    logits, layout = note_logits(model, song, z), NoteLayout(model.keys)
    if song.axis is not None:
        beats = song.latent_frames
        return LineScores(
            song.axis.line_times(0, beats),
            start_scores(logits, beats, layout).reshape(-1).astype(np.float64),
        )
    return ms_start_lines(logits, layout, lines, model.clock.note_frame_ms)


def ms_start_lines(
    logits: Float[np.ndarray, "c t"], layout: NoteLayout, lines: MetreLines, frame_ms: float
) -> LineScores:
    """The same on frames of constant ms; of lines in one frame the nearest to the start's place."""
    best = logits[layout.start].max(axis=0)
    column = logits[layout.start].argmax(axis=0)
    offset = np.clip(logits[layout.start_offset][column, np.arange(logits.shape[1])], 0, 1)
    frames = np.clip((lines.time_ms // frame_ms).astype(np.int64), 0, logits.shape[1] - 1)
    away = np.abs((frames + offset[frames]) * frame_ms - lines.time_ms)
    score = best[frames].astype(np.float64)
    # Of the lines of a frame, all but the nearest to where the start would lie.
    nearest = np.full(logits.shape[1], np.inf)
    np.minimum.at(nearest, frames, away)
    return LineScores(lines.time_ms, np.where(away <= nearest[frames], score, score - _SURE))


def by_rule(notes: Sequence[HitObject], keys: int) -> list[HitObject]:
    """The same rows in columns by the composer's rules: what a model's own columns are worth.

    Each row keeps its time, its number of notes and how long they are held, as far as there is a
    free finger.

    Args:
        notes: of a chart.
        keys: columns.
    """
    planner, made = ColumnPlanner(keys, LEAST_JACK_MS, LEAST_JACK_MS), []
    rows: dict[float, list[HitObject]] = {}
    for note in sorted(notes, key=lambda n: (n.start_ms, n.column)):
        rows.setdefault(float(note.start_ms), []).append(note)
    for time_ms, row in rows.items():
        for note, column in zip(row, planner.choose(time_ms, len(row), None), strict=False):
            planner.press(column, time_ms, note.end_ms if isinstance(note, LongNote) else None)
            made.append(replace(note, column=column))
    return made


@lru_cache(maxsize=1)
def _scorer(file: Path) -> RhythmScorer:
    return load_scorer(file)


def scorer_lines(file: Path, against: Against) -> LineScores:
    """Logits of rows at each line of a song, by a rhythm scorer that is asked for the stars.

    Args:
        file: of the scorer.
        against: the human chart, whose red lines and star rating are given.
    """
    axis = BeatAxis.of(against.human.red_lines)
    curves = flux_curves(resample(against.sound.wave, SAMPLE_RATE, FLUX_RATE))
    beats = axis.count_beats(max(against.sound.duration_ms, against.human.last_ms))
    logits = line_logits(_scorer(file), curves, axis, beats, against.stars)
    return LineScores(axis.line_times(0, beats), logits.double().cpu().numpy())
