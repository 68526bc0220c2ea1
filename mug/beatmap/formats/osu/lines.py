"""Single lines of a `.osu` file: numbers, hit objects and timing points as text."""

from __future__ import annotations

import itertools
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal
from functools import lru_cache

from mug.beatmap.formats.limits import MAX_TIME_MS
from mug.beatmap.formats.numbers import EXACT, LineError, number, number_text
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.messages.message import Message

PLAYFIELD = 512  # osu! pixels across all columns
EARLY_VERSION, EARLY_OFFSET_MS = 5, 24  # below v5 the game plays everything 24 ms later
MAX_X = 131072.0

_CIRCLE, _SLIDER, _SPINNER, _HOLD = 1, 2, 8, 128
_NO_SAMPLE = f"{Rice(0, 0.0).sample}\n"
_COMBO_BITS = 4 | 112  # new combo, and the three bits of combo colours to skip
_RECIPROCAL = Context(prec=40)

SHORTEST_BEAT_MS = 6.0  # the game's own bound
_MOST_SLIDES = 9000  # likewise
_MOST_POINTS = 10_000
_MOST_SAMPLE = 4000  # letters, among which the numbers are
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)

Timing = TimingPoint | ScrollPoint
Odd = Callable[[Message], None]


def integer(text: str, what: str) -> int:
    """A whole number of at most 32 bits."""
    value = number(text, what)
    if abs(value) > MAX_TIME_MS or value != int(value):
        raise LineError("chart.is_not_whole_number_of_32_bits", what=what)
    return int(value)


def time_ms(text: str, what: str, shift_ms: int = 0) -> float:
    """A time in ms; `shift_ms` is added exactly."""
    value = EXACT.add(number(text, what), Decimal(shift_ms))
    if abs(value) > MAX_TIME_MS:
        raise LineError("chart.is_beyond_2_31_ms", what=what)
    return float(value)


def time_text(value: float, shift_ms: int = 0) -> str:
    """Text of a time in ms that `time_ms` reads back exactly."""
    if -MAX_TIME_MS <= value <= MAX_TIME_MS and value == int(value):
        return str(int(value) - shift_ms)  # whole numbers so small are exact
    text = number_text(value, shift_ms)
    if time_ms(text, "a time", shift_ms) != value:
        raise LineError("chart.time_cannot_be_written", time=value)
    return text


def column_of(x: float, keys: int) -> int:
    """Column of a horizontal position in osu! pixels: clamp(floor(x * keys / 512))."""
    return min(max(math.floor(x * keys / PLAYFIELD), 0), keys - 1)


def x_of(column: int, keys: int) -> int:
    """Middle of a column in osu! pixels, rounded down as the editor does."""
    return (2 * column + 1) * PLAYFIELD // (2 * keys)


# ---------------------------------------------------------------------------- timing points


def _refuse(reason: Message) -> None:
    raise LineError(reason.code, **reason.values)


