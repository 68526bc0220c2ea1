"""Ranges from which varied songs draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from mug.compose.style import Span
from mug.errors import ConfigError


def _metre_weights() -> dict[str, float]:
    return {"4/4": 0.76, "3/4": 0.12, "6/8": 0.12}


@dataclass(frozen=True)
class VariedStyle:
    """The variety of a collection; narrow a span to a point to fix a property.

    Args:
        seconds: length of the audio, about: whole bars are played.
        tempo: beats a minute, drawn evenly on a logarithmic scale between these, with more weight
            in the middle.
        metres: weight of each metre: 4/4, 3/4, 6/8.
        swing_p: how often a song in 4/4 or 3/4 swings in triplets, 0 ... 1.
        change_p: how often a song changes its tempo, 0 ... 1.
        change: factor of a changed tempo.
        loudness_db: root-mean-square level of the mix in dB below full scale.
        lead_in_ms: silence before the first beat.
    """

    seconds: Span = (100.0, 180.0)
    tempo: Span = (70.0, 230.0)
    metres: Mapping[str, float] = field(default_factory=_metre_weights)
    swing_p: float = 0.14
    change_p: float = 0.2
    change: Span = (0.5, 2.0)
    loudness_db: Span = (-23.0, -9.0)
    lead_in_ms: Span = (0.0, 2500.0)

    _LIMITS = {  # noqa: RUF012 - a constant of the class, never changed
        "seconds": (8.0, 1200.0),
        "tempo": (60.0, 300.0),
        "swing_p": (0.0, 1.0),
        "change_p": (0.0, 1.0),
        "change": (0.5, 2.0),
        "loudness_db": (-60.0, -6.0),
        "lead_in_ms": (0.0, 10000.0),
    }

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name in self._LIMITS:
                value = getattr(self, item.name)
                low, high = self._LIMITS[item.name]
                first, last = value if isinstance(value, tuple) else (value, value)
                if not low <= first <= last <= high:
                    raise ConfigError(
                        "compose.must_rise_within", name=item.name, low=low, high=high, value=value
                    )
        unknown = set(self.metres) - set(_metre_weights())
        if unknown or min(self.metres.values(), default=0) < 0 or not sum(self.metres.values()) > 0:
            raise ConfigError("compose.needs_weight_above_0", name="metres", value=self.metres)
