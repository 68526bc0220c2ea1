"""Fix what lint finds: rather move notes than shorten them, rather shorten than remove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import DataError
from mug.lint.findings import Finding
from mug.lint.repair.notes import Change, Locked, Notes
from mug.lint.repair.steps import Scope, apply_fixes
from mug.lint.view import check_notes
from mug.tiers import LIMITS, Tier
from mug.util import nearest

FIXABLE = (
    "after_audio",
    "chord_size",
    "short_hold",
    "same_time",
    "inside_hold",
    "mini_jack",
    "release_gap",
    "shield",
    "jack",
    "empty_column",
)


@dataclass(frozen=True)
class FixedChart:
    """A fixed chart.

    Args:
        hit_objects: what is left, in the order given.
        changes: everything that was done, in order; done again, they lead to the same notes.
    """

    hit_objects: tuple[HitObject, ...]
    changes: tuple[Change, ...]


def _nothing(_note: HitObject) -> bool:
    return False


def fix(
    chart: Beatmap | Sequence[HitObject],
    what: Sequence[Finding] | Sequence[str] | None = None,
    *,
    tier: Tier,
    keys: int | None = None,
    locked: Locked | None = None,
    audio_ms: float | None = None,
) -> FixedChart:
    """Fix a chart by the limits of a tier.

    A note goes to the nearest column where it breaks no rule, of its own hand if there is one;
    else the note that it collides with does; else a hold in its way is shortened; else it is
    removed. Chords that are too big lose notes. After it, same time, inside holds, mini-jacks and
    release gaps are left only between two locked notes. Jacks and shields are moved where there is
    room and never removed. A second pass changes nothing, no error is added, no time of a start is
    changed and no column loses its last note. An empty column gets a note of one that has several.
    The mirrored chart is fixed to the mirrored result; only a chart that is its own mirror has to
    prefer a side.

    Args:
        chart: a beatmap, or hit objects in any order.
        what: names of rules, or findings: then only there. All that can be fixed by default.
        tier: whose limits hold.
        keys: columns; needed where `chart` is hit objects.
        locked: says of a note whether it must stay as it is; none by default. It is asked about
            what a note would become, too, so that nothing is moved into a locked column.
        audio_ms: length of the song, for notes after it.

    Raises:
        DataError: for an unknown rule, one that has no fix, and notes that no rule can be applied
            to.
    """
    if isinstance(chart, Beatmap):
        notes, keys = chart.hit_objects, chart.keys
    else:
        notes = tuple(chart)
    if keys is None:
        raise DataError("lint.number_of_columns_is_needed", remedy="remedy.give_keys")
    check_notes(notes, keys)
    scope = _scope(what)
    mirrored = _prefers_mirror(notes, keys, locked or _nothing)
    given = notes
    if mirrored:
        notes, scope = _mirror_all(notes, keys), scope.mirrored(keys)
        locked = locked and _mirrored_lock(locked, keys)
    work = Notes(notes, keys, LIMITS[tier], locked or _nothing)
    apply_fixes(work, scope, audio_ms)
    if not mirrored:
        return FixedChart(tuple(n for n in work.notes if n is not None), tuple(work.changes))
    changes = (
        Change(c.rule, _mirror(c.before, keys), c.after and _mirror(c.after, keys))
        for c in work.changes
    )
    return FixedChart(_mirror_back(given, notes, work.notes, keys), tuple(changes))


def _scope(what: Sequence[Finding] | Sequence[str] | None) -> Scope:
    names: dict[str, list[Finding] | None] = {}
    for item in FIXABLE if what is None else what:
        if isinstance(item, Finding):
            if item.rule in FIXABLE:
                places = names.setdefault(item.rule, [])
                if places is not None:
                    places.append(item)
        elif item in FIXABLE:
            names[item] = None
        else:
            raise DataError("lint.no_rule_with_fix", value=item, remedy=nearest(item, FIXABLE))
    return Scope(names)


# ---------------------------------------------------------------------------- left and right


def _mirror(note: HitObject, keys: int) -> HitObject:
    # Not by `replace`: every note of a chart goes through here several times.
    column, sound = keys - 1 - note.column, (note.hitsound, note.sample, note.new_combo)
    if isinstance(note, LongNote):
        return LongNote(column, note.start_ms, note.end_ms, *sound)
    return Rice(column, note.start_ms, *sound)


def _mirror_all(notes: Sequence[HitObject], keys: int) -> tuple[HitObject, ...]:
    return tuple(_mirror(note, keys) for note in notes)


def _mirror_back(
    given: Sequence[HitObject],
    mirrored: Sequence[HitObject],
    left: Sequence[HitObject | None],
    keys: int,
) -> tuple[HitObject, ...]:
    """Return what is left of mirrored notes, in their places; most are as they were given."""
    return tuple(
        was if after is before else _mirror(after, keys)
        for was, before, after in zip(given, mirrored, left, strict=True)
        if after is not None
    )


def _mirrored_lock(locked: Locked, keys: int) -> Locked:
    return lambda note: locked(_mirror(note, keys))


def _prefers_mirror(notes: Sequence[HitObject], keys: int, locked: Locked) -> bool:
    """Return whether the mirrored chart comes first in an order of charts.

    Of a chart and its mirror one is fixed, whichever was given: ties between left and right are
    then broken alike in both. The first notes that differ decide, most often the first of all.
    """
    start = attrgetter("start_ms")
    for _, group in groupby(sorted(notes, key=start), key=start):
        flags = [(note, locked(note)) for note in group]
        there = sorted(_key(note, flag) for note, flag in flags)
        mirrored = sorted(_key(_mirror(note, keys), flag) for note, flag in flags)
        if mirrored != there:
            return mirrored < there
    return False


def _key(note: HitObject, locked: bool) -> tuple[float, int, float, bool, int, str, int, bool]:
    return (
        note.start_ms,
        note.column,
        note.last_ms,
        isinstance(note, LongNote),
        note.hitsound,
        note.sample,
        note.new_combo,
        locked,
    )
