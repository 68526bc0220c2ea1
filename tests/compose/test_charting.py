"""Charts of varied songs: on the sound, playable, and as hard as drawn, whatever the song."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import spearmanr

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.compose.charting.make import chart_song
from mug.compose.charting.notes import NoteWriter
from mug.compose.charting.rows import choose_rows
from mug.compose.charting.spec import FAMILIES, LEAST_JACK_MS, draw_specs
from mug.compose.varied.arrange import compose_varied
from mug.compose.varied.song import VariedSong
from mug.compose.varied.style import VariedStyle
from mug.difficulty.stars import star_rating

STYLE = VariedStyle(seconds=(35.0, 45.0), change_p=0.3)
SEEDS = range(8)


@cache
def song(seed: int) -> VariedSong:
    return compose_varied(seed, STYLE)


@cache
def charts(seed: int, keys: int = 4) -> tuple[Beatmap, ...]:
    return tuple(
        chart_song(song(seed), spec, name="x", keys=keys, audio_filename="a.ogg", beatmapset_id=1)
        for spec in draw_specs(seed, 8)
    )


def rows(chart: Beatmap) -> np.ndarray:
    return np.unique([note.start_ms for note in chart.hit_objects])


def test_specs_fill_the_range_of_stars_and_families():
    specs = [spec for seed in range(60) for spec in draw_specs(seed, 8)]
    stars = np.array([spec.stars for spec in specs])
    assert np.histogram(stars, 8, (0.5, 6.6))[0].tolist() == [60] * 8
    assert {spec.family for spec in specs} == set(FAMILIES)
    assert max(spec.ln_ratio for spec in specs) > 0.55
    assert all(draw_specs(n, 8) == draw_specs(n, 8) for n in range(3))


def test_difficulty_follows_the_specs_and_not_the_song():
    made = [
        (s, spec, c) for s in SEEDS for spec, c in zip(draw_specs(s, 8), charts(s), strict=True)
    ]
    stars = [star_rating(c) for _, _, c in made]
    assert spearmanr(stars, [spec.stars for _, spec, _ in made])[0] > 0.93
    assert min(stars) < 1.0
    assert max(stars) > 5.0
    tempos = [song(s).tempo.segments[0].bpm for s, _, _ in made]
    assert abs(spearmanr(stars, tempos)[0]) < 0.15


def test_long_notes_and_chords_are_as_many_as_drawn():
    errors, chords = [], []
    for seed in SEEDS:
        for spec, chart in zip(draw_specs(seed, 8), charts(seed), strict=True):
            held = np.mean([isinstance(note, LongNote) for note in chart.hit_objects])
            errors.append(abs(held - spec.ln_ratio))
            sizes = Counter(note.start_ms for note in chart.hit_objects).values()
            chords.append(abs(np.mean([size > 1 for size in sizes]) - spec.chord_share))
    assert np.mean(errors) < 0.07
    assert np.mean(chords) < 0.05


def test_rows_follow_the_sound():
    """Easier charts play nothing that does not sound; harder ones fill runs in between."""
    for seed in SEEDS:
        onsets = np.unique([e.time_ms for e in song(seed).events if e.instrument != "riser"])
        for spec, chart in zip(draw_specs(seed, 8), charts(seed), strict=True):
            off = np.abs(rows(chart)[:, None] - onsets[None, :]).min(axis=1)
            assert np.mean(off <= 0.5) > (0.99 if spec.stars < 2 else 0.4)


def test_kept_rows_are_stronger_than_those_left_out():
    for seed in SEEDS:
        events = defaultdict(float)
        for event in song(seed).events:
            if event.instrument in ("kick", "snare", "crash", "lead", "vocal", "clap"):
                events[event.tick] += event.velocity
        kept = {row.tick for row in choose_rows(song(seed), draw_specs(seed, 8)[3])}
        inside = [strength for tick, strength in events.items() if tick in kept]
        outside = [strength for tick, strength in events.items() if tick not in kept]
        if len(outside) > 20:
            assert np.mean(inside) > np.mean(outside)


@pytest.mark.parametrize("keys", [4, 7, 5])
def test_charts_can_be_played(keys):
    for seed in SEEDS[:3]:
        for chart in charts(seed, keys):
            columns = defaultdict(list)
            for note in chart.hit_objects:
                columns[note.column].append(note)
            assert set(columns) <= set(range(keys))
            for notes in columns.values():
                for one, other in pairwise(notes):
                    end = one.end_ms if isinstance(one, LongNote) else one.start_ms
                    assert other.start_ms - one.start_ms >= LEAST_JACK_MS - 1
                    assert other.start_ms > end
            used = [len(notes) for notes in columns.values()]
            if sum(used) > 100 * keys:
                assert min(used) > 0.4 * np.mean(used)


def test_red_lines_are_exact():
    for seed in SEEDS:
        lines = [line for line in charts(seed)[0].timing if isinstance(line, TimingPoint)]
        assert [(line.time_ms, line.beat_ms, line.meter) for line in lines] == [
            (s.time_ms, s.beat_ms, song(seed).metre.beats) for s in song(seed).tempo.segments
        ]


def test_a_phrase_that_returns_has_the_same_columns_or_their_mirror():
    same = []
    for seed in SEEDS:
        found, chart = song(seed), charts(seed)[3]
        span = 2 * found.bar_ticks
        phrases = defaultdict(list)
        for note in chart.hit_objects:
            tick = round(_tick(found, note.start_ms))
            phrases[tick // span].append((tick % span, note.column))
        by_rhythm = defaultdict(list)
        for notes in phrases.values():
            by_rhythm[tuple(sorted(tick for tick, _ in notes))].append(sorted(notes))
        for shared in by_rhythm.values():
            if len(shared) > 1 and len(shared[0]) > 6:
                firsts = [shared[0], [(tick, 3 - column) for tick, column in shared[0]]]
                same += [
                    max(np.mean([note in other for note in phrase]) for other in firsts)
                    for phrase in shared[1:]
                ]
    assert len(same) > 10
    assert np.mean(same) > 0.8


def _tick(found: VariedSong, time_ms: float) -> float:
    segment = next(
        (s for s in reversed(found.tempo.segments) if s.time_ms <= time_ms + 1),
        found.tempo.segments[0],
    )
    return 24 * (segment.beat + (time_ms - segment.time_ms) / segment.beat_ms)


def test_a_song_that_is_quiet_throughout_has_charts() -> None:
    """Charts with rests leave quiet parts out, but not the whole song."""
    song = compose_varied(20, VariedStyle(seconds=(15.0, 16.0)))
    assert max(part.energy for part in song.parts) < 0.3
    for spec in draw_specs(20, 8):
        assert len(choose_rows(song, replace(spec, rests=True))) >= 8


def test_most_holds_end_where_the_next_row_begins() -> None:
    song = compose_varied(3, VariedStyle(seconds=(60.0, 70.0)))
    spec = replace(draw_specs(3, 8)[3], ln_ratio=0.2, hold_through=0.0)
    notes = NoteWriter(song, spec, 4).write(choose_rows(song, spec))
    starts = np.array([*sorted({note.start_ms for note in notes}), np.inf])
    holds = [note for note in notes if isinstance(note, LongNote)]
    after = [starts[np.searchsorted(starts, note.start_ms + 1)] for note in holds]
    away = np.array([note.end_ms - time for note, time in zip(holds, after, strict=True)])
    assert len(holds) > 8
    assert (away <= 1).all()
    assert (np.abs(away) <= 1).mean() > 0.7
