"""Collections: whole folders, deterministic, resumable, by one process or several."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from mug.beatmap.formats.osu import chart as osu
from mug.compose import collection
from mug.compose.collection import (
    TRUTH,
    CollectionOptions,
    beatmapset_id,
    compose_collection,
    folder_name,
    is_complete,
)
from mug.compose.composer import compose_song
from mug.compose.style import SongStyle
from mug.errors import ConfigError

SHORT = SongStyle(seconds=(10.0, 14.0), tempo=(120.0, 180.0), wide_tempo_p=0.0)
OPTIONS = CollectionOptions(style=SHORT, difficulties=3)


def _contents(folder):
    """Bytes of the text files and samples of the audio: an ogg's serial number is random."""
    found = {path.name: path.read_bytes() for path in folder.glob("*.osu")}
    audio = soundfile.read(folder / "audio.ogg", dtype="float32")[0]
    return found, audio.tobytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("songs")
    return out, compose_collection(out, 3, options=OPTIONS)


def test_folders_hold_audio_charts_and_truth(made):
    out, folders = made
    assert sorted(out.iterdir()) == sorted(folders)
    for index, folder in enumerate(folders):
        song = compose_song(index, SHORT)
        assert folder.name == folder_name(song)
        assert folder.name.startswith(f"{beatmapset_id(index)} ")
        charts = [osu.read(path) for path in sorted(folder.glob("*.osu"))]
        assert {chart.version for chart in charts} == {"Easy", "Normal", "Hard"}
        truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
        assert {k: truth[k] for k in song.truth()} == json.loads(json.dumps(song.truth()))
        wave, rate = soundfile.read(folder / "audio.ogg", dtype="float32")
        assert len(wave) / rate * 1000 == pytest.approx(song.duration_ms, abs=1.0)
        for chart in charts:
            assert (folder / chart.audio_filename).is_file()
            assert chart.beatmapset_id == beatmapset_id(index)
            assert chart.last_ms < len(wave) / rate * 1000


def test_audio_rises_at_the_notes_of_easy_charts(made):
    """In the decoded file, a chart's notes stand where the spectrum gains energy."""
    for folder in made[1]:
        wave, rate = soundfile.read(folder / "audio.ogg", dtype="float32")
        frames = np.lib.stride_tricks.sliding_window_view(wave, 256)[::64] * np.hanning(256)
        level = np.log1p(100 * np.abs(np.fft.rfft(frames, axis=1)))
        flux = np.maximum(0, level[4:] - level[:-4]).mean(axis=1)
        chart = osu.read(next(folder.glob("*[[]Easy].osu")))
        times = np.unique([note.start_ms for note in chart.hit_objects])
        # A window that starts 4 hops before the onset and one that begins there.
        place = np.round((times / 1000 * rate - 128) / 64).astype(int) - 2
        here = np.array([flux[max(0, p - 5) : p + 6].max() for p in place if p + 6 < len(flux)])
        assert (here > 3 * np.median(flux)).mean() > 0.9


def test_a_second_run_writes_nothing(made):
    out, folders = made
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    calls = []
    again = compose_collection(
        out, 3, options=OPTIONS, progress=lambda done, total: calls.append((done, total))
    )
    assert again == folders
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("harm", ["no truth", "cut truth", "cut audio", "no chart", "alien truth"])
def test_a_broken_folder_is_made_again(made, harm):
    out, folders = made
    folder, good = folders[1], _contents(folders[1])
    chart = next(folder.glob("*Hard*"))
    text = (folder / TRUTH).read_text(encoding="utf-8")
    match harm:
        case "no truth":
            (folder / TRUTH).unlink()
        case "cut truth":
            (folder / TRUTH).write_text(text[:100], encoding="utf-8")
        case "alien truth":
            (folder / TRUTH).write_text('{"files": []}', encoding="utf-8")
        case "cut audio":
            (folder / "audio.ogg").write_bytes(b"OggS")
        case "no chart":
            chart.unlink()
    untouched = (folders[0] / TRUTH).stat().st_mtime_ns
    assert not is_complete(folder, OPTIONS)
    compose_collection(out, 3, options=OPTIONS)
    assert is_complete(folder, OPTIONS)
    assert _contents(folder) == good
    assert (folders[0] / TRUTH).stat().st_mtime_ns == untouched


def test_an_interrupted_song_leaves_no_folder(tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(collection.osu, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compose_collection(tmp_path, 1, options=OPTIONS)
    assert list(tmp_path.iterdir()) == []
    folders = compose_collection(tmp_path, 1, options=OPTIONS)
    assert list(tmp_path.iterdir()) == folders


def test_other_options_make_the_song_again(made):
    folder = made[1][0]
    assert is_complete(folder, OPTIONS)
    for other in (
        replace(OPTIONS, keys=7),
        replace(OPTIONS, difficulties=4),
        replace(OPTIONS, style=replace(SHORT, density=(0.5, 0.6))),
    ):
        assert not is_complete(folder, other)


def test_processes_and_count_do_not_change_the_songs(made, tmp_path):
    folders = compose_collection(tmp_path, 2, options=OPTIONS, workers=2)
    assert [f.name for f in folders] == [f.name for f in made[1][:2]]
    for one, other in zip(folders, made[1], strict=False):
        assert _contents(one) == _contents(other)


def test_another_seed_gives_other_songs_and_ids(tmp_path):
    folder = compose_collection(tmp_path, 1, seed=3, options=OPTIONS)[0]
    assert folder.name.split()[0] == str(10_000_000 + 300_000)


@pytest.mark.parametrize(
    "arguments", [{"count": 0}, {"count": 1, "seed": -1}, {"count": 1, "workers": 0}]
)
def test_impossible_requests_are_refused(tmp_path, arguments):
    with pytest.raises(ConfigError):
        compose_collection(tmp_path, arguments.pop("count"), **arguments)


@pytest.mark.parametrize("arguments", [{"keys": 0}, {"difficulties": 5}, {"audio_format": "mp3"}])
def test_impossible_options_are_refused(arguments):
    with pytest.raises(ConfigError):
        CollectionOptions(**arguments)


def test_the_command(root, tmp_path):
    script = [sys.executable, str(root / "scripts" / "compose_songs.py")]
    short = ["--out", str(tmp_path), "--count", "1", "--min_s", "10", "--max_s", "12"]
    done = subprocess.run([*script, *short], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"1 songs in {tmp_path}" in done.stdout
    assert len(list(tmp_path.glob("*/*.osu"))) == 4
    wrong = subprocess.run(
        [*script, *short, "--keys", "19"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "1 to 18" in wrong.stderr


def test_composing_imports_neither_torch_nor_sound_libraries():
    code = (
        "import sys, mug.compose.collection; "
        "print([m for m in ('torch', 'soundfile', 'librosa') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
