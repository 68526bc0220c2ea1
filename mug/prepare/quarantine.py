"""Charts left out of a data set, with reasons: `quarantine.jsonl`, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from mug.files import atomic_write

FILE_NAME = "quarantine.jsonl"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that was left out.

    Args:
        file: the chart, package or song.
        reason: the error's sentence, with its line, value and remedy.
        stage: which step left it out: `collect` or `features`.
    """

    file: str
    reason: str
    stage: str


def read_quarantine(path: Path) -> list[Rejected]:
    """All entries, none where the file does not exist."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Rejected(**json.loads(line)) for line in lines if line]


def write_quarantine(path: Path, stage: str, entries: Iterable[Rejected]) -> None:
    """Replace the entries of one step and keep those of the others."""
    old = read_quarantine(path)
    new = [entry for entry in old if entry.stage != stage] + list(entries)
    if path.is_file() and new == old:
        return
    with atomic_write(path, "w", encoding="utf-8") as handle:
        for entry in new:
            handle.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
