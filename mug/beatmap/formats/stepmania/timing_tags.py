"""StepMania's timing tags as the game reads them: entry by entry, by the file's dialect.

Source: itgmania's `NotesLoaderSM.cpp` (`ParseBPMs`, `ParseStops`, `ProcessBPMsAndStops`,
`ProcessDelays`, `ProcessTimeSignatures`), `NotesLoaderSSC.cpp` (`ProcessBPMs` and so on) and
`TimingData.cpp` (`AddSegment`, `TidyUpData`). An entry that means nothing is logged and passed
over; a number is read as far as it is one (`strtof`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mug.beatmap.formats.limits import MAX_BEAT, MAX_BPM, MAX_TIME_MS, MAX_VELOCITY, MIN_BPM, finite
from mug.beatmap.formats.numbers import LineError
from mug.beatmap.formats.reading import Reading
from mug.beatmap.formats.stepmania.text import line_of
from mug.beatmap.formats.stepmania.timing import MAX_SECONDS, Pairs, StepTiming, to_row
from mug.messages.message import Message, message_of

SPLIT_TIMING = 0.7
"""The first version of `.ssc` whose charts have a timing of their own, and relative warps."""

NO_TEMPO_BPM = 60.0
_PREFIX = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_FLOAT_MOST = 3.4e38
_MOST_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Dialect:
    """The rules that a file is read by.

    Args:
        ssc: the newer of the two formats.
        version: of the file, where it says one.
    """

    ssc: bool = False
    version: float = 0.83

    @property
    def own_timing(self) -> bool:
        """Charts may have a timing of their own."""
        return self.ssc and self.version >= SPLIT_TIMING

    def adds_up(self, tag: str) -> bool:
        """Return whether the entries of a tag that is written again come to those before."""
        return tag in _TABLES and (self.ssc or tag in ("DELAYS", "TIMESIGNATURES"))


_TABLES = ("BPMS", "STOPS", "DELAYS", "WARPS", "FAKES", "TIMESIGNATURES", "SCROLLS")


def number(text: str, what: str, reading: Reading, line: int | None = None) -> float:
    """A number as `strtof` reads it: as far as the text is one, 0 where it is none."""
    try:
        return finite(text, what, 1e15)
    except LineError as error:
        reading.otherwise(message_of(error), text, line=line)
    found = _PREFIX.match(text[:_MOST_CHARACTERS])
    value = float(found[0]) if found else 0.0
    return value if abs(value) < _FLOAT_MOST else 0.0


def entries(text: str, what: str, reading: Reading) -> Iterator[tuple[float, float, str]]:
    """(beat, value, as written) of each `beat=value` in a tag."""
    line = line_of(text)
    for entry in filter(str.strip, text.split(",")):
        parts = [part for part in entry.split("=") if part]
        if len(parts) != 2:
            out = Message("chart.is_not_beat_equals_value", what=what)
            reading.left_out(out, entry.strip(), line=line)
            continue
        beat = number(parts[0].strip().rstrip("rR"), f"the beat of {what}", reading, line)
        value = number(parts[1], f"the value of {what}", reading, line)
        if abs(beat) > MAX_BEAT:
            out = Message("chart.is_beyond_bound", what=f"the beat of {what}", bound=MAX_BEAT)
            reading.left_out(out, entry.strip(), line=line)
            continue
        yield beat, value, entry.strip()


def _passed_over(what: str, tag: str, entry: str, reading: Reading) -> None:
    """Count an entry of a tag that the game has no use for."""
    reading.losses.add(what, places=(reading.place(entry, line=line_of(tag)),))


def step_timing(fields: Mapping[str, str], dialect: Dialect, reading: Reading) -> StepTiming:
    """Return the times of beats, from the tags of a song or a chart."""
    written = fields.get("OFFSET", "")
    offset_s = number(written.strip() or "0", "OFFSET", reading, line_of(written))
    if abs(offset_s) > MAX_TIME_MS / 1000:
        reading.left_out(Message("chart.is_beyond_bound", what="OFFSET", bound=MAX_TIME_MS / 1000))
        offset_s = 0.0
    bpms = _bpms(fields.get("BPMS", ""), dialect, reading)
    stops, before_s = _stops(fields.get("STOPS", ""), dialect, reading)
    warps = _lengths(fields, "WARPS", dialect, reading)
    return StepTiming(
        bpms=bpms,
        stops=stops,
        delays=_pauses(fields.get("DELAYS", ""), reading),
        warps=warps,
        fakes=_lengths(fields, "FAKES", dialect, reading),
        offset_s=offset_s - before_s,
        fast_is_warp=not dialect.ssc,
    )


def _by_beat(text: str, what: str, reading: Reading) -> list[tuple[float, float, str]]:
    return sorted(entries(text, what, reading), key=lambda entry: entry[0])


def _bpms(text: str, dialect: Dialect, reading: Reading) -> Pairs:
    """Tempi; of two on a row the later counts."""
    found: Pairs = {}
    for beat, bpm, entry in _by_beat(text, "BPMS", reading):
        if abs(bpm) < MIN_BPM:
            _passed_over("tempi of 0", text, entry, reading)
        elif dialect.ssc and (bpm < 0 or bpm > MAX_BPM or beat < 0):
            what = "tempi below 0 or before beat 0, which .ssc files do not have"
            _passed_over(what, text, entry, reading)
        else:
            found[to_row(beat)] = bpm
    if not found:
        reading.otherwise(Message("chart.stepmania_chart_has_no_tempo", bpm=NO_TEMPO_BPM))
        found[Fraction(0)] = NO_TEMPO_BPM
    return found


def _stops(text: str, dialect: Dialect, reading: Reading) -> tuple[Pairs, float]:
    """Stops by row, and the seconds of those before beat 0, which move the beginning."""
    found: Pairs = {}
    before_s = 0.0
    for beat, seconds, entry in _by_beat(text, "STOPS", reading):
        if abs(seconds) > MAX_SECONDS:
            out = Message("chart.value_is_beyond_seconds", what="STOPS", bound=MAX_SECONDS)
            reading.left_out(out, entry, line=line_of(text))
        elif dialect.ssc and (seconds <= 0 or beat < 0):
            what = "stops of 0 s and less or before beat 0, which .ssc files do not have"
            _passed_over(what, text, entry, reading)
        elif beat < 0:
            reading.losses.add("stops before beat 0, which move the beginning")
            before_s += seconds
        elif seconds:
            row = to_row(beat)
            old = found.get(row, 0.0)
            reading.losses.add("stops on the row of a later one, left out", old > 0 < seconds)
            # Where time runs back they add up; else the later one takes the place of the other.
            found[row] = seconds if old >= 0 <= seconds else old + seconds
    return found, before_s


def _pauses(text: str, reading: Reading) -> Pairs:
    found: Pairs = {}
    for beat, seconds, entry in entries(text, "DELAYS", reading):
        if seconds <= 0 or seconds > MAX_SECONDS or beat < 0:
            reading.losses.add(
                "delays of 0 s and less or before beat 0",
                places=(reading.place(entry, line=line_of(text)),),
            )
        else:
            found[to_row(beat)] = seconds
    return found


def _lengths(fields: Mapping[str, str], what: str, dialect: Dialect, reading: Reading) -> Pairs:
    """Warps or fakes: beats from each beat on; warps of old files say where they end."""
    text = fields.get(what, "")
    found: Pairs = {}
    if not dialect.ssc:
        reading.losses.add(f"#{what}, which .sm files do not have", bool(text.strip()))
        return found
    for beat, length, entry in entries(text, what, reading):
        if what == "WARPS" and dialect.version < SPLIT_TIMING and length > beat:
            length -= beat
        if length <= 0 or length > MAX_BEAT or beat < 0:
            _passed_over(f"{what} of no length", text, entry, reading)
        else:
            found[to_row(beat)] = length
    return found


def metres(text: str, reading: Reading) -> dict[Fraction, int]:
    """Beats a bar from each beat on (`beat=beats=unit`)."""
    found: dict[Fraction, int] = {}
    line = line_of(text)
    for entry in filter(str.strip, text.split(",")):
        parts = [part for part in entry.split("=") if part]
        if len(parts) < 3:
            reading.left_out("chart.time_signature_has_three_values", entry.strip(), line=line)
            continue
        beat, beats, unit = (number(part, "TIMESIGNATURES", reading, line) for part in parts[:3])
        if not (0 <= beat <= MAX_BEAT and 1 <= beats <= MAX_BEAT and unit >= 1):
            reading.left_out("chart.time_signature_is_out_of_range", entry.strip(), line=line)
            continue
        found[to_row(beat)] = int(beats)
    return found


def scrolls(text: str, dialect: Dialect, reading: Reading) -> dict[Fraction, float]:
    """Scroll speeds from each beat on."""
    found: dict[Fraction, float] = {}
    if not dialect.ssc:
        reading.losses.add("#SCROLLS, which .sm files do not have", bool(text.strip()))
        return found
    for beat, ratio, entry in entries(text, "SCROLLS", reading):
        if beat < 0 or abs(ratio) > MAX_VELOCITY:
            reading.left_out("chart.scroll_speed_is_out_of_range", entry, line=line_of(text))
        else:
            found[to_row(beat)] = ratio
    return dict(sorted(found.items()))
