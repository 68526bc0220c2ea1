"""Moves of all times of a chart: by an offset, or with the tempo."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

from mug.beatmap.formats.numbers import LineError, number

_EXACT = Context(prec=60)
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class TimeMap:
    """Times that move: those before a point stay, those behind it stretch, the rest follows.

    Args:
        by_ms: moves everything.
        from_ms: where the stretch begins.
        to_ms: where it ends.
        stretch: the new length of a beat over the old one.
    """

    by_ms: Decimal = Decimal(0)
    from_ms: Decimal = Decimal("inf")
    to_ms: Decimal = Decimal("inf")
    stretch: Decimal = Decimal(1)

    def of(self, time_ms: Decimal) -> Decimal:
        """Return the new time."""
        within = min(time_ms, self.to_ms) - self.from_ms if time_ms > self.from_ms else Decimal(0)
        longer = _EXACT.multiply(within, self.stretch - 1) if within else Decimal(0)
        return _EXACT.add(_EXACT.add(time_ms, longer), self.by_ms)

    def of_float(self, time_ms: float) -> float:
        """Return the new time."""
        return float(self.of(Decimal(time_ms)))

    def text(self, written: str, *, whole: bool) -> str | None:
        """Return the text of the new time, None for what is no time.

        Args:
            written: the time as it stands in the file.
            whole: times of this kind are whole where they were.
        """
        try:
            before = number(written, "a time")
        except LineError:
            return None
        after = self.of(before)
        if after == before:
            return written.strip()
        if whole and before == before.to_integral_value():
            return f"{after.to_integral_value():f}"
        places = after.as_tuple().exponent
        long = isinstance(places, int) and places < -6
        return f"{after.quantize(_PLACES).normalize() if long else after:f}"
