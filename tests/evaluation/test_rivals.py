"""Charts of another program: the human chart that each is held against, and those that fail."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import pytest
from human_songs import human_song, noise, with_version

from mug.beatmap.formats.osu import chart as osu
from mug.errors import DataError
from mug.evaluation.listening import with_gains
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.markdown.write import markdown
from mug.evaluation.results import VERSION
from mug.evaluation.rivals import (
    BY_MAPPING,
    BY_STARS,
    LINES,
    MIDDLE,
    read_lines,
    rival_charts,
    rival_files,
)
from mug.evaluation.rows import Judged, as_json, from_json

SONGS = (human_song("song"), human_song("song 2", 4))


def write(folder: Path, name: str = "song/a.osu", chart: int = 1, version: str = "Mine") -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    osu.write(with_version(SONGS[0].charts[chart], version), folder / name)
    return folder / name


def mapping(folder: Path, *rows: str) -> Path:
    file = folder.with_suffix(".csv")
    file.write_text("chart,song,difficulty\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def judged(folder: Path, file: Path | None = None) -> list[Judged]:
    by_name = {song.name: song for song in SONGS}
    return [
        one
        for rival in rival_files(folder, SONGS, file)
        for one in rival_charts(rival, "program", by_name[rival.song], noise(), ())
    ]


def test_a_chart_is_held_against_the_nearest_in_stars_and_it_is_said(tmp_path: Path) -> None:
    write(tmp_path / "made")
    (one,) = judged(tmp_path / "made")
    assert (one.row.chart, one.row.difficulty, one.row.reference) == (1, "Tier 3", BY_STARS)
    assert one.row.figures["f1_20"] == 1.0
    assert from_json(as_json(one.row)).reference == BY_STARS


def test_a_mapping_decides_whatever_the_stars_and_the_folder_say(tmp_path: Path) -> None:
    write(tmp_path / "made")
    file = mapping(tmp_path / "made", "song/a.osu,song 2,Tier 0")
    (one,) = judged(tmp_path / "made", file)
    assert (one.row.song, one.row.difficulty) == ("song 2", "Tier 0")
    assert one.row.reference == BY_MAPPING
    assert one.row.figures["sr_error"] > 0.5


def test_charts_of_a_package_are_named_by_their_difficulty(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    with zipfile.ZipFile(made / "pack.osz", "w") as pack:
        for name in ("A", "B", "C"):
            pack.write(write(tmp_path / "loose", f"{name}.osu", version=name), f"{name}.osu")
    rows = ("pack.osz [A],song,Tier 0", "pack.osz [B],song,Tier 3", "pack.osz,song,Tier 0")
    found = {
        one.beatmap.version: (one.row.difficulty, one.row.reference)
        for one in judged(made, mapping(made, *rows))
        if one.beatmap
    }
    assert found == {
        name: (f"Tier {tier}", BY_MAPPING) for name, tier in zip("ABC", "030", strict=True)
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["song/b.osu,song,Tier 0"], "not in the folder"),
        (["song/a.osu,nobody,Tier 0"], "human chart that is not there"),
        (["song/a.osu,song,Tier 9"], "human chart that is not there"),
        (["song/a.osu,song,Tier 0", "song/a.osu,song,Tier 3"], "twice"),
        (["song/a.osu,song,Tier 0", "song/a.osu [Mine],song 2,Tier 3"], "twice"),
    ],
)
def test_a_mapping_that_names_what_is_not_there_is_refused(
    rows: list[str], said: str, tmp_path: Path
) -> None:
    write(tmp_path / "made")
    with pytest.raises(DataError, match=said):
        rival_files(tmp_path / "made", SONGS, mapping(tmp_path / "made", *rows))


def test_a_mapping_without_its_columns_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "made")
    file = tmp_path / "x.csv"
    file.write_text("chart;song\n", encoding="utf-8")
    with pytest.raises(DataError, match="needs the columns"):
        rival_files(tmp_path / "made", SONGS, file)


def test_of_songs_with_one_beginning_the_longer_name_fits(tmp_path: Path) -> None:
    write(tmp_path / "made", "song 2 by me.osu")
    write(tmp_path / "made", "song by me.osu")
    assert [one.song for one in rival_files(tmp_path / "made", SONGS)] == ["song 2", "song"]


def test_what_cannot_be_read_or_has_no_notes_fails_and_stays_in_the_means(tmp_path: Path) -> None:
    made = tmp_path / "made"
    write(made)
    (made / "song" / "b.osu").write_text("osu file format v14\n\n[General]\nMode: 3\n", "utf-8")
    (made / "song" / "c.osu").write_bytes(b"\x00\x01 nothing")
    empty = SONGS[0].charts[0].with_objects([])
    osu.write(empty, made / "song" / "d.osu")
    rows = with_gains([one.row for one in judged(made)])
    assert [row.figures["failed"] for row in rows] == [0.0, 1.0, 1.0, 1.0]
    assert {row.reference for row in rows[1:]} == {MIDDLE}
    assert over_songs(rows, "f1_20").mean == 0.25
    stars = over_songs(rows, "sr_abs_error")
    assert (stars.charts, stars.failed) == (1, 3)
    table = markdown(rows, plain_results())
    assert "3 failed" in table
    assert "found by" in table
    assert "asked" not in table


def test_scores_beside_a_chart_are_used(tmp_path: Path) -> None:
    made = tmp_path / "made"
    file = write(made)
    (without,) = judged(made)
    assert math.isnan(without.row.figures.get("slot_precision", math.nan))
    human = SONGS[0].charts[1]
    times = sorted({float(note.start_ms) + 60.0 for note in human.hit_objects})
    said = "time_ms,score\n" + "".join(f"{t},1.0\n" for t in times)
    file.with_name(file.name + LINES).write_text(said, encoding="utf-8")
    (scored,) = judged(made)
    assert scored.row.figures["f1_20"] == 1.0  # of the chart
    assert scored.row.figures["f1_20_matched"] < 0.5  # of its scores, which are late
    assert scored.row.figures["slot_precision"] < 1.0


@pytest.mark.parametrize(
    "text", ["time,score\n1,2\n", "time_ms,score\n1,x\n", "time_ms,score\n1\n"]
)
def test_scores_that_are_none_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="time_ms and score"):
        read_lines(tmp_path / "x.csv")


def plain_results() -> dict[str, object]:
    nothing = {"entries": [], "why_not": "no model"}
    parts = {"sweep": {}, "switches": [], "editing": {}, "cost": {}, "left_out": []}
    return {"version": VERSION, "columns": [], "distances": nothing, **parts}
