"""Charts to note tensors and back."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import GOLDEN, load_golden

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.clock import FrameClock
from mug.encoding import convertor as cv
from mug.encoding.convertor import ManiaConvertor
from mug.encoding.transform import Transform
from mug.errors import DataError

META, ARRAYS = load_golden("convertor")
CASES = [name for name in META["cases"] if "/" in name]
FRAME = FrameClock().note_frame_ms


def read_objects(name: str) -> tuple[list[HitObject], int]:
    """Objects of a golden chart by the original's rules (x = 512 is outside the columns, B38)."""
    text = (GOLDEN / "osu" / f"{name}.osu").read_text(encoding="utf-8")
    keys = int(text.split("CircleSize:")[1].split()[0])
    objects: list[HitObject] = []
    for line in text.split("[HitObjects]")[1].split():
        x, _, start, kind, _, extra = line.split(",")
        column, start_ms = int(int(float(x)) / int(512 / keys)), float(start)
        if int(kind) & 128:
            end_ms, new_combo = float(extra.split(":")[0]), int(kind) & ~128
            objects.append(LongNote(column, start_ms, end_ms, new_combo=new_combo))
        else:
            objects.append(Rice(column, start_ms))
    return objects, keys


def as_tuples(objects: list[HitObject]) -> list[tuple]:
    return [(o.column, o.start_ms, o.end_ms if isinstance(o, LongNote) else None) for o in objects]


def lines_as_tuples(lines: list[str], keys: int) -> list[tuple]:
    rows = [line.split(",") for line in lines]
    return [
        (
            int(int(row[0]) * keys / 512),
            int(row[2]),
            int(row[5].split(":")[0]) if row[3] == "128" else None,
        )
        for row in rows
    ]


def golden_transform(params: dict) -> Transform:
    return Transform(
        rate=params.get("rate", 1.0),
        offset_ms=params.get("offset_ms", 0.0),
        mirror=params.get("mirror", False),
        shuffle=params.get("random", False),
        mirror_at_interval=params.get("mirror_at_interval_prob", 0.0),
        chance=random.Random(0),
    )


@pytest.mark.parametrize("name", CASES)
def test_reference_mode_equals_the_recording(name: str) -> None:
    case = META["cases"][name]
    objects, keys = read_objects(name.split("/")[0])
    convertor = ManiaConvertor(FrameClock(), keys, reference=True)
    encoded = convertor.encode(objects, golden_transform(case["params"]))
    index = np.argwhere(encoded.note)
    np.testing.assert_array_equal(index, ARRAYS[f"{name}/idx"])
    np.testing.assert_allclose(encoded.note[tuple(index.T)], ARRAYS[f"{name}/val"], rtol=1e-6)
    assert encoded.note.dtype == encoded.valid.dtype == np.float32
    assert list(encoded.note.shape) == case["shape"]
    assert encoded.valid.sum() == case["valid_ones"]
    assert not encoded.valid[case["valid_ones"] :].any()
    back = convertor.decode(encoded.note)
    assert as_tuples(back) == lines_as_tuples(case["objects_back"], keys)


@pytest.mark.parametrize("from_logits", [False, True])
def test_reference_decoding_of_logits_equals_the_recording(from_logits: bool) -> None:
    lines = META["cases"]["logits_decode"][f"from_logits_{str(from_logits).lower()}"]
    convertor = ManiaConvertor(reference=True)
    found = convertor.decode(ARRAYS["logits_decode/array"], from_logits=from_logits)
    assert as_tuples(found) == lines_as_tuples(lines, 4)


def test_decoded_notes_are_the_lines_of_the_saved_file() -> None:
    objects, _ = read_objects("f_irregular")
    convertor = ManiaConvertor(reference=True)
    found = convertor.decode(convertor.encode(objects).note, from_logits=True)
    saved = osu.read(GOLDEN / "osu" / "out_save_no_gridify.osu", strict=False)
    assert as_tuples(found) == as_tuples(list(saved.hit_objects))


@pytest.mark.parametrize("name", ["a_rice_stream", "b_holds", "d_7k", "e_sv"])
def test_fixed_mode_keeps_every_object_within_a_millisecond(name: str) -> None:
    objects, keys = read_objects(name)
    convertor = ManiaConvertor(FrameClock(), keys)
    encoded = convertor.encode(objects)
    assert encoded.lost == encoded.bent == ()
    expected = sorted(as_tuples(objects), key=lambda row: (row[1], row[0]))
    assert as_tuples(convertor.decode(encoded.note)) == expected


def test_fixed_mode_cuts_the_overlapping_holds_of_a_chart() -> None:
    objects, _ = read_objects("f_irregular")
    encoded = ManiaConvertor().encode(objects)
    assert encoded.lost == ()
    assert Counter(one.reason for one in encoded.bent) == {cv.CUT: 5}
    kept = {id(one.object): one.kept for one in encoded.bent}
    expected = [kept.get(id(note), note) for note in objects]
    expected.sort(key=lambda note: (note.start_ms, note.column))
    assert as_tuples(ManiaConvertor().decode(encoded.note)) == as_tuples(expected)


