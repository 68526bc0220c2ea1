"""Editing judged: nothing moves outside a region, and what is new inside it is any good."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import patch as osu_patch
from mug.difficulty.stars import ln_ratio, star_rating
from mug.errors import MugError
from mug.evaluation.figures import sync_figures
from mug.evaluation.made import Maker
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.rows import EDITING, Figures, Judged, ResultRow
from mug.lint.rules import lint
from mug.metrics.onsets import onset_score
from mug.metrics.statistics import Summary
from mug.metrics.validity import violations
from mug.pipeline.edit import Variation, bytes_changed_outside, edit_chart
from mug.pipeline.request import Edit, Region
from mug.pipeline.sample import chart_seed

SEAM_MS = 1000.0
"""Distance from a region's beginning or end within which notes are at its seams."""

EDITED = "edited"

_PER_NOTE = ("same_time", "inside_hold", "short_hold", "beside")

EDITING_FIGURES = (
    ("bytes_changed_outside", "bytes changed outside", 2),
    ("notes_changed_outside", "notes changed outside", 2),
    ("seam_violations", "violations at the seams, new", 2),
    ("seam_lint", "lint errors and warnings at the seams, new", 2),
    ("clean_rate", "clean rate ±6 ms inside", 3),
    ("phase_ms", "abs. phase inside, ms", 1),
    ("f1_20", "F1 ±20 ms inside, against the notes that were there", 3),
    ("sr_change", "star rating of the chart, after − before", 2),
    ("ln_ratio_inside", "LN ratio inside − asked", 3),
    ("violations_inside", "violations inside", 2),
    ("removed", "notes removed", 1),
    ("added", "notes added", 1),
    ("dropped", "new notes that had no room", 1),
)
"""Name, label and decimals of each line of the table."""


def regions(human: Beatmap) -> dict[str, Region]:
    """Regions to regenerate, by name: the middle third of the chart, and its left half."""
    first = min(float(note.start_ms) for note in human.hit_objects)
    third = (human.last_ms - first) / 3
    left = frozenset(range(human.keys // 2))
    found = {"middle third": Region(first + third, first + 2 * third)}
    if left:
        found["left columns of the middle third"] = Region(first + third, first + 2 * third, left)
    return found


def edits(maker: Maker) -> list[Judged]:
    """Each region of the human chart regenerated, as often as the run has seeds."""
    human = maker.against.human
    prompt = {"sr": maker.against.stars, "ln_ratio": ln_ratio(human.hit_objects)}
    made = []
    for name, region in regions(human).items():
        edit = Edit(region)
        for seed in range(maker.run.seeds):
            request = replace(maker.request(prompt), seed=chart_seed(seed, 0))
            (variation,) = edit_chart(maker.generator, human, request, edit)
            chart = variation.apply(human)
            figures = edit_figures(maker, chart, variation, edit)
            made.append(
                maker.judged(
                    chart,
                    part=EDITING,
                    column=EDITED,
                    figures=figures,
                    seed=seed,
                    variant=name,
                    asked=prompt,
                )
            )
    return made


def edit_figures(maker: Maker, chart: Beatmap, variation: Variation, edit: Edit) -> Figures:
    """Figures of an edit outside its region, at its seams and inside.

    Args:
        maker: the human chart that was edited.
        chart: the edited chart.
        variation: what changed.
        edit: what might change.
    """
    against, region = maker.against, edit.region
    human = against.human
    inside = [note for note in chart.hit_objects if edit.free(note)]
    were = [note for note in human.hit_objects if edit.replaceable(note)]
    sync = sync_figures(chart.with_objects(inside), against)
    found = {
        "bytes_changed_outside": _bytes_outside(human, variation, edit),
        "notes_changed_outside": float(
            len({n for n in human.hit_objects if not edit.replaceable(n)} - set(chart.hit_objects))
            + sum(not edit.free(note) for note in variation.added)
        ),
        "seam_violations": _seam_violations(chart, human, region)
        - _seam_violations(human, human, region),
        "seam_lint": _seam_lint(chart, maker, region) - _seam_lint(human, maker, region),
        "clean_rate": sync["clean_rate"] if inside else math.nan,
        "phase_ms": sync["phase_ms"],
        "f1_20": onset_score(inside, were, 20.0).f1 if were else math.nan,
        "sr_change": _stars(chart) - against.stars,
        "ln_ratio_inside": ln_ratio(inside) - ln_ratio(human.hit_objects) if inside else math.nan,
        "violations_inside": _count(chart.with_objects(inside), human),
        "removed": float(len(variation.removed)),
        "added": float(len(variation.added)),
        "dropped": float(len(variation.dropped)),
    }
    broken = violations(chart, human.red_lines, keys=human.keys, audio_ms=against.sound.duration_ms)
    return found | {f"violations_{name}": float(n) for name, n in asdict(broken).items()}


def _bytes_outside(human: Beatmap, variation: Variation, edit: Edit) -> float:
    """Bytes that differ in the file outside the region; not a number for other formats."""
    if human.path is None or human.path.suffix.lower() != ".osu":
        return math.nan
    before = osu_patch.read(human.path)
    return float(bytes_changed_outside(before, variation.apply_to_file(before), edit))


def _touches(region: Region, first_ms: float, last_ms: float) -> bool:
    """Return whether a time span lies at a seam of the region."""
    borders = (region.start_ms, region.end_ms)
    return any(first_ms <= at + SEAM_MS and last_ms >= at - SEAM_MS for at in borders)


def _seam_violations(chart: Beatmap, human: Beatmap, region: Region) -> float:
    near = [n for n in chart.hit_objects if _touches(region, float(n.start_ms), float(n.last_ms))]
    return _count(chart.with_objects(near), human)


def _count(chart: Beatmap, human: Beatmap) -> float:
    """Violations that are of single notes: a part of a chart may well have empty columns."""
    broken = asdict(violations(chart, human.red_lines))
    return float(sum(broken[name] for name in _PER_NOTE))


def _seam_lint(chart: Beatmap, maker: Maker, region: Region) -> float:
    findings = lint(
        chart, star_rating=maker.against.stars, audio_ms=maker.against.sound.duration_ms
    )
    near = (f for f in findings if _touches(region, f.time_ms, f.end_ms))
    return float(sum(finding.severity != "note" for finding in near))


def _stars(chart: Beatmap) -> float:
    try:
        return star_rating(chart)
    except MugError:  # the independent reader refuses the chart: there is no rating
        return math.nan


def editing_summary(rows: Sequence[ResultRow]) -> dict[str, dict[str, Summary]]:
    """By region and figure."""
    mine = [row for row in rows if row.part == EDITING]
    return {
        region: {
            name: over_songs([row for row in mine if row.variant == region], name)
            for name, _, _ in EDITING_FIGURES
        }
        for region in dict.fromkeys(row.variant for row in mine)
    }
