"""Measurements on a chart's notes: star rating, share of long notes and its classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from mug.beatmap.beatmap import MANIA, Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu.lines import soundless_lines
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import DataError

# Kept while results stay equal; raise it when the classes below change.
LN_ALGORITHM = "ln-1"
DENSITY_ALGORITHM = "rows-1"

_LINEAR_GAIN = 0.8184
_SAMPLE = Rice(0, 0.0).sample


def sr_algorithm() -> str:
    """Name of the star rating's algorithm: values of different names cannot be compared."""
    version = metadata.version("rosu-pp-py").split(".")
    return f"rosu-{version[0]}.{version[1]}"


def star_rating(chart: Beatmap | str, rate: float = 1.0) -> float:
    """osu!mania's star rating.

    It depends on the order of simultaneous objects; they are rated by time, then column.

    Args:
        chart: a beatmap, or the text of a `.osu` file.
        rate: the song is played so many times as fast.

    Raises:
        BeatmapError: for text that is no mania chart.
        DataError: for a rate that is not 0.01 to 100, a chart without objects, and one that the
            calculator does not read as we do or refuses as made to break it.
    """
    beatmap = osu.parse(chart) if isinstance(chart, str) else chart
    return rating_of(
        rated_text(beatmap), beatmap.keys, len(beatmap.hit_objects), rate, beatmap.path
    )


def rated_text(beatmap: Beatmap) -> str:
    """The part of a chart that its rating depends on, as the text of a `.osu` file."""
    return StarRater(beatmap).text(beatmap.hit_objects)


class StarRater:
    """Star ratings of charts that share all but their notes.

    Args:
        chart: whose timing and columns all of them have.
    """

    def __init__(self, chart: Beatmap) -> None:
        self._chart = chart.with_objects(())
        self._head = osu.format(_bare(self._chart))

    def __call__(self, notes: Sequence[HitObject]) -> float:
        """Return the star rating of a chart with these notes in any order; 0 without notes."""
        if not notes:
            return 0.0
        return rating_of(self.text(notes), self._chart.keys, len(notes), file=self._chart.path)

    def text(self, notes: Sequence[HitObject]) -> str:
        """Return what the rating of a chart with these notes depends on; see `rated_text`."""
        chart = self._chart.with_objects(notes)
        lines = soundless_lines(chart.sorted_objects(), chart.keys)
        return osu.format(_bare(chart)) if lines is None else self._head + "".join(lines)

    def parts(self, notes: Sequence[HitObject]) -> Callable[[Callable[[int], bool]], float]:
        """Return a function for the star rating of some of these notes, which are written once.

        It is given another one that says of the index of a note whether the chart has it.
        """
        order = sorted(range(len(notes)), key=lambda i: (notes[i].start_ms, notes[i].column))
        lines = soundless_lines([notes[i] for i in order], self._chart.keys)

        def rated(chosen: Callable[[int], bool]) -> float:
            if lines is None:
                return self([note for i, note in enumerate(notes) if chosen(i)])
            there = [line for i, line in zip(order, lines, strict=True) if chosen(i)]
            if not there:
                return 0.0
            text = self._head + "".join(there)
            return rating_of(text, self._chart.keys, len(there), file=self._chart.path)

        return rated


def rating_of(
    text: str, keys: int, objects: int, rate: float = 1.0, file: Path | None = None
) -> float:
    """The star rating of a text from `rated_text`; parsing and writing it is most of the time.

    Args:
        text: of the chart's rated part.
        keys: columns of the chart.
        objects: how many hit objects it has.
        rate: the song is played so many times as fast.
        file: the chart, for messages.

    Raises:
        DataError: as `star_rating`.
    """
    import rosu_pp_py as rosu

    if not 0.01 <= rate <= 100:
        raise DataError("difficulty.rate_lies_between_0_01_and_100", value=rate)
    if not objects:
        raise DataError("difficulty.chart_without_objects_has_no_star", file=file)
    rated = rosu.Beatmap(content=text)
    # The calculator never complains: it rates what it did not understand as something else.
    seen = (rated.mode, round(rated.cs), rated.n_objects)
    expected = (rosu.GameMode.Mania, keys, objects)
    if seen != expected:
        raise DataError(
            "difficulty.star_rating_reader_sees_another_chart",
            file=file,
            value=(seen, expected),
        )
    if rated.is_suspicious():
        raise DataError("difficulty.chart_looks_made_to_break_calculators", file=file)
    stars = float(rosu.Difficulty(clock_rate=rate).calculate(rated).stars)
    if not math.isfinite(stars):
        raise DataError("difficulty.star_rating_is_not_number", file=file, value=stars)
    return stars


def _bare(beatmap: Beatmap) -> Beatmap:
    """The part of a chart that its rating depends on, objects in their defined order."""
    od = beatmap.difficulty.get("OverallDifficulty")
    return Beatmap(
        keys=beatmap.keys,
        hit_objects=tuple(_plain(note) for note in beatmap.sorted_objects()),
        timing=beatmap.timing,
        general={"Mode": str(MANIA)},
        difficulty={} if od is None else {"OverallDifficulty": od},
    )


def _plain(note: HitObject) -> HitObject:
    """Without sounds: the calculator drops objects whose samples it cannot read."""
    if note.sample == _SAMPLE and not (note.hitsound or note.new_combo):
        return note
    if isinstance(note, LongNote):
        return LongNote(note.column, note.start_ms, note.end_ms)
    return Rice(note.column, note.start_ms)


def linear_rate_star_rating(stars: float, rate: float) -> float:
    """The original's estimate of the star rating at another rate, from that at rate 1.

    It is up to 5 % off at 1.5 (`star_rating` with a rate is right); published weights were trained
    with it. Source: reference facts, section 12 (`sr` scaled in the dataset).
    """
    if rate <= 0:
        raise DataError("difficulty.rate_is_positive", value=rate)
    if rate >= 1:
        return stars * (_LINEAR_GAIN * (rate - 1) + 1)
    return stars / (_LINEAR_GAIN * (1 / rate - 1) + 1)


def ln_ratio(hit_objects: Sequence[HitObject]) -> float:
    """Share of long notes among the objects, 0 ... 1.

    Raises:
        DataError: for no objects.
    """
    if not hit_objects:
        raise DataError("difficulty.chart_without_objects_has_no_share")
    return sum(isinstance(note, LongNote) for note in hit_objects) / len(hit_objects)


def rows_a_second(hit_objects: Sequence[HitObject]) -> float | None:
    """Distinct start times over the time from the first to the last; None for fewer than two."""
    times = {note.start_ms for note in hit_objects}
    if len(times) < 2:
        return None
    return 1000 * len(times) / (max(times) - min(times))


def ln_classes(ratio: float, *, hybrid_top: float = 0.7) -> dict[str, bool]:
    """Classes of a chart by its share of long notes: `rc` rice, `hb` hybrid, `ln` long notes.

    From 0.4 to `hybrid_top` a chart counts as both hybrid and long notes, as in the data that
    published weights were trained on. `hybrid_top=0.4` is the reading of the original's page.
    """
    return {"rc": ratio < 0.1, "hb": 0.1 <= ratio <= hybrid_top, "ln": ratio >= 0.4}
