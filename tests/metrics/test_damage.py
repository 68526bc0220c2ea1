"""Damage without a dose: what it does, and which figures see it."""

from __future__ import annotations

import numpy as np
import pytest
from human_songs import against

from benchmarks.damage import DAMAGES, FIGURES, figures, sees, table
from mug.beatmap.hit_objects import LongNote, Rice
from mug.evaluation.rows import Figures
from mug.metrics.damage import fill_lines, reverse

NOTES = [Rice(0, 100.0), LongNote(1, 200.0, 500.0), Rice(2, 900.0)]


def test_a_reversed_chart_keeps_its_span_and_its_holds() -> None:
    assert reverse(NOTES) == [Rice(2, 100.0), LongNote(1, 500.0, 800.0), Rice(0, 900.0)]
    assert reverse(reverse(NOTES)) == NOTES
    assert reverse([]) == []


def test_only_empty_lines_are_filled() -> None:
    lines = np.arange(100.0, 901.0, 100.0)
    rng = np.random.default_rng(0)
    full = fill_lines(NOTES, lines, 4, 1.0, rng)
    assert [note.start_ms for note in full] == lines.tolist()
    assert set(NOTES) <= set(full)
    assert fill_lines(NOTES, lines, 4, 0.0, rng) == NOTES
    assert len(fill_lines(NOTES, lines, 4, 0.5, rng)) == len(NOTES) + 3


@pytest.fixture(scope="module")
def found() -> dict[str, Figures]:
    one = against(1)
    return figures([(one, against(0).human)])


def seen(found: dict[str, Figures], harm: str) -> set[str]:
    return {
        name
        for name, _, better, span in FIGURES
        if sees(found["none"][name], found[harm][name], more_is_better=better, span=span)
    }


def test_every_damage_is_seen_by_some_figure_and_no_damage_by_none(
    found: dict[str, Figures],
) -> None:
    assert seen(found, "none") == set()
    for harm in DAMAGES.keys() - {"none", "another song's"}:
        assert len(seen(found, harm)) >= 2, harm


def test_density_in_either_direction_costs_matched_rows_a_half(found: dict[str, Figures]) -> None:
    for harm in ("a tap in every gap", "half of the rows"):
        assert found[harm]["f1_20_matched"] == pytest.approx(0.5, abs=0.05)
        assert found[harm]["gain_matched"] < 0 < found["none"]["gain_matched"]
        assert found[harm]["f1_20"] > 0.6  # plain F1 hardly minds


def test_what_each_figure_is_blind_to(found: dict[str, Figures]) -> None:
    assert not {"f1_20_matched", "f1_20", "slot_correlation"} & seen(found, "columns shuffled")
    assert {"column_f1_20", "js_transition"} <= seen(found, "columns shuffled")
    assert {"violations", "notes_ratio", "sr_abs_error"} <= seen(found, "every note twice")
    assert "f1_20" not in seen(found, "every note twice")
    assert {"f1_20_matched", "slot_correlation"} <= seen(found, "every quarter filled")
    assert {"f1_20_matched", "slot_correlation", "column_f1_20"} <= seen(found, "reversed")
    assert {"self_similarity", "js_transition"} & seen(found, "one bar copied")
    assert found["empty"]["failed"] == 1.0
    # Nothing praises an empty chart: each figure sees it, or knows nothing else to say.
    assert {name for name, *_ in FIGURES} - seen(found, "empty") <= {
        "self_similarity",
        "density_energy",
    }


def test_the_table_has_a_line_for_each_figure(found: dict[str, Figures]) -> None:
    text = table(found)
    assert text.count("\n") == len(FIGURES) + 1
    assert "failed ●" in text
