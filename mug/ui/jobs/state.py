"""State of a revision as JSON: the request, and each chart's raw notes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.pipeline.finish.options import FinishOptions
from mug.timing.estimate import TimingCandidate, TimingEstimate
from mug.util import atomic_write

if TYPE_CHECKING:
    from mug.pipeline.request import GenerationRequest

STATE = "state.json"
_PLAIN = ("prompt", "negative_prompt", "count", "steps", "sampler", "guidance_scale", "seed")
_FINISH = (
    "title", "artist", "snapping", "divisors", "unfit", "fixes", "minijack_ms", "star_rating",
    "audio_filename", "timing_candidate", "timing_source",
)  # fmt: skip


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
        raw: notes to snap again, one tuple a chart.
        asked: the prompt of each chart.
        seeds: of each chart's own noise.
        indices: number of each chart within the request.
        timing: tempo and offset of the charts, and the readings of the beat.
        aims: what the charts are brought to.
    """

    request: GenerationRequest
    raw: tuple[tuple[HitObject, ...], ...]
    asked: tuple[Mapping[str, Any], ...]
    seeds: tuple[int, ...]
    indices: tuple[int, ...]
    timing: TimingEstimate
    aims: Aims


def save_state(folder: Path, state: State) -> None:
    """Writes a revision's state."""
    request, timing = state.request, state.timing
    plain = {
        **{name: _contained(getattr(request, name)) for name in _PLAIN},
        "finish": {name: getattr(request.finish, name) for name in _FINISH},
        "raw": _rows(state.raw),
        "aims": {
            "goals": list(state.aims.goals),
            "nested": state.aims.nested,
            "spare": _rows(state.aims.spare),
        },
        "asked": [dict(asked) for asked in state.asked],
        "seeds": list(state.seeds),
        "indices": list(state.indices),
        "timing": {
            **asdict(replace(timing, candidates=(), changes=())),
            "candidates": [list(candidate) for candidate in timing.candidates],
        },
    }
    with atomic_write(folder / STATE, "w", encoding="utf-8") as handle:
        json.dump(plain, handle, ensure_ascii=False)


def load_state(folder: Path, audio: Path) -> State:
    """Reads a revision's state.

    Args:
        folder: of the revision.
        audio: the job's song.
    """
    from mug.pipeline.request import GenerationRequest

    plain = json.loads((folder / STATE).read_text(encoding="utf-8"))
    finish = dict(plain["finish"])
    if finish["divisors"] is not None:
        finish["divisors"] = tuple(finish["divisors"])
    timing = dict(plain["timing"])
    timing["candidates"] = tuple(TimingCandidate(*entry) for entry in timing["candidates"])
    timing["changes"] = ()
    return State(
        request=GenerationRequest(
            audio=audio,
            finish=FinishOptions(**finish),
            **{name: plain[name] for name in _PLAIN},
        ),
        raw=_notes(plain["raw"]),
        asked=tuple(plain["asked"]),
        seeds=tuple(plain["seeds"]),
        indices=tuple(plain["indices"]),
        timing=TimingEstimate(**timing),
        aims=Aims(
            tuple(plain["aims"]["goals"]), plain["aims"]["nested"], _notes(plain["aims"]["spare"])
        ),
    )


def _contained(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _rows(charts: Sequence[Sequence[HitObject]]) -> list[list[list[float | None]]]:
    return [[_row(note) for note in notes] for notes in charts]


def _notes(charts: Sequence[Sequence[Sequence[Any]]]) -> tuple[tuple[HitObject, ...], ...]:
    return tuple(tuple(_note(row) for row in rows) for rows in charts)


def _row(note: HitObject) -> list[float | None]:
    return [note.column, note.start_ms, note.end_ms if isinstance(note, LongNote) else None]


def _note(row: Sequence[Any]) -> HitObject:
    column, start_ms, end_ms = row
    return Rice(column, start_ms) if end_ms is None else LongNote(column, start_ms, end_ms)
