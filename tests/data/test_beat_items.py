"""Items in beats: notes on their lines at any tempo, sound where the lines are, rows told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.data.dataset import OsuTrainDataset
from mug.data.item_options import (
    AudioOptions,
    AugmentOptions,
    BeatOptions,
    LineOptions,
    SplitOptions,
    WindowOptions,
)
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.encoding.bound_rows import HINT
from mug.encoding.convertor import ManiaConvertor
from mug.encoding.line_tensor import CHANNELS, ROW_CHANNELS, SONG_CHANNELS
from mug.encoding.warp import (
    moved_with_lines,
    same_beats,
    to_axis,
    to_song,
    warped_spectrogram,
)
from mug.errors import ConfigError, DataError
from mug.rhythm.scorer import RhythmScorer, ScorerOptions, save_scorer

RATE = 22050
CLOCK = FrameClock()
BEATS = 16


def write_song(folder: Path, red_lines: tuple[TimingPoint, ...], seconds: float = 12.0) -> Path:
    """A click on each beat, and a chart with a note on each click and a hold on some."""
    folder.mkdir(parents=True)
    axis = BeatAxis.of(red_lines)
    count = int(axis.beats(np.array([seconds * 1000]))[0])
    times = axis.times(np.arange(count, dtype=np.float64))
    times = times[times >= 0]
    wave = np.zeros(int(seconds * RATE), np.float32)
    for time in times:
        at = int(time * RATE / 1000)
        wave[at : at + 200] += np.hanning(400)[200:][: len(wave) - at] * 0.8
    soundfile.write(folder / "audio.wav", wave, RATE)
    notes: list[HitObject] = [
        LongNote(i % 4, round(time), round(times[i + 1]))
        if i % 4 == 3
        else Rice(i % 4, round(time))
        for i, time in enumerate(times[:-1])
    ]
    beatmap = Beatmap(
        keys=4,
        hit_objects=tuple(notes),
        timing=red_lines,
        general={"AudioFilename": "audio.wav", "Mode": "3"},
        metadata={"Title": folder.name, "Version": "clicks"},
        difficulty={"CircleSize": "4"},
    )
    osu.write(beatmap, folder / "chart.osu")
    (folder.parent / "beatmap.txt").write_text(f"{folder.name}/chart.osu", encoding="utf-8")
    return folder.parent / "beatmap.txt"


def dataset(txt: Path, **groups: Any) -> OsuTrainDataset:
    made: dict[str, Any] = {
        "window": WindowOptions(max_audio_frame=64 * BEATS, time_axis="beat"),
        "lines": LineOptions(channels=True, own_rows_p=1.0),
    }
    return OsuTrainDataset(txt, split=SplitOptions(train=1.0), **{**made, **groups})


@pytest.fixture(scope="module", params=[150.0, 96.0, 233.0])
def steady(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bpm = float(request.param)
    folder = tmp_path_factory.mktemp("steady")
    return write_song(folder / "song", (TimingPoint(137.0, 60000 / bpm),))


def test_notes_on_beats_lie_at_one_place_of_the_frame_at_any_tempo(steady: Path) -> None:
    item = dataset(steady)[0]
    starts, offsets = item["note"][:4], item["note"][4:8]
    frames = torch.nonzero(starts.any(0))[:, 0]
    assert len(frames) > BEATS // 3
    assert (frames % 4 == 0).all()  # a beat, or half of one where its tempo was folded
    held = offsets[starts > 0]
    assert ((held - 1 / 6).abs() < 0.03).all()


def test_rows_are_told_on_their_lines(steady: Path) -> None:
    item = dataset(steady)[0]
    lines = item["lines"]
    assert lines.shape == (CHANNELS, BEATS)
    rows = lines[-ROW_CHANNELS:-1]
    assert (lines[-1] == 1).all()
    assert rows.sum() == item["note"][:4].any(0).sum()
    assert set(torch.nonzero(rows)[:, 0].tolist()) <= {0, LINES // 2}


def test_rows_are_told_only_as_often_as_asked(steady: Path) -> None:
    silent = dataset(steady, lines=LineOptions(channels=True))
    assert silent[0]["lines"][-ROW_CHANNELS:].abs().sum() == 0


def test_the_sound_rises_where_the_clicks_are(steady: Path) -> None:
    item = dataset(steady)[0]
    sound = item["lines"][: LINES * 34].reshape(LINES, 34, BEATS)
    strength = sound[:, 32]  # broad onset strength within 15 ms
    rows = item["lines"][-ROW_CHANNELS:-1] > 0
    assert strength[rows].mean() > 4 * strength[3].mean()


def test_a_crop_is_the_same_part_of_notes_sound_and_rows(steady: Path) -> None:
    window = WindowOptions(max_audio_frame=64 * BEATS, time_axis="beat")
    whole = dataset(steady, window=WindowOptions(max_audio_frame=64 * 64, time_axis="beat"))[0]
    cropping = dataset(
        steady,
        window=WindowOptions(
            max_audio_frame=64 * BEATS, crop=True, crop_audio_frame=64 * 8, time_axis="beat"
        ),
    )
    assert window.note_frames == 8 * BEATS
    found = set()
    for epoch in range(12):
        part = cropping[epoch, 0]
        rows = part["lines"][-ROW_CHANNELS:-1].numpy()
        sound = part["lines"][: LINES * 34].numpy()
        places = [
            first
            for first in range(57)
            if np.allclose(whole["lines"][: LINES * 34, first : first + 8].numpy(), sound)
        ]
        assert len(places) >= 1
        first = places[0]
        found.add(first)
        np.testing.assert_array_equal(
            rows, whole["lines"][-ROW_CHANNELS:-1, first : first + 8].numpy()
        )
        np.testing.assert_allclose(
            part["note"][:4].numpy(), whole["note"][:4, first * 8 : first * 8 + 64].numpy()
        )
    assert len(found) > 3


def test_sound_moves_against_notes_and_rows(steady: Path) -> None:
    still, moving = (
        dataset(steady),
        dataset(steady, lines=LineOptions(channels=True, own_rows_p=1.0, offset_ms=20.0)),
    )
    one, other = still[0], moving[0]
    torch.testing.assert_close(one["note"], other["note"])
    torch.testing.assert_close(one["lines"][-ROW_CHANNELS:], other["lines"][-ROW_CHANNELS:])
    assert not torch.allclose(one["lines"][:SONG_CHANNELS], other["lines"][:SONG_CHANNELS])


def test_gain_noise_and_dropped_channels_change_the_sound_alone(steady: Path) -> None:
    changed = dataset(
        steady,
        lines=LineOptions(
            channels=True, own_rows_p=1.0, gain=0.2, noise=0.1, drop_p=1.0, drop_share=0.5
        ),
    )[0]["lines"]
    sound = changed[: LINES * 34].reshape(LINES, 34, BEATS)
    dropped = (sound == 0).all(dim=(0, 2)).sum()
    assert 5 < dropped < 29
    plain = dataset(steady)[0]["lines"]
    torch.testing.assert_close(changed[LINES * 34 :], plain[LINES * 34 :])


def test_half_a_beat_off_moves_the_notes_within_their_beats(steady: Path) -> None:
    item = dataset(steady, lines=LineOptions(channels=True, half_beat_p=1.0))[0]
    frames = torch.nonzero(item["note"][:4].any(0))[:, 0]
    off = dataset(steady)[0]
    assert not torch.equal(frames % 8, torch.nonzero(off["note"][:4].any(0))[:, 0] % 8)


def test_a_change_of_tempo_leaves_notes_on_their_beats(tmp_path: Path) -> None:
    lines = (TimingPoint(100.0, 400.0), TimingPoint(100.0 + 9.5 * 400, 300.0))
    item = dataset(write_song(tmp_path / "song", lines))[0]
    frames = torch.nonzero(item["note"][:4].any(0))[:, 0]
    assert (frames % 8 == 0).all()


def test_warped_notes_come_back() -> None:
    axis = BeatAxis.of((TimingPoint(100.0, 400.0), TimingPoint(3900.0, 310.0)))
    notes: list[HitObject] = [Rice(0, 250.0), LongNote(2, 900.0, 4400.0), Rice(3, 5001.0)]
    warped = to_axis(notes, axis, CLOCK)
    back = to_song(warped, axis, CLOCK)
    assert [(n.column, round(n.start_ms, 6), round(n.last_ms, 6)) for n in back] == [
        (n.column, n.start_ms, n.last_ms) for n in notes
    ]
    convertor = ManiaConvertor(CLOCK, 4, 512)
    decoded = convertor.decode(convertor.encode(warped).note, whole_ms=False)
    for one, other in zip(to_song(decoded, axis, CLOCK), notes, strict=True):
        assert abs(one.start_ms - other.start_ms) < 0.01
        assert abs(one.last_ms - other.last_ms) < 0.01


def test_a_warped_spectrogram_reads_time_where_the_axis_is() -> None:
    axis = BeatAxis.of((TimingPoint(0.0, 400.0), TimingPoint(4000.0, 300.0)))
    ramp = (np.arange(3000) * CLOCK.audio_frame_ms).astype(np.float32)[:, None]
    warped = warped_spectrogram(ramp, axis, CLOCK, 4, 20)
    expected = axis.to_real_ms(
        4 * CLOCK.latent_frame_ms + np.arange(20 * 64) * CLOCK.audio_frame_ms, CLOCK
    )
    np.testing.assert_allclose(warped[:, 0], expected, atol=0.01)
    assert (warped_spectrogram(ramp, axis, CLOCK, 1000, 2) == 0).all()


@pytest.mark.parametrize(
    ("groups", "named"),
    [
        ({"augment": AugmentOptions(rate_p=0.5, rate=(0.8, 1.2))}, "augment.rate_p"),
        ({"augment": AugmentOptions(jitter_p=0.5)}, "augment.jitter_p"),
        ({"beat": BeatOptions(condition=True)}, "beat.condition"),
        ({"window": WindowOptions(max_audio_frame=1024)}, "lines.channels"),
    ],
)
def test_what_has_no_meaning_in_beats_is_refused(
    steady: Path, groups: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        dataset(steady, **groups)


def test_bad_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="beats"):
        WindowOptions(time_axis="beats")
    with pytest.raises(ConfigError, match=r"own_rows_p \+ drawn_rows_p"):
        LineOptions(own_rows_p=0.8, drawn_rows_p=0.5, scorer="x")
    with pytest.raises(ConfigError, match="drawn_rows_p"):
        LineOptions(drawn_rows_p=0.5)


def test_a_chart_without_red_lines_is_named(tmp_path: Path) -> None:
    txt = write_song(tmp_path / "song", (TimingPoint(0.0, 400.0),))
    chart = tmp_path / "song" / "chart.osu"
    text = chart.read_text(encoding="utf-8")
    begin, end = text.index("[TimingPoints]"), text.index("[HitObjects]")
    chart.write_text(text[:begin] + "[TimingPoints]\n\n" + text[end:], encoding="utf-8")
    with pytest.raises(DataError, match=r"chart\.osu.*red lines"):
        dataset(txt)[0]


def test_spectrograms_of_items_in_beats_have_their_length(steady: Path) -> None:
    item = dataset(steady, audio=AudioOptions(with_audio=True), lines=LineOptions())[0]
    assert item["audio"].shape == (128, 64 * BEATS)
    assert "lines" not in item


def test_notes_move_with_their_red_lines() -> None:
    before = (TimingPoint(100.0, 400.0),)
    notes: list[HitObject] = [Rice(0, 500.0), LongNote(1, 900.0, 1300.0)]
    for offset, beat in ((112.0, 400.0), (-20.0, 401.0), (1700.0 + 5, 400.0)):
        after = (TimingPoint(offset, beat),)
        assert same_beats(before, after)
        moved = moved_with_lines(notes, before, after)
        times = [t for n in moved for t in {n.start_ms, n.last_ms}]
        off = np.array([(time - offset) / beat for time in times])
        np.testing.assert_allclose(off, np.rint(off), atol=1e-6)
        assert all(abs(a.start_ms - b.start_ms) < 210 for a, b in zip(moved, notes, strict=True))
    for other in ((TimingPoint(100.0, 300.0),), (*before, TimingPoint(900.0, 400.0))):
        assert moved_with_lines(notes, before, other) == notes


def test_a_tempo_at_the_border_of_folding_moves_its_notes_a_little() -> None:
    """At 120 a minute the axis' beats double; the music does not."""
    notes = [Rice(0, 500.0 * number) for number in range(10)]
    moved = moved_with_lines(notes, (TimingPoint(0.0, 500.0),), (TimingPoint(0.0, 502.0),))
    assert [note.start_ms for note in moved] == [502.0 * number for number in range(10)]


