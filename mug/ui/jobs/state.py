"""State of a revision as JSON: the request, and each chart's raw notes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import GenerationError
from mug.files import atomic_write
from mug.pipeline.plain import from_plain, to_plain
from mug.timing.estimate import TimingEstimate

if TYPE_CHECKING:
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import GenerationRequest, GenerationResult

STATE = "state.json"


@dataclass(frozen=True)
class Aims:
    """Aims that the charts of a revision are brought to whenever they are snapped.

    Args:
        goals: stars of each chart; None leaves a chart as it comes.
        nested: whether the charts are a spread, easiest first, whose rhythms nest.
        spare: raw notes of further candidates, that charts may take over to get to their stars.
    """

    goals: tuple[float | None, ...]
    nested: bool = False
    spare: tuple[tuple[HitObject, ...], ...] = ()

    def varied(
        self, chart: int, asked: Mapping[str, Any], prompt: Mapping[str, Any], count: int
    ) -> Aims:
        """Those of one of the charts and of variations of it, side by side.

        Args:
            chart: which one, from 0.
            asked: the prompt that made it.
            prompt: of the variations; another than the chart's may have other stars.
            count: of the variations.
        """
        goal = wanted = self.goals[chart]
        if goal is not None and prompt != asked:
            wanted = float(prompt.get("sr", goal))
        return Aims((goal,) + (wanted,) * count, spare=self.spare)

    def plan_of(self, plan: Plan) -> Plan:
        """Return a plan with what holds of these charts: in a spread, brought to stars."""
        reached = any(goal is not None for goal in self.goals)
        return replace(
            plan,
            search=replace(plan.search, reach_stars=reached),
            tiers=plan.tiers if self.nested else (),
        )

    def meant(self, asked: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """Prompts that charts are judged by: those that made them, with their goals."""
        return tuple(
            prompt if goal is None else {**prompt, "sr": goal}
            for prompt, goal in zip(asked, self.goals, strict=True)
        )


@dataclass(frozen=True)
class State:
    """A revision's charts before clean-up, and how they came about.

    Args:
        request: as it was asked; its audio is the job's copy of the song.
        plan: what it was to become.
        raw: notes to snap again, one tuple a chart.
        asked: the prompt of each chart.
        seeds: of each chart's own noise.
        indices: number of each chart within the request.
        timing: tempo and offset of the charts, and the readings of the beat.
        aims: what the charts are brought to.
        model: name of the model that made them.
    """

    request: GenerationRequest
    plan: Plan
    raw: tuple[tuple[HitObject, ...], ...]
    asked: tuple[Mapping[str, Any], ...]
    seeds: tuple[int, ...]
    indices: tuple[int, ...]
    timing: TimingEstimate
    aims: Aims
    model: str = ""

    @classmethod
    def of(
        cls,
        request: GenerationRequest,
        plan: Plan,
        result: GenerationResult,
        aims: Aims,
        model: str = "",
    ) -> State:
        """Return the state of charts that came out."""
        return cls(
            request,
            plan,
            raw=result.raw,
            asked=result.asked,
            seeds=result.seeds,
            indices=result.indices,
            timing=result.timing,
            aims=aims,
            model=model,
        )


def save_state(folder: Path, state: State) -> None:
    """Write a revision's state."""
    plain = {
        "request": state.request.to_plain(),
        "plan": state.plan.to_plain(),
        "raw": _rows(state.raw),
        "asked": to_plain(state.asked),
        "seeds": state.seeds,
        "indices": state.indices,
        "timing": to_plain(state.timing),
        "model": state.model,
        "aims": {**to_plain(replace(state.aims, spare=())), "spare": _rows(state.aims.spare)},
    }
    with atomic_write(folder / STATE, "w", encoding="utf-8") as handle:
        json.dump(plain, handle, ensure_ascii=False)


def load_state(folder: Path, audio: Path) -> State:
    """Read a revision's state.

    Args:
        folder: of the revision.
        audio: the job's song.

    Raises:
        GenerationError: for one that an earlier version of the program wrote.
    """
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import GenerationRequest

    plain = json.loads((folder / STATE).read_text(encoding="utf-8"))
    if "plan" not in plain:
        raise GenerationError(
            "ui.charts_are_gone", remedy="remedy.generate_them_again_or_keep_download"
        )
    return State(
        request=GenerationRequest.from_plain({**plain["request"], "audio": audio}),
        plan=Plan.from_plain(plain["plan"]),
        raw=_notes(plain["raw"]),
        asked=tuple(plain["asked"]),
        seeds=tuple(plain["seeds"]),
        indices=tuple(plain["indices"]),
        timing=from_plain(TimingEstimate, plain["timing"], "timing"),
        aims=replace(
            from_plain(Aims, {**plain["aims"], "spare": ()}, "aims"),
            spare=_notes(plain["aims"]["spare"]),
        ),
        model=plain.get("model", ""),
    )


def _rows(charts: Sequence[Sequence[HitObject]]) -> list[list[list[float | None]]]:
    return [[_row(note) for note in notes] for notes in charts]


def _notes(charts: Sequence[Sequence[Sequence[Any]]]) -> tuple[tuple[HitObject, ...], ...]:
    return tuple(tuple(_note(row) for row in rows) for rows in charts)


def _row(note: HitObject) -> list[float | None]:
    return [note.column, note.start_ms, note.end_ms if isinstance(note, LongNote) else None]


def _note(row: Sequence[Any]) -> HitObject:
    column, start_ms, end_ms = row
    return Rice(column, start_ms) if end_ms is None else LongNote(column, start_ms, end_ms)