def parse_timing(line: str, shift_ms: int = 0, *, odd: Odd = _refuse) -> Timing:
    """A red or green line; the two-column form of old files included.

    A beat of negative length is a scroll speed whatever the flag says; without a flag a line is
    red. A green line whose number is not negative scrolls at 1x, as in the game, where it may be
    no number either. A red line of no length lasts the game's shortest beat.

    Args:
        line: the line as written.
        shift_ms: added to the time.
        odd: receives what is read otherwise than it is written; raises by default.

    Raises:
        LineError: says what is wrong.
    """
    fields = [field.strip() for field in line.split(",")]
    if len(fields) < 2:
        raise LineError("chart.timing_point_has_two_to_eight_fields")
    if len(fields) > 8:
        odd(Message("chart.timing_point_has_further_fields"))
    at = time_ms(fields[0], "the time", shift_ms)
    red, meter = _is_red(fields), _meter(fields)
    names = ("the sample set", "the sample index", "the volume")
    given = [integer(text, name) for text, name in zip(fields[3:6], names, strict=False)]
    effects = integer(fields[7], "the effects") if len(fields) > 7 else 0
    sample_set, sample_index, volume = (*given, *(1, 0, 100)[len(given) :])
    rest = (meter, sample_set, sample_index, volume, effects)
    if not red and _NAN.fullmatch(fields[1]):
        odd(Message("chart.scroll_speed_is_no_number"))
        return ScrollPoint(at, 1.0, *rest)
    beat = number(fields[1], "the length of a beat")
    if not red or beat < 0:
        velocity = float(_RECIPROCAL.divide(Decimal(-100), beat)) if beat < 0 else 1.0
        if not 0 < velocity < math.inf:
            raise LineError("chart.scroll_speed_is_out_of_range")
        return ScrollPoint(at, velocity, *rest)
    beat_ms = float(beat)
    if beat_ms == 0:
        odd(Message("chart.red_line_has_no_length", ms=SHORTEST_BEAT_MS))
        beat_ms = SHORTEST_BEAT_MS
    if beat_ms == math.inf:
        raise LineError("chart.red_line_needs_beat_above_0")
    return TimingPoint(at, beat_ms, *rest)


def _is_red(fields: list[str]) -> bool:
    """Flag of a red line: the game looks at its first letter alone."""
    if len(fields) < 7:
        return True
    if not fields[6]:
        raise LineError("chart.is_not_finite_number", what="the red-line flag")
    return fields[6][0] == "1"


def _meter(fields: list[str]) -> int:
    """Beats a bar; four for every text that begins with 0."""
    if len(fields) < 3 or fields[2].startswith("0"):
        return 4
    meter = integer(fields[2], "the metre")
    if meter < 1:
        raise LineError("chart.metre_is_negative")
    return meter


def timing_text(point: Timing, shift_ms: int = 0) -> str:
    """The line of a timing point.

    Raises:
        LineError: for a beat or a scroll speed that is not above 0.
    """
    red = isinstance(point, TimingPoint)
    value = point.beat_ms if isinstance(point, TimingPoint) else point.velocity
    if not 0 < value < math.inf:
        raise LineError("chart.beat_and_scroll_speed_must_be_above_0")
    if point.meter < 1:
        raise LineError("chart.metre_must_be_above_0")
    beat = number_text(value) if red else _velocity_text(value)
    numbers = (point.meter, point.sample_set, point.sample_index, point.volume, int(red))
    head = f"{time_text(point.time_ms, shift_ms)},{beat}"
    return ",".join([head, *map(str, numbers), str(point.effects)])


def _velocity_text(velocity: float) -> str:
    """The shortest `-100 / velocity` that gives this velocity again, to the last bit."""
    exact = _RECIPROCAL.divide(Decimal(-100), Decimal(velocity))
    for digits in range(15, 25):  # 15 suffice mostly, and give back the text of the editor
        short = Context(prec=digits).plus(exact).normalize()
        if float(_RECIPROCAL.divide(Decimal(-100), short)) == velocity:
            plain = f"{short:f}"
            return plain if len(plain) <= 24 else str(short)
    raise LineError("chart.scroll_speed_cannot_be_written")


# ------------------------------------------------------------------------------ hit objects


