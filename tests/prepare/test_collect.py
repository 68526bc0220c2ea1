import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.data.beatmap_list import read_beatmap_list
from mug.data.feature_db import FeatureDB
from mug.data.split import split_beatmaps
from mug.difficulty.registry import RankedMap
from mug.errors import DataError
from mug.features import FeatureSchema
from mug.prepare import ingest as take
from mug.prepare import measure
from mug.prepare.collect import collect
from mug.prepare.features import fill_features
from mug.prepare.ingest import Selection, read_opt_out
from mug.prepare.quarantine import read_quarantine


def chart(folder, name="a.osu", *, audio="Song.wav", set_id=-1, keys=4, longs=20):
    objects = [LongNote(i % keys, i * 200, i * 200 + 90) for i in range(longs)]
    objects += [Rice(i % keys, i * 200) for i in range(longs, 100)]
    beatmap = Beatmap(
        keys=keys,
        hit_objects=tuple(objects),
        timing=(TimingPoint(0, 400.0),),
        general={"AudioFilename": audio},
        metadata={"BeatmapSetID": str(set_id), "Version": name},
    )
    osu.write(beatmap, folder / name)
    return folder / name


def sound(folder, name="Song.wav", seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).normal(0, 0.1, 8000).astype(np.float32)
    soundfile.write(folder / name, samples, 8000)
    return folder


@pytest.fixture
def songs(tmp_path):
    """Two folders with the same last name, a package, and one of each kind of broken file."""
    root = tmp_path / "songs"
    first = sound(root / "x" / "Set")
    chart(first, set_id=11)
    chart(first, "b.osu", audio="song.WAV", longs=50)
    chart(first, "seven.osu", keys=7)
    (first / "std.osu").write_text("osu file format v14\n\n[General]\nMode: 0\n")
    second = sound(root / "y" / "Set", seed=1)
    chart(second)
    with zipfile.ZipFile(root / "12 packed.osz", "w") as package:
        inner = sound(tmp_path / "inner", seed=2)
        for file in (chart(inner, "p.osu"), inner / "Song.wav"):
            package.write(file, file.name)
    bad = sound(root / "bad")
    chart(bad, "silent.osu", audio="none.wav")
    chart(bad, "outside.osu", audio="../x/Set/Song.wav")
    head = chart(bad, "good.osu").read_text(encoding="utf-8").partition("[HitObjects]")[0]
    (bad / "line.osu").write_text(f"{head}[HitObjects]\n1,2,nonsense\n", encoding="utf-8")
    osu.write(replace(osu.read(bad / "good.osu"), hit_objects=()), bad / "empty.osu")
    (root / "broken.osz").write_bytes(b"PK no")
    return root


def snapshot(folder):
    return {
        p.relative_to(folder): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith("features.db")
    }


def test_collecting(songs, tmp_path):
    out, seen = tmp_path / "out", []
    found = collect(songs, out, Selection(keys=4), progress=lambda *a: seen.append(a))
    assert (found.sources, found.done, found.charts) == (5, 5, 5)
    assert (found.other_mode, found.other_keys, found.rejected, found.repaired) == (1, 1, 5, 0)
    assert seen == [(n, 5) for n in range(1, 6)]
    charts = read_beatmap_list(out / "beatmap.txt")
    assert len(charts) == len(set(charts)) == 5
    assert len({c.parent for c in charts}) == 4  # both folders named Set keep apart
    for path in charts:
        assert len(osu.read(path).hit_objects) == 100
        assert (path.parent / "Song.wav").is_file()
    assert "b.osu" in {c.name for c in charts}  # its audio's name differs in case only


def test_sound_is_linked_not_copied(songs, tmp_path):
    collect(songs, tmp_path / "out")
    assert (tmp_path / "out" / "Set" / "Song.wav").samefile(songs / "x" / "Set" / "Song.wav")


