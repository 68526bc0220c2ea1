"""MP3, FLAC and WAV files that are cut, joined, damaged, or state a wrong length."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_sounds import attack_times, clicks

from mug.audio.load import decode, read_sound, sound_length
from mug.audio.mp3_frames import read_header
from mug.errors import AudioError

RATE = 44100
ID3V1 = b"TAG" + bytes(125)
ID3V2 = b"ID3\x04\0\0\0\0\x10\0" + b"\xff\xfb\x90\x64" * 512
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0x80000000) + bytes(8) + bytes(32)


def encoded(kind: str, seconds: float = 3.2, rate: int = RATE, channels: int = 1, **how) -> bytes:
    held = io.BytesIO()
    soundfile.write(held, clicks(seconds, rate, channels), rate, format=kind, **how)
    return held.getvalue()


def bare(data: bytes) -> bytes:
    """An MP3 without the frame of its tag."""
    header = read_header(data, 0)
    assert header is not None
    return data[header.size :]


def frame_places(data: bytes) -> list[int]:
    places, place = [], 0
    while (header := read_header(data, place)) is not None:
        places.append(place)
        place += header.size
    return places


def samples_of(data: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0]


def read(tmp_path: Path, data: bytes):
    """The sound; its length by the header alone must be the same, with the same notices."""
    path = tmp_path / "song"
    path.write_bytes(data)
    sound = read_sound(path)
    length, notices = sound_length(path)
    assert length == pytest.approx(1000 * len(sound.samples) / sound.rate, abs=1)
    assert notices == sound.notices
    return sound


def codes(sound) -> list[str]:
    return [notice.code for notice in sound.notices]


def times(sound) -> np.ndarray:
    return attack_times(sound.samples[:, 0], sound.rate)


# ---------------------------------------------------------------------------- MP3


@pytest.mark.parametrize("between", [b"", ID3V1 + ID3V2, APE + ID3V1, ID3V2 + ID3V2])
@pytest.mark.parametrize("rates", [(44100, 44100), (44100, 48000)])
def test_joined_mp3_files_follow_each_other(tmp_path, between, rates):
    first, second = encoded("MP3", rate=rates[0]), encoded("MP3", rate=rates[1])
    sound = read(tmp_path, ID3V2 + first + between + second + ID3V1)
    assert (len(sound.samples), codes(sound)) == (round(6.4 * RATE), [])
    np.testing.assert_allclose(times(sound), [1, 2, 3, 4.2, 5.2, 6.2], atol=2e-3)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("between", [b"", ID3V1 + ID3V2])
def test_joined_mp3_files_without_tags_are_read_frame_by_frame(tmp_path, mode, between):
    part = bare(encoded("MP3", bitrate_mode=mode))
    frames = len(frame_places(part))
    sound = read(tmp_path, part + between + part)
    assert (len(sound.samples), codes(sound)) == (2 * frames * 1152, [])
    late = frames * 1152 / RATE
    np.testing.assert_allclose(
        times(sound), np.add([1, 2, 3, 1 + late, 2 + late, 3 + late], 1105 / RATE), atol=2e-3
    )


def test_frames_that_a_tag_does_not_count_are_read(tmp_path):
    whole = encoded("MP3")
    sound = read(tmp_path, whole + bare(whole))
    assert codes(sound) == []
    assert len(times(sound)) == 6


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("tagged", [True, False])
def test_a_cut_mp3_says_so(tmp_path, part, tagged):
    data = encoded("MP3", bitrate_mode="VARIABLE")
    data = data if tagged else bare(data)
    end = frame_places(data)[int(part * len(frame_places(data)))] + 50
    sound = read(tmp_path, data[:end])
    assert codes(sound) == ["audio.shorter_than_stated" if tagged else "audio.ends_within_frame"]
    if tagged:
        assert sound.notices[0].values["stated"] == pytest.approx(3.2, abs=0.03)


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_the_tag_of_fraunhofers_encoder_states_a_length_too(tmp_path, part):
    data = bare(encoded("MP3", bitrate_mode="CONSTANT"))
    places = frame_places(data)
    tag = b"VBRI" + bytes(10) + struct.pack(">I", len(places))
    first = data[:4] + bytes(32) + tag
    data = first.ljust(places[1], b"\0") + data[places[1] :]
    sound = read(tmp_path, data[: places[int(part * (len(places) - 1))]])
    assert codes(sound) == ["audio.shorter_than_stated"] * (part < 1)


def test_a_cut_mp3_before_another_is_reported_too(tmp_path):
    data = encoded("MP3")
    half = frame_places(data)[len(frame_places(data)) // 2]
    sound = read(tmp_path, data[:half] + data)
    assert codes(sound) == ["audio.shorter_than_stated"]
    notice = sound.notices[0].values
    assert notice["stated"] - notice["read"] == pytest.approx(1.6, abs=0.1)


def test_a_whole_mp3_says_nothing(tmp_path):
    for data in (encoded("MP3"), bare(encoded("MP3")), ID3V2 + encoded("MP3") + APE + ID3V1):
        assert codes(read(tmp_path, data)) == []


def read_harmed(tmp_path, harm, *, tagged, into):
    """Read an MP3 with other bytes from so far into a frame in its middle; its lateness in s."""
    data = encoded("MP3", bitrate_mode="CONSTANT")
    data = data if tagged else bare(data)
    at = frame_places(data)[len(frame_places(data)) // 2] + into
    return read(tmp_path, data[:at] + harm + data[at + len(harm) :]), 0 if tagged else 1105 / RATE


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(
    "harm", [bytes(3000), b"\xff\xfb" * 1500, b"ID3\x04\0\0\x7f\x7f\x7f\x7f" * 300]
)
def test_what_follows_damaged_frames_stays_in_place(tmp_path, tagged, harm):
    sound, late = read_harmed(tmp_path, harm, tagged=tagged, into=11)
    assert times(sound)[-1] == pytest.approx(3 + late, abs=0.03)
    assert "audio.damaged_parts_are_silent" in codes(sound)


@pytest.mark.parametrize("before", [bytes(5000), b"RIFFxxxxrubbish" * 300])
def test_bytes_before_the_first_frame_are_passed_over(tmp_path, before):
    sound = read(tmp_path, before + encoded("MP3"))
    np.testing.assert_allclose(times(sound), [1, 2, 3], atol=2e-3)


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("harm", [b"\xaa" * 17, bytes(range(255, 225, -1))])
def test_bytes_that_are_damaged_within_a_frame_move_nothing(tmp_path, tagged, harm):
    sound, late = read_harmed(tmp_path, harm, tagged=tagged, into=5)
    np.testing.assert_allclose(times(sound)[[0, -1]], np.add([1, 3], late), atol=0.03)


@pytest.mark.parametrize("kind", ["MP3", "OGG", "FLAC"])
@pytest.mark.parametrize("before", [ID3V2, bytes(700)])
def test_bytes_before_the_sound_are_passed_over(tmp_path, kind, before):
    data = encoded(kind)
    sound = read(tmp_path, before + data)
    np.testing.assert_array_equal(sound.samples, samples_of(data))
    assert codes(sound) == []


@pytest.mark.parametrize("behind", [bytes(20_000), bytes(range(256)) * 40, ID3V1, b"RIFF"])
@pytest.mark.parametrize("kind", ["MP3", "OGG", "FLAC", "WAV"])
def test_bytes_behind_the_sound_are_passed_over(tmp_path, kind, behind, capfd):
    data = encoded(kind)
    sound = read(tmp_path, data + behind)
    np.testing.assert_array_equal(sound.samples, samples_of(data))
    assert codes(sound) == []
    assert capfd.readouterr().err == ""  # a decoder writes to the terminal by itself


def test_a_wav_behind_a_wav_is_passed_over(tmp_path):
    data = encoded("WAV")
    sound = read(tmp_path, data + data)
    np.testing.assert_array_equal(sound.samples, samples_of(data))


def test_an_mp3_within_a_wav(tmp_path):
    inner = encoded("MP3")
    form = struct.pack("<HHIIHHH", 0x55, 1, RATE, 8000, 1, 0, 0)
    data = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    data += b"data" + struct.pack("<I", len(inner)) + inner
    sound = read(tmp_path, b"RIFF" + struct.pack("<I", len(data)) + data)
    np.testing.assert_allclose(times(sound), [1, 2, 3], atol=2e-3)


@pytest.mark.parametrize("data", [b"\xff\xfb\x90\x64" * 3, bytes(4000) + b"\xff\xfb\x90\x64" * 9])
def test_headers_without_frames_are_no_sound(tmp_path, data):
    path = tmp_path / "song.mp3"
    path.write_bytes(data)
    for call in (decode, sound_length):
        with pytest.raises(AudioError, match="no sound"):
            call(path)


# --------------------------------------------------------------------------- FLAC


def with_total(data: bytes, frames: int) -> bytes:
    packed = int.from_bytes(data[18:26], "big") >> 36 << 36 | frames
    return data[:18] + packed.to_bytes(8, "big") + data[26:]


@pytest.mark.parametrize("frames", [0, (1 << 32) - 1, (1 << 36) - 1])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_S8"])
def test_a_flac_of_no_stated_length_is_read_to_its_end(tmp_path, frames, channels, subtype):
    data = encoded("FLAC", channels=channels, subtype=subtype)
    sound = read(tmp_path, with_total(data, frames))
    np.testing.assert_array_equal(sound.samples, samples_of(data))
    assert codes(sound) == []


@pytest.mark.parametrize("part", [0.2, 0.5, 0.97])
@pytest.mark.parametrize("stated", [True, False])
def test_a_cut_flac_is_read_as_far_as_it_goes(tmp_path, part, stated):
    data = encoded("FLAC")
    want = samples_of(data)
    sound = read(tmp_path, (data if stated else with_total(data, 0))[: int(part * len(data))])
    np.testing.assert_array_equal(sound.samples, want[: len(sound.samples)])
    assert len(want) * part - 9000 < len(sound.samples) < len(want)
    assert codes(sound) == ["audio.shorter_than_stated" if stated else "audio.ends_within_frame"]
    if stated:
        assert sound.notices[0].values["stated"] == pytest.approx(3.2, abs=1e-3)


@pytest.mark.parametrize("harm", ["a byte", "zeros", "left out"])
def test_what_follows_a_damaged_flac_frame_stays_in_place(tmp_path, harm):
    data, at = encoded("FLAC"), 0
    want = samples_of(data)
    at = len(data) // 2
    damaged = {
        "a byte": data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :],
        "zeros": data[:at] + bytes(9000) + data[at + 9000 :],
        "left out": data[:at] + data[at + 9000 :],
    }[harm]
    sound = read(tmp_path, damaged)
    assert sound.samples.shape == want.shape
    wrong = np.flatnonzero((sound.samples != want).any(axis=1))
    assert not sound.samples[wrong].any()
    (notice,) = sound.notices
    assert notice.code == "audio.damaged_parts_are_silent"
    assert notice.values["seconds"] >= (wrong[-1] + 1 - wrong[0]) / RATE - 1e-3


@pytest.mark.parametrize("frames", [1000, 10 * RATE])
def test_a_flac_that_states_a_wrong_length(tmp_path, frames):
    data = encoded("FLAC")
    sound = read(tmp_path, with_total(data, frames))
    np.testing.assert_array_equal(sound.samples, samples_of(data))
    assert codes(sound) == ["audio.shorter_than_stated"] * (frames > 1000)


def test_joined_flac_files_follow_each_other(tmp_path):
    first, second = encoded("FLAC"), encoded("FLAC", 1.5, channels=1)
    sound = read(tmp_path, first + second)
    np.testing.assert_array_equal(
        sound.samples, np.concatenate([samples_of(first), samples_of(second)])
    )
    assert codes(sound) == []


def test_a_whole_flac_says_nothing(tmp_path):
    data = encoded("FLAC", channels=2)
    for whole in (data, ID3V2 + data, data + ID3V1, data + bytes(300)):
        sound = read(tmp_path, whole)
        np.testing.assert_array_equal(sound.samples, samples_of(data))
        assert codes(sound) == []


def test_a_flac_without_a_whole_frame_is_no_sound(tmp_path):
    path = tmp_path / "song.flac"
    path.write_bytes(encoded("FLAC")[:2000])
    with pytest.raises(AudioError, match="no sound"):
        decode(path)


# ---------------------------------------------------------------------------- WAV


def with_sizes(data: bytes, riff: int, chunk: int) -> bytes:
    at = data.find(b"data") + 4
    head = data[:4] + struct.pack("<I", riff) + data[8:at]
    return head + struct.pack("<I", chunk) + data[at + 4 :]


@pytest.mark.parametrize(
    ("riff", "chunk"),
    [
        (0, 0), (36, 0), (0xFFFFFFFF, 0), (0, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF - 36), (0x7FFFFFFF, 0x7FFFFFFF - 36), (0x80000024, 0x80000000),
    ],
)  # fmt: skip
def test_a_wav_of_no_stated_length_is_read_to_its_end(tmp_path, riff, chunk):
    data = encoded("WAV")
    sound = read(tmp_path, with_sizes(data, riff, chunk))
    np.testing.assert_array_equal(sound.samples, samples_of(data))
    assert codes(sound) == []


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "IMA_ADPCM", "ULAW"])
@pytest.mark.parametrize("kind", ["WAV", "AIFF", "RF64"])
def test_a_cut_wav_says_what_is_missing(tmp_path, subtype, kind):
    if subtype == "IMA_ADPCM" and kind != "WAV":
        subtype = "PCM_24"
    data = encoded(kind, subtype=subtype)
    assert codes(read(tmp_path, data)) == []
    (notice,) = read(tmp_path, data[: len(data) // 2]).notices
    assert notice.code == "audio.shorter_than_stated"
    roughly = 0.1 if subtype == "IMA_ADPCM" else 0.03  # whole blocks of 93 ms
    assert notice.values["stated"] == pytest.approx(3.2, abs=roughly)
    assert notice.values["read"] == pytest.approx(1.6, abs=roughly)


def test_a_wav_with_further_chunks_says_nothing(tmp_path):
    data = encoded("WAV")
    listed = b"LIST" + struct.pack("<I", 4) + b"INFO"
    for whole in (data + listed, data[:36] + listed + data[36:], data + bytes(40)):
        sound = read(tmp_path, whole)
        assert (len(sound.samples), codes(sound)) == (round(3.2 * RATE), [])


def test_an_empty_wav_is_refused(tmp_path):
    empty = encoded("WAV", 0)
    path = tmp_path / "song.wav"
    for data in (empty, empty + b"LIST" + struct.pack("<I", 4) + b"INFO"):
        path.write_bytes(data)
        with pytest.raises(AudioError, match="no sound"):
            decode(path)
