"""Charts of another program: which human chart each is held against, and by whose word."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import CHARTS, PACKAGES, read_any
from mug.difficulty.stars import star_rating
from mug.errors import BeatmapError, DataError, MugError
from mug.evaluation.failed import worst_figures
from mug.evaluation.rows import Judged, ResultRow
from mug.evaluation.songs import Against, HumanSong, SongSound
from mug.metrics.matched_rows import LineScores
from mug.util import files_below

BY_MAPPING, BY_STARS = "mapping file", "nearest star rating"
MIDDLE = "middle difficulty, for it cannot be rated"

LINES = ".lines.csv"
"""End of the file beside a chart that has the scores of its song's lines."""

_COLUMNS = ("chart", "song", "difficulty")
_ANY = ""


@dataclass(frozen=True)
class RivalFile:
    """A file of another program with the song that it belongs to.

    Args:
        file: a chart or a package of charts.
        song: name of the song.
        references: index of the human chart by the difficulty's name in the file, from the mapping
            file; the empty name stands for all charts of the file.
    """

    file: Path
    song: str
    references: tuple[tuple[str, int], ...] = ()

    def reference(self, version: str) -> int | None:
        """Index of the human chart that the mapping file names; None without one."""
        named = dict(self.references)
        return named.get(version, named.get(_ANY))


def rival_files(
    folder: Path, songs: Sequence[HumanSong], mapping: Path | None = None
) -> list[RivalFile]:
    """The files of another program, each with its song.

    Without a mapping, a file belongs to the song whose folder has the name of the file's own
    folder, or that its name begins with, or else to the one whose sound file has the name that the
    chart gives.

    Args:
        folder: of the charts.
        songs: that they may be of.
        mapping: a CSV file with the columns `chart`, `song` and `difficulty`: the path of a chart
            within the folder, followed by its difficulty in brackets where a file has several; the
            song's folder; and the human difficulty. Charts that it does not name are matched
            without it.

    Raises:
        DataError: for a file of no song, a folder without charts, and a mapping that names charts,
            songs or difficulties that are not there, or one chart twice.
    """
    suffixes = {*CHARTS, *PACKAGES}
    files = [p for p in files_below(folder) if p.suffix.lower() in suffixes]
    if not files:
        raise DataError("scripts.no_charts_in_folder", file=folder)
    named = _read_mapping(mapping, folder, files, songs) if mapping is not None else {}
    return [named.get(f) or RivalFile(f, _song_of(f, songs).name) for f in files]


def rival_charts(
    rival: RivalFile,
    name: str,
    song: HumanSong,
    sound: SongSound,
    others: Sequence[HumanSong],
) -> list[Judged]:
    """The charts of a file, judged; what cannot be read or measured counts as failed.

    Args:
        rival: the file.
        name: of the program.
        song: that it belongs to.
        sound: of the song.
        others: other songs by people.
    """
    losses = LossReport()
    try:
        charts: list[Beatmap] = read_any(rival.file, losses=losses)
    except BeatmapError:
        charts, broken = [], 1
    else:
        broken = losses.count("charts that are broken")
    judged = []
    for number, chart in enumerate(charts):
        index, how = _reference(chart, rival, song)
        against = Against(song, index, sound, tuple(others))
        judged.append(_judged(chart, against, name, number, rival))
        judged[-1] = _said(judged[-1], rival, how)
    for number in range(len(charts), len(charts) + broken):
        named = rival.reference(_ANY)
        against = Against(song, _middle(song) if named is None else named, sound, tuple(others))
        row = _failed_row(against, name, number)
        judged.append(_said(Judged(row), rival, MIDDLE if named is None else BY_MAPPING))
    return judged


