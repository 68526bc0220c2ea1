"""Stars of a model's charts as sampled, by the stars that it is given."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from mug.errors import GenerationError
from mug.files import append_lines, atomic_write
from mug.pipeline.arrange.reach_stars import stars_of
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.model.reached import STARS, ReachedStars
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ChartRequest, chart_seed


@dataclass(frozen=True)
class MeasuredStars:
    """Star rating of a chart.

    Args:
        run: name of the model and of how it was sampled; others do not count.
        song: name of the song.
        seed: of the chart.
        given: stars that the model was given.
        reached: star rating of the finished chart, not brought to anything; 0 without notes.
    """

    run: str
    song: str
    seed: int
    given: float
    reached: float


def sampled_stars(
    generator: ChartGenerator, request: GenerationRequest, given: Sequence[float]
) -> list[float]:
    """Return the stars of a chart for each star rating given, finished and nothing more.

    Args:
        generator: the model; what was measured of it before has no say.
        request: song, timing, seed and sampling; the rest of the prompt.
        given: star ratings.
    """
    plain = ChartGenerator(replace(generator.model, reached=None))
    charts = [
        ChartRequest(
            {**request.prompt, STARS: stars}, request.negative_prompt, chart_seed(request.seed, 0)
        )
        for stars in given
    ]
    finishes = [replace(request.finish, star_rating=stars) for stars in given]
    made = plain.generate_each(request, charts, finishes)
    return [stars_of(chart) for chart in made.beatmaps]


def read_measured(file: Path, run: str) -> list[MeasuredStars]:
    """Return what was measured of a run before; a line that was cut short is left out."""
    if not file.is_file():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(MeasuredStars(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return [one for one in found if one.run == run]


def measure_missing(
    file: Path,
    run: str,
    wanted: Iterable[tuple[str, int]],
    given: Sequence[float],
    measure: Callable[[str, int, Sequence[float]], Sequence[float]],
) -> list[MeasuredStars]:
    """Measure what a file does not hold yet and add it, song by song.

    Args:
        file: one JSON object a line.
        run: name of the model and of how it is sampled.
        wanted: songs and seeds.
        given: star ratings of each.
        measure: takes song, seed and star ratings, returns the stars reached.
    """
    found = {(one.song, one.seed, one.given): one for one in read_measured(file, run)}
    for song, seed in wanted:
        missing = [stars for stars in given if (song, seed, stars) not in found]
        reached = measure(song, seed, missing) if missing else ()
        new = [
            MeasuredStars(run, song, seed, stars, round(value, 4))
            for stars, value in zip(missing, reached, strict=True)
        ]
        found |= {(one.song, one.seed, one.given): one for one in new}
        append_lines(file, (json.dumps(asdict(one)) for one in new))
    keys = [(song, seed, stars) for song, seed in wanted for stars in given]
    return [found[key] for key in keys]


def is_measured(file: Path) -> bool:
    """Tell a file of measurements; its last line may be cut short."""
    try:
        whole, newline, _ = file.read_text(encoding="utf-8").partition("\n")
        first = json.loads(whole) if newline else {}
    except ValueError:
        return False
    names = {field.name for field in fields(MeasuredStars)}
    return isinstance(first, dict) and set(first) in (names, set())


def summary(measured: Sequence[MeasuredStars]) -> dict[str, Any]:
    """Return means and standard deviations by stars given, as `reached.json` has them.

    Raises:
        GenerationError: for fewer than two star ratings.
    """
    levels: Mapping[float, list[float]] = defaultdict(list)
    for one in measured:
        levels[one.given].append(one.reached)
    if len(levels) < 2:
        raise GenerationError("pipeline.calibration_needs_two_star_ratings", value=sorted(levels))
    given = sorted(levels)
    found = ReachedStars(
        tuple(given), tuple(round(float(np.mean(levels[stars])), 4) for stars in given)
    )
    return {
        **asdict(found),
        "deviation": [round(float(np.std(levels[stars])), 4) for stars in given],
        "songs": len({one.song for one in measured}),
        "charts": len(measured),
        "run": measured[0].run,
    }


def write_summary(file: Path, content: Mapping[str, Any]) -> None:
    """Write `reached.json`, whole or not at all."""
    with atomic_write(file, "w", encoding="utf-8") as handle:
        json.dump(content, handle, indent=1)
        handle.write("\n")
