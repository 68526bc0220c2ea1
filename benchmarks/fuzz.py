"""Mutated files against every reader of charts: a clear error or a usable chart, soon, in bounds.

    python benchmarks/fuzz.py [--count 20000] [--seed 1] [--corpus FOLDER]

Each input is a good file (made here, or of a corpus) with pieces overwritten, cut out, doubled or
taken from another file. A chart that is read must be usable; what is written of it, in every
format, must be read again. The seed of an input that fails is printed; `--only SEED` runs it alone.
"""

from __future__ import annotations

import argparse
import io
import logging
import math
import random
import resource
import sys
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.formats.registry import CHARTS, FORMATS, PACKAGES, encode, read_any
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError

MOST_SECONDS = 5.0  # of the processor, for a file of some kilobytes
MOST_MIB = 2048
_MOST_BYTES = 40_000
_WHOLE_ARCHIVES = 0.75  # packages whose chart is changed, and not their own bytes
_NASTY = tuple(
    text.encode("utf-8", "surrogatepass")
    for text in (
        *("0", "-1", "1e308", "-1e308", "1e-308", "nan", "NaN", ".nan", "inf", "-inf", ".inf"),
        *("Infinity", "99999999999999999999", "1e999", "-0", "0.1e-400", "9" * 500, "", " "),
        *("-", "[", "]", "{", "}", ":", ";", "#", ",", "=", "\n", "\r", "&a", "*a", "!!python/x"),
        *("\\", "//", "[0,0,0]", "[1,2]", "null", "true", "\ud7ff", "\u2028", "\x00", "\x1b[31m"),
        *("%", "|", ">", "@", "`", "~", "&", "[HitObjects]", "#NOTES:", "#NOTEDATA:;", "2\n3\n"),
        *("\ufeff", "é", "愛", "한국", "я", "\udc80"),
    )
)


CHART = Beatmap(
    keys=4,
    hit_objects=(
        *(Rice(i % 4, 250.0 * i, sample="0:0:0:70:hit.wav") for i in range(8)),
        LongNote(2, 3000.0, 4000.0),
    ),
    timing=(TimingPoint(0.0, 500.0), ScrollPoint(900.0, 0.5), TimingPoint(2000.0, 400.0, 3)),
    general={"AudioFilename": "song.ogg", "PreviewTime": "1", "Mode": "3"},
    metadata={
        "Title": "T",
        "TitleUnicode": "愛",
        "Artist": "A",
        "Creator": "C",
        "Version": "H",
    },
    events=('0,0,"bg.jpg",0,0',),
)


def good_charts() -> dict[str, bytes]:
    """Return a good chart file of each format, by suffix."""
    found = {
        suffix: encode([CHART] * (1 + format_.several), suffix, LossReport())
        for suffix, format_ in FORMATS.items()
    }
    for tag, filled in ((b"#STOPS:;", b"#STOPS:1=0.5;"), (b"#WARPS:;", b"#WARPS:9=1;")):
        found[".ssc"] = found[".ssc"].replace(tag, filled, 1)
    return found


def seeds() -> dict[str, bytes]:
    """Return a good file of each kind, by suffix."""
    found = good_charts()
    return found | {package: packed(suffix, found[suffix]) for package, suffix in PACKAGES.items()}


