"""Charts brought to a star rating: no chart is fixed and rated twice on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.arrange import reach_stars as module
from mug.pipeline.arrange.reach_stars import StarGoal, collect_sources, reach_stars, stars_of
from mug.pipeline.arrange.sources import OnsetTimes
from mug.pipeline.finish import cleanup
from mug.pipeline.finish.cleanup import Changes, Surroundings, snap_notes
from mug.pipeline.finish.options import FinishOptions

RED = (TimingPoint(0.0, 400.0),)
WHERE = Surroundings(4, RED, 60_000.0)


def notes_of(seed: int) -> tuple[HitObject, ...]:
    rng = np.random.default_rng(seed)
    lines = np.sort(rng.choice(500, 220, replace=False))
    return tuple(Rice(int(rng.integers(4)), float(100 * line + 1000)) for line in lines)


@pytest.mark.parametrize("factor", [0.8, 1.15])
def test_no_chart_is_fixed_twice(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = Beatmap(4, notes_of(0), RED)
    stars = factor * stars_of(chart)
    goal = StarGoal(stars, FinishOptions(star_rating=stars), WHERE, OnsetTimes.nothing())
    seen: list[tuple[HitObject, ...]] = []
    real = module.fix_notes

    def watched(notes: Sequence[HitObject], *rest: Any) -> list[HitObject]:
        seen.append(tuple(notes))
        return real(notes, *rest)

    monkeypatch.setattr(module, "fix_notes", watched)
    sources = collect_sources([chart.hit_objects, notes_of(1)], goal)
    reached = reach_stars(chart, chart.hit_objects, sources, goal)
    assert reached.stars <= stars
    assert len(seen) == len(set(seen))
    assert len(seen) <= 4 * 5  # four rounds: ratings of notes as they are lead to the place


def test_notes_are_snapped_once_for_a_chart_and_as_a_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    real = cleanup.snap_chart
    monkeypatch.setattr(cleanup, "snap_chart", lambda *x: calls.append(1) or real(*x))
    raw = [Rice(note.column, note.start_ms + 3.0) for note in notes_of(7)]
    first, again = Changes(), Changes()
    options = FinishOptions(star_rating=3.0)
    kept = snap_notes(raw, options, WHERE, first)
    assert snap_notes(tuple(raw), options, WHERE, again) == kept
    assert first == again
    assert len(calls) == 1
