"""Losses of a chart on its way from one format to another, counted and named."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

MOST_PLACES = 20  # places of one kind that a report keeps
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Loss:
    """One kind of thing that was lost or changed.

    Args:
        what: in words, e.g. `mines`.
        count: how many.
        worst_ms: the largest change of a time in ms, where times changed.
        places: of the first ones, e.g. `song.osu:14 '64,192'`.
    """

    what: str
    count: int
    worst_ms: float = 0.0
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        """E.g. `12 x mines` or `3 x notes moved (at most 4.2 ms)`, with the first places."""
        moved = f" (at most {self.worst_ms:.2f} ms)" if self.worst_ms else ""
        more = ", …" if self.count > _SHOWN else ""
        where = f": {', '.join(self.places[:_SHOWN])}{more}" if self.places else ""
        return f"{self.count} x {self.what}{moved}{where}"


@dataclass
class LossReport:
    """Everything that one or several charts lost; empty (and false) where nothing was.

    Args:
        entries: the losses by what was lost, in the order in which they were found.
    """

    entries: dict[str, Loss] = field(default_factory=dict)

    def add(
        self, what: str, count: int = 1, *, worst_ms: float = 0.0, places: Sequence[str] = ()
    ) -> None:
        """Count a loss; nothing for a count of 0."""
        if count:
            old = self.entries.get(what, Loss(what, 0))
            worst = max(old.worst_ms, worst_ms)
            kept = (*old.places, *filter(None, places))[:MOST_PLACES]
            self.entries[what] = Loss(what, old.count + count, worst, kept)

    def merge(self, other: LossReport) -> None:
        """Add what another report counted."""
        for loss in other:
            self.add(loss.what, loss.count, worst_ms=loss.worst_ms, places=loss.places)

    def count(self, what: str) -> int:
        """Number of these losses, 0 where there are none."""
        return self.entries[what].count if what in self.entries else 0

    def __iter__(self) -> Iterator[Loss]:
        """The losses."""
        return iter(self.entries.values())

    def __bool__(self) -> bool:
        """Return whether anything was lost."""
        return bool(self.entries)

    def __str__(self) -> str:
        """One line a loss."""
        return "\n".join(map(str, self)) if self else "nothing lost"


def hand_over(found: LossReport, losses: LossReport | None, path: Path | None) -> None:
    """Give losses to whoever asked for them, or log them."""
    if losses is not None:
        losses.merge(found)
        return
    for loss in found:
        log.warning("%s: not kept: %s", path, loss)