def parse_object(
    line: str,
    keys: int,
    timing: Sequence[Timing],
    slider_multiplier: float,
    shift_ms: int = 0,
    *,
    odd: Odd = _refuse,
) -> HitObject:
    """A tap or a hold.

    Of the bits of the type the game looks at the circle's first, then at the slider's, the
    spinner's and the hold's. Sliders and spinners, which a mania chart may have by accident, are
    holds of the same length, cut to whole ms as in the game. Of a position only the column counts.

    Args:
        line: the line as written.
        keys: number of columns.
        timing: sorted timing points, for the length of sliders.
        slider_multiplier: osu! pixels a beat, in hundreds.
        shift_ms: added to all times.
        odd: receives what is read otherwise than it is written; raises by default.

    Raises:
        LineError: says what is wrong.
    """
    fields = line.split(",")  # blanks matter in the sample alone: numbers are stripped later
    if len(fields) < 5:
        raise LineError("chart.hit_object_has_at_least_five_fields")
    x, start = _coordinate(fields[0], "x"), time_ms(fields[2], "the time", shift_ms)
    _coordinate(fields[1], "y")
    kind, sound = integer(fields[3], "the type"), integer(fields[4], "the hit sound")
    column, combo = column_of(x, keys), kind & _COMBO_BITS
    if kind & _CIRCLE:
        return Rice(column, start, sound, _sample(fields[5:]), combo)
    if not kind & (_HOLD | _SPINNER | _SLIDER):
        raise LineError("chart.type_names_no_kind_of_object")
    end, sample = _end_of(fields, kind, start, shift_ms, (timing, slider_multiplier))
    if end is None or end < start:
        without = "chart.hold_has_no_end" if end is None else "chart.hold_ends_before_starts"
        odd(Message(without))
        end = start
    return LongNote(column, start, end, sound, sample, combo)


@lru_cache(maxsize=2048)  # a chart has few positions and samples, and each many times
def _coordinate(text: str, what: str) -> float:
    value = float(number(text, what))
    if abs(value) > MAX_X:
        raise LineError("chart.x_lies_far_off_field")
    return value


def _sample(fields: list[str]) -> str:
    """Sample of an object, which ends it; a sample that is none spoils the line in the game."""
    if fields:
        _check_sample(fields[0][:_MOST_SAMPLE])
    return ",".join(fields).strip()


@lru_cache(maxsize=2048)
def _check_sample(text: str) -> None:
    numbers = [part.strip() for part in text.split(":")]
    if numbers != [""]:
        for part in numbers[:4]:
            integer(part, "a number of the sample")


def _end_of(
    fields: list[str],
    kind: int,
    start_ms: float,
    shift_ms: int,
    speed: tuple[Sequence[Timing], float],
) -> tuple[float | None, str]:
    """End of a hold, spinner or slider, None for a hold without one, and its sample."""
    if kind & _SLIDER:
        return _slider_end_ms(fields, start_ms, *speed), _sample(fields[10:])
    if kind & _SPINNER:
        if len(fields) < 6:
            raise LineError("chart.spinner_has_at_least_six_fields")
        return time_ms(fields[5], "the end", shift_ms), _sample(fields[6:])
    end, colon, first = (*fields, "")[5].partition(":")
    sample = _sample([first, *fields[6:]] if colon else fields[6:])
    return time_ms(end, "the end", shift_ms) if end.strip() else None, sample


def _slider_end_ms(
    fields: list[str], start_ms: float, timing: Sequence[Timing], multiplier: float
) -> float:
    if len(fields) < 7:
        raise LineError("chart.slider_has_at_least_seven_fields")
    slides = integer(fields[6], "the slider's repeats")
    if slides > _MOST_SLIDES:
        raise LineError("chart.slider_has_too_many_repeats", most=_MOST_SLIDES)
    length = float(number(fields[7], "the slider's length")) if len(fields) > 7 else 0.0
    if length > MAX_X:
        raise LineError("chart.slider_is_too_long", most=MAX_X)
    length = length if length > 0 else _path_length(fields)
    # The game rounds down; the small addend keeps 2499.9999999999995 from losing a millisecond.
    per_pixel = _ms_per_pixel(start_ms, timing, multiplier)
    end_ms = start_ms + max(slides, 1) * length * per_pixel
    if end_ms > MAX_TIME_MS:
        raise LineError("chart.slider_ends_beyond_2_31_ms")
    return float(math.floor(end_ms + 1e-6))


def _path_length(fields: list[str]) -> float:
    """Length in osu! pixels of a slider of straight lines; the game measures curves, too."""
    letter, *places = fields[5].strip().split("|")
    if letter != "L" and len(places) != 1:
        raise LineError("chart.slider_has_no_length")
    points = [(_coordinate(fields[0], "x"), _coordinate(fields[1], "y"))]
    for place in places[:_MOST_POINTS]:
        x, _, y = place.partition(":")
        points.append((_coordinate(x, "x"), _coordinate(y, "y")))
    return sum(math.dist(one, two) for one, two in itertools.pairwise(points))


