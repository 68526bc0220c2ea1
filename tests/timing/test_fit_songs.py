"""Songs of the timing fit: other drums over the same bars, no real song among them."""

from __future__ import annotations

import pytest

from benchmarks._timing_fit_songs import KINDS, MAKERS, misled
from mug.compose.composer import compose_song
from mug.compose.score import PERCUSSION, Song
from mug.compose.style import SongStyle
from mug.compose.tempo import TICKS
from mug.compose.varied.arrange import compose_varied
from mug.compose.varied.style import VariedStyle


@pytest.fixture(scope="module")
def song() -> Song:
    return compose_song(7, SongStyle(seconds=(20.0, 24.0), metres={"4/4": 1.0}, tempo_change_p=0.0))


@pytest.mark.parametrize("kind", KINDS)
def test_bars_and_beats_stay_where_they_are(song: Song, kind: str) -> None:
    other = misled(song, kind, 3)
    assert (other.tempo, other.sections) == (song.tempo, song.sections)
    assert misled(song, kind, 3) == other
    for event in other.events:
        assert event.time_ms == pytest.approx(song.tempo.tick_ms(event.tick))
    varied = compose_varied(7, VariedStyle(seconds=(20.0, 24.0), metres={"4/4": 1.0}, change_p=0))
    assert misled(varied, kind, 3).tempo == varied.tempo


def test_drums_in_half_time_answer_once_a_bar(song: Song) -> None:
    def snares(kind: str) -> set[int]:
        loud = (e for e in misled(song, kind, 3).of(["snare"]) if e.velocity > 0.5)
        return {event.tick % (4 * TICKS) // (TICKS // 2) for event in loud}

    assert 4 in snares("half time")
    assert not {2, 6} & snares("half time")
    assert {1, 3, 5, 7} <= snares("double time")


def test_ballads_and_sparse_beginnings_lack_drums(song: Song) -> None:
    assert not misled(song, "ballad", 3).of(PERCUSSION)
    sparse = misled(song, "sparse beginning", 3).of(PERCUSSION)
    assert sparse[0].tick > song.bars * 4 * TICKS * 0.19
    assert misled(song, "as composed", 3) is song


def test_click_tracks_know_their_tempo() -> None:
    song = MAKERS["clicks"](0)
    assert song.kind == "clicks"
    assert 85 <= song.truth.bpm <= 230
