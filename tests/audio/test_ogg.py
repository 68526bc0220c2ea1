"""Chained and damaged Ogg files: every sample that is left, each where it was."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mug.audio.load import decode, duration_ms, load_audio, read_sound
from mug.audio.ogg import Page, read_pages, sound_streams
from mug.audio.vorbis import encode_vorbis
from mug.errors import AudioError

RATE = 44100
OVERLAP = 2048  # samples of the longest block, which a gap silences beside it


def ogg(
    seconds: float, rate: int = RATE, channels: int = 1, subtype: str = "VORBIS", seed: int = 0
) -> bytes:
    """Noise as an Ogg file."""
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (int(seconds * rate), channels))
    held = io.BytesIO()
    with soundfile.SoundFile(held, "w", rate, channels, subtype, format="OGG") as handle:
        for first in range(0, len(noise), 1 << 15):
            handle.write(noise[first : first + (1 << 15)])
    return held.getvalue()


def samples_of(data: bytes) -> np.ndarray:
    """What libsndfile reads by itself."""
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0]


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "song.ogg"
    path.write_bytes(data)
    return path


def pages_of(data: bytes) -> list[bytes]:
    return [page.data for page in read_pages(data)]


def flipped(page: bytes, place: int) -> bytes:
    return page[:place] + bytes([page[place] ^ 0x55]) + page[place + 1 :]


def check_kept(got: np.ndarray, want: np.ndarray, nearly: float = 0.0) -> tuple[int, int]:
    """Everything before and behind one gap is as it was; returns the gap."""
    assert got.shape == want.shape
    wrong = np.flatnonzero((np.abs(got - want) > nearly).any(axis=1))
    first, last = int(wrong[0]), int(wrong[-1]) + 1
    settling = 24000 if nearly else OVERLAP
    assert not got[first + OVERLAP : last - settling].any()
    return first, last


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_whole_file_is_left_to_the_decoder(tmp_path, subtype, channels):
    data = ogg(2, 48000, channels, subtype)
    streams, simple = sound_streams(data)
    assert simple
    assert len(streams) == 1
    assert streams[0].ended
    sound = read_sound(written(tmp_path, data))
    np.testing.assert_array_equal(sound.samples, samples_of(data))
    assert sound.notices == ()
    # The other way gives the same samples, so that the two never disagree.
    assert streams[0].run_bytes(streams[0].runs[0]) == data


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize(
    "kind", ["others", "the same again", "three", "without an end mark", "rubbish between"]
)
def test_a_chain_is_read_to_its_end(tmp_path, subtype, kind):
    parts = [ogg(seconds, 48000, 2, subtype, seed) for seed, seconds in enumerate((1.5, 0.7, 1.1))]
    if kind == "the same again":
        parts = [parts[0], parts[0]]
    elif kind == "without an end mark":
        parts[0] = b"".join(pages_of(parts[0])[:-1])
    elif kind != "three":
        parts = parts[:2]
    want = np.concatenate([samples_of(part) for part in parts])
    path = written(tmp_path, (b"some tag" * 40 if kind == "rubbish between" else b"").join(parts))
    samples, rate = decode(path)
    np.testing.assert_array_equal(samples, want)
    assert duration_ms(path) == pytest.approx(1000 * len(want) / rate)
    assert read_sound(path).notices == ()


def test_a_chain_of_other_rates_and_channels_is_brought_to_the_first(tmp_path):
    parts = ogg(1.5, 48000, 2), ogg(1, 44100, 1), ogg(0.5, 24000, 2)
    samples, rate = decode(written(tmp_path, b"".join(parts)))
    assert (rate, samples.shape) == (48000, (3 * 48000, 2))
    np.testing.assert_array_equal(samples[:72000], samples_of(parts[0]))
    np.testing.assert_array_equal(samples[72000:120000, 0], samples[72000:120000, 1])
    assert np.abs(samples[75000:115000]).mean() > 0.05


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("harm", ["a byte of sound", "the mark", "the granule", "left out", "cut"])
def test_what_follows_a_damaged_page_stays_in_place(tmp_path, subtype, harm):
    data = ogg(8, 48000, 2, subtype)
    want, pages = samples_of(data), pages_of(data)
    middle = len(pages) // 2
    page = pages[middle]
    pages[middle] = {
        "a byte of sound": flipped(page, len(page) // 2),
        "the mark": flipped(page, 1),
        "the granule": flipped(page, 11),
        "left out": b"",
        "cut": page[: len(page) // 3],
    }[harm]
    sound = read_sound(written(tmp_path, b"".join(pages)))
    # Opus predicts from what it decoded before, and comes back to it within half a second.
    first, last = check_kept(sound.samples, want, 0.02 if subtype == "OPUS" else 0.0)
    assert 0 < last - first < 3 * 48000
    (notice,) = sound.notices
    assert notice.values["seconds"] == pytest.approx(
        (last - first) / 48000, abs=0.5 if subtype == "OPUS" else 0.06
    )


@pytest.mark.parametrize("lost", [[2], [2, 3], [5, 6, 9]])
def test_pages_may_be_lost_anywhere(tmp_path, lost):
    data = ogg(8)
    kept = [page for number, page in enumerate(pages_of(data)) if number not in lost]
    got, want = decode(written(tmp_path, b"".join(kept)))[0], samples_of(data)
    assert got.shape == want.shape
    same = (got == want).all(axis=1)
    assert same[-RATE:].all()
    assert not got[~same].any() or np.abs(got[~same]).max() < 1


def test_a_recording_that_joined_a_broadcast_begins_where_it_begins(tmp_path):
    pages = list(read_pages(ogg(3)))
    late = [
        Page(
            page.data[:6] + (page.granule + 3600 * RATE).to_bytes(8, "little") + page.data[14:],
            whole=True,
        )
        for page in pages[3:]
    ]
    data = b"".join(page.data for page in pages[:2])
    data += b"".join(page.numbered(page.sequence + 9000) for page in late)
    samples = decode(written(tmp_path, data))[0]
    assert 1.5 * RATE < len(samples) < 3 * RATE


def test_a_damaged_end_of_one_stream_does_not_move_the_next(tmp_path):
    first, second = ogg(3), ogg(2, seed=1)
    pages = pages_of(first)
    pages[-2] = flipped(pages[-2], 200)
    pages[-1] = flipped(pages[-1], 100)
    samples = decode(written(tmp_path, b"".join(pages) + second))[0]
    np.testing.assert_array_equal(samples[3 * RATE :], samples_of(second))


def test_a_damaged_page_cannot_claim_hours(tmp_path):
    pages = pages_of(ogg(3))
    middle = len(pages) // 2
    head = pages[middle][:6] + (1 << 45).to_bytes(8, "little") + pages[middle][14:]
    pages[middle] = head
    assert len(decode(written(tmp_path, b"".join(pages)))[0]) == 3 * RATE


def test_a_whole_page_that_claims_hours_is_refused(tmp_path):
    pages = list(read_pages(ogg(3)))
    far = pages[-1].data[:6] + (1 << 45).to_bytes(8, "little") + pages[-1].data[14:]
    last = Page(far, whole=True).numbered(pages[-1].sequence)
    data = b"".join(page.data for page in pages[:-3]) + last
    with pytest.raises(AudioError, match="holds more than"):
        decode(written(tmp_path, data))


@pytest.mark.parametrize("left", [1, 2])
def test_headers_alone_are_refused(tmp_path, left):
    path = written(tmp_path, b"".join(pages_of(ogg(1))[:left]))
    with pytest.raises(AudioError, match="no sound"):
        load_audio(path)


def test_a_stream_beside_the_sound_is_passed_over(tmp_path):
    sound = ogg(2)
    pages = pages_of(sound)
    fake = Page(b"OggS\0\2" + bytes(8) + b"\7\7\7\7" + bytes(8) + b"\1\x08fishbone", whole=True)
    mixed = pages[0] + fake.numbered(0) + pages[1] + fake.numbered(1) + b"".join(pages[2:])
    np.testing.assert_array_equal(decode(written(tmp_path, mixed))[0], samples_of(sound))


def test_a_last_page_that_turns_back_is_reported(tmp_path):
    pages = list(read_pages(ogg(4)))
    early = pages[-1].data[:6] + (RATE * 5 // 2).to_bytes(8, "little") + pages[-1].data[14:]
    data = b"".join(page.data for page in pages[:-1])
    sound = read_sound(
        written(tmp_path, data + Page(early, whole=True).numbered(pages[-1].sequence))
    )
    (notice,) = sound.notices
    assert notice.code == "audio.shorter_than_stated"
    assert notice.values["stated"] == pytest.approx(pages[-2].granule / RATE, abs=1e-3)
    assert notice.values["read"] == pytest.approx(len(sound.samples) / RATE, abs=1e-3)


@pytest.mark.parametrize("ending", ["ogg", "mp3"])
@pytest.mark.parametrize("part", [0.4, 0.7, 0.9])
def test_a_file_that_was_cut_says_what_is_missing(tmp_path, ending, part):
    whole = tmp_path / f"whole.{ending}"
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 4 * RATE)
    with soundfile.SoundFile(whole, "w", RATE, 1) as handle:
        for first in range(0, len(noise), 1 << 15):
            handle.write(noise[first : first + (1 << 15)])
    assert read_sound(whole).notices == ()
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole.read_bytes()[: int(part * whole.stat().st_size)])
    sound = read_sound(cut)
    (notice,) = sound.notices
    if notice.code == "audio.end_mark_is_missing":  # cut within a page's head
        assert (ending, part) == ("ogg", 0.7)
        return
    read, stated = notice.values["read"], notice.values["stated"]
    assert len(sound.samples) / RATE == pytest.approx(read, abs=0.05)
    assert read + 0.02 < stated < 4.1
    assert ending == "ogg" or stated == pytest.approx(4, abs=0.05)


def test_equal_samples_give_equal_bytes_that_are_read_whole(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE // 2, 2)).astype(np.float32)
    data = encode_vorbis(noise, RATE)
    assert data == encode_vorbis(noise, RATE)
    pages = list(read_pages(data))
    assert all(page.whole for page in pages)
    assert {page.serial for page in pages} == {pages[0].serial}
    assert {page.serial for page in read_pages(encode_vorbis(-noise, RATE))} != {pages[0].serial}
    read, _, notices = read_sound(written(tmp_path, data))
    assert read.shape == noise.shape
    assert notices == ()
    np.testing.assert_array_equal(read, samples_of(data))
