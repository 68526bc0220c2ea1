import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from random_music import music

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.data.beatmap_list import read_beatmap_list
from mug.data.collection import Collection
from mug.data.feature_db import FeatureDB
from mug.data.split import PARTS, Entry, extend_split
from mug.data.splits_file import read_split
from mug.errors import DataError
from mug.features import FeatureSchema
from mug.prepare.cleaning import CleaningLimits
from mug.prepare.collect import collect
from mug.prepare.duplicates import same_songs
from mug.prepare.features import fill_features
from mug.prepare.filtering import clean
from mug.prepare.offsets import correct, measure_offsets

SCHEMA = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")


def chart(
    folder, name, seed, *, audio="a.ogg", rate=1.0, shift=0, count=60, version="Hard", **more
):
    rng = np.random.default_rng(seed)
    times = (500 + np.cumsum(rng.integers(150, 400, count))) / rate + shift
    objects = tuple(
        Rice(int(c), float(round(t))) for t, c in zip(times, rng.integers(0, 4, count), strict=True)
    )
    beatmap = Beatmap(
        keys=4,
        hit_objects=objects,
        timing=(TimingPoint(0, 400.0),),
        general={"AudioFilename": audio},
        metadata={"Version": "Hard", "Creator": "Someone", **more},
    )
    osu.write(beatmap, folder / name)


def song(root, name, seed, file="a.ogg"):
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    wave, rate = music(seed, seconds=20)
    soundfile.write(folder / file, wave, rate)
    return folder


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    root = tmp_path_factory.mktemp("songs")
    for number in range(6):
        chart(song(root, f"{number} song", number), "a.osu", number)
    first = root / "0 song"
    chart(first, "shifted.osu", 0, shift=333)
    chart(first, "faster.osu", 0, rate=1.1)
    chart(first, "short.osu", 50, count=10)
    chart(first, "late.osu", 51, shift=20_000)
    copy = song(root, "9 copy", 1, "b.mp3")
    chart(copy, "other.osu", 52, audio="b.mp3")
    return root


@pytest.fixture
def prepared(songs, tmp_path):
    collect(songs, tmp_path / "out")
    fill_features(tmp_path / "out" / "beatmap.txt", SCHEMA)
    return tmp_path / "out"


def lines(file):
    return [x for x in file.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]


def test_cleaning_a_data_set(prepared):
    done = clean(prepared / "beatmap.txt", fractions={"train": 0.5, "val": 0.5})
    assert done.rules == {
        "duplicate_notes": 1,
        "outside_audio": 1,
        "rate_edit": 1,
        "too_short": 1,
    }
    assert (done.charts, done.kept, done.same_songs) == (11, 7, 1)
    kept = lines(prepared / "clean.txt")
    assert len(kept) == 7
    assert "0 song/a.osu" in kept
    parts = {part: set(lines(prepared / f"{part}.txt")) for part in PARTS}
    assert parts["train"] | parts["val"] == set(kept)
    assert not parts["train"] & parts["val"]
    assert any({"1 song/a.osu", "9 copy/other.osu"} <= found for found in parts.values())
    with FeatureDB(prepared / "features.db") as db:
        found = db.select("SELECT item, rule FROM decisions WHERE stage = 'clean'")
        assert {item.rpartition("/")[2]: rule for item, rule in found} == {
            "shifted.osu": "duplicate_notes",
            "faster.osu": "rate_edit",
            "short.osu": "too_short",
            "late.osu": "outside_audio",
        }


def test_cleaning_again_changes_nothing(prepared):
    first = clean(prepared / "beatmap.txt")
    names = ("clean.txt", "train.txt", "val.txt", "test.txt", "manifest.jsonl")
    before = {name: (prepared / name).read_bytes() for name in names}
    assert clean(prepared / "beatmap.txt") == first
    assert {name: (prepared / name).read_bytes() for name in names} == before


def test_the_manifest_says_where_each_comes_from(prepared, songs):
    clean(prepared / "beatmap.txt")
    entries = [json.loads(line) for line in lines(prepared / "manifest.jsonl")]
    by_chart = {entry["chart"]: entry for entry in entries}
    assert len(by_chart) == 11
    kept = by_chart["0 song/a.osu"]
    assert (kept["source"], kept["origin"], kept["kept"]) == (str(songs / "0 song"), "a.osu", True)
    assert kept["part"] in PARTS
    assert kept["audio_hash"] == by_chart["0 song/shifted.osu"]["audio_hash"]
    gone = by_chart["0 song/shifted.osu"]
    assert (gone["kept"], gone["part"]) == (False, None)
    assert gone["decisions"][0]["rule"] == "duplicate_notes"


def test_the_split_stays_and_datasets_use_it(prepared, songs, tmp_path):
    clean(prepared / "beatmap.txt", fractions={"train": 0.5, "val": 0.5})
    before = read_split(prepared)
    more = tmp_path / "more"
    for number in range(20, 24):
        chart(song(more, f"{number} new", number), "a.osu", number)
    bridge = song(more, "1 song", 2)  # the set of one part with the sound of another, perhaps
    chart(bridge, "bridge.osu", 60, BeatmapSetID="1")
    collect(more, prepared)
    fill_features(prepared / "beatmap.txt", SCHEMA)
    clean(prepared / "beatmap.txt", fractions={"train": 0.5, "val": 0.5})
    after = read_split(prepared)
    assert {chart: after[chart] for chart in before} == before
    assert len(after) > len(before)
    paths = read_beatmap_list(prepared / "beatmap.txt")
    collection = Collection.read(paths)
    for part in ("train", "val"):
        chosen = collection.part(part, {"train": 0.9, "val": 0.1})
        names = {path.relative_to(prepared).as_posix() for path in chosen}
        assert names == {chart for chart, other in after.items() if other == part}
    salted = collection.part("train", {"train": 0.9, "val": 0.1}, "salt")
    assert "short.osu" in {path.name for path in salted}
    with pytest.raises(DataError, match="gives nothing to test"):
        collection.part("test", {"test": 1.0})


