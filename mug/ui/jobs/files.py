"""A revision's files: charts first, then what can fail without losing them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mug.audio.load import read_sound
from mug.audio.vorbis import encode_vorbis
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.formats.osu.package import chart_name, pack
from mug.beatmap.formats.osu.patch import ChartFile
from mug.beatmap.formats.registry import FORMATS, OFFERED, encoded
from mug.errors import MugError
from mug.files import atomic_write
from mug.pipeline.report import report_markdown
from mug.render.chart_image import render_chart
from mug.ui.jobs.folders import Revision, safe_name
from mug.ui.page import sentences
from mug.ui.page.sentences import sentence, without_folders
from mug.ui.page.texts import Texts
from mug.ui.player.document import PlayerFinding, SongView, outline, player_document

log = logging.getLogger(__name__)

RESULT, PLAYER, PICTURE, REPORT = "result.json", "player.json", "picture.png", "report.json"
PREVIEW_SOUND = "preview.ogg"


@dataclass(frozen=True)
class RevisionContents:
    """Charts and what is said of them.

    Args:
        charts: as files, in the order of the page.
        report: of `mug.pipeline.report.report_of`, one entry a chart.
        song: the sound file that goes into the package.
        wave: mono samples of the song, for its outline.
        sample_rate: of the wave, in Hz.
        origin: what made the revision: `generated`, `timing` or `edit`.
    """

    charts: Sequence[ChartFile]
    report: Mapping[str, Any]
    song: Path
    wave: np.ndarray
    sample_rate: int
    origin: str


@dataclass
class Written:
    """Files of a revision.

    Args:
        files: names in the revision's folder, by kind: `osz`, `osu`, the suffixes of `OFFERED`
            without their dots, `report`, `picture`.
        charts: the names of the `.osu` files, in the order of the player.
        failed: a sentence for each part that could not be made.
        player: whether there is a preview.
        picture: whether there is a picture.
        origin: see `RevisionContents`.
    """

    files: list[tuple[str, str]] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    player: bool = False
    picture: bool = False
    origin: str = "generated"


def write_revision(revision: Revision, contents: RevisionContents, language: str) -> Written:
    """Write all files of a revision.

    The package, the charts and the report come first; a failure of the rest is reported and loses
    nothing.

    Args:
        revision: where to.
        contents: the charts.
        language: of the preview, `en` or `zh`.
    """
    written = Written(origin=contents.origin)
    folder = revision.folder
    _write_charts(folder, contents, written)
    _write_report(folder, contents, written)
    for suffix in OFFERED:
        step = partial(_write_format, folder, contents, suffix, written)
        _try(written, suffix[1:], step, language)
    _try(written, "picture", lambda: _write_picture(folder, contents, written), language)
    player = partial(_write_player, revision, contents, language, written)
    _try(written, "preview", player, language)
    with atomic_write(folder / RESULT, "w", encoding="utf-8") as handle:
        json.dump(written.__dict__, handle, ensure_ascii=False)
    return written


def read_written(revision: Revision) -> Written:
    """Read what `write_revision` returned."""
    found = json.loads((revision.folder / RESULT).read_text(encoding="utf-8"))
    return Written(**{**found, "files": [tuple(entry) for entry in found["files"]]})


def _try(written: Written, what: str, step: Callable[[], None], language: str) -> None:
    name = Texts(language).file_kind(what)
    try:
        step()
    except MugError as error:
        log.exception("%s could not be made", what)
        written.failed.append(f"{name}: {sentence(error, language)}")
    except (OSError, ValueError, ArithmeticError) as error:
        log.exception("%s could not be made", what)
        written.failed.append(f"{name}: {without_folders(str(error))}")


def _write_charts(folder: Path, contents: RevisionContents, written: Written) -> None:
    members: dict[str, Path | bytes] = {contents.song.name: contents.song}
    for chart in contents.charts:
        members[chart_name(chart.beatmap)] = chart.data
        name = _free(safe_name(chart_name(chart.beatmap).removesuffix(".osu")), ".osu", written)
        with atomic_write(folder / name) as handle:
            handle.write(chart.data)
        written.charts.append(name)
        written.files.append(("osu", name))
    first = contents.charts[0].beatmap
    package = safe_name(f"{first.artist} - {first.title}") + ".osz"
    pack(folder / package, members)
    written.files.insert(0, ("osz", package))


def _free(stem: str, suffix: str, written: Written) -> str:
    taken = {name.casefold() for _, name in written.files}
    name, count = stem + suffix, 2
    while name.casefold() in taken:
        name, count = f"{stem[:70]} {count}{suffix}", count + 1
    return name


def _write_report(folder: Path, contents: RevisionContents, written: Written) -> None:
    with atomic_write(folder / REPORT, "w", encoding="utf-8") as handle:
        json.dump(contents.report, handle, indent=2, ensure_ascii=False)
    with atomic_write(folder / "report.md", "w", encoding="utf-8") as handle:
        handle.write(report_markdown(contents.report))
    written.files += [("report", REPORT), ("report", "report.md")]


def _write_format(folder: Path, contents: RevisionContents, suffix: str, written: Written) -> None:
    """Charts of another game with their song, as a package of that game or a zip of its folder."""
    charts = [chart.beatmap for chart in contents.charts]
    members: dict[str, Path | bytes] = {contents.song.name: contents.song}
    members |= encoded(charts, suffix, LossReport())
    stem = safe_name(f"{charts[0].artist} - {charts[0].title}")
    target = _free(stem, FORMATS[suffix].package or f"{suffix}.zip", written)
    pack(folder / target, members)
    written.files.append((suffix[1:], target))


def _write_picture(folder: Path, contents: RevisionContents, written: Written) -> None:
    render_chart(contents.charts[0].beatmap, folder / PICTURE, max_width=2400, max_height=1600)
    written.picture = True
    written.files.append(("picture", PICTURE))


def _write_player(
    revision: Revision, contents: RevisionContents, language: str, written: Written
) -> None:
    charts = [chart.beatmap for chart in contents.charts]
    sound = revision.folder.parent / PREVIEW_SOUND
    if not sound.exists():
        _write_sound(contents.song, sound)
    document = player_document(
        charts,
        f"/mug/sound/{revision.job}",
        [_findings(entry, language) for entry in contents.report["charts"]],
        names=[chart.version for chart in charts],
        star_ratings=[entry["reached"].get("sr") for entry in contents.report["charts"]],
        song=SongView(
            waveform=outline(contents.wave, contents.sample_rate),
            duration_ms=1000.0 * len(contents.wave) / contents.sample_rate,
            language=language,
        ),
    )
    with atomic_write(revision.folder / PLAYER, "w", encoding="utf-8") as handle:
        json.dump(document, handle, ensure_ascii=False, allow_nan=False)
    written.player = True


def _findings(entry: Mapping[str, Any], language: str) -> list[PlayerFinding]:
    listed = (entry["findings"] or {}).get("list", [])
    return [
        PlayerFinding(
            found["time_ms"],
            tuple(found.get("columns", ())),
            sentences.rule(found["rule"], language),
            found["severity"] if found["severity"] in ("error", "warning") else "info",
            found["message"].text(language),
            found.get("end_ms"),
        )
        for found in listed
    ]


def _write_sound(song: Path, target: Path) -> None:
    """The song's samples as the charts' clock has them; browsers cut MP3s elsewhere."""
    samples, rate, _ = read_sound(song)  # the report tells what is missing
    with atomic_write(target) as handle:
        handle.write(encode_vorbis(samples, rate))


def charts_of(revision: Revision, written: Written) -> list[ChartFile]:
    """A revision's charts, from its files."""
    return [osu_patch.read(revision.folder / name) for name in written.charts]
