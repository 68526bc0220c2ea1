"""Charts from each format into every other and back: what moved, what was lost, and if it was said.

    python benchmarks/round_trips.py --corpus FOLDER [--most 40]

A chart of a file is written in its own format and read (A), written in another and read (B), and
back (A). Notes of both ends are compared. A difference that no loss report names is silent, which
is a fault; the exit code says whether there is one.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import CHARTS, FORMATS, encode, read_any
from mug.beatmap.hit_objects import LongNote
from mug.errors import BeatmapError
from mug.render.markdown import header, row

SAME_MS = 1.01  # whole milliseconds on the way there and back


@dataclass(frozen=True)
class Trip:
    """One chart there and back.

    Args:
        one: suffix of its own format.
        two: of the other.
        notes: at the beginning.
        lost: of them, that have no counterpart at the end.
        worst_ms: largest change of a time among the others.
        said: whether a report names a loss of notes or a change of their times.
        refused: why a format cannot hold the chart; empty where it can.
    """

    one: str
    two: str
    notes: int = 0
    lost: int = 0
    worst_ms: float = 0.0
    said: bool = False
    refused: str = ""

    @property
    def silent(self) -> bool:
        """A difference that nothing names."""
        return not self.said and (self.lost > 0 or self.worst_ms > SAME_MS)


def passed(chart: Beatmap, suffix: str, losses: LossReport) -> Beatmap:
    """Write a chart in a format and read it again.

    Raises:
        BeatmapError: when the format cannot hold it.
    """
    text = encode([chart], suffix, losses).decode("utf-8-sig")
    path = Path(f"chart{suffix}")
    return FORMATS[suffix].parse(text, path=path, losses=losses, strict=True)[0]


def trip(chart: Beatmap, one: str, two: str) -> Trip:
    """Take a chart there and back."""
    losses = LossReport()
    try:
        first = passed(chart, one, LossReport())
        last = passed(passed(first, two, losses), one, losses)
    except BeatmapError as error:
        return Trip(one, two, refused=str(error.what))
    lost, worst = difference(first, last)
    said = any("note" in loss.what or "hold" in loss.what for loss in losses)
    return Trip(one, two, len(first.hit_objects), lost, worst, said)


def difference(one: Beatmap, two: Beatmap) -> tuple[int, float]:
    """Return how many notes lack a counterpart in order, and the largest change of a time."""
    lost, worst = abs(len(one.hit_objects) - len(two.hit_objects)), 0.0
    for column in range(max(one.keys, two.keys)):
        first = [n for n in one.sorted_objects() if n.column == column]
        last = [n for n in two.sorted_objects() if n.column == column]
        if len(first) != len(last):  # counted above, or below where columns were exchanged
            lost += len(one.hit_objects) == len(two.hit_objects)
            continue
        for a, b in zip(first, last, strict=True):
            worst = max(worst, abs(a.start_ms - b.start_ms), abs(a.last_ms - b.last_ms))
            lost += isinstance(a, LongNote) != isinstance(b, LongNote)
    return lost, worst


def charts_of(corpus: Path, most: int, skip: int = 0) -> Iterator[tuple[str, Beatmap]]:
    """Charts of a folder with the suffix of their format, of each at most so many files.

    Args:
        corpus: the folder.
        most: files of each format.
        skip: files of each format that are passed over before.
    """
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(corpus.rglob("*")):
        if path.suffix in CHARTS and path.is_file():
            files[path.suffix].append(path)
    for suffix, paths in files.items():
        found = 0
        for path in paths[skip:]:
            try:
                charts = read_any(path, losses=LossReport())
            except BeatmapError:  # of other game modes, most of them
                continue
            yield from ((suffix, chart) for chart in charts if chart.hit_objects)
            found += 1
            if found >= most:
                break


def table(trips: Sequence[Trip]) -> str:
    """Return one row a pair of formats."""
    rows = []
    for one in CHARTS:
        for two in CHARTS:
            of_pair = [t for t in trips if (t.one, t.two) == (one, two)]
            held = [t for t in of_pair if not t.refused]
            if of_pair:
                worst = max((t.worst_ms for t in held), default=0.0)
                numbers = [len(held), len(of_pair) - len(held), sum(t.notes for t in held)]
                numbers += [sum(t.lost for t in held), sum(t.silent for t in held)]
                rows.append([f"{one} → {two} → {one}", *map(str, numbers), f"{worst:.2f}"])
    head = ["way", "charts", "not held", "notes", "lost or changed", "silent", "worst ms"]
    return "\n".join([*header(head), *map(row, rows)])


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--most", type=int, default=1000, help="files of each format")
    parser.add_argument("--skip", type=int, default=0, help="files of each format before these")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    trips = [
        trip(chart, one, two)
        for one, chart in charts_of(given.corpus, given.most, given.skip)
        for two in CHARTS
    ]
    print(table(trips))
    for one in [t for t in trips if t.silent][:20]:
        print(one)
    return int(any(t.silent for t in trips))


if __name__ == "__main__":
    raise SystemExit(main())