def test_charts_that_bind_songs_of_two_parts_are_in_none(tmp_path):
    from pathlib import Path

    def entry(name, group, sound):
        return Entry(Path(name), group, sound)

    old = [entry("a", "1", "x"), entry("b", "2", "y")]
    before = {Path("a"): "train", Path("b"): "val"}
    new = [entry("c", "1", "y"), entry("d", "2", "z")]
    split = extend_split([*old, *new], before)
    assert [e.path.name for e in split.train] == ["a"]
    assert "b" in {e.path.name for e in split.val}
    assert "c" not in {e.path.name for e in split.train + split.val + split.test}
    one_song = [entry("a", "1", "x"), entry("b", "2", "x")]  # found out later
    split = extend_split(one_song, before)
    assert ([e.path.name for e in split.train], split.val) == (["a"], ())


def test_a_chart_in_two_lists_is_refused(tmp_path):
    (tmp_path / "train.txt").write_text("a/a.osu\n# b\n")
    (tmp_path / "val.txt").write_text("b/b.osu\n\na/a.osu\n")
    with pytest.raises(DataError, match=r"val\.txt:3.*train\.txt, too"):
        read_split(tmp_path)


def test_charts_that_were_not_measured_are_an_error(songs, tmp_path):
    collect(songs, tmp_path / "out")
    with pytest.raises(DataError, match="were not measured"):
        clean(tmp_path / "out" / "beatmap.txt")


def test_nothing_left_is_an_error(prepared):
    with pytest.raises(DataError, match="no chart keeps the rules"):
        clean(prepared / "beatmap.txt", CleaningLimits(keys=7))


def clicks(root, name, offset_ms, seed):
    """A song of clicks and a chart that is `offset_ms` early."""
    folder = root / name
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    times = 500 + np.cumsum(rng.integers(150, 400, 60))
    wave = np.zeros(22050 * 22, np.float32)
    for time in times:
        first = int(time * 22.05)
        wave[first : first + 900] += rng.normal(0, 0.3, 900) * np.exp(-np.arange(900) / 200)
    soundfile.write(folder / "a.ogg", wave.astype(np.float32), 22050)
    chart(folder, "a.osu", seed)
    made = osu.read(folder / "a.osu")
    objects = [
        Rice(n.column, float(t - offset_ms)) for n, t in zip(made.hit_objects, times, strict=True)
    ]
    osu.write(replace(made, hit_objects=tuple(objects)), folder / "a.osu")
    return folder


def test_offsets_are_measured_once_and_corrected(tmp_path):
    clicks(tmp_path / "songs", "1 early", 30, 1)
    clicks(tmp_path / "songs", "2 right", 0, 2)
    wrong = clicks(tmp_path / "songs", "3 wrong", 0, 3)
    chart(wrong, "b.osu", 99)
    out = tmp_path / "out"
    collect(tmp_path / "songs", out)
    fill_features(out / "beatmap.txt", SCHEMA)
    with FeatureDB(out / "features.db", ()) as db:
        seen = []
        measure_offsets(db, progress=lambda *a: seen.append(a))
        assert seen[-1] == (3, 3)
        found = dict(db.select("SELECT path, offset_ms FROM audio").fetchall())
        assert found["1 early/a.ogg"] == pytest.approx(30, abs=5)
        assert found["2 right/a.ogg"] == pytest.approx(0, abs=5)
        before = db.select("SELECT SUM(finished) FROM jobs WHERE kind = 'offset'").fetchone()[0]
        measure_offsets(db)
        after = db.select("SELECT SUM(finished) FROM jobs WHERE kind = 'offset'").fetchone()[0]
        assert before == after == 3
    assert clean(out / "beatmap.txt").rules == {"off_audio": 1}
    assert "3 wrong/b.osu" not in lines(out / "clean.txt")
    with FeatureDB(out / "features.db", ()) as db:
        first = osu.read(out / "1 early" / "a.osu").hit_objects[0].start_ms
        assert correct(db, "1 early/a.osu") == pytest.approx(30, abs=5)
        moved = osu.read(out / "1 early" / "a.osu").hit_objects[0].start_ms
        assert moved - first == pytest.approx(30, abs=5)
        assert correct(db, "1 early/a.osu") == 0.0  # once, by a second run too
        assert correct(db, "2 right/a.osu") in (0.0, 3.0, -3.0, 4.0, -4.0)
        measure_offsets(db)
        assert abs(correct(db, "1 early/a.osu")) <= 5


def test_similar_lengths_alone_make_no_same_song(prepared):
    with FeatureDB(prepared / "features.db") as db:
        pairs = list(same_songs(db.select("SELECT 1").connection))
    assert len(pairs) == 1


def test_the_script(root, prepared):
    listing, options = prepared / "beatmap.txt", ("--no_offset", "--workers", "1", "--cs", "4")
    result = subprocess.run(
        [sys.executable, "scripts/filter_beatmap.py", listing, *options],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "7 of 11 charts kept" in result.stdout
    assert "rate_edit        1" in result.stdout
    assert (prepared / "clean.txt").is_file()
    assert (prepared / "manifest.jsonl").is_file()
