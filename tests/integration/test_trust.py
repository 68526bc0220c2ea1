"""The frame of `benchmarks/trust.py`: resumable, bounded, one table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import _trust_disk, _trust_kills
from benchmarks._small_jobs import CONVERT, PREPARE
from benchmarks._trust import FAILED, REFUSED, SURVIVED, Try, run_measured
from benchmarks.trust import main, table, work_off


class Section(SimpleNamespace):
    """A section whose tries are known."""

    SECTION = "known"

    def tries(self, count: int, seed: int, work: Path) -> Iterator[dict[str, Any]]:
        assert not list(work.iterdir())
        for at in range(seed, seed + count):
            self.made.append(at)
            result = (SURVIVED, REFUSED, FAILED)[at % 3]
            yield Try("things", at, result, float(at), 2.0 * at, "why").as_dict()


def test_a_stopped_run_goes_on_with_the_tries_that_are_missing(tmp_path: Path) -> None:
    section = Section(made=[])
    work_off(section, tmp_path, 6, 1, most_seconds=-1.0)
    assert section.made == [1]
    file = tmp_path / "known.jsonl"
    file.write_text(file.read_text() + '{"what": "cut off by a ki')
    work_off(section, tmp_path, 6, 1)
    assert section.made == [1, 2, 3, 4, 5, 6]
    work_off(section, tmp_path, 6, 1)
    assert section.made == [1, 2, 3, 4, 5, 6]
    seeds = [json.loads(line).get("seed") for line in file.read_text().splitlines()]
    assert seeds == [1, 2, 3, 4, 5, 6, None]


def test_the_table_counts_each_result(tmp_path: Path) -> None:
    work_off(Section(made=[]), tmp_path, 6, 1)
    row = table(tmp_path, ["known"])[-1]
    assert row == "| known | things | 6 | 2 | 2 | 2 | 3.50 | 6.00 | 12 |"


def test_an_unknown_section_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), "--sections", "nothing"])


def test_a_command_is_measured_and_killed_with_what_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(0.4); open({str(mark)!r}, 'w')"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    killed = run_measured(["-c", parent], kill_after=0.15)
    assert killed.code == -9
    assert killed.seconds < 0.4
    ended = run_measured(["-c", "import sys; bytearray(50 << 20); print('x'); sys.exit(3)"])
    assert (ended.code, ended.last) == (3, "x")
    assert ended.peak_mib > 50
    assert not mark.exists()


def test_short_form_of_faults_of_the_disk(tmp_path: Path) -> None:
    """The first call and a later one; full and read-only disks need the right to mount."""
    for kind, turn in (("call", 6), ("call", 40), ("limit of size", 1)):
        tried = _trust_disk.disturb(CONVERT, kind, turn, turn, tmp_path)
        assert tried.result != FAILED, tried
    assert tried.result == REFUSED, tried


def test_short_form_of_kills(tmp_path: Path) -> None:
    tried = _trust_kills.kill(PREPARE, 3, tmp_path)
    assert tried.result == SURVIVED, tried
