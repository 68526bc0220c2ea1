"""Rules that a chart must keep to be trained on, each a function: None, or what is wrong.

What concerns several charts at once, duplicates and rate edits, stands in mug.prepare.duplicates.
Files that cannot be read at all never get this far: see the decisions of the earlier stages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_RATE = re.compile(r"(?<![\w.])(?:x\s?)?([0-2][.,]\d{1,3})\s?x?(?![\w.])", re.IGNORECASE)


@dataclass(frozen=True)
class ChartRecord:
    """Measurements of a chart that cleaning reads.

    Args:
        path: as in the feature database.
        beatmapset: id or name of its set.
        audio: its sound file.
        audio_hash: hash of the decoded sound.
        keys: columns.
        objects: hit objects.
        first_ms: start of the first.
        last_ms: end of the last.
        creator: who made it.
        version: name of the difficulty.
        odd_scroll: share of the playing time at odd scroll speeds.
        disallowed: it says `robots: disallow`.
        duration_ms: of the sound; None where unknown.
        agrees: whether it lies on its sound; None where that was not looked at.
        confidence: of that.
    """

    path: str
    beatmapset: str
    audio: str
    audio_hash: str
    keys: int
    objects: int
    first_ms: float
    last_ms: float
    creator: str
    version: str
    odd_scroll: float
    disallowed: int
    duration_ms: float | None
    agrees: int | None
    confidence: float | None


@dataclass(frozen=True)
class CleaningLimits:
    """Limits of what is still good enough.

    Args:
        keys: columns; 0 for any.
        least_objects: hit objects.
        least_ms: from the first object to the end of the last.
        odd_scroll: largest share of the playing time at odd scroll speeds.
        before_ms: how long before the sound begins an object may lie.
        after_ms: how long after the sound has ended; decoders differ by some tenths of a second.
        opt_out: mappers, in lower case, who do not want their charts to be used.
    """

    keys: int = 0
    least_objects: int = 20
    least_ms: float = 10_000.0
    odd_scroll: float = 0.3
    before_ms: float = 100.0
    after_ms: float = 1_000.0
    opt_out: tuple[str, ...] = ()


def wrong_keys(chart: ChartRecord, limits: CleaningLimits) -> str | None:
    """Another number of columns than asked for."""
    return f"{chart.keys} columns" if limits.keys not in (0, chart.keys) else None


def too_short(chart: ChartRecord, limits: CleaningLimits) -> str | None:
    """Too few objects, or over too soon."""
    length = chart.last_ms - chart.first_ms
    if chart.objects < limits.least_objects or length < limits.least_ms:
        return f"{chart.objects} objects in {length / 1000:.1f} s"
    return None


def robots(chart: ChartRecord, _: CleaningLimits) -> str | None:
    """The chart asks not to be used."""
    return "the chart says robots: disallow" if chart.disallowed else None


def opt_out(chart: ChartRecord, limits: CleaningLimits) -> str | None:
    """Its mapper asks that their charts not be used."""
    return f"by {chart.creator}" if chart.creator.strip().lower() in limits.opt_out else None


def rate_name(chart: ChartRecord, _: CleaningLimits) -> str | None:
    """The difficulty's name says that it is another chart at another speed."""
    rate = rate_in_name(chart.version)
    return f"{chart.version!r} says {rate:g} times" if rate is not None else None


def odd_scroll(chart: ChartRecord, limits: CleaningLimits) -> str | None:
    """Much of it is played at odd scroll speeds: it is meant to be read, not played by ear."""
    if chart.odd_scroll > limits.odd_scroll:
        return f"{chart.odd_scroll:.0%} of its time at odd scroll speeds"
    return None


def outside_audio(chart: ChartRecord, limits: CleaningLimits) -> str | None:
    """Objects before the sound begins or after it has ended."""
    if chart.first_ms < -limits.before_ms:
        return f"begins {-chart.first_ms:.0f} ms before the sound"
    if chart.duration_ms is not None and chart.last_ms > chart.duration_ms + limits.after_ms:
        return f"ends {chart.last_ms - chart.duration_ms:.0f} ms after the sound"
    return None


def off_audio(chart: ChartRecord, limits: CleaningLimits) -> str | None:
    """The notes don't lie on the onsets of the sound: another song, or another cut of it."""
    if chart.agrees == 0 and chart.objects >= limits.least_objects:
        return f"its notes don't lie on the sound (confidence {chart.confidence or 0:.2f})"
    return None


Rule = Callable[[ChartRecord, CleaningLimits], str | None]
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            wrong_keys,
            too_short,
            robots,
            opt_out,
            rate_name,
            odd_scroll,
            outside_audio,
            off_audio,
        )
    }
)
"""By name, in the order in which they are asked; the first that is broken counts."""


def broken_rule(chart: ChartRecord, limits: CleaningLimits) -> tuple[str, str] | None:
    """The first rule that a chart breaks, and how."""
    for name, rule in RULES.items():
        detail = rule(chart, limits)
        if detail is not None:
            return name, detail
    return None


def rate_in_name(version: str) -> float | None:
    """The speed that a difficulty's name gives, e.g. 1.1 for `Hyper 1.1x`; None for none, or 1.

    A lone number is no speed, so that names like `Lv. 1.5` stay: an `x` must stand beside it.
    """
    for found in _RATE.finditer(version):
        rate = float(found[1].replace(",", "."))
        if "x" in found[0].lower() and 0.5 <= rate <= 2.5 and rate != 1:
            return rate
    return None
