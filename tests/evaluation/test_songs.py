"""The benchmark: composed songs judged, and another program's charts."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path

import pytest
from composed_songs import VERY_SHORT, composed, style

from mug.beatmap.formats.osu import chart as osu
from mug.cli.models import evaluate
from mug.errors import DataError
from mug.evaluation.columns import baseline_rows
from mug.evaluation.figures import MEASURES, figures_of
from mug.evaluation.listening import with_gains
from mug.evaluation.markdown.tables import FIGURES, Column, paired
from mug.evaluation.markdown.write import markdown
from mug.evaluation.results import results
from mug.evaluation.rows import Judged, ResultRow, as_json, from_json, keep
from mug.evaluation.songs import Against, assert_unseen, load_songs, load_sound


@pytest.fixture(scope="module")
def human(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return composed(tmp_path_factory.mktemp("human"), 2, 2, style(14.0, 16.0))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return composed(tmp_path_factory.mktemp("short"), 1, 1, VERY_SHORT, seed=6)


def one_song(human: Path, to: Path) -> Path:
    first = sorted(human.iterdir())[0]
    shutil.copytree(first, to / first.name)
    return to


def test_a_human_chart_judged_by_itself_is_perfect(human: Path) -> None:
    song = load_songs(human, 4)[0]
    against = Against(song, 1, load_sound(song.audio))
    figures = figures_of(song.charts[1], against, song.charts[1].red_lines)
    for name in ("f1_20_matched", "slot_correlation", "rows_ratio", "beats_5", "beats_10"):
        assert figures[name] == 1.0, name
    for name in ("clean_rate", "f1_10", "f1_20", "column_f1_20", "tempo_exact", "notes_ratio"):
        assert figures[name] == 1.0, name
    for name in ("phase_ms", "sr_error", "msd_error", "violations", "js_mean", "offset_ms"):
        assert figures[name] == pytest.approx(0.0, abs=1e-9), name


def test_an_empty_chart_is_unreadable_and_no_accident(human: Path) -> None:
    song = load_songs(human, 4)[0]
    figures = figures_of(song.charts[0].with_objects([]), Against(song, 0, load_sound(song.audio)))
    assert figures["violations"] == 5.0  # four empty columns, and no reader takes it
    assert figures["f1_50"] == figures["f1_20_matched"] == figures["slot_correlation"] == 0.0
    assert figures["failed"] == figures["js_snap"] == 1.0
    assert figures["density_energy"] == figures["self_similarity"] == 0.0
    # Nothing can be said of these, so that an empty chart is not praised for having no faults.
    for name in ("sr_error", "lint_errors_a_minute", "hand_imbalance", "phase_ms"):
        assert math.isnan(figures[name]), name


def test_each_measure_gives_figures_of_its_own_and_the_same_again(human: Path) -> None:
    song = load_songs(human, 4)[0]
    against, names = Against(song, 1, load_sound(song.audio)), []
    for measure in MEASURES:
        figures = measure(song.charts[0], against)
        assert figures
        assert all(isinstance(value, float | int) for value in figures.values())
        again = measure(song.charts[0], against)
        assert {name: str(value) for name, value in figures.items()} == {
            name: str(value) for name, value in again.items()
        }
        names += figures
    assert len(set(names)) == len(names)


def test_every_printed_figure_has_a_value_somewhere(human: Path, tmp_path: Path) -> None:
    song, other = load_songs(human, 4)
    judged = baseline_rows(Against(song, 0, load_sound(song.audio), (other,)))
    rows = with_gains([one.row for one in judged])
    assert [row.column for row in rows][:2] == ["another difficulty", "human, another song"]
    known = {name for row in rows for name in row.figures}
    only_of_models = ("tempo_", "beats_", "fitted_", "offset_ms", "seed_", "seconds_")
    for figure in FIGURES:
        assert figure.name in known or figure.name.startswith(only_of_models), figure.name
    table = markdown(rows, results(rows, [song], {}, tmp_path))
    assert table.count("\n| ") > 30
    same = Column("another difficulty", "")
    assert paired(rows, same, "f1_20", "another difficulty").mean == 0.0


@pytest.mark.real_data
def test_human_charts_of_real_songs_are_perfect_by_themselves(real_data: Path) -> None:
    for song in load_songs(real_data / "songs" / "goin-under", 4):
        against = Against(song, len(song.charts) - 1, load_sound(song.audio))
        figures = figures_of(against.human, against)
        assert figures["clean_rate"] > 0.95
        assert figures["phase_ms"] <= 2.0
        assert figures["f1_10"] == figures["column_f1_20"] == figures["notes_ratio"] == 1.0
        assert figures["sr_error"] == figures["msd_error"] == figures["js_mean"] == 0.0
        assert figures["violations"] == 0.0
        assert 0.0 < figures["self_similarity"] < 1.0


def test_rows_survive_being_written() -> None:
    figures = {"a": 0.5, "b": math.nan, "violations_beside": 2.0}
    row = ResultRow("s", "d", "raw", "given", 1, figures, "f.osu", asked={"sr": 2.5})
    again = from_json(json.loads(json.dumps(as_json(row))))
    assert again.figures["a"] == 0.5
    assert math.isnan(again.figures["b"])
    assert (again.song, again.seed, again.file) == ("s", 1, "f.osu")
    assert again.asked == {"sr": 2.5}
    assert as_json(row)["violations"] == {"beside": 2}


def test_charts_of_one_name_or_of_long_ones_are_kept_apart(human: Path, tmp_path: Path) -> None:
    chart = load_songs(human, 4)[0].charts[0]
    rows = [
        ResultRow("s", difficulty, "raw", chart=index, variant=variant)
        for index in (0, 1)
        for difficulty in ("Hard", "Hard" * 80, "Hard/er", "Hard?er")
        for variant in ("", "x" * 150, "x" * 151)
    ]
    files = [keep(Judged(row, chart), tmp_path).file for row in rows]
    assert len({name.casefold() for name in files}) == len(rows)
    assert all((tmp_path / name).is_file() for name in files)
    people = keep(Judged(rows[0], chart, by_people=True), tmp_path)
    assert osu.read(tmp_path / people.file).metadata == chart.metadata
    assert keep(Judged(rows[0]), tmp_path).file == ""


def test_a_song_of_the_training_is_refused_whatever_its_folder_is_called(
    human: Path, tmp_path: Path
) -> None:
    first, second = load_songs(human, 4)
    assert_unseen([first], [second])
    shutil.copytree(first.audio.parent, tmp_path / "another name")
    with pytest.raises(DataError, match="among the training songs"):
        assert_unseen([first], load_songs(tmp_path, 4))


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, words)])
    return evaluate.main()


def test_another_program_is_judged_by_the_same_command(
    human: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs = one_song(human, tmp_path / "songs")
    (song,) = load_songs(songs, 4)
    made = tmp_path / "made" / song.name
    made.mkdir(parents=True)
    for index, chart in enumerate(song.charts):
        osu.write(chart, made / f"{index}.osu")
    out = tmp_path / "out"
    words = ("--songs", songs, "--charts", tmp_path / "made", "--name", "copycat", "--out", out)
    assert run(monkeypatch, *words) == 0
    written = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert written["summary"]["copycat"]["f1_10"]["mean"] == 1.0
    assert "copycat" in (out / "results.md").read_text(encoding="utf-8")
    done = {p: p.stat().st_mtime_ns for p in (out / "rows").iterdir()}
    assert run(monkeypatch, *words) == 0
    assert {p: p.stat().st_mtime_ns for p in (out / "rows").iterdir()} == done


def test_a_chart_of_no_song_is_reported(
    human: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (song, _) = load_songs(human, 4)
    other = song.charts[0]
    general = {**other.general, "AudioFilename": "elsewhere.ogg"}
    (tmp_path / "made").mkdir()
    osu.write(type(other)(**{**vars(other), "general": general}), tmp_path / "made" / "x.osu")
    with pytest.raises(DataError, match="belongs to no song"):
        run(
            monkeypatch,
            *("--songs", human, "--charts", tmp_path / "made", "--out", tmp_path / "out"),
        )


def test_a_model_fills_its_columns_apart(
    short: Path, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    options = ("--steps", 1, "--seeds", 2, "--candidates", 2)
    words = ("--songs", short, "--checkpoint", tiny_model_folder, "--out", out, *options)
    assert run(monkeypatch, *words) == 0
    written = json.loads((out / "results.json").read_text(encoding="utf-8"))
    found = {(row["column"], row["timing"]) for row in written["rows"]}
    assert any(row["part"] == "diversity" for row in written["rows"])
    assert {
        ("raw", ""),
        ("post-processed", "given"),
        ("post-processed", "free"),
        ("best of N", "given"),
        ("best of N", "free"),
        ("random on the grid", ""),
    } <= found
    free = written["summary"]["post-processed, timing free"]
    assert free["tempo_octave"]["charts"] == 2
    charts = [row for row in written["rows"] if row["part"] == "charts"]
    assert len({row["file"] for row in charts}) == len(charts)
    for row in charts:
        chart = osu.read(out / row["file"])
        assert chart.creator == row["column"]
        assert "machine-made" in chart.metadata["Tags"].split()
        assert row["violations"]["beside"] == row["figures"]["violations_beside"]
    for song in written["songs"]:
        assert Path(song["audio"]).is_file()
        for chart_of_people in song["charts"]:
            assert osu.read(out / chart_of_people["file"]).creator != "raw"


def test_songs_are_left_out_by_name_and_another_name_is_refused(human: Path) -> None:
    songs = load_songs(human, 4)
    kept = evaluate.without(songs, f" {songs[0].name} ,")
    assert [song.name for song in kept] == [songs[1].name]
    assert evaluate.without(songs, "") == tuple(songs)
    with pytest.raises(DataError, match="no such song"):
        evaluate.without(songs, "nobody")
    with pytest.raises(DataError, match="no song is left"):
        evaluate.without(songs, ",".join(song.name for song in songs))
