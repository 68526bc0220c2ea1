"""Train, validation and test parts in which no song lies twice.

Charts of one beatmapset share a song, and so do beatmapsets with the same audio. A model that has
trained on one of them knows the others, so whole groups of them are held out, never single files.

Where a group belongs follows from a hash of one of its identities (beatmapset or audio), chosen
by another hash and read as a number in 0 ... 1: below the test fraction it is test, below
test + validation it is validation, train otherwise. That doesn't depend on the rest of the
collection, so songs stay where they are when others are added or taken away. The two exceptions:
a group that gets a new identity which is then the chosen one, or is joined with another group;
and collections so small that a part would stay empty, which get the nearest group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mug.errors import DataError
from mug.util import nearest

PARTS = ("train", "val", "test")
FRACTIONS: Mapping[str, float] = MappingProxyType({"train": 0.9, "val": 0.1, "test": 0.0})


@dataclass(frozen=True, slots=True)
class Entry:
    """A chart and what it shares with others.

    Args:
        path: the chart.
        beatmapset: which beatmapset it belongs to; empty where unknown.
        audio_hash: hash of its decoded audio; empty where unknown.
    """

    path: Path
    beatmapset: str
    audio_hash: str

    @property
    def identities(self) -> tuple[str, ...]:
        """Identities that put charts into one group; the path alone where there is no other."""
        found = []
        if self.beatmapset:
            found.append(f"set:{self.beatmapset}")
        if self.audio_hash:
            found.append(f"audio:{self.audio_hash}")
        return tuple(found) or (f"path:{self.path.as_posix()}",)


@dataclass(frozen=True)
class Split:
    """Charts to train on, to validate with while training, and to test with at the end."""

    train: tuple[Entry, ...]
    val: tuple[Entry, ...] = ()
    test: tuple[Entry, ...] = ()


def split_beatmaps(
    entries: Sequence[Entry],
    fractions: Mapping[str, float] = FRACTIONS,
    *,
    salt: str = "",
    allow_single_song: bool = False,
) -> Split:
    """Share out charts so that no song (beatmapset or audio) lies in two parts.

    Args:
        entries: charts in any order; each part keeps it.
        fractions: share of the groups for `train`, `val` and `test`; absent parts get nothing.
        salt: another text gives another split.
        allow_single_song: put the only song of a collection into train instead of refusing it.

    Raises:
        DataError: for fractions that are none, and for fewer songs than parts that need one.
    """
    shares = _checked(fractions)
    groups = group_songs(entries)
    wanted = [part for part in PARTS if shares[part] > 0]
    if allow_single_song and len(groups) < 2:
        return Split(train=tuple(entries))
    if len(groups) < len(wanted):
        raise DataError(
            "data.songs_cannot_be_shared_out",
            songs=len(groups),
            parts=", ".join(wanted),
            remedy="remedy.add_songs_or_allow_collection_without",
        )
    positions = [_position(group, salt) for group in groups]
    parts = _fill_empty([_part_of(p, shares) for p in positions], positions, wanted)
    part_of = {entry: part for group, part in zip(groups, parts, strict=True) for entry in group}
    split = Split(*(tuple(e for e in entries if part_of[e] == part) for part in PARTS))
    assert_disjoint(split)
    return split


def extend_split(
    entries: Sequence[Entry],
    before: Mapping[Path, str],
    fractions: Mapping[str, float] = FRACTIONS,
    *,
    salt: str = "",
) -> Split:
    """Share out charts so that none leaves the part in which it was.

    New charts join the part of their song, or that of its hash. A new chart that shares something
    with songs of different parts is in none. Should charts that were shared out before turn out to
    be one song (copies in other encodings), those of the first part in `PARTS` stay, the others
    are in none.

    Args:
        entries: charts in any order; each part keeps it.
        before: parts of earlier charts, by path.
        fractions: as for `split_beatmaps`.
        salt: as for `split_beatmaps`.

    Raises:
        DataError: as `split_beatmaps`, if nothing was shared out before.
    """
    known = {entry.path: before[entry.path] for entry in entries if entry.path in before}
    if not known:
        return split_beatmaps(entries, fractions, salt=salt, allow_single_song=True)
    shares, part_of = _checked(fractions), dict[Path, str]()
    for group in group_songs(entries):
        old = [entry for entry in group if entry.path in known]
        parts = {known[entry.path] for entry in old}
        if len(parts) < 2:
            part = parts.pop() if parts else _part_of(_position(group, salt), shares)
            part_of |= dict.fromkeys((entry.path for entry in group), part)
            continue
        for song in group_songs(old):
            first = min((known[entry.path] for entry in song), key=PARTS.index)
            kept = (entry.path for entry in song if known[entry.path] == first)
            part_of |= dict.fromkeys(kept, first)
    split = Split(*(tuple(e for e in entries if part_of.get(e.path) == part) for part in PARTS))
    assert_disjoint(split)
    return split


def assert_disjoint(split: Split) -> None:
    """Make sure that no beatmapset, audio or file lies in two parts.

    Raises:
        DataError: names the first thing that does.
    """
    seen: dict[str, str] = {}
    for part in PARTS:
        for entry in getattr(split, part):
            for identity in (*entry.identities, f"path:{entry.path.as_posix()}"):
                if seen.setdefault(identity, part) != part:
                    raise DataError(
                        "data.lies_in_two_parts",
                        first=seen[identity],
                        second=part,
                        file=entry.path,
                        value=identity,
                        remedy="remedy.make_split_again_from_all_charts",
                    )


def _checked(fractions: Mapping[str, float]) -> dict[str, float]:
    for name in fractions:
        if name not in PARTS:
            raise DataError("data.split_has_no_such_part", value=name, remedy=nearest(name, PARTS))
    shares = {part: float(fractions.get(part, 0.0)) for part in PARTS}
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise DataError("data.fractions_of_split_are_not_negative", value=dict(fractions))
    return shares


def group_songs(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries joined by whatever they share (union-find over identities and paths)."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for entry in entries:
        first = root(entry.identities[0])
        for other in (*entry.identities[1:], f"path:{entry.path.as_posix()}"):
            parent[root(other)] = first
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(root(entry.identities[0]), []).append(entry)
    return list(groups.values())


def _position(group: Sequence[Entry], salt: str) -> float:
    """A number in 0 ... 1 that one identity of the group decides.

    Which one must not depend on that number: the smallest of several would crowd near 0.
    """
    identities = {identity for entry in group for identity in entry.identities}
    chosen = min(identities, key=lambda identity: _hash(f"choice\n{identity}"))
    return _hash(f"position\n{salt}\n{chosen}") / 2**64


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _part_of(position: float, shares: Mapping[str, float]) -> str:
    if position < shares["test"]:
        return "test"
    return "val" if position < shares["test"] + shares["val"] else "train"


def _fill_empty(parts: list[str], positions: Sequence[float], wanted: Sequence[str]) -> list[str]:
    """Give each part that should not be empty the nearest group of the largest other part."""
    for part in reversed(wanted):
        if part in parts:
            continue
        donor = max(wanted, key=parts.count)
        members = [index for index, other in enumerate(parts) if other == donor]
        # Train lies at the upper end, the others below it.
        chosen = (max if part == "train" else min)(members, key=lambda index: positions[index])
        parts[chosen] = part
    return parts
