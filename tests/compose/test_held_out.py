"""Held-out songs: one of each kind, and none that a training set has."""

from __future__ import annotations

import pytest

from mug.beatmap.formats.osu import chart as osu
from mug.compose.collection import MOST_SONGS, TRUTH, beatmapset_id, song_number
from mug.compose.held_out import (
    HELD_OUT_KINDS,
    HELD_OUT_SEED,
    compose_held_out,
    held_out_kind,
    held_out_number,
)
from mug.compose.varied.arrange import compose_varied
from mug.compose.varied_collection import VariedOptions
from mug.errors import ConfigError


def song(kind: str, seed: int):
    return compose_varied(held_out_number(kind, seed), HELD_OUT_KINDS[kind])


@pytest.mark.parametrize("bpm", [70, 100, 115, 230])
def test_songs_have_the_tempo_of_their_kind(bpm):
    made = song(f"{bpm} BPM", 0)
    assert [segment.bpm for segment in made.tempo.segments] == [bpm]
    assert (made.metre.name, made.swing) == ("4/4", 0)


def test_songs_have_the_metre_of_their_kind():
    assert [song(kind, 3).metre.name for kind in ("3/4", "6/8")] == ["3/4", "6/8"]


def test_every_seed_has_tempo_changes():
    ratios = [
        max(segment.bpm for segment in segments) / min(segment.bpm for segment in segments)
        for segments in (song("tempo changes", seed).tempo.segments for seed in range(20))
    ]
    assert min(ratios) > 1
    assert max(ratios) >= 1.8


def test_numbers_lie_beyond_those_of_training_sets_and_differ():
    numbers = [held_out_number(kind, seed) for kind in HELD_OUT_KINDS for seed in range(5)]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) >= HELD_OUT_SEED * MOST_SONGS


def test_folders_are_those_of_a_collection(tmp_path):
    options = VariedOptions(charts=2, keys=7, audio_format="wav")
    made = compose_held_out(tmp_path, kinds=["115 BPM"], options=options)
    folder = made["115 BPM"]
    number = held_out_number("115 BPM")
    assert folder.name.startswith(f"{beatmapset_id(number)} ")
    assert [osu.read(path).keys for path in folder.glob("*.osu")] == [7, 7]
    before = (folder / TRUTH).stat().st_mtime_ns
    assert compose_held_out(tmp_path, kinds=["115 BPM"], options=options) == made
    assert (folder / TRUTH).stat().st_mtime_ns == before


@pytest.mark.parametrize("seed", [-1, 1000])
def test_other_seeds_are_refused(seed):
    with pytest.raises(ConfigError):
        held_out_number("3/4", seed)


def test_a_folder_says_which_kind_its_song_is_of():
    for kind in HELD_OUT_KINDS:
        folder = f"{beatmapset_id(held_out_number(kind, 7))} artist - title"
        assert held_out_kind(song_number(folder)) == kind
    for other in ("goin-under", "123 artist - title", ""):
        with pytest.raises(ConfigError, match="no folder of a composed song"):
            song_number(other)
