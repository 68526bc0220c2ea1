"""Hit objects: taps and holds in columns, times in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rice:
    """A tap.

    Args:
        column: lane, counted from 0 on the left.
        start_ms: time of the tap.
        hitsound: the bit set of the `.osu` hit-sound field.
        sample: the `.osu` hit-sample text, e.g. `0:0:0:0:`; empty where the file has none.
        new_combo: the type's new-combo and combo-skip bits as written (0 in charts of our own).
    """

    column: int
    start_ms: float
    hitsound: int = 0
    sample: str = "0:0:0:0:"
    new_combo: int = 0

    @property
    def last_ms(self) -> float:
        """End of the object."""
        return self.start_ms


@dataclass(frozen=True, slots=True)
class LongNote:
    """A hold.

    Args:
        column: lane, counted from 0 on the left.
        start_ms: time of the press.
        end_ms: time of the release; not before `start_ms` in a valid chart.
        hitsound: as for `Rice`.
        sample: as for `Rice`.
        new_combo: as for `Rice`.
    """

    column: int
    start_ms: float
    end_ms: float
    hitsound: int = 0
    sample: str = "0:0:0:0:"
    new_combo: int = 0

    @property
    def last_ms(self) -> float:
        """End of the object."""
        return self.end_ms


HitObject = Rice | LongNote