def read_lines(file: Path) -> LineScores:
    """Scores of lines from a CSV file with the columns `time_ms` and `score`.

    Raises:
        DataError: for a file without them, and for times and scores that are none.
    """
    with file.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    try:
        times, score = (
            np.array([float(row[name]) for row in rows], np.float64)
            for name in ("time_ms", "score")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError("evaluation.lines_file_is_broken", file=file, value=str(error)) from error
    return LineScores(times, score)


def _judged(chart: Beatmap, against: Against, name: str, number: int, rival: RivalFile) -> Judged:
    from mug.evaluation.columns import row_of
    from mug.evaluation.figures import figures_of

    beside = rival.file.with_name(rival.file.name + LINES)
    lines = read_lines(beside) if beside.is_file() else None
    try:
        figures = figures_of(chart, against, lines=lines)
        return Judged(row_of(chart, against, name, figures=figures, seed=number), chart)
    except MugError:  # e.g. no measure takes its notes: that is the figure
        return Judged(_failed_row(against, name, number), chart)


def _failed_row(against: Against, name: str, number: int) -> ResultRow:
    human = against.human
    figures = worst_figures(against)
    row = ResultRow(against.song.name, human.version, name, seed=number, figures=figures)
    return replace(row, chart=against.index)


def _said(judged: Judged, rival: RivalFile, how: str) -> Judged:
    return replace(judged, row=replace(judged.row, variant=rival.file.name, reference=how))


def _reference(chart: Beatmap, rival: RivalFile, song: HumanSong) -> tuple[int, str]:
    """Index of the human chart, and by what it was found."""
    named = rival.reference(chart.version)
    if named is not None:
        return named, BY_MAPPING
    try:
        return song.nearest(star_rating(chart)) or 0, BY_STARS
    except MugError:
        return _middle(song), MIDDLE


def _middle(song: HumanSong) -> int:
    return len(song.charts) // 2


def _read_mapping(
    mapping: Path, folder: Path, files: Sequence[Path], songs: Sequence[HumanSong]
) -> dict[Path, RivalFile]:
    with mapping.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        if not set(_COLUMNS) <= set(reader.fieldnames or ()):
            raise DataError(
                "evaluation.mapping_needs_columns", file=mapping, value=reader.fieldnames
            )
        rows = list(reader)
    found: dict[Path, RivalFile] = {}
    for row in rows:
        file, version = _chart_of(row["chart"], folder, files, mapping)
        song, index = _human_of(row["song"], row["difficulty"], songs, mapping)
        old = found.get(file, RivalFile(file, song))
        if old.song != song or version in dict(old.references):
            raise DataError(
                "evaluation.mapping_names_chart_twice", file=mapping, value=row["chart"]
            )
        found[file] = replace(old, references=(*old.references, (version, index)))
    return found


def _chart_of(said: str, folder: Path, files: Sequence[Path], mapping: Path) -> tuple[Path, str]:
    """The file that a chart of the mapping names, and its difficulty where that is named."""
    by_name = {file.relative_to(folder).as_posix(): file for file in files}
    name = said.strip().replace("\\", "/")
    if name in by_name:
        return by_name[name], _ANY
    file, _, version = name.rpartition(" [")
    if file in by_name and version.endswith("]"):
        return by_name[file], version[:-1]
    raise DataError("evaluation.mapping_names_no_chart", file=mapping, value=said)


def _human_of(
    song: str, difficulty: str, songs: Sequence[HumanSong], mapping: Path
) -> tuple[str, int]:
    for one in songs:
        versions = [chart.version for chart in one.charts]
        if one.name == song.strip() and difficulty.strip() in versions:
            return one.name, versions.index(difficulty.strip())
    raise DataError(
        "evaluation.mapping_names_no_human_chart", file=mapping, value=f"{song} [{difficulty}]"
    )


def _song_of(file: Path, songs: Sequence[HumanSong]) -> HumanSong:
    for song in songs:
        if file.parent.name == song.name:
            return song
    # Of "Song" and "Song 2" the longer name fits better.
    begins = [song for song in songs if file.stem.startswith(song.name)]
    if begins:
        return max(begins, key=lambda song: len(song.name))
    charts: list[Beatmap] = read_any(file, losses=LossReport())
    fits = [
        song
        for song in songs
        if any(c.audio_filename.casefold() == song.audio.name.casefold() for c in charts)
    ]
    if len(fits) != 1:
        raise DataError(
            "scripts.chart_belongs_to_no_song",
            file=file,
            value=[song.name for song in fits],
            remedy="remedy.put_into_folder_with_name",
        )
    return fits[0]
