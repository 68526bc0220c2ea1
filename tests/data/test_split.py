import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.data.split import PARTS, Entry, Split, assert_disjoint, split_beatmaps
from mug.errors import DataError

names = st.integers(0, 12).map(str) | st.just("")


@st.composite
def collections(draw, min_size=2, max_size=30):
    rows = draw(st.lists(st.tuples(names, names), min_size=min_size, max_size=max_size))
    return [Entry(Path(f"c{i}.osu"), s and f"s{s}", a and f"a{a}") for i, (s, a) in enumerate(rows)]


def groups_of(entries):
    """Connected components, by repeated merging: slow and plain, unlike the code under test."""
    found = []
    for entry in entries:
        keys = {("s", entry.beatmapset), ("a", entry.audio_hash)} - {("s", ""), ("a", "")}
        group, rest = ([entry], keys), []
        for other in found:
            if other[1] & group[1]:
                group = (other[0] + group[0], other[1] | group[1])
            else:
                rest.append(other)
        found = [*rest, group]
    return [set(group[0]) for group in found]


def songs(count, charts=3):
    return [
        Entry(Path(f"{song}/{chart}.osu"), f"set{song}", f"audio{song}")
        for song in range(count)
        for chart in range(charts)
    ]


@given(collections(), st.sampled_from(["", "x", "y"]))
def test_groups_stay_whole_and_nothing_is_lost(entries, salt):
    groups = groups_of(entries)
    if len(groups) < 2:
        with pytest.raises(DataError, match="stay together"):
            split_beatmaps(entries, salt=salt)
        return
    split = split_beatmaps(entries, salt=salt)
    assert sorted(split.train + split.val + split.test, key=str) == sorted(entries, key=str)
    assert split.train
    assert split.val
    assert not split.test
    for group in groups:
        assert sum(bool(group & set(getattr(split, part))) for part in PARTS) == 1
    assert list(split.train) == [e for e in entries if e in set(split.train)]


@given(collections(), st.randoms(use_true_random=False))
def test_the_order_of_the_files_decides_nothing(entries, order):
    if len(groups_of(entries)) < 2:
        return
    mixed = list(entries)
    order.shuffle(mixed)
    first, second = split_beatmaps(entries), split_beatmaps(mixed)
    assert [set(getattr(first, p)) for p in PARTS] == [set(getattr(second, p)) for p in PARTS]


def test_songs_stay_where_they_are_when_others_come():
    fractions = {"train": 0.7, "val": 0.2, "test": 0.1}
    few, many = split_beatmaps(songs(200), fractions), split_beatmaps(songs(900), fractions)
    for part in PARTS:
        assert set(getattr(few, part)) <= set(getattr(many, part))


def test_a_further_chart_of_a_song_goes_where_the_song_is():
    entries = songs(60)
    split = split_beatmaps(entries)
    for old in (split.val[0], split.train[0]):
        new = replace(old, path=Path("new.osu"))
        after = split_beatmaps([*entries, new])
        assert (new in after.val) == (old in split.val)


def test_shares_come_near_their_fractions():
    split = split_beatmaps(songs(3000, 1), {"train": 0.7, "val": 0.2, "test": 0.1})
    assert len(split.train) / 3000 == pytest.approx(0.7, abs=0.03)
    assert len(split.val) / 3000 == pytest.approx(0.2, abs=0.03)
    assert len(split.test) / 3000 == pytest.approx(0.1, abs=0.03)


def test_another_salt_gives_another_split():
    assert split_beatmaps(songs(50)) != split_beatmaps(songs(50), salt="other")
    assert split_beatmaps(songs(50)) == split_beatmaps(songs(50))


def test_a_song_under_two_names_is_one_song():
    entries = [Entry(Path(f"{i}.osu"), f"set{i}", "same sound") for i in range(8)]
    entries.append(Entry(Path("other.osu"), "other", "other sound"))
    split = split_beatmaps(entries, salt=str(random.Random(1).random()))
    assert len({e.audio_hash for e in split.train} | {e.audio_hash for e in split.val}) == 2
    assert {len(split.train), len(split.val)} == {1, 8}


def test_no_part_with_a_fraction_stays_empty():
    for count in range(3, 8):
        for salt in map(str, range(30)):
            split = split_beatmaps(
                songs(count), {"train": 0.98, "val": 0.01, "test": 0.01}, salt=salt
            )
            assert split.train
            assert split.val
            assert split.test


def test_one_song_is_refused_unless_allowed():
    with pytest.raises(DataError, match="Add songs"):
        split_beatmaps(songs(1))
    assert split_beatmaps(songs(1), allow_single_song=True) == Split(train=tuple(songs(1)))


@pytest.mark.parametrize(
    "fractions", [{"train": 1.2, "val": -0.2}, {"train": 0.5}, {"train": 0.9, "valid": 0.1}]
)
def test_wrong_fractions_are_refused(fractions):
    with pytest.raises(DataError):
        split_beatmaps(songs(4), fractions)


@pytest.mark.parametrize("shared", ["beatmapset", "audio_hash", "path"])
def test_a_leak_is_found(shared):
    one = Entry(Path("1.osu"), "s1", "a1")
    two = replace(Entry(Path("2.osu"), "s2", "a2"), **{shared: getattr(one, shared)})
    with pytest.raises(DataError, match="lies in train and in val"):
        assert_disjoint(Split(train=(one,), val=(two,)))
