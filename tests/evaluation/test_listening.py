"""Listening gains: which audio-blind kind they are above, and charts that try to look good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from human_songs import against, human_song

from mug.beatmap.hit_objects import Rice
from mug.evaluation.failed import with_worst, worst_figures
from mug.evaluation.figures import tempo_figures
from mug.evaluation.listening import blind_kinds, line_figures, row_figures, with_gains
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.markdown.tables import Column, kinds_to_beat
from mug.evaluation.markdown.write import notes
from mug.evaluation.rows import EDITING, ResultRow
from mug.metrics.audio_blind import METRE, STARS
from mug.metrics.matched_rows import LineScores


def row(song: str, metre: float, stars: float, f1: float, chart: int = 0) -> ResultRow:
    figures = {"f1_20_matched": f1, "f1_20": f1 - 0.1, "failed": 0.0}
    for mode, off in (("matched", 0.0), ("delivered", 0.2)):
        figures |= {f"blind_metre_{mode}": metre, f"blind_stars_{mode}": stars + off}
    return ResultRow(song, "d", "raw", figures=figures, chart=chart)


def test_the_gain_is_above_the_kind_with_the_higher_mean_over_the_set() -> None:
    rows = [row("a", 0.8, 0.6, 0.9), row("b", 0.6, 0.7, 0.7)]
    assert blind_kinds(rows) == {"matched": METRE, "delivered": STARS}
    found = with_gains(rows)
    # On song b the other kind is better: still the one of the set is taken.
    assert [r.figures["gain_matched"] for r in found] == pytest.approx([0.1, 0.1])
    assert [r.figures["gain_delivered"] for r in found] == pytest.approx([0.0, -0.3])
    assert with_gains(found) == found
    assert blind_kinds([]) == {}


def test_each_column_has_its_own_kind_and_other_parts_have_none() -> None:
    other = replace(row("a", 0.5, 0.9, 0.9), column="post-processed", timing="given")
    editing = replace(row("a", 0.8, 0.6, 0.9), part=EDITING)
    found = with_gains([row("a", 0.8, 0.6, 0.9), other, editing])
    assert found[0].figures["gain_matched"] == pytest.approx(0.1)
    assert found[1].figures["gain_matched"] == pytest.approx(0.0)
    assert "gain_matched" not in found[2].figures
    assert kinds_to_beat(found, Column("post-processed", "given"))["matched"] == STARS
    said = "\n".join(notes(found))
    assert "Fewer than 10 songs" in said
    assert "*metre only* (raw)" in said
    assert "*stars only* (post-processed, timing given)" in said
    many = [row(str(song), 0.8, 0.6, 0.9) for song in range(10)]
    assert "Fewer than" not in "\n".join(notes(many))


def test_a_failed_chart_is_held_against_a_whole_audio_blind_one() -> None:
    """Delivering nothing would otherwise gain nothing, and lose nothing."""
    one = against(1)
    failed = ResultRow("song", "d", "raw", figures=worst_figures(one))
    (found,) = with_gains([failed])
    blind = max(one.blind_matched.values())
    assert blind > 0.3
    assert found.figures["gain_matched"] == found.figures["gain_delivered"] == -blind
    assert over_songs([found], "f1_20").mean == 0.0
    lost = over_songs([replace(found, figures={**found.figures, "sr_error": np.nan})], "sr_error")
    assert (lost.charts, lost.failed) == (0, 1)


def test_what_could_be_measured_of_a_failed_chart_stays() -> None:
    figures = {"f1_20": 0.4, "sr_error": np.nan, "lint_errors_a_minute": 0.5}
    found = with_worst(figures, against(), empty=False)
    assert (found["f1_20"], found["lint_errors_a_minute"], found["failed"]) == (0.4, 0.5, 1.0)
    assert np.isnan(found["sr_error"])
    assert np.isnan(with_worst(figures, against(), empty=True)["lint_errors_a_minute"])


def test_density_does_not_pay() -> None:
    """Of charts that know the human rows, the one with as many rows is the best."""
    one = against(1)
    human = one.rows
    every = one.lines.time_ms
    found = {
        name: row_figures(one.human.with_objects([Rice(0, float(t)) for t in times]), one)
        for name, times in {
            "itself": human,
            "half": human[::2],
            "with as many beside": np.sort(np.concatenate([human, human + 31.0])),
            "every line": every,
            "one note": human[:1],
            "beyond the song": np.concatenate([human, human + 1e6]),
        }.items()
    }
    assert found["itself"]["f1_20_matched"] == found["itself"]["slot_correlation"] == 1.0
    for name in ("half", "with as many beside", "beyond the song"):
        assert found[name]["f1_20_matched"] == pytest.approx(0.5, abs=0.06), name
    assert found["every line"]["f1_20_matched"] == pytest.approx(len(human) / len(every), abs=0.04)
    assert found["one note"]["f1_20_matched"] < 0.1
    assert found["one note"]["slot_correlation"] < 0.2
    # As delivered, half of the rows are all right: 2/3; audio-blind charts of as many have less.
    assert found["half"]["rows_ratio"] == pytest.approx(0.5, abs=0.01)
    assert found["half"]["blind_metre_delivered"] < found["itself"]["blind_metre_delivered"]
    assert found["itself"]["blind_metre_delivered"] == found["itself"]["blind_metre_matched"]


def test_scores_of_lines_stand_in_place_of_the_rows() -> None:
    one = against(1)
    truth = np.isin(np.rint(one.lines.time_ms), np.rint(one.rows)).astype(np.float64)
    assert truth.sum() == pytest.approx(len(one.rows), abs=3)
    found = line_figures(LineScores(one.lines.time_ms, truth), one)
    assert found["f1_20_matched"] > 0.97
    assert found["slot_precision"] > 0.97
    opposite = line_figures(LineScores(one.lines.time_ms, -truth), one)
    assert opposite["f1_20_matched"] < 0.3


def test_the_same_chart_has_the_same_figures_and_each_chart_its_own_draw() -> None:
    one, chart = against(0), human_song().charts[1]
    assert row_figures(chart, one) == row_figures(chart, one)
    again = against(0, replace(human_song(), name="another"))
    assert row_figures(chart, one)["blind_metre_matched"] != pytest.approx(
        row_figures(chart, again)["blind_metre_matched"], abs=1e-12
    )


def test_tempo_figures_of_songs_that_the_detector_was_made_with_stand_apart() -> None:
    fresh, seen = (replace(human_song(), name=name) for name in ("fresh", "seen"))
    fresh.__dict__["timing_seen"], seen.__dict__["timing_seen"] = False, True
    lines = human_song().charts[0].red_lines
    apart = tempo_figures(lines, against(0, seen))
    assert apart == {
        f"fitted_{name}": value for name, value in tempo_figures(lines, against(0, fresh)).items()
    }
    assert apart["fitted_beats_5"] == apart["fitted_tempo_exact"] == 1.0
    row = ResultRow("seen", "d", "post-processed", "free", figures=apart)
    assert "made with seen in view" in "\n".join(notes([row]))
    assert "made with" not in "\n".join(notes([ResultRow("fresh", "d", "raw")]))
