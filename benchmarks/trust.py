"""Measure what survives: kills, damaged files, full disks, hostile inputs, many users at once.

    python benchmarks/trust.py --out outputs/trust [--sections disk,kills] [--tries 40] [--seed 1]
        [--forks]

A section is a module `benchmarks/_trust_NAME.py` with

    SECTION = "NAME"
    FULL = 400  # tries of a full run
    def tries(count: int, seed: int, work: Path) -> Iterator[dict]

which yields `Try.as_dict()` of `benchmarks._trust` for each try as soon as it is over. Try i of a
section is made from `seed + i` alone, so that a stopped run goes on with the tries that are
missing, and the seed of a try that failed makes it again (`--sections NAME --tries 1 --seed SEED`).
A section that ends early has no more to try. With `--forks` (on Linux, from a checkout) commands
run in forks of a process that has imported everything, which takes a third of the time.

Each try is a line of OUT/NAME.jsonl; the table of all sections is printed at the end and written
to OUT/table.md. The exit code is 1 when a try failed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._trust import FAILED as TRY_FAILED
from benchmarks._trust import REFERENCE, REFUSED, SURVIVED, fork_from_now_on
from mug.cli.common import FAILED, OK, run

FULL = 40
_END = {"end": True}
_HEAD = ("section", "what", "tried", "survived", "refused", "FAILED", "median s", "longest s")


class Section(Protocol):
    """Content of a section's module; `FULL` may be missing."""

    SECTION: str

    def tries(self, count: int, seed: int, work: Path) -> Iterator[dict[str, Any]]:
        """Make `count` tries, each from the seed `seed`, `seed + 1` …, in an empty folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what was asked for and print the table; fail when a try failed."""
    parser = _parser()
    given = parser.parse_args(arguments)
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    chosen = given.sections.split(",") if given.sections else list(sections())
    if unknown := set(chosen) - set(sections()):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if given.forks:
        fork_from_now_on()
    for name in chosen:
        section: Any = importlib.import_module(f"benchmarks._trust_{name}")
        work_off(section, out, given.tries, given.seed, 60.0 * given.minutes)
    rows = table(out, chosen)
    text = "\n".join(rows)
    (out / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return FAILED if any(_failures(out, name) for name in chosen) else OK


def sections() -> dict[str, Path]:
    """Return all sections there are, by name, in order."""
    found = sorted(Path(__file__).parent.glob("_trust_*.py"))
    return {file.stem.removeprefix("_trust_"): file for file in found}


def table(out: Path, chosen: Sequence[str]) -> list[str]:
    """Lines of a Markdown table of what was tried so far, one row for each thing tried."""
    lines = [
        "| " + " | ".join((*_HEAD, "peak MiB")) + " |",
        "|" + "---|" * 2 + "---:|" * 7,
    ]
    for name in chosen:
        done = _done(out / f"{name}.jsonl")
        for what in dict.fromkeys(each["what"] for each in done):
            mine = [each for each in done if each["what"] == what]
            counts = [
                sum(each["result"] == result for each in mine)
                for result in (SURVIVED, REFUSED, TRY_FAILED)
            ]
            seconds = [each["seconds"] for each in mine]
            cells = [name, what, len(mine), *counts, f"{median(seconds):.2f}"]
            cells += [f"{max(seconds):.2f}", f"{max(each['peak_mib'] for each in mine):.0f}"]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def work_off(
    section: Section, out: Path, count: int, seed: int, most_seconds: float = math.inf
) -> None:
    """Do the tries of a section that are not yet done.

    Args:
        section: its module.
        out: folder of the results.
        count: tries, with those that are done; 0 for a full run.
        seed: of the first one.
        most_seconds: no try begins later than that.
    """
    name, count = section.SECTION, count or getattr(section, "FULL", FULL)
    file = out / f"{name}.jsonl"
    lines = _lines(file)
    done = [each for each in lines if each.get("base") == seed and "result" in each]
    if len(done) >= count or any(each.get("base") == seed and "end" in each for each in lines):
        print(f"[{name}] done before", flush=True)
        return
    work = out / "work" / name
    work.mkdir(parents=True, exist_ok=True)
    for kept in work.iterdir():
        if kept.name != REFERENCE:  # it costs more than many tries
            shutil.rmtree(kept, ignore_errors=True)
    began = time.monotonic()
    with file.open("a", encoding="utf-8") as handle:
        made: Iterator[dict[str, Any]] = section.tries(count - len(done), seed + len(done), work)
        for each in made:
            _add(handle, {**each, "base": seed})
            if each["result"] == TRY_FAILED:
                print(f"[{name}] seed {each['seed']}: {each['what']}: {each['detail']}", flush=True)
            if time.monotonic() - began > most_seconds:
                print(f"[{name}] time is over; the same command goes on", flush=True)
                return
        _add(handle, {**_END, "base": seed})
    shutil.rmtree(work, ignore_errors=True)


def _add(handle: Any, line: dict[str, Any]) -> None:
    handle.write(json.dumps(line, ensure_ascii=False) + "\n")
    handle.flush()


def _lines(file: Path) -> list[dict[str, Any]]:
    """Whole lines of a file; a last line that a kill has cut is taken out of it."""
    if not file.is_file():
        return []
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


def _done(file: Path) -> list[dict[str, Any]]:
    return [line for line in _lines(file) if "result" in line]


def _failures(out: Path, name: str) -> int:
    return sum(each["result"] == TRY_FAILED for each in _done(out / f"{name}.jsonl"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/trust"))
    parser.add_argument("--sections", default="", help=f"of {', '.join(sections())}; all if empty")
    parser.add_argument(
        "--tries", type=int, default=0, help="of each section (0: those of its full run)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first try")
    parser.add_argument("--forks", action="store_true", help="don't start interpreters")
    parser.add_argument(
        "--minutes", type=float, default=240.0, help="for a section; then the next one"
    )
    return parser


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="Run it again; tries that were over are kept."))
