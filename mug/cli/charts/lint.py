"""Say what a modder would about charts: what cannot be played, and what is odd for its tier.

Takes charts, packages and folders of these. docs/lint.md lists the rules. The exit status is 1
where there are errors, or files that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mug.audio.load import sound_length
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import package as osz
from mug.beatmap.formats.registry import CHARTS, PACKAGES, kind_of, read_chart, suffixes
from mug.beatmap.sound_file import find_audio
from mug.cli.common import FAILED, OK, STRICT, add_overwrite_option, run
from mug.difficulty.stars import star_rating
from mug.errors import AudioError, BeatmapError, DataError, ModeError, printable
from mug.lint.findings import Finding
from mug.lint.rules import NOTICE, count_by_severity, lint, tier_for
from mug.lint.text_report import Linted, as_containers, played_minutes, rates, rates_table, table
from mug.tiers import Tier, tier_named
from mug.util import files_below


@dataclass(frozen=True)
class Checked:
    """One chart and what was found in it."""

    name: str
    beatmap: Beatmap
    stars: float | None
    tier: Tier
    findings: tuple[Finding, ...]

    @property
    def minutes(self) -> float:
        """From the first note to the end of the last."""
        notes = self.beatmap.hit_objects
        first = min((note.start_ms for note in notes), default=0.0)
        return played_minutes(self.beatmap.last_ms - first)


@dataclass
class LintRun:
    """One run of the command.

    Args:
        given: the command line.
        failures: files that cannot be read, and why.
        others: charts of other game modes.
        songs: lengths of songs in ms; None for one that cannot be read.
    """

    given: argparse.Namespace
    failures: list[str] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    songs: dict[Path, float | None] = field(default_factory=dict)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=NOTICE
    )
    parser.add_argument("paths", metavar="FILE|FOLDER", type=Path, nargs="+", help=suffixes())
    parser.add_argument("--json", action="store_true", help="for programs; columns count from 0")
    parser.add_argument(
        "--rates", action="store_true", help="findings a minute by rule and tier, nothing else"
    )
    parser.add_argument(
        "--tier",
        type=tier_named,
        help="Easy, Normal, Hard, Insane or Expert (default: by star rating)",
    )
    parser.add_argument(
        "--audio", action="store_true", help="also look whether notes lie after the song"
    )
    parser.add_argument("--strict", action="store_true", help=STRICT)
    parser.add_argument(
        "--fix",
        type=Path,
        metavar="FOLDER",
        help="fix what can be fixed in copies of the files, which are written into this folder;"
        " what is not fixed stays as it is, byte for byte",
    )
    add_overwrite_option(parser)
    parser.add_argument("--keys", type=int, nargs="*", help="only charts of so many columns")
    parser.add_argument("--least_notes", type=int, default=0, help="only charts of so many notes")
    return parser.parse_args()


def main() -> int:
    """Lint every chart once, then print what was asked for."""
    given = _arguments()
    if given.fix is not None:
        from mug.cli.charts.lint_fix import fix_all

        return fix_all(given, _copies(given.paths))
    this = LintRun(given)
    checked = list(_distinct(_check_all(this)))
    if given.rates:
        linted = [Linted(c.tier, c.minutes, c.findings) for c in checked]
        print(json.dumps(rates(linted), indent=1) if given.json else rates_table(linted))
    elif given.json:
        print(json.dumps({"notice": NOTICE, "charts": [_contained(c) for c in checked]}, indent=1))
    else:
        for chart in checked:
            _show(chart)
    if not given.json:
        print(f"\n{len(checked)} charts; {len(this.others)} of other game modes left out. {NOTICE}")
    for failure in this.failures:
        print(f"error: {failure}", file=sys.stderr)
    broken = any(f.severity == "error" for chart in checked for f in chart.findings)
    return FAILED if broken or this.failures else OK


def _distinct(charts: Iterator[Checked]) -> Iterator[Checked]:
    """Each chart once, whatever files have its notes."""
    seen: set[tuple[object, ...]] = set()
    for chart in charts:
        notes = tuple((n.column, n.start_ms, n.last_ms) for n in chart.beatmap.sorted_objects())
        key = (chart.beatmap.keys, notes)
        if key not in seen or not notes:
            seen.add(key)
            yield chart


def _check_all(this: LintRun) -> Iterator[Checked]:
    for path in this.given.paths:
        for file in _files(path):
            if file.suffix.lower() not in PACKAGES:
                yield from _check_file(file, None, this)
                continue
            try:
                with osz.unpacked(file) as package:
                    charts = [inner for inner in package.files if inner.suffix.lower() in CHARTS]
                    if not charts:
                        error = BeatmapError("chart.no_chart_is_in_package", file=file)
                        this.failures.append(str(error))
                    for inner in charts:
                        yield from _check_file(inner, package, this)
            except BeatmapError as error:
                this.failures.append(str(error))


def _files(path: Path) -> list[Path]:
    """The charts and packages in a folder; a file itself, whatever its name."""
    if not path.is_dir():
        return [path]
    known = {*CHARTS, *PACKAGES}
    return [p for p in files_below(path) if p.suffix.lower() in known]


def _copies(paths: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Every file, with its place below a folder of copies."""
    for path in paths:
        for file in _files(path):
            yield file, file.relative_to(path) if path.is_dir() else Path(file.name)


