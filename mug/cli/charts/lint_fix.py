"""Fix what lint finds, in copies of the files: what is not fixed stays byte for byte."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mug.audio.load import sound_length
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.document import Document, open_chart
from mug.beatmap.exact.operations import replacement
from mug.beatmap.exact.steps import as_containers
from mug.cli.charts.chart_choice import song_of
from mug.cli.common import FAILED, OK
from mug.difficulty.stars import star_rating
from mug.errors import BeatmapError, DataError, ModeError, MugError
from mug.files import write_together
from mug.lint.repair.fix import fix
from mug.lint.repair.note_changes import note_changes
from mug.lint.rules import NOTICE, count_by_severity, lint, tier_for
from mug.pipeline.output.own_files import check_outputs
from mug.tiers import Tier


@dataclass
class FixRun:
    """One run of the command that fixes.

    Args:
        given: the command line.
        reports: what was done, chart by chart.
        failures: files that cannot be read or written, and why.
    """

    given: argparse.Namespace
    reports: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def fix_all(given: argparse.Namespace, files: Iterator[tuple[Path, Path]]) -> int:
    """Fix files, write copies, and print what was done.

    Args:
        given: the command line.
        files: each with its place below the folder of copies.
    """
    run, pairs = FixRun(given), [(path, given.fix / place) for path, place in files]
    check_outputs([copy for _, copy in pairs], overwrite=given.overwrite)
    for path, copy in pairs:
        try:
            document = open_chart(path, strict=given.strict)
            fixed = _fixed(document, path, copy, run)
        except ModeError:
            continue
        except BeatmapError as error:
            run.failures.append(str(error))
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        with write_together():
            fixed.write(copy)
    if given.json:
        print(json.dumps({"notice": NOTICE, "charts": run.reports}, indent=1))
    else:
        for report in run.reports:
            _show(report)
        print(f"\n{len(run.reports)} charts. {NOTICE}")
    for failure in run.failures:
        print(f"error: {failure}", file=sys.stderr)
    broken = any(report["left"]["error"] for report in run.reports)
    return FAILED if broken or run.failures else OK


def _fixed(document: Document, path: Path, copy: Path, run: FixRun) -> Document:
    for error in document.left_out:
        if not isinstance(error, ModeError):
            run.failures.append(str(error))
    for chart, place in enumerate(document.charts):
        beatmap, given = place.beatmap, run.given
        if given.keys and beatmap.keys not in given.keys:
            continue
        if len(beatmap.hit_objects) < given.least_notes:
            continue
        tier = given.tier or _tier(beatmap)
        audio_ms = _song_ms(document, chart, path) if given.audio else None
        found = fix(beatmap, tier=tier, audio_ms=audio_ms)
        changes = note_changes(beatmap.hit_objects, found.changes)
        done = document.apply([replacement(changes, chart)] if changes else [])
        document = done.document
        left = lint(document.place(chart).beatmap, tier=tier, audio_ms=audio_ms)
        run.reports.append(
            {
                "file": str(path),
                "copy": str(copy),
                "difficulty": beatmap.version,
                "tier": tier.title,
                "changes": dict(Counter(change.kind for change in found.changes)),
                "done": [str(change) for change in found.changes],
                "moved": as_containers(done.moved),
                "left": count_by_severity(left),
            }
        )
    return document


def _tier(beatmap: Beatmap) -> Tier:
    try:
        stars: float | None = star_rating(beatmap)
    except (BeatmapError, DataError):  # guessed from the density, as lint does
        stars = None
    return tier_for(beatmap, stars)


def _song_ms(document: Document, chart: int, path: Path) -> float | None:
    """Length of the song; says so where it is not known."""
    try:
        with song_of(document, chart, path) as song:
            return sound_length(song)[0]
    except MugError as error:
        print(f"{path}: {error.what}. The song's end is not looked at", file=sys.stderr)
        return None


def _show(report: dict[str, Any]) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in report["changes"].items())
    counts = report["left"].items()
    left = ", ".join(f"{count} {word}{'s' * (count != 1)}" for word, count in counts)
    name = f"{report['copy']} [{report['difficulty']}]"
    print(f"{name} {report['tier']}: {kinds or 'nothing to fix'}")
    for line in report["done"]:
        print(f"  {line}")
    print(f"  left: {left}")
