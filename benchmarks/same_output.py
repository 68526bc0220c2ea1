"""Record what a checkout of this project produces, and compare two recordings.

    python benchmarks/same_output.py fixture --checkout OLD --out FIXTURE
    python benchmarks/same_output.py record --checkout OLD --fixture FIXTURE --out before.json
    python benchmarks/same_output.py record --checkout NEW --fixture FIXTURE --out after.json
    python benchmarks/same_output.py compare before.json after.json

For changes that are to change nothing: modules moved, names changed, code divided. Recorded are
charts of a fixed model, the tools for charts, training losses, resumed runs, names and shapes of
all configs' weights, and the preparation of data. It works on any checkout, because it uses only
commands and names that configs stand on. Both recordings need the same machine and packages.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._same_checkout import Checkout, Record
from benchmarks._same_compare import compare
from benchmarks._same_data import data
from benchmarks._same_fixture import make_fixture
from benchmarks._same_record import charts, convert, losses, resume, targets

PARTS = {
    "targets": targets,
    "charts": charts,
    "convert": convert,
    "losses": losses,
    "resume": resume,
    "data": data,
}
QUICK = ("targets", "charts", "convert", "losses", "resume")
PACKAGES = ("torch", "numpy", "scipy", "pytorch-lightning", "librosa", "soundfile")


def main() -> int:
    """Run one of the three commands."""
    args = _arguments()
    if args.command == "fixture":
        make_fixture(args.checkout.resolve(), args.out.resolve())
        return 0
    if args.command == "record":
        return _record(args)
    return compare(_read(args.before), _read(args.after), args.but)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    fixture = commands.add_parser("fixture", help="make the fixed inputs, with the old code")
    record = commands.add_parser("record", help="record what a checkout produces")
    for command in (fixture, record):
        command.add_argument("--checkout", type=Path, required=True, help="folder of the code")
        command.add_argument("--out", type=Path, required=True)
    record.add_argument("--fixture", type=Path, required=True, help="the fixed inputs")
    record.add_argument(
        "--only", default="", help=f"parts, by commas, of {', '.join(PARTS)} (default: all)"
    )
    record.add_argument("--quick", action="store_true", help="a little of each part, in a minute")
    compared = commands.add_parser("compare", help="compare two recordings")
    compared.add_argument("before", type=Path)
    compared.add_argument("after", type=Path)
    compared.add_argument(
        "--but",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out what changed on purpose, e.g. 'convert/lint_*'; may be given several times",
    )
    return parser.parse_args()


def _record(args: argparse.Namespace) -> int:
    usual = QUICK if args.quick else tuple(PARTS)
    parts = args.only.split(",") if args.only else usual
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    made: dict[str, Record] = {
        "machine": {**_machine(), "extent": "quick" if args.quick else "whole"}
    }
    for name in parts:
        began = _used()
        with TemporaryDirectory(prefix="same_output_") as work:
            fixture = args.fixture.resolve()
            checkout = Checkout(args.checkout.resolve(), Path(work).resolve(), fixture)
            made[name] = PARTS[name](checkout, quick=args.quick)
        print(f"{name}: {len(made[name])} values, {_used() - began:.0f} s of a core", flush=True)
        args.out.write_text(json.dumps(made, indent=1, ensure_ascii=False), encoding="utf-8")
    failed = [f"{part}/{name}" for part in made for name in made[part] if name.endswith("/error")]
    for name in failed:
        print(f"failed: {name}")
    return 0


def _used() -> float:
    """Processor seconds of all processes that were started and have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def _machine() -> Record:
    found = {name: version(name) for name in PACKAGES}
    return {**found, "python": platform.python_version(), "processor": platform.processor()}


def _read(path: Path) -> dict[str, Record]:
    found: dict[str, Record] = json.loads(path.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
