"""What libsndfile cuts off the start of an MP3, and what is given back, on patched tags."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from audio_sounds import attack_times, clicks, write_sound

from mug.audio.load import decode, duration_ms
from mug.audio.mp3_delay import DECODER_DELAY, InfoTag, read_info_tag
from mug.audio.mp3_frames import count_samples, info_frame, read_header

RATE = 44100
ENCODER_DELAY = 576  # of LAME, which libsndfile writes with


@pytest.fixture(params=[1, 2], ids=["mono", "stereo"])
def mp3(tmp_path, request):
    return write_sound(tmp_path / "s.mp3", clicks(3.2, RATE, request.param), RATE)


def lame_extension(data: bytes) -> int:
    return max(data.find(b"Info"), data.find(b"Xing")) + 120


def patched(path, *, name: bytes | None = None, delays: tuple[int, int] | None = None):
    data = bytearray(path.read_bytes())
    at = lame_extension(data)
    if name is not None:
        data[at : at + 9] = name
    if delays is not None:
        data[at + 21 : at + 24] = (delays[0] << 12 | delays[1]).to_bytes(3, "big")
    target = path.with_name("patched.mp3")
    target.write_bytes(data)
    return target


def lag(path) -> int:
    samples, rate = decode(path)
    times = attack_times(samples[:, 0], rate)
    assert len(times) == 3
    return round(float(np.mean(times - [1, 2, 3])) * rate)


def test_the_tag_of_a_written_file(mp3):
    tag = read_info_tag(mp3)
    assert tag is not None
    assert (tag.named, tag.delay, tag.samples_to_give_back) == (True, ENCODER_DELAY, 0)
    assert 0 < tag.padding < 4096


def test_named_tag_is_cut_exactly(mp3):
    assert lag(mp3) == pytest.approx(0, abs=3)


def test_unknown_encoder_names_count_as_named(mp3):
    assert lag(patched(mp3, name=b"Whatever1")) == pytest.approx(0, abs=3)


def test_a_tag_without_delays_cuts_nothing(mp3):
    # Nothing cut: the encoder's delay and the decoder's both remain, as the game has it.
    want = ENCODER_DELAY + DECODER_DELAY
    assert lag(patched(mp3, delays=(0, 0))) == pytest.approx(want, abs=3)


@pytest.mark.parametrize("delays", [(0, 0), (ENCODER_DELAY, 1000)])
def test_a_tag_without_a_name_cuts_nothing(mp3, delays):
    path = patched(mp3, name=bytes(9), delays=delays)
    assert lag(path) == pytest.approx(ENCODER_DELAY + DECODER_DELAY, abs=3)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_without_a_tag_nothing_is_cut_at_either_end(tmp_path, rate, channels, mode):
    path = tmp_path / "untagged.mp3"
    wave = clicks(3.2, rate, channels)
    wave[int(0.2 * rate) :] *= np.float32(0.5)  # a first frame unlike the rest
    soundfile.write(path, wave, rate, format="MP3", bitrate_mode=mode)
    data = path.read_bytes()
    header = read_header(data, 0)
    assert header is not None
    path.write_bytes(data[header.size :])
    assert read_info_tag(path) is None
    samples, _ = decode(path)
    assert len(samples) >= len(wave)
    assert duration_ms(path) == pytest.approx(1000 * len(samples) / rate)
    times = attack_times(samples[:, 0], rate)
    lag_samples = float(np.mean(times - [1, 2, 3])) * rate
    assert lag_samples == pytest.approx(ENCODER_DELAY + DECODER_DELAY, abs=3)


@pytest.mark.parametrize("rate", [8000, 16000, 32000, 44100, 48000])
def test_counted_frames_are_those_of_the_tag(tmp_path, rate):
    path = write_sound(tmp_path / "s.mp3", clicks(3.2, rate), rate)
    data = path.read_bytes()
    header = read_header(data, 0)
    assert header is not None
    tag = max(data.find(b"Info"), data.find(b"Xing"))
    stated = int.from_bytes(data[tag + 8 : tag + 12], "big")
    counted = count_samples(data, 0) // header.samples
    assert counted - 1 == stated  # the tag does not count itself
    assert read_header(info_frame(data[:4], stated), 0) is not None


def test_id3_tags_before_the_frame_are_skipped(mp3):
    picture = b"ID3\x03\0\0" + bytes([0, 8, 0, 0]) + b"\xff\xfb\x90\x00" * (1 << 15)
    path = mp3.with_name("pictured.mp3")
    path.write_bytes(picture + patched(mp3, delays=(0, 0)).read_bytes())
    assert lag(path) == pytest.approx(ENCODER_DELAY + DECODER_DELAY, abs=3)


@pytest.mark.parametrize("size", [0, 3, 10, 40, 100, 150])
def test_short_or_cut_files_have_no_tag(mp3, size):
    cut = mp3.with_name("cut.mp3")
    cut.write_bytes(mp3.read_bytes()[:size])
    assert read_info_tag(cut) is None


def test_noise_has_no_tag(tmp_path):
    noise = tmp_path / "noise.mp3"
    noise.write_bytes(np.random.default_rng(1).bytes(200_000))
    assert read_info_tag(noise) is None


def test_what_is_given_back():
    assert InfoTag(named=True, delay=576, padding=0).samples_to_give_back == 0
    assert InfoTag(named=True, delay=0, padding=9).samples_to_give_back == 0
    assert InfoTag(named=True, delay=0, padding=0).samples_to_give_back == 529
    assert InfoTag(named=False, delay=0, padding=0).samples_to_give_back == 529
