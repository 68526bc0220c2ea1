"""Decoding: every format says the same sound at the same time; every failure says why."""

from __future__ import annotations

import pickle
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile
from audio_sounds import attack_times, clicks, write_sound

from mug.audio.blocks import BLOCK_FRAMES, MOST_SAMPLES, Limits
from mug.audio.load import audio_hash, decode, duration_ms, load_audio, read_sound, resample
from mug.errors import AudioError

RATE = 44100


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_lies_where_it_was_written(tmp_path, ending, rate, channels):
    path = write_sound(tmp_path / f"s.{ending}", clicks(3.2, rate, channels), rate)
    samples, got = decode(path)
    assert (got, samples.dtype, samples.shape[1]) == (rate, np.float32, channels)
    wave = load_audio(path)
    assert len(wave) == -(-len(samples) * 22050 // rate)
    assert np.abs(attack_times(wave, 22050) - [1, 2, 3]).max() < 1e-3
    assert duration_ms(path) == pytest.approx(3200, abs=30)


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([np.full(2000, 0.5), np.full(2000, -0.25)], axis=1).astype(np.float32)
    path = write_sound(tmp_path / "s.flac", stereo, 22050)
    np.testing.assert_allclose(load_audio(path), 0.125, atol=1e-4)


def test_resampling_keeps_a_tone_and_its_phase():
    t = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * t).astype(np.float32)
    want = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    got = resample(tone, RATE, 22050)
    assert len(got) == 22050
    np.testing.assert_allclose(got[500:-500], want[500:-500], atol=2e-3)
    assert resample(tone, RATE, RATE) is tone


