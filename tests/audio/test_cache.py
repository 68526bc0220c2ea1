"""The cache: right, shared, and never trusted when damaged."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from audio_sounds import clicks, write_sound

import mug.audio.cache as module
from mug.audio.cache import MelCache
from mug.audio.load import load_audio
from mug.audio.mel import MelParams, log_mel
from mug.data.spectrograms import Spectrograms
from mug.errors import AudioError, FileNotWrittenError

PARAMS = MelParams(n_mels=16)


@pytest.fixture
def song(tmp_path):
    return write_sound(tmp_path / "song.wav", clicks(2.0, 22050), 22050)


@pytest.fixture
def cache(tmp_path):
    return MelCache(tmp_path / "cache")


@pytest.fixture
def computed(monkeypatch):
    """Counts how often a spectrogram is computed."""
    calls = []

    def counted(wave, params):
        calls.append(params)
        return log_mel(wave, params)

    monkeypatch.setattr(module, "log_mel", counted)
    return calls


def test_time_first_and_read_only(cache, song):
    frames = cache.get(song, PARAMS)
    assert isinstance(frames, np.memmap)
    assert not frames.flags.writeable
    np.testing.assert_array_equal(frames, log_mel(load_audio(song), PARAMS).T)


def test_computed_once_for_a_sound_wherever_it_lies(cache, song, tmp_path, computed):
    first = cache.get(song, PARAMS)
    copy = tmp_path / "elsewhere.mp3"
    shutil.copy(song, copy)
    again = pickle.loads(pickle.dumps(cache)).get(copy, PARAMS)
    assert len(computed) == 1
    np.testing.assert_array_equal(first, again)


def test_files_from_before_the_scale_existed_are_still_found(cache, song):
    named = {"sample_rate": 22050, "n_fft": 512, "n_mels": 16}
    expected = cache.named(song, module.VERSION, named)
    assert cache.path_of(song, MelParams(n_mels=16)) == expected
    assert cache.path_of(song, MelParams(n_mels=16, mel_scale=1)) == expected


def test_other_parameters_sound_or_version_are_other_files(cache, song, tmp_path, monkeypatch):
    other = write_sound(tmp_path / "other.wav", clicks(2.1, 22050), 22050)
    paths = {
        cache.path_of(song, PARAMS),
        cache.path_of(song, MelParams(n_mels=17)),
        cache.path_of(song, MelParams(n_mels=16, n_fft=1024)),
        cache.path_of(song, MelParams(n_mels=16, sample_rate=11025)),
        cache.path_of(song, MelParams(n_mels=16, mel_scale=1000.0)),
        cache.path_of(other, PARAMS),
    }
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    paths.add(cache.path_of(song, PARAMS))
    assert len(paths) == 7


def test_a_changed_song_is_not_read_from_the_old_file(cache, song):
    before = np.array(cache.get(song, PARAMS))
    write_sound(song, 0.5 * clicks(2.5, 22050), 22050)
    assert len(cache.get(song, PARAMS)) > len(before)


def damage_cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def damage_flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x40]) + data[middle + 1 :]


def damage_empty(_: bytes) -> bytes:
    return b""


def damage_garbage(data: bytes) -> bytes:
    return b"garbage" * (len(data) // 7)


def damage_header(data: bytes) -> bytes:
    return data.replace(b"'fortran_order'", b"(fortran_order'")


DAMAGES = [damage_cut, damage_flip, damage_empty, damage_garbage, damage_header]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("same_process", [True, False])
def test_a_damaged_file_is_made_again(cache, song, caplog, damage, same_process):
    good = np.array(cache.get(song, PARAMS))
    path = cache.path_of(song, PARAMS)
    path.write_bytes(damage(path.read_bytes()))
    reader = cache if same_process else MelCache(cache.folder)
    np.testing.assert_array_equal(reader.get(song, PARAMS), good)
    assert "damaged" in caplog.text
    caplog.clear()
    MelCache(cache.folder).get(song, PARAMS)
    assert "damaged" not in caplog.text


def test_an_array_of_another_kind_is_made_again(cache, song):
    path = cache.path_of(song, PARAMS)
    path.parent.mkdir()
    np.save(path, np.zeros((4, 16)))
    assert cache.get(song, PARAMS).dtype == np.float16


def test_a_failed_computation_leaves_nothing(cache, tmp_path):
    text = tmp_path / "text.mp3"
    text.write_text("no sound")
    for path, words in ((text, "no sound file"), (tmp_path / "none.mp3", "cannot be opened")):
        with pytest.raises(AudioError, match=words):
            cache.get(path, PARAMS)
    assert not cache.folder.exists() or not list(cache.folder.iterdir())


def test_a_failed_write_leaves_nothing(cache, song, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "no space left")

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(FileNotWrittenError, match="no space"):
        cache.get(song, PARAMS)
    assert not list(cache.folder.glob("*"))


_WORKER = """
import sys
from mug.audio.cache import MelCache
from mug.audio.mel import MelParams
folder, songs = sys.argv[1], sys.argv[2:]
sys.stdin.readline()  # all start at once
for song in songs:
    frames = MelCache(folder).get(song, MelParams(n_mels=16))
    print(float(frames.astype("f8").sum()))
"""


def test_several_processes_share_a_folder(cache, tmp_path, root):
    songs = [
        str(write_sound(tmp_path / f"{i}.wav", (0.2 + 0.1 * i) * clicks(2.0, 22050), 22050))
        for i in range(6)
    ]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(cache.folder), *songs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    outputs = [worker.communicate(timeout=120)[0] for worker in workers]
    want = [float(cache.get(song, PARAMS).astype("f8").sum()) for song in songs]
    assert [worker.returncode for worker in workers] == [0, 0]
    for output in outputs:
        assert [float(line) for line in output.split()] == want
    assert len(list(cache.folder.iterdir())) == len(songs)


@pytest.mark.parametrize("how", ["written", "mapped"])
def test_damage_is_noticed_whatever_the_time_stamp(cache, song, caplog, how):
    """The second way changes no time of the file at all, as a fault of the disk does."""
    good = np.array(cache.get(song, PARAMS))
    path = cache.path_of(song, PARAMS)
    before = path.stat()
    mapped = np.memmap(path, np.uint8, "r+")
    mapped[-64] = mapped[-64]  # a page that was written to already keeps its time
    assert len(cache.get(song, PARAMS))
    if how == "written":
        path.write_bytes(damage_flip(path.read_bytes()))
    else:
        mapped[-64] ^= 1
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    np.testing.assert_array_equal(cache.get(song, PARAMS), good)
    assert "damaged" in caplog.text


def test_a_data_sets_spectrograms_are_looked_at_each_time(song, tmp_path):
    spectrograms = Spectrograms("mel", PARAMS, tmp_path / "cache")
    good = np.array(spectrograms.read(song))
    path = MelCache(tmp_path / "cache").path_of(song, PARAMS)
    path.write_bytes(damage_flip(path.read_bytes()))
    np.testing.assert_array_equal(spectrograms.read(song), good)
