"""Rows that bind: a row on each line told, none elsewhere, columns by their logits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.encoding.bound_rows import HINT, bind_rows, chords_together, hinted_rows, start_scores
from mug.encoding.convertor import ManiaConvertor
from mug.encoding.warp import to_axis, to_song
from mug.notes import NoteLayout

CLOCK, LAYOUT = FrameClock(), NoteLayout(4)
BEATS = 8
AXIS = BeatAxis.of((TimingPoint(-12.0, 371.0),))
CONVERTOR = ManiaConvertor(CLOCK, 4, 8 * BEATS)


def decoded_lines(logits: np.ndarray) -> list[int]:
    notes = CONVERTOR.decode(logits, from_logits=True, whole_ms=False)
    beats = AXIS.beats(np.array([note.start_ms for note in to_song(notes, AXIS, CLOCK)]))
    lines = beats * LINES
    np.testing.assert_allclose(lines, np.rint(lines), atol=1e-4)
    return sorted(set(np.rint(lines).astype(int).tolist()))


@given(st.sets(st.integers(0, BEATS * LINES - 1), max_size=30), st.integers(0, 2**32 - 1))
def test_each_row_gets_notes_and_nothing_else_does(chosen: set[int], seed: int) -> None:
    rows = np.zeros(BEATS * LINES, np.float32)
    rows[list(chosen)] = 1
    logits = np.random.default_rng(seed).normal(0, 3, (16, 8 * BEATS)).astype(np.float32)
    bound = bind_rows(logits, rows.reshape(BEATS, LINES), LAYOUT)
    found = decoded_lines(bound)
    assert set(found) <= chosen
    frames = {(line * 4 + 1) * 8 // 48 for line in chosen}
    assert len(found) == len(frames)  # of two rows in one note frame the first stays
    np.testing.assert_array_equal(bound[8:], logits[8:])


def test_hints_are_shares_of_probabilities_and_bind_nothing() -> None:
    rows = np.zeros((BEATS, LINES), np.float32)
    rows[0, 0] = rows[3, 6] = 1
    logits = np.full((BEATS, LINES), -np.inf)
    logits[0, 0], logits[1, 3], logits[2, 0] = -9.0, 0.0, 30.0
    hinted = hinted_rows(rows, logits)
    assert hinted[0, 0] == hinted[3, 6] == 1
    np.testing.assert_allclose([hinted[1, 3], hinted[2, 0]], [HINT / 2, HINT])
    assert hinted.sum() == pytest.approx(2 + 1.5 * HINT)
    start = np.zeros((16, 8 * BEATS), np.float32)
    np.testing.assert_array_equal(bind_rows(start, hinted, LAYOUT), bind_rows(start, rows, LAYOUT))


def test_columns_follow_the_logits() -> None:
    rows = np.zeros((BEATS, LINES), np.float32)
    rows[0, 0] = rows[1, 6] = 1
    logits = np.full((16, 8 * BEATS), -5.0, np.float32)
    logits[1, 0] = logits[3, 0] = 2.0  # a chord
    logits[2, 12] = -1.0  # no start is likely: the likeliest column takes the row
    bound = bind_rows(logits, rows, LAYOUT)
    notes = CONVERTOR.decode(bound, from_logits=True)
    assert [note.column for note in notes] == [1, 3, 2]


def test_scores_of_lines_are_those_of_the_notes_on_them() -> None:
    lines = [0, 3, 6, 9, 16, 21, 40]
    times = AXIS.line_times(0, BEATS)[lines]
    encoded = CONVERTOR.encode(to_axis([Rice(i % 4, t) for i, t in enumerate(times)], AXIS, CLOCK))
    logits = encoded.note.copy()
    logits[LAYOUT.start] = logits[LAYOUT.start] * 10 - 5
    scores = start_scores(logits, BEATS, LAYOUT).reshape(-1)
    assert sorted(np.argsort(-scores)[: len(lines)].tolist()) == lines


@pytest.mark.parametrize("line", range(LINES))
def test_a_line_and_its_frame_agree_with_the_encoder(line: int) -> None:
    time = AXIS.line_times(2, 1)[line]
    note = CONVERTOR.encode(to_axis([Rice(0, time)], AXIS, CLOCK)).note
    rows = np.zeros((BEATS, LINES), np.float32)
    rows[2, line] = 1
    bound = bind_rows(np.zeros_like(note), rows, LAYOUT)
    frame = int(np.flatnonzero(note[0])[0])
    assert (bound[0] > 0).nonzero()[0].tolist() == [frame]
    assert abs(bound[LAYOUT.start_offset][0, frame] - note[LAYOUT.start_offset][0, frame]) < 1e-4


def test_notes_of_a_chord_start_together() -> None:
    logits = np.full((16, 8 * BEATS), -5.0, np.float32)
    logits[[0, 2], 16] = 3.0, 4.0
    logits[[4, 6], 16] = 0.2, 0.3
    notes = CONVERTOR.decode(chords_together(logits, LAYOUT), from_logits=True, whole_ms=False)
    assert [note.column for note in notes] == [0, 2]
    assert {note.start_ms for note in notes} == {CLOCK.join_ms(16, float(np.float32(0.3)))}