def test_without_links_it_is_copied(songs, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    collect(songs, tmp_path / "out")
    copy = tmp_path / "out" / "Set" / "Song.wav"
    assert copy.read_bytes() == (songs / "x" / "Set" / "Song.wav").read_bytes()
    assert not copy.samefile(songs / "x" / "Set" / "Song.wav")


def test_broken_files_are_listed_with_reasons(songs, tmp_path):
    collect(songs, tmp_path / "out", Selection(keys=4))
    entries = read_quarantine(tmp_path / "out" / "quarantine.jsonl")
    reasons = {entry.file.rpartition("/")[2]: entry.reason for entry in entries}
    assert set(reasons) == {"silent.osu", "outside.osu", "line.osu", "empty.osu", "broken.osz"}
    assert "none.wav" in reasons["silent.osu"]
    assert "outside its folder" in reasons["outside.osu"]
    assert "nonsense" in reasons["line.osu"]
    assert "no objects" in reasons["empty.osu"]


def test_a_second_run_does_nothing(songs, tmp_path):
    first = collect(songs, tmp_path / "out", Selection(keys=4))
    before = snapshot(tmp_path / "out")
    second = collect(songs, tmp_path / "out", Selection(keys=4))
    assert second == replace(first, done=0)
    assert snapshot(tmp_path / "out") == before


def test_a_line_that_cannot_be_read_costs_the_line_and_is_said(songs, tmp_path, caplog):
    good = (songs / "bad" / "good.osu").read_text(encoding="utf-8")
    (songs / "bad" / "mended.osu").write_text(good + "1,2,stray\n", encoding="utf-8")
    with caplog.at_level("INFO"):
        found = collect(songs, tmp_path / "out", Selection(keys=4))
    assert (found.charts, found.rejected, found.repaired) == (6, 5, 1)
    assert "mended.osu" in caplog.text
    assert "stray" in caplog.text
    assert len(osu.read(tmp_path / "out" / "bad" / "mended.osu").hit_objects) == 100
    strict = collect(songs, tmp_path / "out", Selection(keys=4, strict=True))
    assert (strict.charts, strict.rejected, strict.repaired) == (5, 6, 0)


def test_folders_that_are_links_are_sources(songs, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "one").symlink_to(songs / "x" / "Set", target_is_directory=True)
    (linked / "back").symlink_to(linked, target_is_directory=True)
    found = collect(linked, linked / "out", Selection(keys=4))
    assert (found.sources, found.charts) == (1, 2)
    assert collect(linked, linked / "out", Selection(keys=4)).done == 0


def test_only_what_changed_is_done_again(songs, tmp_path):
    out = tmp_path / "out"
    collect(songs, out)
    chart(songs / "y" / "Set", "new.osu")
    (songs / "y" / "Set" / "a.osu").unlink()
    assert collect(songs, out).done == 1
    names = [c.name for c in read_beatmap_list(out / "beatmap.txt")]
    assert "new.osu" in names
    assert names.count("a.osu") == 1
    assert collect(songs, out, Selection(keys=7)).charts == 1  # another selection: all again
    assert [c.name for c in read_beatmap_list(out / "beatmap.txt")] == ["seven.osu"]


def test_a_stopped_run_goes_on(songs, tmp_path):
    out = tmp_path / "out"

    def stop(done, _):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(songs, out, progress=stop)
    assert collect(songs, out).done == 3
    collect(songs, tmp_path / "whole")
    listing = (out / "beatmap.txt").read_text()
    assert listing == (tmp_path / "whole" / "beatmap.txt").read_text()
    assert collect(songs, out).done == 0


def test_the_journal_of_an_older_data_set_is_taken_over(songs, tmp_path):
    out = tmp_path / "out"
    sound(out / "Elsewhere")
    chart(out / "Elsewhere", "e.osu")
    lines = [
        {"source": "/gone", "folder": "Elsewhere", "charts": ["e.osu"], "rejected": []},
        {"source": str(songs / "y" / "Set"), "folder": "Set", "charts": [], "rejected": []},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (out / ".collected.jsonl").write_text(text + '\n{"source": "cut o')
    found = collect(songs, out, Selection(keys=4))
    assert (found.charts, found.done) == (6, 5)
    charts = read_beatmap_list(out / "beatmap.txt")
    assert out / "Elsewhere" / "e.osu" in charts
    assert (out / "Set" / "Song.wav").samefile(songs / "y" / "Set" / "Song.wav")


def test_two_collecting_processes_give_the_same_data_set(songs, tmp_path):
    collect(songs, tmp_path / "one")
    collect(songs, tmp_path / "two", workers=2)
    assert snapshot(tmp_path / "one").keys() == snapshot(tmp_path / "two").keys()


def test_charts_that_do_not_want_it_are_not_taken(songs, tmp_path):
    folder = songs / "y" / "Set"
    for name, field in (("tag.osu", "Tags"), ("own.osu", "robots")):
        beatmap = osu.read(chart(folder, name))
        value = "x robots: disallow" if field == "Tags" else "disallow"
        osu.write(replace(beatmap, metadata={**beatmap.metadata, field: value}), folder / name)
    beatmap = osu.read(chart(folder, "hers.osu"))
    osu.write(
        replace(beatmap, metadata={**beatmap.metadata, "Creator": "Some One"}), folder / "hers.osu"
    )
    comment = chart(folder, "comment.osu")
    comment.write_text(comment.read_text().replace("[Metadata]", "[Metadata]\n// Robots: disallow"))
    (tmp_path / "opt_out.txt").write_text("# asked us\nsome one\n\n")
    selection = Selection(opt_out=read_opt_out(tmp_path / "opt_out.txt"))
    assert collect(songs, tmp_path / "out", selection).charts == 6
    with FeatureDB(tmp_path / "out" / "features.db") as db:
        found = db.select("SELECT item, rule FROM decisions WHERE rule IN ('robots', 'opt_out')")
        rules = {item.rpartition("/")[2]: rule for item, rule in found}
    assert rules == {
        "tag.osu": "robots",
        "own.osu": "robots",
        "comment.osu": "robots",
        "hers.osu": "opt_out",
    }
    with pytest.raises(DataError, match="no such list of mappers"):
        read_opt_out(tmp_path / "none.txt")


def test_a_chart_that_was_deleted_comes_back(songs, tmp_path):
    collect(songs, tmp_path / "out")
    (tmp_path / "out" / "Set" / "a.osu").unlink()
    assert collect(songs, tmp_path / "out").done == 1
    assert (tmp_path / "out" / "Set" / "a.osu").is_file()


def test_the_data_set_may_lie_among_the_songs(songs):
    first = collect(songs, songs / "prepared")
    assert collect(songs, songs / "prepared") == replace(first, done=0)


def test_a_full_disk_stops_the_run(songs, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(take, "link", full)
    with pytest.raises(DataError, match="Make room"):
        collect(songs, tmp_path / "out")


def test_wrong_requests_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        collect(tmp_path / "none", tmp_path / "out")
    with pytest.raises(DataError, match="no charts found"):
        collect(tmp_path, tmp_path / "out")
    for wrong in ({"mode": 0}, {"keys": 19}, {"keys": -1}):
        with pytest.raises(DataError):
            Selection(**wrong)


@pytest.fixture(scope="module")
def schema():
    return FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")


def test_features_are_filled(songs, tmp_path, schema):
    out = tmp_path / "out"
    collect(songs, out, Selection(keys=4))
    (tmp_path / "ranked.txt").write_text("11 approved\n12 loved\n13 pending\n")
    ranked = RankedMap.read(tmp_path / "ranked.txt")
    filled = fill_features(out / "beatmap.txt", schema, ranked=ranked)
    assert (filled.charts, filled.computed, filled.unchanged, filled.rejected) == (5, 5, 0, 0)
    assert set(filled.unknown) == {"rank_status"}
    assert "sr" not in filled.unknown
    with FeatureDB(out / "features.db") as db:
        assert db.names == schema.names
        a, b = db.find("Set/a.osu"), db.find("Set/b.osu")
        assert (a.features["ln_ratio"], a.features["rc"], a.features["hb"], a.features["ln"]) == (
            0.2,
            0,
            1,
            0,
        )
        assert (b.features["ln_ratio"], b.features["hb"], b.features["ln"]) == (0.5, 1, 1)
        assert 0 < a.features["sr"] < 10
        assert a.features["rank_status"] == "ranked"
        assert b.features["rank_status"] is None  # its set has no id: unknown
        assert db.row("12 packed/p.osu")["rank_status"] == "loved"
        assert a.audio_hash == b.audio_hash != db.find("12 packed/p.osu").audio_hash
        assert len(schema.ids(a.features)) == 21
        split = split_beatmaps(db.entries(), {"train": 0.5, "val": 0.5})
        assert len(split.train) + len(split.val) == 5


def test_a_second_run_measures_nothing_and_changes_are_seen(songs, tmp_path, schema, monkeypatch):
    out = tmp_path / "out"
    collect(songs, out, Selection(keys=4))
    fill_features(out / "beatmap.txt", schema)
    with monkeypatch.context() as patch:
        patch.setattr(measure, "compute_features", None)
        patch.setattr("mug.audio.load.audio_hash", None)
        again = fill_features(out / "beatmap.txt", schema)
    assert (again.computed, again.unchanged) == (0, 5)
    chart(out / "Set", "a.osu", longs=0)
    assert fill_features(out / "beatmap.txt", schema).computed == 1
    sound(out / "12 packed", seed=9)
    assert fill_features(out / "beatmap.txt", schema).computed == 1
    ranked = RankedMap.read(None, "graveyard")
    assert fill_features(out / "beatmap.txt", schema, ranked=ranked).computed == 5
    monkeypatch.setattr("mug.difficulty.stars.metadata.version", lambda _: "9.9.1")
    assert fill_features(out / "beatmap.txt", schema, ranked=ranked).computed == 5
    with FeatureDB(out / "features.db") as db:
        assert {row.sr_algorithm for row in db.rows()} == {"rosu-9.9"}


def test_more_features_later(songs, tmp_path, schema):
    collect(songs, tmp_path / "out", Selection(keys=4))
    few = FeatureSchema(schema.features[:1])
    listing = tmp_path / "out" / "beatmap.txt"
    fill_features(listing, few)
    assert fill_features(listing, schema).computed == 5
    assert "ln_ratio" not in fill_features(listing, few).unknown


def test_numbers_of_different_tools_are_not_mixed(songs, tmp_path, schema, monkeypatch):
    out = tmp_path / "out"
    collect(songs, out, Selection(keys=4))
    fill_features(out / "beatmap.txt", schema)
    charts = (out / "beatmap.txt").read_text().splitlines()
    (out / "some.txt").write_text("\n".join(charts[1:]))
    monkeypatch.setattr("mug.difficulty.stars.metadata.version", lambda _: "9.9.1")
    with pytest.raises(DataError, match="1 charts that are not in this list"):
        fill_features(out / "some.txt", schema)
    (out / charts[0]).unlink()
    assert fill_features(out / "some.txt", schema).computed == 4
    with FeatureDB(out / "features.db") as db:
        assert {row.sr_algorithm for row in db.rows()} == {"rosu-9.9"}


def test_names_that_are_no_text_stop_nothing(songs, tmp_path, caplog):
    (songs / os.fsdecode(b"bad \xff")).mkdir()
    (songs / os.fsdecode(b"bad \xff") / "a.osu").write_text("x")
    (songs / "y" / "Set" / os.fsdecode(b"\xfe.osu")).write_text("x")
    found = collect(songs, tmp_path / "out", Selection(keys=4))
    assert (found.charts, found.rejected) == (5, 6)
    assert "its name is not UTF-8" in caplog.text


def test_broken_sound_is_quarantined_and_the_row_goes(songs, tmp_path, schema):
    out = tmp_path / "out"
    collect(songs, out, Selection(keys=4))
    fill_features(out / "beatmap.txt", schema)
    _text(tmp_path / "no sound").replace(out / "12 packed" / "Song.wav")
    filled = fill_features(out / "beatmap.txt", schema)
    assert (filled.rejected, filled.unchanged) == (1, 4)
    stages = [entry.stage for entry in read_quarantine(out / "quarantine.jsonl")]
    assert stages.count("features") == 1
    assert stages.count("collect") == 5
    with FeatureDB(out / "features.db") as db:
        assert db.find("12 packed/p.osu") is None


def _text(path):
    path.write_text("no sound")
    return path


def test_two_processes_give_the_same_rows(songs, tmp_path, schema):
    rows = []
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        collect(songs, out, Selection(keys=4))
        fill_features(out / "beatmap.txt", schema, workers=workers)
        with FeatureDB(out / "features.db") as db:
            rows.append([replace(row, audio_stamp="", beatmap_stamp="") for row in db.rows()])
    assert rows[0] == rows[1]


@pytest.mark.parametrize("line", ["12", "x ranked", "12 popular", "1 2 3"])
def test_a_wrong_ranked_list_is_refused(tmp_path, line):
    (tmp_path / "r.txt").write_text(f"11 ranked\n{line}\n")
    with pytest.raises(DataError, match=r"r\.txt:2"):
        RankedMap.read(tmp_path / "r.txt")


def test_the_quarantine_is_json_lines(songs, tmp_path):
    collect(songs, tmp_path / "out")
    lines = (tmp_path / "out" / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(set(json.loads(line)) == {"file", "reason", "stage"} for line in lines)