def test_fixed_mode_says_what_the_grid_cannot_hold() -> None:
    objects, _ = read_objects("c_edges")
    convertor = ManiaConvertor()
    encoded = convertor.encode(objects)
    lost = Counter(one.reason for one in encoded.lost)
    assert lost == {cv.NEGATIVE_TIME: 3, cv.NO_COLUMN: 1, cv.CELL_TAKEN: 2, cv.TOO_LATE: 2}
    bent = Counter(one.reason for one in encoded.bent)
    assert bent == {cv.CUT: 1, cv.NO_DURATION: 2, cv.ENDS_LATE: 2}
    assert len(convertor.decode(encoded.note)) == len(objects) - 8


def test_new_combo_hold_is_a_hold() -> None:
    hold = LongNote(0, 2000, 2400, new_combo=4)
    assert as_tuples(ManiaConvertor().decode(ManiaConvertor().encode([hold]).note)) == [
        (0, 2000, 2400)
    ]
    reference = ManiaConvertor(reference=True)
    assert as_tuples(reference.decode(reference.encode([hold]).note)) == [(0, 2000, None)]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([LongNote(1, 50, 60)], [(1, 50, 60)], id="hold within a frame"),
        pytest.param(
            [LongNote(1, 60, 185), Rice(1, 186)], [(1, 60, 185), (1, 186, None)], id="end and start"
        ),
        pytest.param(
            [LongNote(1, 60, 185), LongNote(1, 185, 400)],
            [(1, 60, 185), (1, 185, 400)],
            id="hold after hold in a frame",
        ),
        pytest.param(
            [Rice(1, 100), LongNote(1, 150, 170)],
            [(1, 100, None), (1, 150, 170)],
            id="tap, then a short hold in the next frame",
        ),
        pytest.param(
            [LongNote(1, 95, 120), LongNote(1, 150, 170)],
            [(1, 95, 120), (1, 150, 170)],
            id="two short holds in neighbouring frames",
        ),
        pytest.param(
            [LongNote(1, 100, 900), Rice(1, 500)],
            [(1, 100, 500), (1, 500, None)],
            id="note inside a hold cuts it and stays a tap",
        ),
        pytest.param([Rice(0, 190217)], [(0, 190217, None)], id="last frame"),
    ],
)
def test_close_objects(objects: list[HitObject], expected: list[tuple]) -> None:
    convertor = ManiaConvertor()
    assert as_tuples(convertor.decode(convertor.encode(objects).note)) == expected


def test_one_frame_holds_one_end() -> None:
    objects = [LongNote(1, 100, 190), LongNote(1, 195, 220)]
    encoded = ManiaConvertor().encode(objects)
    assert [one.reason for one in encoded.bent] == [cv.END_TAKEN]
    assert as_tuples(ManiaConvertor().decode(encoded.note)) == [(1, 100, 190), (1, 195, None)]


def test_valid_covers_the_last_note_in_fixed_mode_only() -> None:
    notes = [Rice(0, 3 * FRAME + 1), LongNote(1, 10, 7 * FRAME + 1)]
    assert ManiaConvertor().encode(notes).valid.sum() == 8
    assert ManiaConvertor(reference=True).encode(notes).valid.sum() == 7
    assert ManiaConvertor().encode([]).valid.sum() == 0


def test_fixed_mode_uses_all_frames_at_a_higher_rate() -> None:
    note = Rice(0, 250_000)
    transform = Transform(rate=1.5)
    assert ManiaConvertor().encode([note], transform).lost == ()
    assert len(ManiaConvertor(reference=True).encode([note], transform).lost) == 1


def test_wrong_channels_and_rates_are_refused() -> None:
    with pytest.raises(DataError, match="16 channels"):
        ManiaConvertor().decode(np.zeros((12, 8), np.float32))
    with pytest.raises(DataError, match="rate"):
        Transform(rate=0)


KEYS, FRAMES = 4, 64
times = st.integers(-800, int(FRAMES * FRAME + 300) * 8).map(lambda eighth: eighth / 8)
notes_anywhere = st.lists(
    st.one_of(
        st.builds(Rice, st.integers(-1, KEYS), times),
        st.builds(
            lambda column, start, length: LongNote(column, start, start + length),
            st.integers(-1, KEYS),
            times,
            st.floats(-50, 2000),
        ),
    ),
    max_size=40,
)


def objects_of(notes: list[HitObject], encoded: cv.Encoded) -> list[HitObject]:
    """What the encoder says that it holds."""
    lost = {id(one.object) for one in encoded.lost}
    bent = {id(one.object): one.kept for one in encoded.bent}
    return [bent.get(id(note), note) for note in notes if id(note) not in lost]


