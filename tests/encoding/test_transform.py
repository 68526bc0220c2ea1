"""Jitter: what it moves and what it leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flat_configs import TRAIN_DATA, build
from hypothesis import given
from hypothesis import strategies as st
from tiny_songs import make_songs

from mug.beatmap.hit_objects import LongNote, Rice
from mug.encoding.transform import jitter
from mug.errors import ConfigError


@given(st.integers(0, 1000), st.floats(0, 60))
def test_jitter_moves_every_time_by_at_most_its_spread(seed: int, spread: float) -> None:
    notes = [Rice(0, 1000.0, hitsound=2), LongNote(1, 1000.0, 1500.0), LongNote(2, 2000.0, 2001.0)]
    moved = jitter(notes, spread, np.random.default_rng(seed))
    assert moved == jitter(notes, spread, np.random.default_rng(seed))
    assert [(type(n), n.column, n.hitsound) for n in moved] == [
        (type(n), n.column, n.hitsound) for n in notes
    ]
    for before, after in zip(notes, moved, strict=True):
        assert abs(after.start_ms - before.start_ms) <= spread
        if isinstance(after, LongNote):
            assert after.end_ms >= after.start_ms + 1
    assert abs(moved[1].last_ms - 1500.0) <= spread
    assert moved[0].start_ms == moved[1].start_ms  # a chord stays one


def test_jittered_items_differ_by_offsets_and_repeat(tmp_path: Path) -> None:
    listed = make_songs(tmp_path, songs=3)
    common = {"txt_file": listed, "max_audio_frame": 1024}
    plain = build(TRAIN_DATA, **common)[(0, 0)]
    moved = build(TRAIN_DATA, **common, jitter_p=1.0, jitter_ms=10.0)
    item = moved[(0, 0)]
    assert not np.array_equal(item["note"], plain["note"])
    assert np.array_equal(item["note"], moved[(0, 0)]["note"])
    assert not np.array_equal(item["note"], moved[(1, 0)]["note"])
    assert abs(int(item["note"][:4].sum()) - int(plain["note"][:4].sum())) <= 2
    with pytest.raises(ConfigError, match="jitter_p"):
        build(TRAIN_DATA, **common, jitter_p=0.5, with_audio=True)