def packed(suffix: str, data: bytes) -> bytes:
    """Return a package with one chart of a format and a sound."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"chart{suffix}", data)
        archive.writestr("song.ogg", b"OggS")
    return made.getvalue()


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a file with one to four places changed."""
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data) + 1), rng.randrange(16)
        other = rng.choice(others)
        begin = rng.randrange(len(other) + 1)
        piece = {
            "nasty": rng.choice(_NASTY),
            "cut": b"",
            "end": b"",
            "double": data[at : at + length] * 2,
            "bytes": rng.randbytes(length),
            "other": other[begin : begin + 60],
        }
        kind = rng.choice([*piece, "line"])
        if kind == "line":
            lines = data.split(b"\n")
            rng.shuffle(moved := lines[max(0, rng.randrange(len(lines)) - 4) :][:4])
            data = b"\n".join([*lines[: len(lines) // 2], *moved, *lines[len(lines) // 2 :]])
        else:
            data = data[:at] + piece[kind] + (b"" if kind == "end" else data[at + length :])
    return data


class UnusableError(AssertionError):
    """A chart that a reader should not have given, or that cannot be read once it is written."""


def check(beatmap: Beatmap) -> None:
    """Look whether a chart can be used: finite times, columns that exist, beats that last.

    Raises:
        UnusableError: says what is wrong.
    """
    times = [time for note in beatmap.hit_objects for time in (note.start_ms, note.last_ms)]
    values = [p.beat_ms if isinstance(p, TimingPoint) else p.velocity for p in beatmap.timing]
    values += [point.time_ms for point in beatmap.timing]
    if not all(map(math.isfinite, [*times, *values])):
        raise UnusableError("a number is not finite")
    if not 1 <= beatmap.keys <= 18:
        raise UnusableError(f"{beatmap.keys} columns")
    if not all(0 <= note.column < beatmap.keys for note in beatmap.hit_objects):
        raise UnusableError("a note outside the columns")
    if not all(note.start_ms <= note.last_ms for note in beatmap.hit_objects):
        raise UnusableError("a hold of negative length")
    if not all(point.beat_ms > 0 for point in beatmap.red_lines):
        raise UnusableError("a beat of no length")


def check_written(beatmap: Beatmap, folder: Path) -> Counter[str]:
    """Write a chart in every format and read it again; count what is refused on writing.

    Raises:
        UnusableError: when what is written is refused.
    """
    counts: Counter[str] = Counter()
    for suffix in CHARTS:
        try:
            data = encode([beatmap], suffix, LossReport())
        except BeatmapError:
            counts[f"not written as {suffix}"] += 1
            continue
        path = folder / f"written{suffix}"
        path.write_bytes(data)
        losses = LossReport()
        try:
            again = read_any(path, losses=losses)
        except BeatmapError as error:
            raise UnusableError(f"written as {suffix}, then refused: {error}") from error
        left_out = [loss for loss in losses if str(loss.what).startswith("left out")]
        if left_out:
            raise UnusableError(f"written as {suffix}, then read in part: {left_out[0]}")
        for one in again:
            check(one)
        counts["written and read"] += 1
    return counts


@dataclass
class Outcome:
    """Numbers of a run, and what went wrong.

    Args:
        counts: of inputs and of charts by what became of them.
        failures: one line each.
        slowest_s: longest time of the processor for one input.
        written_share: part of the charts that are written and read again.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    written_share: float = 0.2


def run_one(
    seed: int, files: Mapping[str, Sequence[bytes]], folder: Path, outcome: Outcome
) -> None:
    """Try one input."""
    rng = random.Random(seed)
    suffix = rng.choice(list(files))
    others = rng.choice(list(files.values()))
    inside = PACKAGES.get(suffix)
    if inside is not None and rng.random() < _WHOLE_ARCHIVES:
        data = packed(inside, mutated(rng, rng.choice(files[inside]), others))
    else:
        data = mutated(rng, rng.choice(files[suffix]), others)
    path = folder / f"input{suffix}"
    path.write_bytes(data)
    began = time.process_time()
    try:
        charts = read_any(path, losses=LossReport())
    except BeatmapError as error:
        charts = []
        outcome.counts["refused"] += 1
        if len(str(error)) > 5000 or "\x1b" in str(error):
            raise UnusableError("an error that floods the terminal") from error
    outcome.counts["read"] += bool(charts)
    for chart in charts:
        check(chart)
    if suffix == ".osu" and charts:
        osu_patch.of(data)
    taken = time.process_time() - began
    outcome.slowest_s = max(outcome.slowest_s, taken)
    if taken > MOST_SECONDS:
        raise UnusableError(f"took {taken:.1f} s")
    if rng.random() < outcome.written_share:
        for chart in charts[:1]:
            outcome.counts += check_written(chart, folder)


@dataclass
class _Finding:
    """Whatever a block raises, as a failure of a seed."""

    seed: int
    outcome: Outcome

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> bool:
        """Write a failure down; only a stop by hand goes on."""
        if not isinstance(error, Exception):
            return False
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        name = type(error).__name__
        self.outcome.failures.append(f"seed {self.seed}: {name} {error} ({where})")
        return True


def run(
    count: int,
    seed: int,
    corpus: Sequence[Path] = (),
    *,
    only: int | None = None,
    written_share: float = 0.2,
) -> Outcome:
    """Try many inputs.

    Args:
        count: how many.
        seed: of the first; the others follow.
        corpus: files to mutate beside those made here.
        only: the seed of one input to try alone.
        written_share: see `Outcome`.
    """
    files: dict[str, list[bytes]] = {suffix: [data] for suffix, data in seeds().items()}
    for path in corpus:
        if path.suffix in files and path.stat().st_size <= _MOST_BYTES:
            with suppress(BeatmapError):  # of other game modes, most of them
                read_any(path, losses=LossReport())
                files[path.suffix].append(path.read_bytes())
    outcome = Outcome(written_share=written_share)
    with TemporaryDirectory(prefix="mug-fuzz-") as name:
        for number in [only] if only is not None else range(seed, seed + count):
            with _Finding(number, outcome):
                run_one(number, files, Path(name), outcome)
    return outcome


def main() -> int:
    """Run the command line; 1 where something failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one seed")
    parser.add_argument("--corpus", type=Path, help="a folder of charts to mutate as well")
    given = parser.parse_args()
    limit = MOST_MIB << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    corpus = sorted(p for p in given.corpus.rglob("*") if p.is_file()) if given.corpus else ()
    logging.disable(logging.WARNING)
    began = time.perf_counter()
    outcome = run(given.count, given.seed, corpus, only=given.only)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"seeds {given.seed} to {given.seed + given.count - 1}, {len(corpus)} files of a corpus")
    for what, number in sorted(outcome.counts.items()):
        print(f"{number:8d} {what}")
    print(f"slowest {outcome.slowest_s:.2f} s, at most {peak:.0f} MiB, of {MOST_MIB}")
    print(f"{time.perf_counter() - began:.0f} s; {len(outcome.failures)} failures")
    for failure in outcome.failures[:50]:
        print(f"  {failure}")
    return int(bool(outcome.failures))


if __name__ == "__main__":
    raise SystemExit(main())
