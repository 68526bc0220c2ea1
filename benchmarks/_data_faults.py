"""Faults on the way: kills, a full disk, broken files, two at once; and what is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks._data_songs import CHARTS, make_sets
from benchmarks._data_speed import ROOT, collecting, measuring
from mug.data.feature_db import FeatureDB, FeatureRow


def rows_of(out: Path) -> dict[str, FeatureRow]:
    """All rows, but for times of files."""
    with FeatureDB(out / "features.db") as db:
        return {row.path: replace(row, audio_stamp="", beatmap_stamp="") for row in db.rows()}


def repeats(out: Path) -> dict[int, int]:
    """Number of items by the number of times that they were finished."""
    with FeatureDB(out / "features.db") as db:
        found = db.select("SELECT finished, COUNT(*) FROM jobs GROUP BY finished").fetchall()
    return {row[0]: row[1] for row in found}


def run(words: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=check)


def reference(work: Path, sets: int) -> tuple[Path, dict[str, FeatureRow]]:
    """Songs, and the rows of an undisturbed run."""
    songs, out = work / "fault_songs", work / "fault_reference"
    make_sets(songs, sets, notes=300, seconds=4.0)
    run(collecting(songs, out, 1))
    run(measuring(out, 1))
    return songs, rows_of(out)


def kills(work: Path, sets: int, count: int, seed: int = 0) -> dict[str, Any]:
    """Kills the whole process group at random points; data sets that get done are begun again."""
    songs, expected = reference(work, sets)
    rng = random.Random(seed)
    found = {"finished_items_lost": 0, "finished_twice": 0, "data_sets": 0}
    same, killed, out = True, 0, _fresh(work / "fault_kills")
    while killed < count:
        before = set(_finished(out))
        if len(before) < sets:
            step = collecting(songs, out, 2)
        else:
            step = measuring(out, 2)
            if not (out / "beatmap.txt").is_file():
                run(collecting(songs, out, 2))
        process = subprocess.Popen(
            step,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_until(process, rng.uniform(0.0, 1.0), out, len(before))
        if process.poll() is None:
            killed += 1
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        found["finished_items_lost"] += len(before - set(_finished(out)))
        if killed == count or len(_finished(out)) == sets * (1 + CHARTS):
            run(collecting(songs, out, 2))
            run(measuring(out, 2))
            found["finished_twice"] += sum(n for times, n in repeats(out).items() if times > 1)
            found["data_sets"] += 1
            same = same and rows_of(out) == expected
            out = _fresh(work / "fault_kills")
    return {"kills": killed, **found, "rows_as_without": same}


def full_disk(work: Path, sets: int) -> dict[str, Any]:
    """Prepare into a file system that is too small, then make it larger. Needs mount(8)."""
    songs, expected = reference(work, sets)
    disk = _fresh(work / "fault_disk")
    disk.mkdir()
    mounted = run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        return {"not_measured": mounted.stderr.strip()}
    try:
        codes: list[int] = []
        messages: list[str] = []
        for size in ("600k", "1500k", "64m"):
            run(["mount", "-o", f"remount,size={size}", str(disk)])
            for step in (collecting(songs, disk / "out", 1), measuring(disk / "out", 1)):
                if "features" in step[1] and codes[-1]:
                    continue
                done = run(step, check=False)
                codes.append(done.returncode)
                messages += [line for line in done.stderr.splitlines() if "error:" in line]
        return {
            "stopped_with_one_line": [message[-160:] for message in messages],
            "exit_codes": codes,
            "finished_twice": sum(n for t, n in repeats(disk / "out").items() if t > 1),
            "rows_as_without": rows_of(disk / "out") == expected,
        }
    finally:
        run(["umount", str(disk)])


def unreadable(work: Path, sets: int) -> dict[str, Any]:
    """Broken files among good ones: each is listed, all others are prepared."""
    songs, expected = reference(work, sets)
    broken = _fresh(work / "fault_broken")
    shutil.copytree(songs, broken)
    folders = sorted(broken.iterdir())
    (folders[0] / "0.osu").write_bytes(b"\xff\xfe\x00nothing")
    (folders[1] / "song.ogg").write_bytes(b"OggS" + bytes(200))
    (folders[2] / "song.ogg").unlink()
    (folders[3] / "0.osu").unlink()
    (folders[3] / "0.osu").symlink_to("nowhere.osu")
    (broken / "cut.osz").write_bytes(b"PK\x03\x04cut")
    out = _fresh(work / "fault_broken_out")
    run(collecting(broken, out, 2))
    run(measuring(out, 2))
    listed = len((out / "quarantine.jsonl").read_text(encoding="utf-8").splitlines())
    rows = rows_of(out)
    return {
        "broken": 3 + 2 * CHARTS,
        "listed": listed,
        "others_as_without": all(rows[key] == expected[key] for key in rows)
        and len(rows) == len(expected) - 2 - 2 * CHARTS,
    }


def two_at_once(work: Path, sets: int) -> dict[str, Any]:
    """Two runs of each step at the same time share the work."""
    songs, expected = reference(work, sets)
    out = _fresh(work / "fault_two")
    for step in (collecting(songs, out, 1), measuring(out, 1)):
        pair = [
            subprocess.Popen(step, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        outputs = [process.communicate() for process in pair]
        if any(process.returncode for process in pair):
            raise RuntimeError(str(outputs))
    return {
        "finished_twice": sum(n for times, n in repeats(out).items() if times > 1),
        "rows_as_without": rows_of(out) == expected,
    }


def _finished(out: Path) -> list[tuple[str, str]]:
    if not (out / "features.db").is_file():
        return []
    with FeatureDB(out / "features.db") as db:
        if not db.select("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
            return []
        found = db.select("SELECT kind, key FROM jobs WHERE state = 'done'").fetchall()
    return [(row[0], row[1]) for row in found]


def _wait_until(process: subprocess.Popen[bytes], share: float, out: Path, before: int) -> None:
    """Wait until the run has done something, or a random time after its start."""
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < 60:
        if share < 0.3:  # anywhere, the program's start included
            time.sleep(10 * share)
            return
        if len(_finished(out)) > before:
            time.sleep(share - 0.3)
            return
        time.sleep(0.01)


def _fresh(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    return folder