class SortedTiming(tuple[Timing, ...]):
    """Timing points by time, which know the length of a scrolled beat at each of them.

    A file of many sliders and many timing points would otherwise take their product in time.
    """

    beat_ms: list[float]

    def __new__(cls, timing: Sequence[Timing]) -> SortedTiming:
        """Take them in the order that they have."""
        self = super().__new__(cls, timing)
        beat_ms = next((p.beat_ms for p in timing if isinstance(p, TimingPoint)), 1000.0)
        self.beat_ms = [beat_ms]
        for point in timing:
            if isinstance(point, TimingPoint):
                beat_ms = point.beat_ms
                self.beat_ms.append(beat_ms)
            else:
                self.beat_ms.append(beat_ms / min(max(point.velocity, 0.1), 10.0))
        return self


def _ms_per_pixel(at_ms: float, timing: Sequence[Timing], slider_multiplier: float) -> float:
    """Time that a slider takes for one osu! pixel; a red line resets the scroll speed."""
    table = timing if isinstance(timing, SortedTiming) else SortedTiming(timing)
    index = bisect_right(table, at_ms, key=lambda point: point.time_ms)
    return table.beat_ms[index] / (100.0 * slider_multiplier)


@lru_cache
def _is_one_word(sample: str) -> bool:
    """Return whether a sample can stand at the end of a line; a chart has few different ones."""
    return not re.search(r"[\r\n]|//", sample) and sample == sample.strip()


def object_text(note: HitObject, keys: int, shift_ms: int = 0) -> str:
    """The line of a tap or a hold.

    Raises:
        LineError: for a column outside the chart, a hold of negative length, or a sample that
            would break the line.
    """
    if not 0 <= note.column < keys:
        raise LineError("chart.column_is_not_one_of", column=note.column, keys=keys)
    if note.new_combo & ~_COMBO_BITS:
        raise LineError("chart.is_not_set_of_combo_bits", new_combo=note.new_combo)
    if not _is_one_word(note.sample):
        raise LineError("chart.sample_is_one_word")
    hold = isinstance(note, LongNote)
    kind = note.new_combo | (_HOLD if hold else _CIRCLE)
    text = f"{x_of(note.column, keys)},192,{time_text(note.start_ms, shift_ms)},{kind}"
    text += f",{note.hitsound}"
    if isinstance(note, LongNote):
        if note.end_ms < note.start_ms:
            raise LineError("chart.hold_ends_before_starts")
        text += f",{time_text(note.end_ms, shift_ms)}"
    separator = ":" if hold else ","
    return f"{text}{separator}{note.sample}" if note.sample else text


def soundless_lines(notes: Iterable[HitObject], keys: int) -> list[str] | None:
    """The lines of notes without their sounds, as `object_text` writes them, but sooner.

    Args:
        notes: in the order of the lines.
        keys: columns of the chart.

    Returns:
        A line of each note, with its line break; None where a note has a time that is no whole
        number or cannot be written.
    """
    before = [f"{x_of(column, keys)},192," for column in range(keys)]
    lines = []
    tap, held, rest = f",{_CIRCLE},0,{_NO_SAMPLE}", f",{_HOLD},0,", f":{_NO_SAMPLE}"
    for note in notes:
        start, column = note.start_ms, note.column
        end = note.end_ms if isinstance(note, LongNote) else start
        if not (0 <= column < keys and -MAX_TIME_MS <= start <= end <= MAX_TIME_MS):
            return None
        at = int(start)
        if at != start:
            return None
        if isinstance(note, LongNote):
            until = int(end)
            if until != end:
                return None
            lines.append(f"{before[column]}{at}{held}{until}{rest}")
        else:
            lines.append(f"{before[column]}{at}{tap}")
    return lines
