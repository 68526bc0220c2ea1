"""One judged chart as a value, as JSON, and as a file beside the results; docs/benchmark.md."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.safe_names import MAX_BYTES, sanitise_name
from mug.errors import DataError
from mug.features import FeatureValue
from mug.pipeline.provenance import WORDS

CHARTS, DIVERSITY, SWEEP = "charts", "diversity", "sweep"
SWITCHES, EDITING, COST = "switches", "editing", "cost"
PARTS = (CHARTS, SWEEP, SWITCHES, EDITING, COST)
"""Parts that can be requested; rows of `diversity` come with `charts`."""

FAILED = "failed"
"""Figure that is 1 for a chart that cannot be measured, else 0."""

_BROKEN = "violations_"

Figures = dict[str, float]


@dataclass(frozen=True)
class ResultRow:
    """The figures of one chart.

    Args:
        song: name of the song.
        difficulty: the human chart that it is held against.
        column: who made it, e.g. `raw` or `random on the grid`.
        timing: `given`, `free`, or `` where there is no such choice.
        seed: number of the sample, 0 where there is one only.
        figures: by name; not a number where a figure does not apply.
        file: the chart as written, relative to the results; empty where there is none.
        chart: number of the human chart within its song, the easiest is 0.
        part: the piece of the protocol that it belongs to, see `PARTS`.
        variant: what tells it from others of its part, e.g. `ln on`.
        asked: the prompt, where a model made it.
        features: what the distances compare, by name; only for charts of the part `charts`.
        reference: how the human chart was found, for charts of another program.
    """

    song: str
    difficulty: str
    column: str
    timing: str = ""
    seed: int = 0
    figures: Figures = field(default_factory=dict)
    file: str = ""
    chart: int = 0
    part: str = CHARTS
    variant: str = ""
    asked: Mapping[str, FeatureValue] = field(default_factory=dict)
    features: Figures = field(default_factory=dict)
    reference: str = ""

    @property
    def failed(self) -> bool:
        """Return whether the chart could not be measured."""
        return self.figures.get(FAILED, 0.0) > 0

    @property
    def violations(self) -> dict[str, int]:
        """Count of broken rules, by kind; empty where they were not counted."""
        return {
            name.removeprefix(_BROKEN): int(count)
            for name, count in self.figures.items()
            if name.startswith(_BROKEN) and math.isfinite(count)
        }


@dataclass(frozen=True)
class Judged:
    """A chart and its figures.

    Args:
        row: the figures.
        beatmap: the chart; None where the figures are of several charts.
        by_people: whether it is a human chart as it is.
    """

    row: ResultRow
    beatmap: Beatmap | None = None
    by_people: bool = False


def keep(judged: Judged, out: Path) -> ResultRow:
    """Write a judged chart to `charts/SONG/NAME.osu` of the results; its row with the place.

    What no human charted is tagged as machine-made and names its column as its creator.
    """
    row, beatmap = judged.row, judged.beatmap
    if beatmap is None:
        return row
    part = "" if row.part == CHARTS else row.part
    words = (part, row.column, row.timing, row.variant, f"seed {row.seed}")
    name = ", ".join((row.difficulty, *(word for word in words if word)))
    if not judged.by_people:
        said = {"Creator": row.column, "Version": name, "Tags": WORDS[0]}
        beatmap = replace(beatmap, metadata={**beatmap.metadata, **said})
    return replace(row, file=write_chart(beatmap, out, row.song, f"{row.chart} {name}"))


def write_chart(beatmap: Beatmap, out: Path, song: str, name: str) -> str:
    """Write a chart below a folder of results; its path relative to that.

    Names that no file can have are changed; a digest keeps them apart.
    """
    safe = sanitise_name(f"{name}.osu")
    if safe != f"{name}.osu":
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        safe = f"{sanitise_name(name, max_bytes=MAX_BYTES - 16)} {digest}.osu"
    place = Path("charts") / sanitise_name(song) / safe
    (out / place).parent.mkdir(parents=True, exist_ok=True)
    osu.write(beatmap, out / place)
    return place.as_posix()


def finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures as JSON has them: not a number becomes null."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def as_json(row: ResultRow) -> dict[str, object]:
    """Plain containers; not a number becomes null."""
    return {
        **{name: getattr(row, name) for name in row.__dataclass_fields__},
        "figures": finite(row.figures),
        "features": finite(row.features),
        "violations": row.violations,
    }


def from_json(plain: Mapping[str, object]) -> ResultRow:
    """A row as `as_json` wrote it."""
    asked = plain.get("asked", {})
    if not isinstance(asked, Mapping):
        raise DataError("evaluation.asked_is_no_mapping", value=asked)
    return ResultRow(
        song=str(plain["song"]),
        difficulty=str(plain["difficulty"]),
        column=str(plain["column"]),
        timing=str(plain["timing"]),
        seed=int(str(plain["seed"])),
        figures=_numbers(plain, "figures"),
        file=str(plain["file"]),
        chart=int(str(plain["chart"])),
        part=str(plain["part"]),
        variant=str(plain["variant"]),
        asked=dict(asked),
        features=_numbers(plain, "features"),
        reference=str(plain["reference"]),
    )


def _numbers(plain: Mapping[str, object], name: str) -> Figures:
    found = plain[name]
    if not isinstance(found, Mapping):
        raise DataError("evaluation.row_of_results_has_no", name=name, value=plain)
    return {str(k): math.nan if v is None else float(v) for k, v in found.items()}
