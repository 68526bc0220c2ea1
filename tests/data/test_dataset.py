"""Training items."""

from __future__ import annotations

import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from flat_configs import TEST_DATA, TRAIN_DATA, VALID_DATA, build
from repository import GOLDEN, load_golden
from torch.utils.data import DataLoader

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import LongNote, Rice
from mug.data.augment import stretched_frames
from mug.data.beatmap_list import read_beatmap_list
from mug.data.dataset import OsuDataset
from mug.data.feature_db import FeatureDB, FeatureRow
from mug.difficulty.stars import star_rating
from mug.errors import ConfigError, DataError
from mug.features import FeatureSchema

META, ARRAYS = load_golden("dataset_items")
RATE = 22050
YAML = "configs/mug/mania_beatmap_features.yaml"
CHARTS = ("a_rice_stream", "b_holds", "f_irregular")
DB_FEATURES = 6  # sr ... ln: the others are MSD, which the recording computes again for each item


def write_wave(path: Path, seconds: float) -> None:
    t = np.arange(int(RATE * seconds)) / RATE
    y = 0.4 * np.sin(2 * np.pi * 440 * t)
    y += 0.2 * np.sin(2 * np.pi * 3000 * t * (1 + 0.002 * t))
    beat = (3 * t) % 1
    y = 0.5 * y + 0.5 * np.exp(-30 * beat) * np.sin(2 * np.pi * 120 * t)
    soundfile.write(path, np.round(30000 * y).astype(np.int16), RATE)


