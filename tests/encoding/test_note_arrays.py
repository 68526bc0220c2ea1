"""Note tensors without a loop over notes are those of the convertor."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from note_strategies import notes

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.clock import FrameClock
from mug.encoding.convertor import ManiaConvertor
from mug.encoding.note_arrays import NoteArrays, encode_arrays, jitter_arrays
from mug.encoding.transform import Transform, jitter

CLOCK = FrameClock()
FRAME = CLOCK.note_frame_ms

anywhere = st.lists(
    st.builds(
        lambda column, start, length: (
            Rice(column, start) if length is None else LongNote(column, start, start + length)
        ),
        st.integers(-1, 4),
        st.floats(-200, 70 * FRAME) | st.integers(-4, 70).map(lambda n: n * FRAME),
        st.none() | st.floats(-5, 900) | st.sampled_from([0.0, 0.5, 1.0, FRAME, 7 * FRAME]),
    ),
    max_size=60,
)


def same(objects: list[HitObject], frames: int, seed: int, **changes: object) -> None:
    convertor = ManiaConvertor(CLOCK, 4, frames)
    one, other = np.random.default_rng(seed), np.random.default_rng(seed)
    expected = convertor.encode(objects, Transform(**changes, chance=one))  # type: ignore[arg-type]
    note, valid = encode_arrays(
        NoteArrays.of(objects),
        Transform(**changes, chance=other),  # type: ignore[arg-type]
        CLOCK,
        convertor.layout,
        frames,
    )
    np.testing.assert_array_equal(note, expected.note)
    np.testing.assert_array_equal(valid, expected.valid)
    assert note.dtype == valid.dtype == np.float32
    assert one.random() == other.random()  # as many draws


@given(
    anywhere | notes(3000, 60),
    st.integers(0, 99),
    st.floats(0.5, 2),
    st.floats(-500, 500),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_tensor_is_the_convertors(
    objects: list[HitObject],
    seed: int,
    rate: float,
    offset_ms: float,
    mirror: bool,
    shuffle: bool,
    mirror_at_interval: float,
) -> None:
    same(
        objects,
        64,
        seed,
        rate=rate,
        offset_ms=offset_ms,
        mirror=mirror,
        shuffle=shuffle,
        mirror_at_interval=mirror_at_interval,
    )


@given(anywhere)
def test_the_tensor_is_the_convertors_without_changes(objects: list[HitObject]) -> None:
    same(objects, 64, 0)


def test_a_hold_that_finds_its_frames_end_taken_becomes_a_tap() -> None:
    first = LongNote(0, 0.0, 2 * FRAME + 5)
    second = LongNote(0, 2 * FRAME + 10, 2 * FRAME + 20)
    same([first, second], 8, 0)
    tensor, _ = encode_arrays(
        NoteArrays.of([first, second]), Transform(), CLOCK, ManiaConvertor().layout, 8
    )
    assert tensor[0].tolist() == [1, 0, 1, 0, 0, 0, 0, 0]
    assert tensor[12, 2] == np.float32(5 / FRAME)


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 400)), max_size=40), st.integers())
def test_jitter_draws_and_moves_alike(times: list[tuple[int, int]], seed: int) -> None:
    objects: list[HitObject] = [
        LongNote(n % 4, start + 0.5, float(start + length)) if length else Rice(n % 4, float(start))
        for n, (start, length) in enumerate(times)
    ]
    one, other = (np.random.default_rng(abs(seed)) for _ in range(2))
    expected = NoteArrays.of(jitter(objects, 30.0, one))
    found = jitter_arrays(NoteArrays.of(objects), 30.0, other)
    np.testing.assert_array_equal(found.start_ms, expected.start_ms)
    np.testing.assert_array_equal(found.end_ms, expected.end_ms)
    assert one.random() == other.random()


@given(anywhere)
def test_objects_come_back(objects: list[HitObject]) -> None:
    back = NoteArrays.of(objects).objects()
    assert [(type(o), o.column, o.start_ms, o.last_ms) for o in back] == [
        (type(o), o.column, o.start_ms, o.last_ms) for o in objects
    ]


@given(anywhere)
def test_by_time_is_a_stable_order(objects: list[HitObject]) -> None:
    found = NoteArrays.of(objects).by_time
    expected = NoteArrays.of(sorted(objects, key=lambda one: one.start_ms))
    np.testing.assert_array_equal(found.start_ms, expected.start_ms)
    np.testing.assert_array_equal(found.column, expected.column)
