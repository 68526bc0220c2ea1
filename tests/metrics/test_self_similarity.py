"""Charts that repeat where the sound does: analytic truths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from note_strategies import notes as any_notes

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.metrics.damage import mirror
from mug.metrics.self_similarity import audio_bars, chart_bars, self_similarity

RATE = 22050
BAR_MS = 1000.0
FORM = (0, 0, 1, 1, 0, 0, 1, 0, 1, 1)
EDGES = np.arange(len(FORM) + 1) * BAR_MS
SOUND = np.random.default_rng(0).normal(0, 1, (len(FORM), 20))

# By part of the form: pitch of the tone, and sixteenths of the bar with a note.
TONES = (220.0, 330.0, 550.0)
RHYTHMS = ((0, 4, 8, 12), (0, 2, 4, 6, 8, 10), (0, 1, 2, 3, 8))


def wave(form: tuple[int, ...] = FORM) -> np.ndarray:
    time = np.arange(RATE) / RATE
    bars = [np.sin(2 * np.pi * TONES[part] * time) * np.exp(-3 * time) for part in form]
    return np.concatenate(bars).astype(np.float32)


def notes(form: tuple[int, ...] = FORM) -> list[HitObject]:
    return [
        Rice((slot + part) % 4, bar * BAR_MS + slot * BAR_MS / 16)
        for bar, part in enumerate(form)
        for slot in RHYTHMS[part]
    ]


def likeness(of_chart: tuple[int, ...]) -> float:
    return self_similarity(notes(of_chart), 4, EDGES, audio_bars(wave(), RATE, EDGES))


def test_a_chart_of_the_songs_form_is_near_one_and_of_another_form_is_not() -> None:
    assert likeness(FORM) > 0.8
    assert likeness((0, 1, 0, 1, 1, 0, 0, 0, 1, 0)) < 0.2


def test_names_of_the_parts_do_not_matter() -> None:
    assert likeness(tuple(2 - part for part in FORM)) > 0.8


def test_a_chart_that_repeats_one_bar_says_nothing() -> None:
    assert likeness((1,) * len(FORM)) == 0.0


def test_too_short_a_chart_has_no_figure() -> None:
    sound = audio_bars(wave(), RATE, EDGES)
    assert self_similarity([], 4, EDGES, sound) == 0.0
    assert self_similarity(notes()[:8], 4, EDGES, sound) == 0.0
    assert np.isnan(self_similarity(notes(), 4, EDGES[:3], sound[:2]))


def test_equal_bars_are_equal_and_a_hold_is_where_it_is_held() -> None:
    plain = chart_bars(notes(), 4, EDGES)
    assert plain[0] == pytest.approx(plain[1])
    assert np.abs(plain[0] - plain[2]).max() > 0.1
    held = chart_bars([*notes(), LongNote(3, 2500.0, 3500.0)], 4, EDGES)
    assert held[2] != pytest.approx(held[3])
    assert held[0] == pytest.approx(held[1])


def test_a_note_a_rounding_before_the_bar_belongs_to_the_bar() -> None:
    early: list[HitObject] = [Rice(n.column, n.start_ms - 1.0) for n in notes()]
    assert self_similarity(early, 4, EDGES, audio_bars(wave(), RATE, EDGES)) == pytest.approx(
        likeness(FORM)
    )


@given(any_notes(int(len(FORM) * BAR_MS), 30))
def test_any_chart_lies_between_minus_one_and_one_and_a_mirror_does_not_matter(
    found: list[HitObject],
) -> None:
    value = self_similarity(found, 4, EDGES, SOUND)
    assert np.isnan(value) or -1.0 <= value <= 1.0 + 1e-9
    assert self_similarity(mirror(found, 4), 4, EDGES, SOUND) == pytest.approx(value, nan_ok=True)
