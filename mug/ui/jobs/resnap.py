"""Raw notes on another timing: finished, nested and brought to their stars again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mug.messages.message import Message
from mug.ui.jobs.state import State

if TYPE_CHECKING:
    from mug.beatmap.hit_objects import HitObject
    from mug.beatmap.timing_points import TimingPoint
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.finish.options import FinishOptions
    from mug.pipeline.judge.candidates import Judgement
    from mug.pipeline.model.checkpoint import LoadedModel
    from mug.pipeline.request import GenerationResult


def snapped(
    generator: ChartGenerator, state: State, names: Sequence[str]
) -> tuple[GenerationResult, tuple[Judgement, ...]]:
    """The charts of a revision on the timing of its request, and what is thought of them.

    On an unchanged timing these are the charts that were generated.

    Args:
        generator: the model, for its number of columns and the song.
        state: raw notes, aims, and a request whose red lines are to be snapped to.
        names: of the charts.
    """
    from mug.pipeline.judge.candidates import judge_all

    finishes = _finishes(state, names)
    result = _finished(generator, state, finishes)
    if state.aims.nested:
        result = _nested(generator, state, result, finishes)
        return result, judge_all(generator, state.request, result, {})
    judged = judge_all(generator, state.request, result, {})
    return _brought(generator, state, result, judged)


def with_lines(
    model: LoadedModel, state: State, red_lines: Sequence[TimingPoint]
) -> tuple[tuple[HitObject, ...], ...]:
    """Raw notes moved with the red lines that a model in beats put them on.

    Other beats, such as half the tempo, leave the notes where they are: they are to be generated
    again. So do models whose notes lie in ms.

    Args:
        model: that made the notes.
        state: notes and their timing.
        red_lines: new ones.
    """
    if not model.in_beats:
        return state.raw
    from mug.encoding.warp import moved_with_lines

    before = _red_lines_of(state)
    return tuple(tuple(moved_with_lines(raw, before, red_lines)) for raw in state.raw)


def other_beats(
    model: LoadedModel, state: State, red_lines: Sequence[TimingPoint]
) -> Message | None:
    """Return what to do where red lines count other beats than those that notes were made on.

    A tempo moved by a twentieth or more, half or double of it, and more or fewer pieces: a model in
    beats would read the song on other lines. None for the same beats, and for other models.

    Args:
        model: that made the notes.
        state: notes and their timing.
        red_lines: new ones.
    """
    from mug.encoding.warp import same_beats

    if not model.in_beats or same_beats(_red_lines_of(state), red_lines):
        return None
    return Message("ui.generate_again_on_other_beats")


def _red_lines_of(state: State) -> tuple[TimingPoint, ...]:
    """Red lines that the notes of a revision were made on, or moved with."""
    from mug.pipeline.finish.chart import red_lines_of

    return red_lines_of(state.request.finish, state.timing)


def _finishes(state: State, names: Sequence[str]) -> list[FinishOptions]:
    """Options of finishing each chart; the stars that it is to have give its tier."""
    wanted = [prompt.get("sr") for prompt in state.aims.meant(state.asked)]
    return [
        replace(
            state.request.finish,
            version=name,
            star_rating=None if stars is None else float(stars),
        )
        for name, stars in zip(names, wanted, strict=True)
    ]


def _finished(
    generator: ChartGenerator, state: State, finishes: Sequence[FinishOptions]
) -> GenerationResult:
    from mug.pipeline.finish.chart import finish_chart
    from mug.pipeline.request import GenerationResult

    song = generator.song(state.request.audio)
    done = [
        finish_chart(
            notes,
            finish,
            keys=generator.model.keys,
            index=index,
            timing=state.timing,
            duration_ms=song.duration_ms,
        )
        for index, (notes, finish) in enumerate(zip(state.raw, finishes, strict=True))
    ]
    return GenerationResult(
        beatmaps=tuple(chart for chart, _ in done),
        raw=state.raw,
        timing=state.timing,
        changes=tuple(changes for _, changes in done),
        asked=state.asked,
        seeds=state.seeds,
        indices=state.indices,
        meant=state.aims.meant(state.asked),
        sound_notices=song.sound.notices,
    )


def _nested(
    generator: ChartGenerator,
    state: State,
    result: GenerationResult,
    finishes: Sequence[FinishOptions],
) -> GenerationResult:
    from mug.pipeline.arrange.sources import onset_times
    from mug.pipeline.plan import SpreadTier
    from mug.pipeline.spread import nest_charts

    song = generator.song(state.request.audio)
    tiers = [SpreadTier(one.version, float(one.star_rating or 0.0)) for one in finishes]
    onsets = onset_times(song.sound.onset_strength)
    pool = replace(result, raw=(*result.raw, *state.aims.spare))
    return nest_charts(pool, song.duration_ms, finishes, tiers, onsets).result


def _brought(
    generator: ChartGenerator,
    state: State,
    result: GenerationResult,
    judged: tuple[Judgement, ...],
) -> tuple[GenerationResult, tuple[Judgement, ...]]:
    """The charts that have a goal brought to it, with all candidates' rows to take over."""
    from mug.pipeline.judge.candidates import bring_to_stars

    goals = state.aims.goals
    pool = replace(result, raw=(*result.raw, *state.aims.spare))
    for goal in sorted({goal for goal in goals if goal is not None}):
        request = replace(state.request, prompt={**state.request.prompt, "sr": goal})
        kept = [index for index, one in enumerate(goals) if one == goal]
        pool, judged = bring_to_stars(generator, request, (pool, dict(enumerate(judged))), kept, {})
    return replace(pool, raw=result.raw), judged
