"""Beat channels: phase 0 on beats, after rate and crop too; what is unknown; doubt in training."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from flat_configs import TRAIN_DATA, build
from hypothesis import given
from hypothesis import strategies as st
from tiny_songs import make_songs

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.data.dataset import OsuTrainDataset
from mug.encoding.beat_condition import (
    CHANNELS,
    DOWNBEAT,
    HARMONICS,
    KNOWN,
    BeatDoubt,
    beat_channels,
)
from mug.errors import ConfigError

CLOCK = FrameClock()
FRAME = CLOCK.note_frame_ms

bpms = st.floats(40, 400)
offsets = st.floats(-5000, 5000)
rates = st.floats(0.5, 2)


def line(bpm: float, offset_ms: float, meter: int = 4) -> TimingPoint:
    return TimingPoint(offset_ms, 60000 / bpm, meter)


def phase(channels: np.ndarray) -> np.ndarray:
    """Phase of the beat 0 ... 1 of each frame, from its cosine and sine."""
    found: np.ndarray = np.arctan2(channels[1], channels[0]) / (2 * math.pi) % 1
    return found


def circular(a: np.ndarray, b: np.ndarray | float) -> np.ndarray:
    """Distance of two phases."""
    off = np.abs(a - b) % 1
    found: np.ndarray = np.minimum(off, 1 - off)
    return found


@given(bpms, offsets, rates, st.integers(0, 400), st.integers(0, 63))
def test_a_beat_of_the_chart_has_phase_zero_at_its_place(
    bpm: float, offset_ms: float, rate: float, first: int, frame: int
) -> None:
    """A beat put exactly on a frame of the grid, at any rate and crop, is a beat there."""
    crop_ms = -CLOCK.join_ms(first)
    on_the_chart = (CLOCK.join_ms(frame) - crop_ms) * rate
    beat_ms = 60000 / bpm
    moved = on_the_chart + round((offset_ms - on_the_chart) / beat_ms) * beat_ms
    got = beat_channels([TimingPoint(moved, beat_ms)], CLOCK, 64, rate=rate, offset_ms=crop_ms)
    assert circular(phase(got)[frame], 0.0) < 1e-3
    for row in range(len(HARMONICS)):
        assert got[2 * row : 2 * row + 2, frame] == pytest.approx([1, 0], abs=0.02)


@given(bpms, offsets, rates, st.integers(0, 300))
def test_a_crop_is_a_part_of_the_whole(
    bpm: float, offset_ms: float, rate: float, first: int
) -> None:
    lines = [line(bpm, offset_ms, 3), line(bpm * 1.1, offset_ms + 9000.5)]
    whole = beat_channels(lines, CLOCK, 364, rate=rate)
    part = beat_channels(lines, CLOCK, 64, rate=rate, offset_ms=-CLOCK.join_ms(first))
    assert np.allclose(part, whole[:, first : first + 64], atol=2e-3)


@given(bpms, offsets, rates)
def test_a_rate_is_another_tempo(bpm: float, offset_ms: float, rate: float) -> None:
    faster = beat_channels([line(bpm, offset_ms)], CLOCK, 64, rate=rate)
    same = beat_channels([TimingPoint(offset_ms / rate, 60000 / bpm / rate)], CLOCK, 64)
    assert np.allclose(faster, same, atol=2e-3)


@given(bpms, offsets, st.floats(0, 64))
def test_padding_has_no_beat(bpm: float, offset_ms: float, frames: float) -> None:
    got = beat_channels([line(bpm, offset_ms)], CLOCK, 64, end_ms=frames * FRAME)
    behind = np.arange(64) * FRAME >= frames * FRAME
    assert not got[:, behind].any()
    assert (got[KNOWN, ~behind] == 1).all()


@given(bpms, offsets, st.integers(1, 7))
def test_each_bar_has_one_downbeat_and_its_place_can_be_read(
    bpm: float, offset_ms: float, meter: int
) -> None:
    """The pulse tells by its two heights where in the frame the bar begins."""
    bar_ms = meter * 60000 / bpm
    got = beat_channels([line(bpm, offset_ms, meter)], CLOCK, 64)[DOWNBEAT]
    times = np.arange(math.ceil(-offset_ms / bar_ms), (63 * FRAME - offset_ms) // bar_ms + 1)
    for at in (offset_ms + times * bar_ms) / FRAME:
        left = int(at)
        if bar_ms > 2 * FRAME and left < 63:
            assert got[left] + got[left + 1] == pytest.approx(1, abs=1e-3)
            assert got[left + 1] == pytest.approx(at - left, abs=1e-3)
    assert (got >= 0).all()
    assert (got > 0).sum() <= 2 * (len(times) + 2)


def test_red_lines_rule_until_the_next_and_the_first_before_itself() -> None:
    lines = [line(200, 3000), line(120, 1000)]  # in any order
    got = beat_channels(lines, CLOCK, 100)
    alone = [beat_channels([one], CLOCK, 100) for one in (lines[1], lines[0])]
    border = math.ceil(3000 / FRAME)
    assert np.array_equal(got[:8, :border], alone[0][:8, :border])
    assert np.array_equal(got[:8, border:], alone[1][:8, border:])
    assert got[DOWNBEAT, border - 1] == pytest.approx(1 - (3000 - (border - 1) * FRAME) / FRAME)


@pytest.mark.parametrize("beat_ms", [0.0, -300.0, math.nan, math.inf, 1e-3, 1e6])
def test_a_line_without_a_tempo_leaves_its_part_unknown(beat_ms: float) -> None:
    got = beat_channels([line(120, 0), TimingPoint(1000, beat_ms), line(120, 2000)], CLOCK, 60)
    times = np.arange(60) * FRAME
    unknown = (times >= 1000) & (times < 2000)
    assert not got[:, unknown].any()
    assert (got[KNOWN, ~unknown] == 1).all()
    assert np.isfinite(got).all()


@pytest.mark.parametrize("lines", [[], [TimingPoint(math.nan, 500.0)]])
def test_no_timing_is_nothing(lines: list[TimingPoint]) -> None:
    assert not beat_channels(lines, CLOCK, 8).any()
    assert beat_channels(lines, CLOCK, 8).shape == (CHANNELS, 8)


# ------------------------------------------------------------------------- doubt


def test_without_doubt_the_lines_are_given_as_they_are() -> None:
    lines = (line(120, 7), line(90, 5000))
    assert BeatDoubt().given_lines(lines, np.random.default_rng(0)) == lines


def test_doubt_withholds_moves_and_falsifies() -> None:
    lines, rng = (line(120, 0), line(90, 5000)), np.random.default_rng(0)
    assert {len(BeatDoubt(dropout_p=0.5).given_lines(lines, rng)) for _ in range(50)} == {0, 2}
    moved = [BeatDoubt(jitter_ms=10).given_lines(lines, rng) for _ in range(200)]
    shifts = np.array([given_lines[0].time_ms for given_lines in moved])
    assert (np.abs(shifts) <= 10).all()
    assert shifts.min() < -8 < 8 < shifts.max()
    assert all(
        b.time_ms - a.time_ms == pytest.approx(5000)
        for given_lines in moved
        for a, b in [given_lines]
    )
    wrong = np.array(
        [BeatDoubt(wrong_p=0.5).given_lines(lines, rng)[0].time_ms for _ in range(200)]
    )
    assert 0 < (wrong == 0).mean() < 1
    assert wrong.max() > 400, "anywhere in a beat of 500 ms"


def test_settings_do_not_change_what_is_drawn_after() -> None:
    after = set()
    for doubt in (BeatDoubt(), BeatDoubt(0.9, 5.0, 0.9)):
        rng = np.random.default_rng(3)
        doubt.given_lines((line(120, 0),), rng)
        after.add(rng.random())
    assert len(after) == 1


@pytest.mark.parametrize(
    "wrong", [{"dropout_p": 1.5}, {"wrong_p": -0.1}, {"jitter_ms": -1.0}, {"jitter_ms": math.inf}]
)
def test_impossible_doubt_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"beat_{next(iter(wrong))}"):
        BeatDoubt(**wrong)


# ----------------------------------------------------------------------- datasets


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_songs(tmp_path_factory.mktemp("beat"), songs=2, charts=1, seconds=20.0)


def dataset(songs: Path, **more: object) -> OsuTrainDataset:
    usual = {"split": {"train": 1.0}, "n_mels": 16, "max_audio_frame": 1024, "with_audio": True}
    return build(TRAIN_DATA, txt_file=songs, **{**usual, **more})  # type: ignore[arg-type]


AUGMENTED = {"crop": True, "rate_p": 1.0, "rate": (0.8, 1.25), "with_feature": True, "pitch_p": 0.5}


def test_the_option_changes_nothing_else_of_an_item(songs: Path) -> None:
    plain = dataset(songs, **AUGMENTED)[3, 0]
    given_lines = dataset(songs, **AUGMENTED, beat_condition=True, beat_dropout_p=0.5)[3, 0]
    assert given_lines.keys() - plain.keys() == {"beat"}
    for name in ("note", "valid", "audio", "feature"):
        assert np.array_equal(given_lines[name], plain[name])


def test_notes_on_beats_lie_at_phase_zero_whatever_happens_to_the_item(songs: Path) -> None:
    """The notes of these charts lie 200 ms + n * 250 ms from the line, at 500 ms a beat."""
    data, seen = dataset(songs, **AUGMENTED, beat_condition=True), 0
    for epoch in range(12):
        item = data[epoch, epoch % 2]
        beat, offset = item["beat"].numpy(), item["note"].numpy()
        starts = np.nonzero(offset[:4].any(axis=0))[0]
        angles = np.unwrap(2 * math.pi * phase(beat))
        step = np.median(np.diff(angles)) / (2 * math.pi)  # beats a note frame
        for frame in starts:
            within = offset[4:8, frame][offset[:4, frame] > 0][0]
            at = phase(beat)[frame] + within * step
            assert circular(2 * np.asarray(at), 2 * 200 / 500) < 0.02
            seen += 1
    assert seen > 100


def test_an_item_is_as_long_as_its_song(songs: Path) -> None:
    item = dataset(songs, max_audio_frame=8192, beat_condition=True)[0]
    known = item["beat"][KNOWN].numpy()
    frames = int(known.sum())
    assert frames == pytest.approx(20_000 / FRAME, abs=1)
    assert known[:frames].all()
    assert not item["audio"][:, frames * 8 :].any()


@pytest.mark.real_data
def test_rows_of_real_charts_lie_on_quarters_of_the_given_beat(real_data: Path) -> None:
    """Against the convertor of notes: both must agree about where a time lies on the grid."""
    paths = sorted((real_data / "songs").rglob("*.osu"))
    assert paths
    for path in paths[:6]:
        chart = osu.read(path)
        frames = CLOCK.note_frames(chart.last_ms) + 1
        beat = beat_channels(chart.red_lines, CLOCK, frames)
        times = np.array(sorted({note.start_ms for note in chart.hit_objects}))
        lines = sorted(chart.red_lines, key=lambda one: one.time_ms)
        ends = [later.time_ms for _, later in pairwise(lines)] + [math.inf]
        at = np.searchsorted([one.time_ms for one in lines], times, side="right") - 1
        ruling = [lines[max(index, 0)] for index in at]
        begin_ms = np.array([one.time_ms for one in ruling])
        beat_ms = np.array([one.beat_ms for one in ruling])
        until_ms = np.array([ends[max(index, 0)] for index in at])
        frame = (times // FRAME).astype(int)
        found = phase(beat)[frame] + (times - frame * FRAME) / beat_ms
        inside = (times > begin_ms + FRAME) & (times < until_ms)
        assert circular(found, (times - begin_ms) / beat_ms)[inside].max() < 0.01