def test_each_red_line_carries_its_notes() -> None:
    before = (TimingPoint(0.0, 400.0), TimingPoint(2000.0, 300.0))
    after = (TimingPoint(10.0, 400.0), TimingPoint(1990.0, 303.0))
    notes = [Rice(0, 800.0), LongNote(1, 1600.0, 2300.0), Rice(2, 2600.0)]
    first, hold, last = moved_with_lines(notes, before, after)
    assert (first.start_ms, hold.start_ms, hold.last_ms) == (810.0, 1610.0, 1990.0 + 303.0)
    assert last.start_ms == 1990.0 + 2 * 303.0


def test_drawn_rows_are_as_many_and_those_of_the_scorer(steady: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    scorer = RhythmScorer(ScorerOptions(width=8, dilations=(1, 2)))
    save_scorer(scorer, tmp_path / "scorer.safetensors")
    drawing = LineOptions(channels=True, drawn_rows_p=1.0, scorer=tmp_path / "scorer.safetensors")
    own = dataset(steady)[0]["lines"][-ROW_CHANNELS:-1]
    drawn = dataset(steady, lines=drawing)[0]["lines"]
    again = dataset(steady, lines=drawing)[0]["lines"]
    rows = drawn[-ROW_CHANNELS:-1]
    assert (drawn[-1] == 1).all()
    assert rows.sum() == own.sum()
    assert not torch.equal(rows, own)
    assert torch.equal(drawn, again)


def test_hints_stand_beside_rows_and_nowhere_without_them(steady: Path, tmp_path: Path) -> None:
    save_scorer(RhythmScorer(ScorerOptions(width=8, dilations=(1, 2))), tmp_path / "s.safetensors")
    hints = LineOptions(
        channels=True, own_rows_p=1.0, row_hints=True, scorer=tmp_path / "s.safetensors"
    )
    plain = dataset(steady)[0]["lines"]
    hinted = dataset(steady, lines=hints)[0]["lines"]
    rows, told = plain[-ROW_CHANNELS:-1], hinted[-ROW_CHANNELS:-1]
    assert torch.equal(told == 1, rows == 1)
    rest = told[rows == 0]
    assert 0 < rest.min() < rest.max() <= HINT
    assert torch.equal(hinted[:-ROW_CHANNELS], plain[:-ROW_CHANNELS])
    silent = dataset(steady, lines=replace(hints, own_rows_p=0.0))[0]["lines"]
    assert not silent[-ROW_CHANNELS:].any()
    with pytest.raises(ConfigError, match="scorer"):
        LineOptions(row_hints=True)
