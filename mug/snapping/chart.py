"""A whole chart onto the grid: straight against triplet beats, rows together, no collisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.snapping.columns import TAIL_PREFERENCE, UNFIT, Finder, Removed, SnapTarget, resolve_column
from mug.snapping.lines import BeatLines, LineTable, Permitted, line_table
from mug.snapping.options import BASE_TOLERANCE_MS, DIVISORS, SnapOptions
from mug.snapping.rows import HeadRows, evidence_of, make_rows
from mug.snapping.voices import SMALLEST_JITTER_MS, Voices, choose_lines, single_costs

# A chart is settled, snapped already, when this share of the heads that fit lies this near a line.
# Files have whole ms, and editors and converters cut times instead of rounding them, twice at most.
SETTLED_MS = 2.0
_SETTLED_SHARE = 0.9
# For charts that are settled the tolerance is less by what rounding to whole ms may have taken off.
_ROUNDING_MS = 0.5
# Sums of floating-point beats leave lines this far apart that are one line.
_SAME_MS = 1e-6
# Rows are so many standard deviations wide.
_ROW_JITTERS = 2.0


@dataclass(frozen=True)
class BeatDivisor:
    """The divisor of one beat.

    Args:
        time_ms: where the beat begins.
        beat_ms: how long it lasts.
        divisor: finest divisor that its notes use.
    """

    time_ms: float
    beat_ms: float
    divisor: int


@dataclass(frozen=True)
class Snapping:
    """A snapped chart and what was done to it.

    Indices count the notes as they were given.

    Args:
        hit_objects: what came through, in the order given.
        sources: index of each of them.
        moves: index → ms that its head was moved, where it was.
        tail_moves: index → ms that its tail was moved, where it was.
        unfit: indices of notes with a head or tail that has no line within the tolerance, whatever
            became of them.
        removed: notes that were left out, and holds that became taps, with the reason.
        beats: chosen divisor of every beat that holds a note.
        jitter_ms: standard deviation of the raw times that was reckoned with.
        tolerance_ms: how far from a line a note still fitted.
        settled: whether the notes were on the grid already; if so, those on it stay as they are.
    """

    hit_objects: tuple[HitObject, ...]
    sources: tuple[int, ...]
    moves: Mapping[int, float]
    tail_moves: Mapping[int, float]
    unfit: tuple[int, ...]
    removed: tuple[Removed, ...]
    beats: tuple[BeatDivisor, ...]
    jitter_ms: float
    tolerance_ms: float
    settled: bool


def snap_chart(
    hit_objects: Sequence[HitObject],
    red_lines: Sequence[TimingPoint],
    options: SnapOptions | None = None,
) -> Snapping:
    """Move notes to the beat grid, with one voice (straight or triplet) a beat.

    Heads go to lines of the divisor that their beat has; notes of one moment go together; tails
    prefer coarse lines and end before the next note of their column. Nothing meets: of two notes
    of a column that want one line, the nearer gets it, the other one the next line that is free
    within the tolerance, or is removed and listed. Times are exact, not rounded to whole ms.
    Snapping twice is snapping once, with whole ms in between or not; a joint shift of red lines
    and notes shifts the result.

    Args:
        hit_objects: taps and holds, of any number of columns, in any order.
        red_lines: each rules from its time to the next one's; the first rules before it, too.
        options: tier, divisors, tolerance, what becomes of unfit notes, locked notes.

    Raises:
        DataError: without a red line, with one that is senseless, or with a time that is not
            finite.
    """
    chart = _Chart(hit_objects, red_lines, options or SnapOptions())
    heads, tails = chart.head_targets(), chart.tail_targets()
    unfit = np.flatnonzero(~(chart.fits & chart.tail_fits) & ~chart.locked)
    unfit_set = {int(i) for i in unfit}
    # Taken out before places are given, so that they take no line from a note that stays.
    dropped = unfit_set if chart.options.unfit == "drop" else set()
    columns: dict[int, list[SnapTarget]] = {}
    for index, note in enumerate(chart.notes):
        if index in dropped:
            continue
        locked = bool(chart.locked[index])
        end = float(tails[index]) if isinstance(note, LongNote) else None
        target = SnapTarget(
            index=index,
            note=note,
            start_ms=note.start_ms if locked else float(heads[index]),
            end_ms=end,
            locked=locked,
            kept=chart.options.unfit == "keep" and not chart.fits[index],
        )
        columns.setdefault(note.column, []).append(target)
    removed = [Removed(index, chart.notes[index], UNFIT) for index in dropped]
    placed: dict[int, HitObject] = {}
    for targets in columns.values():
        done, lost = resolve_column(targets, chart.finder, max(chart.tolerance_ms, SETTLED_MS))
        placed |= done
        removed += lost
    unfit_set |= _tails_without_line(chart, placed)
    return _report(chart, placed, removed, tuple(sorted(unfit_set)))


class _Chart:
    """Everything that is known of the notes before any is moved."""

    def __init__(
        self,
        hit_objects: Sequence[HitObject],
        red_lines: Sequence[TimingPoint],
        options: SnapOptions,
    ) -> None:
        self.notes, self.options = tuple(hit_objects), options
        self.lines = BeatLines(red_lines)
        allowed = tuple(options.allowed(float(beat)) for beat in self.lines.beat_ms)
        self.permitted = Permitted(allowed)
        self.starts = np.array([note.start_ms for note in self.notes], dtype=np.float64)
        # A tap ends where it starts, so that one array serves both kinds.
        self.ends = np.array([note.last_ms for note in self.notes], dtype=np.float64)
        _require_finite(self.notes, self.starts, self.ends)
        self.columns = [note.column for note in self.notes]
        self.holds = np.array([isinstance(n, LongNote) for n in self.notes], dtype=bool)
        self.locked = np.array([options.is_locked(n) for n in self.notes], dtype=bool)
        self.heads = line_table(self.lines, self.permitted, self.starts)
        self.tails = line_table(self.lines, self.permitted, self.ends)
        self._settle()
        if options.unfit == "move" and not self.settled:
            # Notes may go as far as they must, so none needs a line of a voice that is not played.
            self.permitted = Permitted(allowed, self._dominant())
            self.heads = line_table(self.lines, self.permitted, self.starts)
        self.fits: Bool[np.ndarray, " n"] = self.heads.nearest_ms <= self.tolerance_ms + _SAME_MS
        near = self.tails.nearest_ms <= self.tolerance_ms + _SAME_MS
        self.tail_fits: Bool[np.ndarray, " n"] = near | ~self.holds
        self.rows = self._rows(self.fits, self._window_ms)
        self.divisors = self._chosen(self.rows, self.permitted)
        self.finder = Finder(
            self.lines,
            self.permitted,
            self.divisors,
            np.inf if options.unfit == "move" else self.tolerance_ms,
            keep_tails=options.unfit != "drop",
        )

    def _settle(self) -> None:
        """Test whether the chart is on the grid already; jitter and tolerance follow from it."""
        asked = self.options.tolerance_ms
        base = BASE_TOLERANCE_MS if asked is None else max(asked, 2 * _ROUNDING_MS)
        # Rounding to whole ms may have moved a note towards its limit; a second snapping must not
        # find it beyond.
        strict = base - _ROUNDING_MS
        # Locked notes say nothing about the others: they stay wherever they are.
        near = self.heads.nearest_ms[~self.locked]
        fits = near <= strict + _SAME_MS
        on_line = near <= min(SETTLED_MS, strict) + _SAME_MS
        self.settled = bool(on_line.sum() >= _SETTLED_SHARE * fits.sum())
        self.tolerance_ms, self.jitter_ms = strict, SMALLEST_JITTER_MS
        if not self.settled:
            given = self.options.jitter_ms
            # Rows as narrow as rounding makes them: their width depends on the jitter, which is
            # what is sought.
            everything = self._rows(np.isfinite(self.starts), SETTLED_MS)
            self.jitter_ms = (
                self._voices(everything, self._every).estimate_jitter_ms()
                if given is None
                else max(given, SMALLEST_JITTER_MS)
            )
            # Three deviations: one note in 370 lies farther off by chance.
            self.tolerance_ms = max(base, 3 * self.jitter_ms) if asked is None else base

    @property
    def _every(self) -> Permitted:
        """Divisors of all tiers: the jitter of raw times does not depend on the tier."""
        own = self.permitted.by_section
        return Permitted(tuple(tuple(sorted({*DIVISORS, *section})) for section in own))

    def _dominant(self) -> dict[tuple[int, int], int]:
        """The divisor that each beat speaks for, whatever the tier allows.

        Else quarters of a beat would go to thirds where the tier has thirds and no quarters.
        """
        grid = self._every if self.options.divisors is None else self.permitted
        return self._chosen(self._rows(np.isfinite(self.starts), self._window_ms), grid)

    @property
    def _window_ms(self) -> float:
        """Largest distance between heads of one row."""
        return 0.0 if self.settled else _ROW_JITTERS * self.jitter_ms

    def _rows(self, usable_heads: Bool[np.ndarray, " n"], window_ms: float) -> HeadRows:
        """Heads in rows."""
        usable = [int(i) for i in np.flatnonzero(usable_heads)]
        return make_rows(usable, self.starts.tolist(), self.columns, window_ms)

    def _voices(self, rows: HeadRows, permitted: Permitted) -> Voices:
        # Tails far from every line would speak for the finest divisors.
        tails = self.ends[self.holds & (self.tails.nearest_ms <= BASE_TOLERANCE_MS)]
        return Voices(self.lines, permitted, evidence_of(rows, self.columns, tails))

    def _chosen(self, rows: HeadRows, permitted: Permitted) -> dict[tuple[int, int], int]:
        """The divisor of each beat that holds a note."""
        voices = self._voices(rows, permitted)
        chosen, _ = voices.choose(self.jitter_ms)
        pairs = zip(voices.keys, chosen, strict=True)
        return {(int(section), int(beat)): int(divisor) for (section, beat), divisor in pairs}

    def _beat_divisors(self, times_ms: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        section, beat = self.lines.section(times_ms), self.lines.beat(times_ms)
        keys = zip(section.tolist(), beat.tolist(), strict=True)
        return np.array(
            [self.divisors.get(key, self.permitted.by_section[key[0]][0]) for key in keys],
            dtype=np.int64,
        )

    def head_targets(self) -> Float[np.ndarray, " n"]:
        """The line that each head wants; its raw time where it stays."""
        targets = self._lines_for(self.heads, self.starts, self.jitter_ms)
        targets = np.where(self.fits | (self.options.unfit == "move"), targets, self.starts)
        rows = self.rows
        if not rows.members:
            return targets
        table = line_table(self.lines, self.permitted, rows.times_ms)
        costs = single_costs(table, rows.weights, self.jitter_ms)
        # A line serves a row only if its earliest and its latest note may both go so far.
        reachable = (table.at_ms - rows.first_ms[:, None] <= self.tolerance_ms + _SAME_MS) & (
            rows.last_ms[:, None] - table.at_ms <= self.tolerance_ms + _SAME_MS
        )
        reachable &= table.at_ms - rows.last_ms[:, None] >= -self.tolerance_ms - _SAME_MS
        at = choose_lines(table, costs, self._beat_divisors(rows.times_ms), reachable)
        for row, members in enumerate(rows.members):
            if np.isnan(at[row]):
                continue  # too wide for one line: each note for itself
            targets[list(members)] = at[row]
        if self.settled:
            near = self.heads.nearest_ms <= SETTLED_MS + _SAME_MS
            targets = np.where(near & self.fits, self.starts, targets)
        return targets

    def tail_targets(self) -> Float[np.ndarray, " n"]:
        """The line that each tail wants; its raw time where it stays."""
        targets = self._lines_for(
            # Tails are less exact than heads, and rather on coarse lines (docs/snapping.md).
            self.tails,
            self.ends,
            1.5 * self.jitter_ms,
            preference=TAIL_PREFERENCE,
        )
        targets = np.where(self.tail_fits | (self.options.unfit == "move"), targets, self.ends)
        if self.settled:
            near = self.tails.nearest_ms <= SETTLED_MS + _SAME_MS
            targets = np.where(near & self.tail_fits, self.ends, targets)
        return targets

    def _lines_for(
        self,
        table: LineTable,
        times_ms: Float[np.ndarray, " n"],
        jitter_ms: float,
        preference: float = 1.0,
    ) -> Float[np.ndarray, " n"]:
        """The best line of each time alone; the nearest one where none is near enough."""
        divisors = self._beat_divisors(times_ms)
        costs = single_costs(table, np.ones(len(times_ms)), jitter_ms, preference)
        near = np.abs(table.distance_ms) <= self.tolerance_ms + _SAME_MS
        # NaN where no line is near enough; the nearest of all stands in below.
        best = choose_lines(table, costs, divisors, near)
        nearest = np.take_along_axis(
            table.at_ms, np.abs(table.distance_ms).argmin(axis=1)[:, None], axis=1
        )[:, 0]
        return np.where(np.isnan(best), nearest, best)


def _require_finite(
    notes: tuple[HitObject, ...],
    starts_ms: Float[np.ndarray, " n"],
    ends_ms: Float[np.ndarray, " n"],
) -> None:
    bad = np.flatnonzero(~(np.isfinite(starts_ms) & np.isfinite(ends_ms)))
    if len(bad):
        raise DataError("timing.times_of_notes_must_be_finite", value=notes[int(bad[0])])


def _tails_without_line(chart: _Chart, placed: Mapping[int, HitObject]) -> set[int]:
    """Holds whose tail stayed off the grid, for the next note leaves no line to it."""
    near = SETTLED_MS + _SAME_MS if chart.settled else _SAME_MS
    off = np.flatnonzero((chart.tails.nearest_ms > near) & chart.holds & ~chart.locked)
    return {
        int(i)
        for i in off
        if isinstance(placed.get(int(i)), LongNote) and placed[int(i)].last_ms == chart.ends[i]
    }


def _report(
    chart: _Chart,
    placed: Mapping[int, HitObject],
    removed: Sequence[Removed],
    unfit: tuple[int, ...],
) -> Snapping:
    sources = tuple(sorted(placed))
    heads = {i: placed[i].start_ms - chart.notes[i].start_ms for i in sources}
    tails = {
        i: placed[i].last_ms - chart.notes[i].last_ms
        for i in sources
        if isinstance(placed[i], LongNote)
    }
    lines = chart.lines
    return Snapping(
        hit_objects=tuple(placed[i] for i in sources),
        sources=sources,
        moves=MappingProxyType({i: move for i, move in heads.items() if move}),
        tail_moves=MappingProxyType({i: move for i, move in tails.items() if move}),
        unfit=unfit,
        removed=tuple(sorted(removed, key=lambda lost: lost.index)),
        beats=tuple(
            BeatDivisor(
                time_ms=float(lines.start_ms[section] + beat * lines.beat_ms[section]),
                beat_ms=float(lines.beat_ms[section]),
                divisor=divisor,
            )
            for (section, beat), divisor in chart.divisors.items()
        ),
        jitter_ms=chart.jitter_ms,
        tolerance_ms=chart.tolerance_ms,
        settled=chart.settled,
    )