def write_database(folder: Path, rows: dict[str, dict[str, Any]]) -> None:
    names = FeatureSchema.from_yaml(YAML).names
    with FeatureDB(folder / "features.db", names) as database:
        database.upsert(
            [FeatureRow(path=path, features=features) for path, features in rows.items()]
        )


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording's folder: three charts, one song, a database and a list."""
    folder = tmp_path_factory.mktemp("songs")
    (folder / "set1").mkdir()
    for name in CHARTS:
        text = (GOLDEN / "osu" / f"{name}.osu").read_text()
        text = re.sub("AudioFilename:.*", "AudioFilename: audio.wav", text)
        (folder / "set1" / f"{name}.osu").write_text(text)
    write_wave(folder / "set1" / "audio.wav", 40)
    write_database(folder, {f"set1/{name}": row for name, row in META["rows"].items()})
    lines = ["# charts", "", *(f"set1/{name}.osu" for name in CHARTS)]
    (folder / "beatmap.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six short songs of their own, two charts each."""
    folder = tmp_path_factory.mktemp("collection")
    text = (GOLDEN / "osu" / "a_rice_stream.osu").read_text().replace("audio.mp3", "audio.wav")
    chart, rows = osu.parse(text), {}
    for song in range(6):
        (folder / f"song{song}").mkdir()
        write_wave(folder / f"song{song}" / "audio.wav", 6 + 0.5 * song)
        for level in (1, 2):
            name = f"song{song}/level{level}.osu"
            osu.write(chart.with_objects(chart.hit_objects[song :: 3 - level]), folder / name)
            rows[name] = {"sr": float(level + 1), "rc": 1, "rank_status": "ranked", "ett": 12.0}
    write_database(folder, rows)
    (folder / "beatmap.txt").write_text("\n".join(rows), encoding="utf-8")
    return folder


def options(folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "txt_file": folder / "beatmap.txt",
        "with_audio": True,
        "with_feature": True,
        "cache_dir": folder / "cache",
        **changes,
    }


def by_name(dataset: OsuDataset, name: str) -> dict[str, Any]:
    index = [path.stem for path in dataset.paths].index(name)
    return dataset[0, index]


VARIANTS = {
    "plain": {},
    "mirror": {"mirror_p": 1.0},
    "rate0.9": {"rate_p": 1.0, "rate": [0.9, 0.9]},
    "rate1.1": {"rate_p": 1.0, "rate": [1.1, 1.1]},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", CHARTS)
def test_reference_items_equal_the_recording(songs: Path, variant: str, name: str) -> None:
    dataset = build(TRAIN_DATA, **options(songs, reference=True, **VARIANTS[variant]))
    item, key = by_name(dataset, name), f"{variant}/{name}"
    recorded, info = META["arrays"][f"{key}/audio_sample"], META["items"][key]
    index = np.argwhere(item["note"].numpy())
    np.testing.assert_array_equal(index, ARRAYS[f"{key}/note_idx"])
    values = item["note"].numpy()[tuple(index.T)]
    np.testing.assert_allclose(values, ARRAYS[f"{key}/note_val"], rtol=1e-6)
    assert int(item["valid"].sum()) == info["valid_ones"]
    audio = item["audio"].numpy()
    assert list(audio.shape) == recorded["shape"]
    sample = audio.reshape(-1)[:: recorded["stride"]]
    np.testing.assert_allclose(sample, ARRAYS[f"{key}/audio_sample"], atol=1e-6)
    assert audio.mean() == pytest.approx(recorded["mean"], rel=1e-4)
    assert np.flatnonzero(audio.any(0))[-1] == info["last_nonzero_audio_frame"]
    feature = item["feature"].tolist()
    assert feature[:DB_FEATURES] == ARRAYS[f"{key}/feature"].tolist()[:DB_FEATURES]


def test_reference_split_is_the_originals(songs: Path) -> None:
    sizes = META["valid_split_sizes"]
    train = build(TRAIN_DATA, **options(songs, reference=True))
    valid = build(VALID_DATA, **options(songs, reference=True))
    assert (len(train), len(valid)) == (sizes["train"], sizes["valid"])
    assert set(valid.paths) <= set(train.paths)


def test_types_and_shapes(collection: Path) -> None:
    item = build(TRAIN_DATA, **options(collection))[3]
    assert item["note"].shape == (16, 4096)
    assert item["valid"].shape == (4096,)
    assert item["audio"].shape == (128, 32768)
    assert item["feature"].shape == (21,)
    dtypes = [item[name].dtype for name in ("note", "valid", "audio", "feature")]
    assert dtypes == [torch.float32, torch.float32, torch.float32, torch.int64]
    assert all(isinstance(value, str) for value in item["meta"].values())
    assert item["meta"]["path"].endswith(".osu")


def test_parts_share_no_song(collection: Path) -> None:
    split = {"train": 0.6, "val": 0.2, "test": 0.2}
    kinds = (TRAIN_DATA, VALID_DATA, TEST_DATA)
    parts = [build(kind, **options(collection, split=split)).paths for kind in kinds]
    assert sorted(path for part in parts for path in part) == sorted(
        read_beatmap_list(collection / "beatmap.txt")
    )
    folders = [{path.parent for path in part} for part in parts]
    assert all(folders)
    assert sum(map(len, folders)) == len(set.union(*folders)) == 6


def test_test_list_is_taken_whole(collection: Path, songs: Path) -> None:
    changes = {"test_txt_file": collection / "beatmap.txt"}
    assert len(build(TEST_DATA, **options(songs, **changes))) == 12


def test_one_song_cannot_be_split(songs: Path) -> None:
    with pytest.raises(DataError, match="1 song"):
        build(TRAIN_DATA, **options(songs))


def test_part_without_a_share_is_refused(collection: Path) -> None:
    with pytest.raises(DataError, match="gives nothing to test"):
        build(TEST_DATA, **options(collection))


RANDOM = {
    "mirror_p": 0.5,
    "random_p": 0.5,
    "rate_p": 0.5,
    "rate": [0.8, 1.25],
    "pitch_p": 0.5,
    "freq_mask_p": 0.5,
    "feature_dropout_p": 0.5,
    "mirror_at_interval_p": 0.5,
    "uncond_p": 0.1,
    "max_audio_frame": 512,
    "n_mels": 16,
    "crop": True,
}


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        torch.equal(one[name], other[name]) for name in ("note", "valid", "audio", "feature")
    )


def test_items_follow_from_their_keys(collection: Path) -> None:
    first, second = (build(TRAIN_DATA, **options(collection, **RANDOM)) for _ in range(2))
    backwards = {key: first[key] for key in [(2, 3), (1, 3), (0, 3), (0, 1)]}
    assert all(equal(item, second[key]) for key, item in backwards.items())
    assert equal(backwards[0, 3], second[3])
    assert not equal(backwards[0, 3], backwards[1, 3])
    other = build(TRAIN_DATA, **options(collection, **RANDOM, seed=24))
    assert not equal(other[0, 3], backwards[0, 3])


def test_workers_give_the_same_items(collection: Path) -> None:
    dataset = build(TRAIN_DATA, **options(collection, **RANDOM))
    keys = [(epoch, index) for epoch in (0, 1) for index in range(len(dataset))]
    alone = [dataset[key] for key in keys]
    loader = DataLoader(dataset, batch_size=None, sampler=keys, num_workers=2)  # type: ignore[arg-type]
    shared = list(loader)
    assert len(shared) == len(alone)
    assert all(equal(one, other) for one, other in zip(alone, shared, strict=True))


def test_can_be_sent_to_spawned_workers(collection: Path) -> None:
    dataset = build(TRAIN_DATA, **options(collection, **RANDOM))
    assert equal(pickle.loads(pickle.dumps(dataset))[1, 2], dataset[1, 2])


def features_given(dataset: OsuDataset, count: int) -> np.ndarray:
    """Which features are told: rows are draws, columns the four that the rows have."""
    missing = np.array(dataset.prompts.schema.missing_row())
    rng = np.random.default_rng(3)
    ids = np.stack([dataset.prompts.ids(dataset.rows[0], rng) for _ in range(count)])
    return (ids != missing)[:, [0, 1, 3, 6]]


def test_prompt_is_dropped_whole_and_by_feature(collection: Path) -> None:
    quick = {"with_audio": False, "max_audio_frame": 512}
    assert features_given(build(TRAIN_DATA, **options(collection, **quick)), 5).all()
    whole = features_given(build(TRAIN_DATA, **options(collection, **quick, uncond_p=0.3)), 500)
    assert set(whole.sum(1)) == {0, 4}
    assert (whole.sum(1) == 0).mean() == pytest.approx(0.3, abs=0.07)
    single = features_given(
        build(TRAIN_DATA, **options(collection, **quick, feature_dropout_p=0.5)), 500
    )
    assert single.mean(0) == pytest.approx([0.5] * 4, abs=0.08)
    assert set(single.sum(1)) == {0, 1, 2, 3, 4}
    never = build(TRAIN_DATA, **options(collection, **quick, uncond_p=1.0))
    assert never[0]["feature"].tolist() == never.prompts.schema.missing_row()


def test_audio_is_kept_after_the_last_note(songs: Path) -> None:
    split = {"train": 1.0}
    kept = by_name(build(TRAIN_DATA, **options(songs, split=split)), "a_rice_stream")
    cut = by_name(build(TRAIN_DATA, **options(songs, split=split, cut_audio=True)), "a_rice_stream")
    last_ms = float(kept["valid"].sum()) * 46.439909297
    frames = [int(np.flatnonzero(item["audio"].numpy().any(0))[-1]) for item in (kept, cut)]
    assert frames[0] > 6800  # 40 s
    assert frames[1] == pytest.approx((last_ms + 2000) / 5.805, abs=1.5)


def test_maximum_is_clamped_unless_reference(songs: Path, tmp_path: Path) -> None:
    database = tmp_path / "songs" / "features.db"
    shutil.copytree(songs / "set1", tmp_path / "songs" / "set1")
    write_database(database.parent, {f"set1/{name}.osu": {"sr": 9.0} for name in CHARTS})
    listing = tmp_path / "songs" / "beatmap.txt"
    listing.write_text("\n".join(f"set1/{name}.osu" for name in CHARTS))
    common = {"with_audio": False, "txt_file": listing, "split": {"train": 1.0}}
    changes = options(tmp_path / "songs", **common)
    assert build(TRAIN_DATA, **changes)[0]["feature"][0] == 35
    assert build(TRAIN_DATA, **changes, reference=True)[0]["feature"][0] == 36
    assert build(TRAIN_DATA, **changes, reference=True, clamp_top=True)[0]["feature"][0] == 35


@pytest.mark.parametrize("rule", ["exact", "linear"])
def test_features_at_another_rate(songs: Path, rule: str) -> None:
    rated = {"rate_p": 1.0, "rate": [1.3, 1.3], "split": {"train": 1.0}, "with_audio": False}
    dataset = build(TRAIN_DATA, **options(songs, **rated, star_rating_at_rate=rule))
    index = [path.stem for path in dataset.paths].index("b_holds")
    beatmap = osu.read(dataset.paths[index])
    values = dataset.prompts.at_rate({**dataset.rows[index], "ett": 20.0}, beatmap, 1.3)
    expected = star_rating(beatmap, rate=1.3) if rule == "exact" else 3.3 * (0.8184 * 0.3 + 1)
    assert values["sr"] == pytest.approx(expected)
    assert values["ln_ratio"] == 0.5
    assert values["rank_status"] == "graveyard"
    assert values.get("ett") is None  # Etterna's rating at that speed is not known
    assert dataset[index]["feature"].tolist() == dataset.prompts.schema.ids({**values, "ett": None})


def clicks(folder: Path, seconds: float) -> np.ndarray:
    """A song of silence with a click at each note, and its chart; gives the times in ms."""
    (folder / "set").mkdir(parents=True)
    times = np.arange(500, seconds * 1000 - 500, 731)
    wave = np.zeros(int(seconds * RATE), np.float32)
    for time in times:
        begin = int(time * RATE / 1000)
        wave[begin : begin + 64] = 0.9 * np.hanning(64)
    soundfile.write(folder / "set" / "audio.wav", wave, RATE)
    text = (GOLDEN / "osu" / "a_rice_stream.osu").read_text().replace("audio.mp3", "audio.wav")
    notes = [
        LongNote(n % 4, float(t), float(t + 200)) if n % 3 == 0 else Rice(n % 4, float(t))
        for n, t in enumerate(times)
    ]
    osu.write(osu.parse(text).with_objects(notes), folder / "set" / "chart.osu")
    (folder / "beatmap.txt").write_text("set/chart.osu")
    return times


@pytest.mark.parametrize("rate", [None, [0.8, 1.25]])
def test_crops_move_notes_and_audio_together(tmp_path: Path, rate: list[float] | None) -> None:
    clicks(tmp_path, 30)
    changes: dict[str, Any] = {
        "with_feature": False,
        "split": {"train": 1.0},
        "max_audio_frame": 1024,
        "crop": True,
        "rate": rate,
        "rate_p": 1.0 if rate else 0.0,
    }
    dataset = build(TRAIN_DATA, **options(tmp_path, **changes))
    places = set()
    for epoch in range(12):
        item = dataset[epoch, 0]
        assert item["note"].shape == (16, 128)
        assert item["audio"].shape == (128, 1024)
        starts = [
            note.start_ms / dataset.convertor.clock.audio_frame_ms
            for note in dataset.convertor.decode(item["note"].numpy(), whole_ms=False)
        ]
        loud = item["audio"].numpy().sum(0)
        assert len(starts) >= 5
        for start in starts:
            near = loud[max(0, int(start) - 3) : int(start) + 6]
            assert near.max() > 0.5 * loud.max()
        between = [loud[int(start) + 40] for start in starts if start + 40 < 1024]
        assert max(between) < 0.05 * loud.max()
        places.add(round(starts[0]))
    assert len(places) > 6


def test_without_crop_items_begin_with_the_song(tmp_path: Path) -> None:
    times = clicks(tmp_path, 12)
    changes = {"with_feature": False, "split": {"train": 1.0}, "max_audio_frame": 1024}
    dataset = build(TRAIN_DATA, **options(tmp_path, **changes))
    for epoch in (0, 5):
        notes = dataset.convertor.decode(dataset[epoch, 0]["note"].numpy())
        assert [note.start_ms for note in notes] == [t for t in times if t < 128 * 46.4399]


def test_shift_moves_notes_without_audio(tmp_path: Path) -> None:
    times = clicks(tmp_path, 12)
    changes = {"with_feature": False, "with_audio": False, "split": {"train": 1.0}, "shift_p": 1.0}
    dataset = build(TRAIN_DATA, **options(tmp_path, **changes))
    shifts = set()
    for epoch in range(6):
        item = dataset[epoch, 0]
        assert "audio" not in item
        notes = dataset.convertor.decode(item["note"].numpy())
        shift = np.array([note.start_ms for note in notes]) - times
        assert np.ptp(shift) <= 1
        assert 0 <= shift[0] <= 4096 * 46.44 / 2
        shifts.add(int(shift[0]))
    assert len(shifts) > 3


def test_stft_items(tmp_path: Path) -> None:
    clicks(tmp_path, 6)
    changes = {"with_feature": False, "split": {"train": 1.0}, "audio_kind": "stft"}
    item = build(TRAIN_DATA, **options(tmp_path, **changes, max_audio_frame=512))[0]
    assert item["audio"].shape == (2, 257, 512)
    assert item["audio"].dtype == torch.float32
    assert item["audio"].abs().sum() > 0


def test_without_a_cache_the_items_are_the_same(collection: Path) -> None:
    small = {"max_audio_frame": 512}
    cached = build(TRAIN_DATA, **options(collection, **small))[0]
    assert equal(cached, build(TRAIN_DATA, **options(collection, **small, cache_dir=None))[0])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"shift_p": 0.5}, "shift_p"),
        ({"mirror_p": 1.5}, "mirror_p"),
        ({"rate_p": 0.5}, "rate"),
        ({"rate_p": 0.5, "rate": [1.2, 0.8]}, "rate"),
        ({"max_audio_frame": 1001}, "multiple"),
        ({"audio_kind": "mfcc"}, "mel"),
        ({"star_rating_at_rate": "guess"}, "exact"),
    ],
)
def test_wrong_parameters_are_refused(
    collection: Path, changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        build(TRAIN_DATA, **options(collection, **changes))


def test_broken_items_stop_and_name_the_file(tmp_path: Path) -> None:
    clicks(tmp_path, 6)
    changes = {"with_feature": False, "split": {"train": 1.0}, "max_audio_frame": 512}
    dataset = build(TRAIN_DATA, **options(tmp_path, **changes))
    (tmp_path / "set" / "audio.wav").write_bytes(b"this is no sound")
    with pytest.raises(DataError, match=r"chart\.osu.*audio\.wav"):
        dataset[0]
    (tmp_path / "set" / "audio.wav").unlink()
    with pytest.raises(DataError, match=r"not beside it"):
        dataset[0]
    (tmp_path / "set" / "chart.osu").write_text("osu file format v14\n[General]\nMode: 0\n")
    loader = DataLoader(dataset, batch_size=None, num_workers=1)
    with pytest.raises(DataError, match=r"chart\.osu"):
        next(iter(loader))


def test_charts_with_other_columns_are_refused(collection: Path) -> None:
    with pytest.raises(DataError, match="7 columns"):
        build(TRAIN_DATA, **options(collection, keys=7))[0]


def test_missing_features_are_named(tmp_path: Path) -> None:
    clicks(tmp_path, 6)
    with pytest.raises(DataError, match=r"chart\.osu.*prepare_beatmap_features"):
        build(TRAIN_DATA, **options(tmp_path, split={"train": 1.0}))


def test_lists_name_the_missing_line(tmp_path: Path, collection: Path) -> None:
    listing = tmp_path / "list.txt"
    good = collection / "song0" / "level1.osu"
    listing.write_text(f"# a comment\n\n{good}\nnowhere.osu\n")
    with pytest.raises(DataError, match=r"list\.txt:4: no such chart: 'nowhere.osu'"):
        read_beatmap_list(listing)
    listing.write_text(f"{good}\n")
    assert read_beatmap_list(listing) == [good]
    listing.write_text("# nothing\n")
    with pytest.raises(DataError, match="names no charts"):
        read_beatmap_list(listing)
    with pytest.raises(DataError, match="prepare_beatmap"):
        read_beatmap_list(tmp_path / "absent.txt")


def test_list_paths_from_the_working_directory(
    tmp_path: Path, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(collection)
    (tmp_path / "list.txt").write_text("song0/level1.osu\n")
    assert read_beatmap_list(tmp_path / "list.txt") == [Path("song0/level1.osu")]
    changes = {"txt_file": tmp_path / "list.txt", "split": {"train": 1.0}, "max_audio_frame": 512}
    assert build(TRAIN_DATA, **options(collection, **changes))[0]["feature"][1] == 37


def test_stretched_length() -> None:
    assert [stretched_frames(1000, rate) for rate in (0.75, 0.9, 1.1, 1.5)] == [
        1333,
        1111,
        909,
        667,
    ]
