"""The network's notes made playable: clipped to the song, snapped, fixed; all of it counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mug.beatmap.beat_lines import BeatLines, with_usual_beat
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.lint.repair.fix import fix
from mug.pipeline.finish.long_notes import with_share_held
from mug.pipeline.finish.options import FinishOptions
from mug.reference.minijacks import remove_minijacks
from mug.snapping.nearest import SnapOptions, snap_chart, snap_to_grid
from mug.tiers import LIMITS, estimated_stars, tier_of

NEAREST_DIVISORS = (1, 2, 3, 4, 6, 8)
_ENDS = (4, 3)  # parts of a beat at which a hold may end with the song
_FOUR = 4  # columns that the original's rule knows
_SNAPPED = 64  # charts that are remembered: what may be taken over is snapped as it was before


@dataclass
class Changes:
    """Changes of notes on the way, counted.

    Args:
        counts: how often, by kind.
        listed: each fixed note in a line for people.
    """

    counts: dict[str, int] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)

    def plus(self, later: Changes) -> Changes:
        """These and later ones together."""
        names = dict.fromkeys([*self.counts, *later.counts])
        counts = {name: self.counts.get(name, 0) + later.counts.get(name, 0) for name in names}
        return Changes(counts, [*self.listed, *later.listed])


@dataclass(frozen=True)
class Surroundings:
    """Surroundings of a chart's notes.

    Args:
        keys: columns.
        red_lines: what to snap to; without any nothing is snapped.
        duration_ms: length of the song; nothing lies after it.
    """

    keys: int
    red_lines: Sequence[TimingPoint]
    duration_ms: float

    @property
    def beats(self) -> list[TimingPoint]:
        """The red lines with beats that notes are laid on the parts of."""
        return [with_usual_beat(line) for line in self.red_lines]


def finish_notes(
    notes: Sequence[HitObject], options: FinishOptions, where: Surroundings
) -> tuple[list[HitObject], Changes]:
    """Notes as a file can hold them, in whole milliseconds, by time and column.

    Args:
        notes: hit objects as decoded.
        options: what to do with them.
        where: columns, red lines and length of the song.
    """
    changes = Changes()
    kept = snap_notes(notes, options, where, changes)
    kept = fix_notes(kept, options, where, changes)
    return sorted(kept, key=lambda note: (note.start_ms, note.column)), changes


def snap_notes(
    notes: Sequence[HitObject], options: FinishOptions, where: Surroundings, changes: Changes
) -> list[HitObject]:
    """Notes within the song, on the beat grid and at whole milliseconds.

    Args:
        notes: hit objects as decoded.
        options: what to do with them.
        where: red lines and length of the song.
        changes: receives the counts `outside_song`, `unsnapped` and `unplaced`.
    """
    kept, counts = _snapped(tuple(notes), options, replace(where, red_lines=tuple(where.red_lines)))
    changes.counts |= counts
    return list(kept)


@lru_cache(maxsize=_SNAPPED)
def _snapped(
    notes: tuple[HitObject, ...], options: FinishOptions, where: Surroundings
) -> tuple[tuple[HitObject, ...], dict[str, int]]:
    """Return the notes of `snap_notes`, and its counts."""
    kept = _within_song(notes, where)
    counts = {"outside_song": len(notes) - len(kept), "unsnapped": 0, "unplaced": 0}
    if kept and where.red_lines and options.snapping == "nearest":
        divisors = options.divisors or NEAREST_DIVISORS
        snapped = snap_to_grid(kept, where.beats, divisors)
        kept, counts["unsnapped"] = list(snapped.hit_objects), len(snapped.unsnapped)
    elif kept and where.red_lines and options.snapping == "voice":
        how = SnapOptions(
            star_rating=_stars(kept, options),
            divisors=options.divisors,
            unfit=options.unfit,  # type: ignore[arg-type]  # checked by FinishOptions
        )
        done = snap_chart(kept, where.beats, how)
        kept, counts["unsnapped"] = list(done.hit_objects), len(done.unfit)
        counts["unplaced"] = len(done.removed)
    # The nearest line of a note may lie before the song or after it.
    written = [_whole_ms(note) for note in kept]
    inside = _within_song([_ended(note, where) for note in written], where)
    counts["outside_song"] += len(written) - len(inside)
    return tuple(inside), counts


def fix_notes(
    notes: Sequence[HitObject],
    options: FinishOptions,
    where: Surroundings,
    changes: Changes,
    locked: Callable[[HitObject], bool] | None = None,
) -> list[HitObject]:
    """Fix what can be fixed.

    Args:
        notes: of a whole chart.
        options: which rules.
        where: columns and length of the song.
        changes: receives the counts `moved`, `shortened` and `removed`, and the list.
        locked: says of a note, or of a place for one, that nothing may change there; the
            original's rule leaves such a chart alone.
    """
    changes.counts |= {"moved": 0, "shortened": 0, "removed": 0}
    if options.fixes == "minijacks":
        if options.minijack_ms == 0 or where.keys != _FOUR or locked is not None:
            return list(notes)
        repaired = remove_minijacks(notes, options.minijack_ms)
        changes.counts["removed"] = len(notes) - len(repaired)
        changes.counts["moved"] = len(set(repaired) - set(notes))
        return list(repaired)
    if options.fixes == "none" or not notes:
        return list(notes)
    tier = tier_of(_stars(notes, options))
    if options.long_notes is not None and locked is None:
        limits, before = LIMITS[tier], notes
        notes = with_share_held(notes, options.long_notes, limits, where.duration_ms)
        turned = sum(type(a) is not type(b) for a, b in zip(before, notes, strict=True))
        changes.counts |= {"turned": turned} if turned else {}
    fixed = fix(
        notes,
        tier=tier,
        keys=where.keys,
        locked=locked,
        audio_ms=where.duration_ms,
    )
    for change in fixed.changes:
        changes.counts[change.kind] += 1
        changes.listed.append(str(change))
    return list(fixed.hit_objects)


def _within_song(notes: Sequence[HitObject], where: Surroundings) -> list[HitObject]:
    return [note for note in notes if note.start_ms >= 0 and note.last_ms <= where.duration_ms]


def _ended(note: HitObject, where: Surroundings) -> HitObject:
    """A hold that ends after the song ends on its last line instead, where that leaves a hold."""
    if not (isinstance(note, LongNote) and note.last_ms > where.duration_ms):
        return note
    last = math.floor(where.duration_ms)
    if where.red_lines:
        lines = BeatLines(where.red_lines)
        last = max(round(line) for line in lines.around(last, _ENDS)[0])
    return replace(note, end_ms=last) if last > note.start_ms else note


def _stars(notes: Sequence[HitObject], options: FinishOptions) -> float:
    given = options.star_rating
    return estimated_stars(notes) if given is None else max(given, 0.0)


def _whole_ms(note: HitObject) -> HitObject:
    """The same object at whole milliseconds, rounded half to even, as the file format has it."""
    if isinstance(note, LongNote):
        start, end = round(note.start_ms), round(note.end_ms)
        return LongNote(note.column, start, max(end, start + 1))
    return type(note)(note.column, round(note.start_ms))
