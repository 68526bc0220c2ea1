"""Content of a data set: numbers, distributions, splits, left-out charts, sample charts."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.data.feature_db import FeatureDB, FeatureRow
from mug.data.split import FRACTIONS, PARTS, Entry, Split, assert_disjoint, split_beatmaps
from mug.errors import DataError, MugError
from mug.features import FeatureSchema
from mug.prepare.quarantine import FILE_NAME, read_quarantine
from mug.prepare.report.bins import Distribution, feature_distributions, number_distribution
from mug.timing.chart_offset import shift_beatmap

DATABASES = ("features.db", "feature.db")
_EXCERPT_MS = 16000.0
_CLEAN_LIST = "clean.txt"


@dataclass(frozen=True)
class ChartMeasurements:
    """Counts of a chart besides its features.

    Args:
        keys: columns.
        objects: hit objects.
        first_ms: start of the first.
        last_ms: end of the last.
        creator: who made it.
    """

    keys: int
    objects: int
    first_ms: float
    last_ms: float
    creator: str


@dataclass(frozen=True)
class RejectedGroup:
    """Things that were left out for one reason.

    Args:
        stage: the step of the preparation.
        rule: the reason.
        items: what was left out, and the particulars.
    """

    stage: str
    rule: str
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SplitReport:
    """Split of charts.

    Args:
        charts: by part.
        songs: by part; a song is what must not be divided.
        origin: where the split comes from.
        outside: charts in no part.
        problem: why it cannot be used; empty when all is well.
    """

    charts: Mapping[str, int]
    songs: Mapping[str, int]
    origin: str
    outside: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Sample:
    """A chart to look at: an excerpt that begins at 0, where it began, and its features."""

    beatmap: Beatmap
    from_ms: float
    features: Mapping[str, object]


@dataclass(frozen=True)
class DatasetReport:
    """All that the page shows.

    Args:
        name: of the data set.
        totals: number by what is counted, in order.
        features: distributions by feature.
        shapes: further distributions.
        split: how charts are shared out.
        rejected: what was left out, most frequent first.
        samples: charts to look at, easiest first.
        notes: what a reader should know, e.g. files that are missing.
        tools: what measured the features.
        about: which charts are meant, where it is not all of them.
    """

    name: str
    totals: Mapping[str, int | float]
    features: Mapping[str, Distribution]
    shapes: Sequence[Distribution]
    split: SplitReport
    rejected: Sequence[RejectedGroup] = ()
    samples: Sequence[Sample] = ()
    notes: Sequence[str] = ()
    tools: Sequence[str] = field(default=())
    about: str = ""


def collect_report(folder: Path, schema: FeatureSchema, *, samples: int = 6) -> DatasetReport:
    """Read a data set that the preparation scripts made.

    Args:
        folder: with `features.db` (or the original's `feature.db`).
        schema: features to show.
        samples: charts to look at.

    Raises:
        DataError: for a folder without charts or without a database.
    """
    if samples < 0:
        raise DataError("prepare.samples_cannot_be_less_than_none", value=samples)
    file = find_database(folder)
    with FeatureDB(file) as database:
        rows = list(database.rows())
        known = set(database.names)
    rows, about = _kept(file.parent, rows)
    if not rows:
        raise DataError(
            "prepare.feature_database_holds_no_charts",
            file=file,
            remedy="remedy.prepare_features_and_look_into_quarantine",
        )
    measurements, unread = _all_measurements(file, rows)
    notes = [f"{unread} charts could not be read; they have features only."] if unread else []
    lacking = [name for name in schema.names if name not in known]
    if lacking:
        notes.append(f"The database has no column for {', '.join(lacking)}.")
    stars = {row.sr_algorithm for row in rows if row.sr_algorithm}
    tools = {row.tool_version for row in rows if row.tool_version}
    if len(stars) > 1 or len(tools) > 1:
        notes.append("Features were measured by different versions: prepare them again.")
    chosen, broken = _samples(file.parent, rows, samples)
    return DatasetReport(
        name=folder.resolve().name,
        totals=_totals(rows, measurements),
        features=feature_distributions(schema, [row.features for row in rows]),
        shapes=_shapes(file, measurements),
        split=_split(file.parent, rows),
        rejected=_rejected(folder, file),
        samples=chosen,
        notes=[*notes, *broken],
        tools=sorted(stars | tools),
        about=about,
    )


def _kept(folder: Path, rows: list[FeatureRow]) -> tuple[list[FeatureRow], str]:
    """The charts that cleaning left, or all where nobody has cleaned; and a word about it."""
    file = folder / _CLEAN_LIST
    if not file.is_file():
        return rows, ""
    kept = set(_listed(file, folder))
    clean = [row for row in rows if (folder / row.path).resolve() in kept]
    return clean, f"{len(clean)} of {len(rows)} measured charts: those of {_CLEAN_LIST}."


def find_database(folder: Path) -> Path:
    """The feature database of a data set.

    Raises:
        DataError: for no such folder, or one without a database.
    """
    if not folder.is_dir():
        raise DataError(
            "prepare.no_such_folder", file=folder, remedy="remedy.name_folder_of_data_set"
        )
    for name in DATABASES:
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        "prepare.folder_holds_no_feature_database",
        file=folder,
        remedy="remedy.make_one_with_prepare_beatmap_features",
    )


def _table(database: Path, table: str, columns: Sequence[str]) -> list[tuple[object, ...]] | None:
    """Columns of a table that not every database has; None where it is missing."""
    names = ", ".join(columns)
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if not set(columns) <= found:
            return None
        return connection.execute(f"SELECT {names} FROM {table}").fetchall()  # noqa: S608 - own


def _all_measurements(
    database: Path, rows: Sequence[FeatureRow]
) -> tuple[dict[str, ChartMeasurements], int]:
    """Measurements by path, from the database where it has them and from the charts where not."""
    columns = ("path", "keys", "objects", "first_ms", "last_ms", "creator")
    stored = _table(database, "facts", columns) or []
    known = {str(row[0]): row[1:] for row in stored if None not in row}
    measurements, unread = {}, 0
    for row in rows:
        if row.path in known:
            keys, objects, first, last, creator = known[row.path]
            numbers = int(str(keys)), int(str(objects)), float(str(first)), float(str(last))
            measurements[row.path] = ChartMeasurements(*numbers, str(creator))
            continue
        try:
            measurements[row.path] = _measurements(osu.read(database.parent / row.path))
        except (MugError, OSError):
            unread += 1  # said on the page
    return measurements, unread


def _measurements(beatmap: Beatmap) -> ChartMeasurements:
    first = min((note.start_ms for note in beatmap.hit_objects), default=0.0)
    count = len(beatmap.hit_objects)
    return ChartMeasurements(beatmap.keys, count, first, beatmap.last_ms, beatmap.creator)


def _totals(
    rows: Sequence[FeatureRow], measurements: Mapping[str, ChartMeasurements]
) -> dict[str, int | float]:
    songs: dict[str, float] = {}
    for row in rows:
        song = row.audio_hash or row.audio or row.set_name
        last = measurements[row.path].last_ms if row.path in measurements else 0.0
        songs[song] = max(songs.get(song, 0.0), last)
    creators = {one.creator for one in measurements.values() if one.creator}
    return {
        "charts": len(rows),
        "songs": len(songs),
        "beatmapsets": len({row.beatmapset or row.set_name for row in rows}),
        "mappers": len(creators),
        "hours of music": sum(songs.values()) / 3.6e6,
        "notes": sum(one.objects for one in measurements.values()),
    }


def _shapes(database: Path, measurements: Mapping[str, ChartMeasurements]) -> list[Distribution]:
    listed = list(measurements.values())
    spans = [(one.last_ms - one.first_ms) / 1000 for one in listed]
    keys = sorted({one.keys for one in listed})
    counts = tuple(sum(one.keys == count for one in listed) for count in keys)
    shapes = [
        Distribution("Keys", tuple(f"{count}K" for count in keys), counts, numeric=False),
        number_distribution("Length", [one.last_ms / 1000 for one in listed], unit=" s"),
        number_distribution("Notes", [float(one.objects) for one in listed], whole=True),
        number_distribution(
            "Notes a second",
            [f.objects / span for f, span in zip(listed, spans, strict=True) if span > 0],
        ),
    ]
    offsets = _table(database, "audio", ("offset_ms",)) or []
    found = [float(str(row[0])) for row in offsets if row[0] is not None]
    if found:
        shapes.append(number_distribution("Offset of chart and song", found, unit=" ms"))
    return shapes


def _split(folder: Path, rows: Sequence[FeatureRow]) -> SplitReport:
    """The stored split, or the one that training would make."""
    entries = [Entry(folder / row.path, row.beatmapset, row.audio_hash) for row in rows]
    files = [folder / f"{part}.txt" for part in PARTS]
    if any(file.is_file() for file in files):
        by_path = {entry.path.resolve(): entry for entry in entries}
        parts = [_listed(file, folder) for file in files]
        split = Split(*(tuple(by_path[p] for p in part if p in by_path) for part in parts))
        names = ", ".join(file.name for file in files if file.is_file())
        return _split_report(split, f"as stored in {names}", len(entries))
    origin = "as training shares out by default"
    try:
        return _split_report(split_beatmaps(entries, FRACTIONS), origin, len(entries))
    except DataError as error:
        return SplitReport({}, {}, origin, len(entries), str(error))


def _listed(file: Path, folder: Path) -> Iterator[Path]:
    text = file.read_text(encoding="utf-8-sig") if file.is_file() else ""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield (folder / line.strip()).resolve()


def _split_report(split: Split, origin: str, total: int) -> SplitReport:
    charts = {part: len(getattr(split, part)) for part in PARTS}
    songs = {
        part: len({entry.audio_hash or entry.identities[0] for entry in getattr(split, part)})
        for part in PARTS
    }
    outside = max(total - sum(charts.values()), 0)
    try:
        assert_disjoint(split)
    except DataError as error:
        return SplitReport(charts, songs, origin, outside, str(error))
    return SplitReport(charts, songs, origin, outside)


def _rejected(folder: Path, database: Path) -> list[RejectedGroup]:
    decisions = _table(database, "decisions", ("stage", "rule", "item", "detail"))
    triples = [(str(s), str(r), (str(i), str(d))) for s, r, i, d in decisions or ()]
    if not triples:  # a data set of before there were decisions
        for entry in read_quarantine(folder / FILE_NAME):
            rule = entry.reason.split(":")[0].split(". ")[0]
            triples.append((entry.stage, rule, (entry.file, entry.reason)))
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for stage, rule, item in triples:
        groups.setdefault((stage, rule), []).append(item)
    listed = [RejectedGroup(*key, tuple(sorted(items))) for key, items in groups.items()]
    return sorted(listed, key=lambda group: (-len(group.items), group.stage, group.rule))


def _samples(
    folder: Path, rows: Sequence[FeatureRow], count: int
) -> tuple[list[Sample], list[str]]:
    """Charts from the easiest to the hardest, evenly spread; and what is wrong with some."""
    rated = sorted(rows, key=lambda row: (float(row.features.get("sr") or 0.0), row.path))
    count = min(count, len(rated))
    places = [round(i * (len(rated) - 1) / max(count - 1, 1)) for i in range(count)]
    samples, broken = [], []
    for row in (rated[place] for place in places):
        try:
            samples.append(_excerpt(osu.read(folder / row.path), row.features))
        except (MugError, OSError) as error:
            broken.append(f"A sample chart cannot be shown: {error}")
    return samples, broken


def _excerpt(beatmap: Beatmap, features: Mapping[str, object]) -> Sample:
    """Some bars from the first third of a chart."""
    times = [note.start_ms for note in beatmap.hit_objects]
    begin = min(times, default=0.0)
    begin += max(max(times, default=0.0) - begin - _EXCERPT_MS, 0.0) / 3
    reds = beatmap.red_lines
    if reds:
        red = max((r for r in reds if r.time_ms <= begin), key=lambda r: r.time_ms, default=reds[0])
        bar = red.beat_ms * red.meter
        bar = bar if 0 < bar < _EXCERPT_MS / 4 else 1.0  # no music has bars of half a minute
        begin = red.time_ms + math.floor((begin - red.time_ms) / bar) * bar
    shown = [n for n in beatmap.hit_objects if begin <= n.start_ms < begin + _EXCERPT_MS]
    excerpt = shift_beatmap(beatmap.with_objects(shown), -begin)
    return Sample(replace(excerpt, path=beatmap.path), begin, features)