def _check_file(file: Path, package: osz.Unpacked | None, this: LintRun) -> Iterator[Checked]:
    given = this.given
    losses = LossReport()
    try:
        beatmaps = read_chart(file, kind_of(file), losses=losses, strict=given.strict)
    except BeatmapError as error:
        named = error if package is None else package.named(error)
        if not isinstance(error, ModeError) or file in given.paths:
            this.failures.append(str(named))
        if isinstance(error, ModeError):
            this.others.append(file)
        return
    name = str(file if package is None else package.place(file))
    for loss in losses:
        print(f"{name}: {loss}", file=sys.stderr)
    for beatmap in beatmaps:
        if given.keys and beatmap.keys not in given.keys:
            continue
        if len(beatmap.hit_objects) < given.least_notes:
            continue
        yield _check(beatmap, name, this, packed=package is not None)


def _check(beatmap: Beatmap, name: str, this: LintRun, *, packed: bool) -> Checked:
    given = this.given
    stars: float | None = None
    if given.tier is None:
        try:
            stars = star_rating(beatmap)
        except (BeatmapError, DataError) as error:
            print(f"{name}: {error.what}. Its tier is guessed from its density", file=sys.stderr)
    tier = tier_for(beatmap, stars) if given.tier is None else given.tier
    audio_ms = _song_ms(beatmap, name, this, packed=packed) if given.audio else None
    return Checked(name, beatmap, stars, tier, lint(beatmap, tier=tier, audio_ms=audio_ms))


def _song_ms(beatmap: Beatmap, name: str, this: LintRun, *, packed: bool) -> float | None:
    try:
        song = find_audio(beatmap, packed=packed)
    except DataError as error:
        print(f"{name}: {error.what}. The song's end is not looked at", file=sys.stderr)
        return None
    if song not in this.songs:
        this.songs[song] = _length(song, name)
    return this.songs[song]


def _length(song: Path, name: str) -> float | None:
    """Length of a song in ms; says, once a song, what of it cannot be read."""
    try:
        length, notices = sound_length(song)
    except AudioError as error:
        print(f"{name}: {error.what}. The song's end is not looked at", file=sys.stderr)
        return None
    for notice in notices:
        print(f"{name}: {printable(song.name)}: {notice}", file=sys.stderr)
    return length


def _show(chart: Checked) -> None:
    counts = count_by_severity(chart.findings)
    stars = "" if chart.stars is None else f" ({chart.stars:.2f} stars)"
    print(f"{chart.name} [{chart.beatmap.version}]")
    print(
        f"{chart.beatmap.keys}K, {chart.tier.title}{stars}: "
        + ", ".join(f"{count} {word}{'s' * (count != 1)}" for word, count in counts.items())
    )
    print(table(chart.findings, chart.beatmap.keys) + "\n" * bool(chart.findings))


def _contained(chart: Checked) -> dict[str, object]:
    return {
        "file": chart.name,
        "difficulty": chart.beatmap.version,
        "keys": chart.beatmap.keys,
        "tier": chart.tier.title,
        "star_rating": chart.stars,
        "findings": as_containers(chart.findings),
    }


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was changed.")
