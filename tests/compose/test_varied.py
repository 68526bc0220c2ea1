"""Varied songs: deterministic, of every metre and tempo, and their sound lies where it should."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from repository import ROOT

from mug.compose.varied.arrange import compose_varied, swung
from mug.compose.varied.mix import render_buses, render_varied
from mug.compose.varied.song import GRID, VOICES, VariedSong
from mug.compose.varied.style import VariedStyle
from mug.errors import ConfigError

STYLE = VariedStyle(seconds=(25.0, 35.0))
SEEDS = range(40)


@cache
def song(seed: int) -> VariedSong:
    return compose_varied(seed, STYLE)


def test_same_seed_same_song_other_seed_other_song():
    assert compose_varied(3, STYLE) == song(3)
    assert len({song(seed).events for seed in SEEDS}) == len(SEEDS)


def test_songs_differ_in_tempo_metre_and_voices():
    songs = [song(seed) for seed in SEEDS]
    tempos = [s.tempo.segments[0].bpm for s in songs]
    assert min(tempos) < 95 < 190 < max(tempos)
    assert all(70 <= bpm <= 230 for bpm in tempos)
    assert set(Counter(s.metre.name for s in songs)) == {"4/4", "3/4", "6/8"}
    assert any(s.swing for s in songs)
    assert any(len(s.tempo.segments) > 1 for s in songs)
    assert len({frozenset(e.instrument for e in s.events) for s in songs}) > 30
    energies = [max(p.energy for p in s.parts) - min(p.energy for p in s.parts) for s in songs]
    assert np.mean(energies) > 0.3


def test_a_narrow_style_is_obeyed():
    style = VariedStyle(
        seconds=(40.0, 40.0), tempo=(70.0, 70.0), metres={"3/4": 1.0}, change_p=1.0, swing_p=0.0
    )
    for seed in range(6):
        found = compose_varied(seed, style)
        assert found.metre.name == "3/4"
        assert found.tempo.segments[0].bpm == 70.0
        ratios = [b.bpm / a.bpm for a, b in pairwise(found.tempo.segments)]
        assert ratios
        assert all(0.49 < ratio < 2.05 for ratio in ratios)


@pytest.mark.parametrize(
    "arguments", [{"tempo": (20.0, 100.0)}, {"change": (0.1, 2.0)}, {"metres": {"5/4": 1.0}}]
)
def test_impossible_styles_are_refused(arguments):
    with pytest.raises(ConfigError):
        VariedStyle(**arguments)


def test_events_lie_on_lines_of_a_twelfth_of_the_counted_beat():
    for seed in SEEDS:
        found = song(seed)
        starts = [part.first_bar * found.bar_ticks for part in found.parts]
        for event in found.events:
            part = found.parts[int(np.searchsorted(starts, event.tick, "right")) - 1]
            step = {12: 1, 24: 2, 48: 4}[_unit(found, part.beat_ms)]
            assert event.time_ms == pytest.approx(found.tick_ms(event.tick), abs=1e-6)
            assert event.tick % step == 0 or event.instrument in ("hat", "perc", "snare", "ride")
            assert event.duration_ms > 0


def _unit(found: VariedSong, beat_ms: float) -> int:
    if found.metre.compound:
        return GRID
    return 12 if beat_ms >= 60000 / 110 else 48 if beat_ms < 60000 / 220 else 24


def test_swing_moves_halves_to_thirds_and_leaves_beats():
    assert [swung(t, 24) for t in (0, 6, 12, 18, 24, 36)] == [0, 8, 16, 20, 24, 40]
    assert [swung(t, 12) for t in (0, 3, 6, 9, 12)] == [0, 4, 8, 10, 12]
    assert [swung(t, 0) for t in (0, 3, 6)] == [0, 3, 6]


def test_a_stroke_begins_on_its_sample():
    found = song(3)
    drums = render_buses(found)["drums"]
    strokes = [e for e in found.events if e.instrument in ("kick", "snare", "clap", "crash")]
    first = round(strokes[0].time_ms * 22.05)
    before = [e for e in found.events if e.time_ms < strokes[0].time_ms - 1]
    if not any(e.instrument in VOICES[:9] for e in before):
        assert not drums[:first].any()
    assert drums[first]


def test_the_mix_has_its_level_and_is_the_same_each_time():
    found = song(5)
    wave = render_varied(found)
    assert np.array_equal(wave, render_varied(found))
    assert len(wave) == round(found.duration_ms * 22.05)
    assert np.abs(wave).max() < 0.9
    level = 20 * np.log10(np.sqrt(np.mean(wave.astype(np.float64) ** 2)))
    assert level == pytest.approx(found.loudness_db, abs=2.0)


def test_the_sound_rises_at_loud_strokes():
    """The mix gains energy where kicks and snares lie, more than a quarter of a beat later."""
    gains = []
    for seed in range(4):
        found = song(seed)
        wave = render_varied(found).astype(np.float64)
        level = np.sqrt(np.convolve(wave**2, np.ones(220) / 220, "same"))
        strokes = [e for e in found.events if e.instrument in ("kick", "snare")]
        for event in strokes[:200]:
            at = round(event.time_ms * 22.05)
            if at > 400 and at + 400 < len(level):
                gains.append(level[at + 160] > level[at - 160])
    assert np.mean(gains) > 0.85


_SAID = """
from mug.compose.charting.make import chart_song
from mug.compose.charting.spec import draw_specs
from mug.compose.varied.arrange import compose_varied
from mug.compose.varied.style import VariedStyle
for seed in range(4):
    song = compose_varied(seed, VariedStyle(seconds=(20.0, 25.0)))
    print([(e.tick, e.instrument, e.pitch) for e in song.events])
    spec = draw_specs(seed, 4)[2]
    chart = chart_song(song, spec, name="x", audio_filename="a", beatmapset_id=1)
    print([(n.column, n.start_ms) for n in chart.hit_objects])
"""


def test_a_song_is_the_same_in_every_process() -> None:
    """Words hash differently in each; nothing may follow from the order of a set of them."""
    said = [
        subprocess.run(
            [sys.executable, "-c", _SAID],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0]) > 10_000
