"""Style of composed songs: ranges from which each song draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from mug.errors import ConfigError
from mug.messages.message import Message

Span = tuple[float, float]


def _metre_weights() -> dict[str, float]:
    return {"4/4": 0.7, "3/4": 0.15, "6/8": 0.15}


def _mode_weights() -> dict[str, float]:
    return {"major": 0.4, "minor": 0.4, "dorian": 0.1, "mixolydian": 0.1}


@dataclass(frozen=True)
class SongStyle:
    """The variety of a collection; narrow a span to a point to fix a property.

    Args:
        seconds: length of the audio; two bars are always played, even where that is longer.
        tempo: beats a minute of most songs, drawn evenly on a logarithmic scale.
        wide_tempo: beats a minute of the share `wide_tempo_p` of songs.
        wide_tempo_p: how often the wide range is used, 0 ... 1.
        tempo_change_p: how often the tempo changes between two sections, 0 ... 1.
        metres: weight of each metre: 4/4, 3/4, 6/8.
        modes: weight of each mode: major, minor, dorian, mixolydian.
        swing_p: how often a song in 4/4 or 3/4 swings, 0 ... 1.
        swing: where the off-beat of a swung song lies in the beat, 0.5 straight, 2/3 triplet.
        lead_in_ms: silence before the first beat.
        density: how busy the music is, 0 sparse ... 1 busy.
        sustain: how long melody notes are held, 0 short ... 1 tied.
        loudness_db: root-mean-square level of the mix in dB below full scale.
        brightness: overtones of the pitched sounds, 0 dull ... 1 bright.
        room: share of reverberation, 0 dry ... 1 wet.
    """

    seconds: Span = (30.0, 60.0)
    tempo: Span = (70.0, 200.0)
    wide_tempo: Span = (60.0, 320.0)
    wide_tempo_p: float = 0.08
    tempo_change_p: float = 0.1
    metres: Mapping[str, float] = field(default_factory=_metre_weights)
    modes: Mapping[str, float] = field(default_factory=_mode_weights)
    swing_p: float = 0.25
    swing: Span = (0.55, 2 / 3)
    lead_in_ms: Span = (300.0, 2200.0)
    density: Span = (0.1, 0.95)
    sustain: Span = (0.0, 1.0)
    loudness_db: Span = (-24.0, -14.0)
    brightness: Span = (0.1, 1.0)
    room: Span = (0.0, 0.35)

    _LIMITS = {  # noqa: RUF012 - a constant of the class, never changed
        "seconds": (8.0, 1200.0),
        "tempo": (30.0, 400.0),
        "wide_tempo": (30.0, 400.0),
        "swing": (0.5, 0.75),
        "lead_in_ms": (0.0, 10000.0),
        "density": (0.0, 1.0),
        "sustain": (0.0, 1.0),
        "loudness_db": (-60.0, -6.0),
        "brightness": (0.0, 1.0),
        "room": (0.0, 1.0),
        "wide_tempo_p": (0.0, 1.0),
        "tempo_change_p": (0.0, 1.0),
        "swing_p": (0.0, 1.0),
    }

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in self._LIMITS:
                low, high = self._LIMITS[item.name]
                first, last = value if isinstance(value, tuple) else (value, value)
                if not low <= first <= last <= high:
                    raise ConfigError(
                        "compose.must_rise_within", name=item.name, low=low, high=high, value=value
                    )
        _check_weights("metres", self.metres, _metre_weights())
        _check_weights("modes", self.modes, _mode_weights())


def _check_weights(name: str, weights: Mapping[str, float], known: Mapping[str, float]) -> None:
    for key, weight in weights.items():
        if key not in known or weight < 0:
            raise ConfigError(
                "compose.takes_weights_of_at_least_0",
                name=name,
                value={key: weight},
                remedy=Message("remedy.accepted", names=", ".join(known)),
            )
    if not sum(weights.values()) > 0:
        raise ConfigError("compose.needs_weight_above_0", name=name, value=dict(weights))
