"""Lint and fixes on human charts: no crying wolf, and what was broken on purpose is found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.difficulty.stars import star_rating
from mug.lint.repair.fix import fix
from mug.lint.rules import lint, tier_for
from mug.lint.text_report import Linted, played_minutes, rates
from mug.tiers import estimated_stars

pytestmark = pytest.mark.real_data

SEVERE = {"same_time", "inside_hold", "mini_jack", "release_gap", "short_hold", "chord_size"}


@pytest.fixture(scope="module")
def charts(real_data: Path) -> list[tuple[Beatmap, float]]:
    """Every human chart beside its sound, with its star rating; not the metronome."""
    beatmaps = [osu.read(path) for path in sorted((real_data / "songs").rglob("*.osu"))]
    songs = [b for b in beatmaps if b.title != "Left Right"]
    assert len(songs) == 36
    return [(b, star_rating(b)) for b in songs]


def linted(beatmap: Beatmap, stars: float) -> Linted:
    first = min(note.start_ms for note in beatmap.hit_objects)
    minutes = played_minutes(beatmap.last_ms - first)
    return Linted(tier_for(beatmap, stars), minutes, lint(beatmap, star_rating=stars))


def shuffled(beatmap: Beatmap, share: float) -> Beatmap:
    """A chart some of whose notes are in a random column."""
    rng = np.random.default_rng(0)
    notes = [
        replace(note, column=int(rng.integers(beatmap.keys))) if rng.random() < share else note
        for note in beatmap.hit_objects
    ]
    return beatmap.with_objects(notes)


def test_human_charts_have_no_errors_and_few_warnings(charts):
    found = rates([linted(*chart) for chart in charts])
    assert [name for name in found if name.endswith(" error")] == []
    warned = {name: row["all"] for name, row in found.items() if name.endswith(" warning")}
    assert warned
    assert max(warned.values()) < 0.3


def test_more_notes_in_random_columns_are_more_findings(charts):
    some = charts[::9]
    totals = [
        sum(
            finding.rule in SEVERE
            for beatmap, stars in some
            for finding in linted(shuffled(beatmap, share), stars).findings
        )
        for share in (0.0, 0.1, 0.5)
    ]
    assert totals[0] < 0.02 * totals[1]
    assert 2 * totals[1] < totals[2]


def test_density_guesses_the_tier_to_one(charts):
    off = Counter(abs(tier_for(b) - tier_for(b, stars)) for b, stars in charts)
    assert set(off) <= {0, 1}
    assert off[0] > 0.7 * len(charts)
    errors = [abs(estimated_stars(b.hit_objects) - stars) for b, stars in charts]
    assert np.median(errors) < 0.3


def test_fixes_leave_human_charts_nearly_alone(charts):
    notes = changes = 0
    for beatmap, stars in charts[::3]:
        fixed = fix(beatmap, tier=tier_for(beatmap, stars))
        notes += len(beatmap.hit_objects)
        changes += len(fixed.changes)
    assert changes < 0.02 * notes


def test_what_was_broken_on_purpose_is_fixed(charts):
    for beatmap, stars in charts[::9]:
        tier = tier_for(beatmap, stars)
        broken = shuffled(beatmap, 0.3)
        fixed = fix(broken, tier=tier)
        repaired = beatmap.with_objects(fixed.hit_objects)
        assert not {f.rule for f in lint(repaired, tier=tier)} & SEVERE
        gone = len(broken.hit_objects) - len(fixed.hit_objects)
        assert gone < 0.1 * len(broken.hit_objects)
        assert fix(repaired, tier=tier).changes == ()
