"""The parts of the benchmark beside the table: sweep, switches, editing, cost, distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from composed_songs import VERY_SHORT, composed, style

from mug.beatmap.hit_objects import Rice
from mug.compose.charting.spec import LEAST_JACK_MS
from mug.evaluation.columns import row_of, scorer_row
from mug.evaluation.cost import (
    COLD_STARS,
    cost_figures,
    cost_summary,
    four_charts,
    threads_of,
    write_long,
)
from mug.evaluation.distances import CEILING, FLOOR, HALVES, OTHERS, distances
from mug.evaluation.editing import edit_figures, editing_summary, edits, regions
from mug.evaluation.made import GIVEN, Maker, ModelRun
from mug.evaluation.markdown.parts import part_tables
from mug.evaluation.rows import EDITING, SWEEP, SWITCHES, Judged, ResultRow
from mug.evaluation.sampled import as_sampled, by_rule, ms_start_lines, scorer_lines
from mug.evaluation.songs import Against, HumanSong, load_songs, load_sound, rng_for
from mug.evaluation.sweep import (
    feature_of,
    sweep,
    sweep_summary,
    switch_summary,
    switches,
    switches_of,
)
from mug.metrics.audio_blind import MetreLines
from mug.metrics.damage import shuffle_columns
from mug.metrics.onsets import column_score, onset_times
from mug.notes import NoteLayout
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.edit import Variation
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.request import Edit, GenerationRequest, Region
from mug.rhythm.scorer import RhythmScorer, save_scorer

RUN = ModelRun(seeds=1, candidates=1, how=GenerationRequest(Path(), steps=1))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> HumanSong:
    return load_songs(composed(tmp_path_factory.mktemp("short"), 1, 1, VERY_SHORT, 6), 4)[0]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[HumanSong]:
    return load_songs(composed(tmp_path_factory.mktemp("people"), 6, 3, style(12.0, 16.0), 7), 4)


@pytest.fixture(scope="module")
def maker(short: HumanSong, tiny_model: LoadedModel) -> Maker:
    return Maker(ChartGenerator(tiny_model), Against(short, 0, load_sound(short.audio)), RUN)


def rows_of(judged: Sequence[Judged]) -> list[ResultRow]:
    return [one.row for one in judged]


# ------------------------------------------------------------------ sweep and switches


def test_a_sweep_asks_for_each_rating_and_judges_against_it(maker: Maker) -> None:
    rows = rows_of(sweep(maker, (2.0, 5.0)))
    assert [(r.column, r.timing, r.asked) for r in rows] == [
        ("raw", "", {"sr": 2.0}),
        ("post-processed", "given", {"sr": 2.0}),
        ("raw", "", {"sr": 5.0}),
        ("post-processed", "given", {"sr": 5.0}),
    ]
    for row in rows:
        assert row.part == SWEEP
        assert row.figures["sr_error"] == pytest.approx(row.figures["sr"] - float(row.asked["sr"]))


def swept(reached: Sequence[float]) -> list[ResultRow]:
    return [
        ResultRow(
            "song",
            "Hard",
            "raw",
            part=SWEEP,
            asked={"sr": asked},
            figures={"sr": sr, "sr_error": sr - asked, "sr_abs_error": abs(sr - asked)},
        )
        for asked, sr in zip((1.5, 2.0, 2.5), reached, strict=True)
    ]


def test_a_sweep_is_summed_up_by_bias_error_and_rank() -> None:
    found = sweep_summary(swept((2.0, 2.5, 3.0)))["raw"]
    assert found["bias"]["mean"] == pytest.approx(0.5)
    assert found["abs_error"]["mean"] == pytest.approx(0.5)
    assert found["spearman"]["mean"] == pytest.approx(1.0)
    assert [point["asked"] for point in found["points"]] == [1.5, 2.0, 2.5]
    turned = sweep_summary(swept((3.0, 2.5, 2.0)))["raw"]
    assert turned["spearman"]["mean"] == pytest.approx(-1.0)
    unrated = sweep_summary(swept((1.5, math.nan, 2.5)))["raw"]
    assert unrated["spearman"]["mean"] == pytest.approx(1.0)
    assert unrated["abs_error"]["charts"] == 2


def test_a_switch_is_asked_for_on_and_off_with_one_seed(maker: Maker) -> None:
    assert {"rc", "hb", "ln", "stream", "technical"} <= set(
        switches_of(maker.generator.model.schema)
    )
    made = switches(maker, ("ln",))
    rows = rows_of(made)
    assert {row.variant for row in rows} == {"ln on", "ln off"}
    assert {(row.asked["ln"], row.variant) for row in rows} == {(True, "ln on"), (False, "ln off")}
    assert {row.asked["sr"] for row in rows} == {maker.against.stars}
    (raw, _) = switch_summary(rows)
    assert (raw["switch"], raw["feature"]) == ("ln", "ln_ratio")


def switched(switch: str, on: float, off: float, song: str) -> list[ResultRow]:
    return [
        ResultRow(
            song,
            "Hard",
            "raw",
            part=SWITCHES,
            variant=f"{switch} {word}",
            asked={"sr": 3.0, switch: word == "on"},
            figures={"sr": 3.0, "ln_ratio": value, "msd_stream": 10.0},
        )
        for word, value in (("on", on), ("off", off))
    ]


def test_a_switchs_effect_is_on_minus_off_chart_by_chart() -> None:
    rows = switched("ln", 0.7, 0.2, "a") + switched("ln", 0.5, 0.4, "b")
    (found,) = switch_summary(rows)
    assert found["effects"]["ln_ratio"]["mean"] == pytest.approx(0.3)
    assert found["moved"] == "ln_ratio"
    assert found["effects"]["ln_ratio"]["standard"] > 1
    assert found["effects"]["sr"]["mean"] == 0.0
    assert found["effects"]["msd"]["charts"] == 0
    assert feature_of("stream") == "msd_stream"


# ---------------------------------------------------------------------------- editing


def test_an_edit_changes_nothing_outside_and_is_judged_inside(maker: Maker) -> None:
    made = edits(maker)
    assert {one.row.variant for one in made} == set(regions(maker.against.human))
    for one in made:
        figures = one.row.figures
        assert one.row.part == EDITING
        assert figures["bytes_changed_outside"] == 0
        assert figures["notes_changed_outside"] == 0
        assert figures["seam_violations"] == 0
        assert math.isfinite(figures["sr_change"])
    assert editing_summary(rows_of(made))["middle third"]["violations_inside"].charts == 1


def test_an_edit_that_does_harm_is_seen(maker: Maker) -> None:
    human = maker.against.human
    region = Region(2000.0, 5000.0)
    inside = [i for i, note in enumerate(human.hit_objects) if region.holds(note)]
    outside = next(i for i in range(len(human.hit_objects)) if i not in inside)
    twice = Rice(0, 2500.0)
    variation = Variation((outside,), (twice, twice))
    figures = edit_figures(maker, variation.apply(human), variation, Edit(region))
    assert figures["notes_changed_outside"] == 1
    assert figures["bytes_changed_outside"] > 0
    assert figures["seam_violations"] >= 1
    assert figures["violations_inside"] >= 1


# ------------------------------------------------------------------------------- cost


def test_four_charts_of_a_song_say_what_they_needed(
    short: HumanSong, tiny_model_folder: Path, tmp_path: Path
) -> None:
    peak = four_charts(tiny_model_folder, short.audio, COLD_STARS, RUN, threads=1)
    assert 50.0 < peak < 20_000.0
    write_long(load_sound(short.audio).wave, 22050, tmp_path / "long.flac")
    long = load_sound(tmp_path / "long.flac")
    assert long.duration_ms == pytest.approx(180_000.0, abs=1.0)
    assert np.abs(long.wave).max() > 0.01


def test_the_same_seed_gives_the_same_file_and_time_is_counted(
    short: HumanSong, tiny_model_folder: Path
) -> None:
    found = cost_figures(tiny_model_folder, short.audio, 3.0, RUN, threads=1, device="cpu")
    assert found["same_file"] == 1.0
    assert found["threads"] == 1.0
    assert all(found[name] >= 0 for name in found)
    row = ResultRow("song", "Hard", "raw", part="cost", figures=found)
    assert threads_of([row]) == 1
    assert cost_summary([row])["same_file"].mean == 1.0
    assert (threads_of([]), cost_summary([])) == (None, {})


# -------------------------------------------------------------------------- distances


def judged(people: Sequence[HumanSong], shuffled: float) -> list[ResultRow]:
    """Every human chart with a share of its columns shuffled, as a column of the table."""
    rows = []
    for song in people:
        for index, chart in enumerate(song.charts):
            against = Against(song, index, load_sound(song.audio))
            notes = shuffle_columns(chart.hit_objects, 4, shuffled, rng_for(song.name, index))
            rows.append(row_of(chart.with_objects(notes), against, "made", figures={}))
    return rows


@pytest.mark.parametrize("with_others", [True, False])
def test_distances_stand_between_people_and_shuffled_columns(
    people: list[HumanSong], *, with_others: bool
) -> None:
    songs, others = (people[:3], people[3:]) if with_others else (people, [])
    found = distances(judged(songs, 0.5), songs, others)
    assert found["reference"] == (OTHERS if with_others else HALVES)
    entries = {entry["label"]: entry for entry in found["entries"]}
    assert list(entries) == [FLOOR, "made", CEILING]
    for name in ("kernel", "frechet"):
        floor, made, ceiling = (entry[name]["value"] for entry in entries.values())
        assert floor < made < ceiling
        for entry in entries.values():
            assert entry[name]["low"] <= entry[name]["high"]


def test_too_few_humans_are_reported(people: list[HumanSong]) -> None:
    found = distances([], people[:1])
    assert found["entries"] == []
    assert "--training" in found["why_not"]


def test_every_part_has_a_table(people: list[HumanSong]) -> None:
    rows = swept((2.0, 2.5, 3.0)) + switched("ln", 0.7, 0.2, "a")
    found = {
        "columns": [1],
        "distances": distances(judged(people[:3], 0.5), people[:3], people[3:]),
        "sweep": sweep_summary(rows),
        "switches": switch_summary(rows),
        "editing": {},
        "cost": {},
        "left_out": [{"figure": "f", "why": "w"}],
    }
    text = "\n".join(line for table in part_tables(found) for line in table)
    for word in (FLOOR, CEILING, "Spearman", "| 1.5 |", "| ln |", "Left out"):
        assert word in text


def test_a_chart_as_sampled_is_the_first_candidate_with_the_scores_of_its_lines(
    maker: Maker,
) -> None:
    maker, prompt = replace(maker, run=replace(RUN, seeds=2)), {"sr": maker.against.stars}
    requests = [maker.request(prompt, seed=seed, timing=GIVEN) for seed in range(maker.run.seeds)]
    found = as_sampled(maker, prompt)
    assert [one.notes for one in found] == [made.result.raw[0] for made in maker.make(requests)]
    for one in found:
        assert np.array_equal(one.lines.time_ms, maker.against.lines.time_ms)
        assert np.isfinite(one.lines.score).all()
    assert not np.array_equal(found[0].lines.score, found[-1].lines.score)


def test_rows_keep_their_times_and_sizes_where_columns_are_by_rule(short: HumanSong) -> None:
    chart = short.charts[0]
    made = by_rule(chart.hit_objects, 4)
    assert onset_times(made).tolist() == onset_times(chart.hit_objects).tolist()
    assert len(made) == pytest.approx(len(chart.hit_objects), rel=0.1)
    assert column_score(made, chart.hit_objects, 0.0).f1 < 0.7
    jacks = [
        b.start_ms - a.start_ms
        for column in range(4)
        for a, b in pairwise([n for n in made if n.column == column])
    ]
    assert min(jacks) >= LEAST_JACK_MS
    # Two at one time in every column, and no finger free: nothing is put on top of another.
    crowd = [Rice(c, t) for t in (0.0, 50.0) for c in range(4)]
    assert len(by_rule(crowd, 4)) == 4


def test_starts_of_a_frame_go_to_the_line_that_is_nearest() -> None:
    layout, frame_ms = NoteLayout(2), 40.0
    logits = np.full((layout.channels, 5), -3.0, np.float32)
    logits[layout.start_offset] = 0.5
    logits[0, 1], logits[layout.start_offset.start, 1] = 2.0, 0.75  # 70 ms
    logits[1, 3] = 4.0  # 140 ms
    times = np.array([0.0, 45.0, 68.0, 75.0, 130.0, 141.0, 180.0])
    lines = MetreLines(times, np.zeros(7, np.int64))
    found = ms_start_lines(logits, layout, lines, frame_ms).score
    assert found[[2, 5]].tolist() == [2.0, 4.0]
    assert found[[1, 3, 4]].tolist() == [-18.0, -18.0, -16.0]
    assert found[[0, 6]].tolist() == [-3.0, -3.0]


def test_a_scorer_is_judged_alone_with_the_human_number_of_rows(
    maker: Maker, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    save_scorer(RhythmScorer(), tmp_path / "scorer.safetensors")
    lines = scorer_lines(tmp_path / "scorer.safetensors", maker.against)
    one = scorer_row(maker.against, lines)
    assert one.row.column == "scorer alone"
    assert one.beatmap is not None
    assert one.row.figures["rows_ratio"] == pytest.approx(1.0, abs=0.02)
    assert 0.0 < one.row.figures["slot_precision"] < 1.0