@pytest.mark.parametrize("frames", [1, 3, 100, 4411])
def test_length_is_rounded_up_as_in_the_original(frames):
    assert len(resample(np.ones(frames, np.float32), RATE, 22050)) == -(-frames // 2)


@pytest.mark.parametrize(("kind", "name"), [("MP3", "s.ogg"), ("OGG", "s.mp3"), ("WAV", "s.txt")])
def test_the_content_decides_not_the_name(tmp_path, kind, name):
    path = write_sound(tmp_path / name, clicks(1.5, RATE), RATE, kind)
    assert attack_times(load_audio(path), 22050) == pytest.approx([1], abs=1e-3)


def test_missing_directory_and_empty_files_are_refused(tmp_path):
    (tmp_path / "empty.mp3").touch()
    for path, words in (
        (tmp_path / "none.mp3", "no such file"),
        (tmp_path, "not a file"),
        (tmp_path / "empty.mp3", "empty"),
        (Path("nul\0.mp3"), "cannot be opened|no such file"),
    ):
        for read in (decode, load_audio, duration_ms, audio_hash):
            with pytest.raises(AudioError, match=words) as caught:
                read(path)
            assert caught.value.remedy
            assert caught.value.file == path


def test_no_samples_is_refused(tmp_path):
    path = write_sound(tmp_path / "s.wav", np.zeros((0, 1), np.float32), RATE)
    with pytest.raises(AudioError, match="no sound"):
        decode(path)


@pytest.mark.parametrize("name", ["s.mp3", "s.ogg", "s.raw", "s.wav"])
@pytest.mark.parametrize(
    "data", [b"this is text, not sound " * 50, b"OggS" + bytes(300), b"\x89PNG\r\n\x1a\n" * 9]
)
def test_a_file_that_is_no_sound_is_refused_in_a_plain_sentence(
    tmp_path, name, data, monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "miniaudio", None)
    path = tmp_path / name
    path.write_bytes(data)
    with caplog.at_level("DEBUG"), pytest.raises(AudioError, match="no sound file") as caught:
        decode(path)
    for words in (str(caught.value), *map(caught.value.what.text, ("en", "zh"))):
        assert not any(jargon in words for jargon in ("libsndfile", "miniaudio", "Error"))
    assert "libsndfile: " in caplog.text  # for who looks into it
    assert "miniaudio: not installed" in caplog.text
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("frames", "channels"), [(1 << 31, 1), (1 << 29, 2), (1 << 26, 60), ((1 << 29) + 1, 1)]
)
def test_a_bomb_is_refused_by_its_header(tmp_path, frames, channels):
    path = write_sound(tmp_path / "s.flac", np.zeros((5000, min(channels, 8)), np.float32), RATE)
    with pytest.raises(AudioError, match="holds more than"):
        Limits(path).check(RATE, channels, frames)
    assert Limits(path).check(RATE, channels, MOST_SAMPLES // channels) is None
    data = bytearray(path.read_bytes())  # 36 bits of the header are the number of samples
    packed = int.from_bytes(data[18:26], "big") >> 36 << 36 | frames
    data[18:26] = packed.to_bytes(8, "big")
    path.write_bytes(data)
    if frames * min(channels, 8) > MOST_SAMPLES:
        for read in (decode, load_audio, audio_hash):
            with pytest.raises(AudioError, match="holds more than"):
                read(path)


def test_mixing_block_by_block_gives_the_mean_of_all(tmp_path):
    rng = np.random.default_rng(3)
    wave = rng.uniform(-1, 1, (BLOCK_FRAMES + 1234, 3)).astype(np.float32)
    soundfile.write(tmp_path / "s.wav", wave, RATE, subtype="FLOAT")
    mixed = read_sound(tmp_path / "s.wav", mono=True).samples
    np.testing.assert_array_equal(mixed[:, 0], wave.mean(axis=1, dtype=np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path, bad):
    wave = np.zeros((2000, 2), np.float32)
    wave[1234, 1] = bad
    path = tmp_path / "s.wav"
    soundfile.write(path, wave, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"not a number.*frame 1234"):
        decode(path)


def test_too_long_is_refused_and_the_limit_itself_is_not(tmp_path):
    path = write_sound(tmp_path / "s.wav", np.zeros((RATE, 1), np.float32), RATE)
    assert len(load_audio(path, max_ms=1000)) == 22050
    with pytest.raises(AudioError, match=r"longer than 0\.999 s"):
        load_audio(path, max_ms=999)


@pytest.mark.parametrize("rate", [1, 100_000_000])
def test_a_senseless_rate_is_refused(tmp_path, rate):
    path = write_sound(tmp_path / "s.wav", np.zeros((100, 1), np.float32), rate)
    with pytest.raises(AudioError, match="no sense"):
        decode(path)


def test_truncated_files_give_what_is_left(tmp_path):
    whole = write_sound(tmp_path / "s.mp3", clicks(3.2, RATE), RATE)
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    times = attack_times(load_audio(cut), 22050)
    assert times == pytest.approx([1], abs=1e-3)


def test_the_hash_is_of_the_sound(tmp_path):
    path = write_sound(tmp_path / "a.mp3", clicks(1.5, RATE, 2), RATE)
    tagged = tmp_path / "b.mp3"
    title = b"TIT2" + (6).to_bytes(4, "big") + b"\0\0" + b"\0title"
    tagged.write_bytes(b"ID3\x03\0\0\0\0\0\x10" + title + path.read_bytes())
    assert audio_hash(tagged) == audio_hash(path)
    as_flac = tmp_path / "c.flac"
    rounded, rate = decode(path)
    soundfile.write(as_flac, rounded[1:], rate)
    assert audio_hash(as_flac) != audio_hash(path)
    mono = write_sound(tmp_path / "d.wav", np.zeros((200, 1), np.float32), RATE)
    stereo = write_sound(tmp_path / "e.wav", np.zeros((100, 2), np.float32), RATE)
    slow = write_sound(tmp_path / "f.wav", np.zeros((200, 1), np.float32), RATE // 2)
    assert len({audio_hash(p) for p in (mono, stereo, slow)}) == 3


def test_miniaudio_serves_where_libsndfile_fails(tmp_path, monkeypatch, caplog):
    fake = ModuleType("miniaudio")
    fake.MiniaudioError = type("MiniaudioError", (Exception,), {})
    fake.SampleFormat = SimpleNamespace(FLOAT32="f32")
    fake.get_file_info = lambda _: SimpleNamespace(sample_rate=RATE, nchannels=2, num_frames=3)
    fake.decode = lambda data, kind, channels, rate: SimpleNamespace(
        samples=[0.0, 0.5, 0.0, 0.5, 0.0, 0.5]
    )
    monkeypatch.setitem(sys.modules, "miniaudio", fake)
    path = tmp_path / "odd.mp3"
    path.write_bytes(b"nothing libsndfile knows")
    samples, rate = decode(path)
    assert (rate, samples.tolist()) == (RATE, [[0.0, 0.5]] * 3)
    with pytest.raises(AudioError, match="longer"):
        decode(path, max_ms=0.01)

    def refuse(*_):
        raise fake.MiniaudioError("failed too")

    fake.decode = refuse
    with caplog.at_level("DEBUG"), pytest.raises(AudioError, match="no sound file"):
        decode(path)
    assert "miniaudio: failed too" in caplog.text


@pytest.mark.real_data
def test_impulses_lie_at_whole_seconds(real_data):
    files = sorted((real_data / "audio" / "impulses").iterdir())
    assert len(files) == 18
    for path in files:
        times = attack_times(load_audio(path), 22050)
        assert len(times) >= 3, path.name
        error = np.abs(times - np.arange(1, len(times) + 1)).max()
        assert error < 1e-3, f"{path.name}: {error}"


@pytest.mark.real_data
def test_durations_of_real_songs(real_data, tmp_path):
    paths = [p for p in (real_data / "songs").rglob("*") if p.suffix in (".mp3", ".ogg")]
    assert len(paths) == 7
    for path in paths:
        samples, rate = decode(path)
        assert duration_ms(path) == pytest.approx(1000 * len(samples) / rate, abs=60), path
        shutil.copy(path, tmp_path / "song")
        assert audio_hash(tmp_path / "song") == audio_hash(path)
        break