@given(notes_anywhere)
def test_decode_gives_back_what_encode_says_it_holds(notes: list[HitObject]) -> None:
    convertor = ManiaConvertor(FrameClock(), KEYS, FRAMES)
    encoded = convertor.encode(notes)
    expected = sorted(objects_of(notes, encoded), key=lambda one: (one.column, one.start_ms))
    back = convertor.decode(encoded.note, whole_ms=False)
    back.sort(key=lambda one: (one.column, one.start_ms))
    assert [(type(one), one.column) for one in back] == [(type(o), o.column) for o in expected]
    for got, want in zip(back, expected, strict=True):
        assert got.start_ms == pytest.approx(want.start_ms, abs=1)
        assert got.last_ms == pytest.approx(want.last_ms, abs=1)


@given(notes_anywhere, st.floats(0.5, 2), st.booleans(), st.integers(0, 5))
def test_transform_is_undone_by_its_inverse(
    notes: list[HitObject], rate: float, mirror: bool, seed: int
) -> None:
    transform = Transform(rate, 7.0, mirror, shuffle=True, chance=random.Random(seed))
    columns = Transform(mirror=mirror, shuffle=True, chance=random.Random(seed)).columns(KEYS)
    convertor = ManiaConvertor(FrameClock(), KEYS, FRAMES)
    moved = [
        transform.move(note, columns[note.column]) for note in notes if 0 <= note.column < KEYS
    ]
    direct = convertor.encode([note for note in notes if 0 <= note.column < KEYS], transform)
    np.testing.assert_array_equal(direct.note, convertor.encode(moved).note)


@given(notes_anywhere, st.floats(0, 1), st.integers(0, 5))
def test_mirroring_at_pauses_keeps_times(notes: list[HitObject], p: float, seed: int) -> None:
    convertor = ManiaConvertor(FrameClock(), KEYS, FRAMES)
    chance = np.random.default_rng(seed)
    encoded = convertor.encode(notes, Transform(mirror_at_interval=p, chance=chance))
    plain = convertor.encode(notes)
    for rows in (convertor.layout.start, convertor.layout.holding):
        np.testing.assert_array_equal(encoded.note[rows].sum(0), plain.note[rows].sum(0))


def table(path: Path) -> dict[str, list[str]]:
    """The rows of the drawn tensor in docs/note_tensor.md by their labels."""
    block = path.read_text(encoding="utf-8").split("```text")[2].split("```")[0]
    rows = [line.split("|") for line in block.splitlines() if "|" in line]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_the_drawn_example_is_right(root: Path) -> None:
    path = root / "docs" / "note_tensor.md"
    chart = path.read_text(encoding="utf-8").split("```text")[1].split("```")[0]
    notes: list[HitObject] = []
    for words in (line.split() for line in chart.strip().splitlines()):
        column, start = int(words[3]), float(words[5])
        notes.append(
            Rice(column, start) if words[0] == "tap" else LongNote(column, start, float(words[7]))
        )
    assert {type(note) for note in notes} == {Rice, LongNote}
    encoded = ManiaConvertor(FrameClock(), 4, 8).encode(notes)
    assert encoded.lost == encoded.bent == ()
    drawn = table(path)
    layout = ManiaConvertor().layout
    names = ("start", "start_offset", "holding", "end_offset")
    assert drawn["frame"] == [str(frame) for frame in range(8)]
    for block, name in enumerate(names):
        for column in range(layout.keys):
            shown = [
                float(cell) if cell != "." else 0.0
                for cell in drawn[f"{4 * block + column} {name} {column}"]
            ]
            np.testing.assert_allclose(shown, encoded.note[4 * block + column], atol=0.0051)
    assert [float(cell) for cell in drawn["valid"]] == list(encoded.valid)


@pytest.mark.real_data
def test_human_charts_come_back_whole(real_data: Path) -> None:
    songs = sorted(path for path in (real_data / "songs").iterdir() if path.is_dir())
    charts = [max(song.glob("*.osu"), key=lambda path: path.stat().st_size) for song in songs]
    assert len(charts) > 5
    for path in charts:
        beatmap = osu.read(path)
        frames = FrameClock().note_frames(beatmap.last_ms) + 1
        convertor = ManiaConvertor(FrameClock(), beatmap.keys, frames)
        encoded = convertor.encode(beatmap.hit_objects)
        assert encoded.lost == encoded.bent == (), path
        expected = sorted(beatmap.hit_objects, key=lambda note: (note.column, note.start_ms))
        back = convertor.decode(encoded.note)
        back.sort(key=lambda note: (note.column, note.start_ms))
        assert [type(note) for note in back] == [type(note) for note in expected]
        for got, want in zip(back, expected, strict=True):
            assert abs(got.start_ms - want.start_ms) <= 1
            assert abs(got.last_ms - want.last_ms) <= 1
