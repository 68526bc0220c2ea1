"""Speed and memory of preparing a data set.

Each command is measured by the clock, and by the processor seconds of its main process and of its
workers: on a busy machine the clock says how busy it is, and the seconds say what was done.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._data_songs import CHARTS, make_sets
from mug.audio.cache import MelCache
from mug.audio.load import load_audio
from mug.audio.mel import MelParams, log_mel
from mug.beatmap.formats.osu import chart as osu
from mug.data.beatmap_list import read_beatmap_list
from mug.data.spectrograms import find_audio
from mug.difficulty.registry import compute_features
from mug.features import FeatureSchema
from mug.prepare.engines import executor

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = "configs/mug/mania_beatmap_features.yaml"


def command(script: str, *options: object) -> list[str]:
    """A script of this repository, to be run from its root."""
    return [sys.executable, str(ROOT / f"scripts/{script}.py"), *(str(o) for o in options)]


def peak(words: list[str]) -> dict[str, float]:
    """Run a command to its end: seconds of the clock and of processors, MiB held at most.

    `main_seconds` are processor seconds of the command's own process, `cpu_seconds` also those of
    its workers. `mib` is of the largest single process.
    """
    note = Path(tempfile.mkdtemp()) / "usage.json"
    words = [sys.executable, "-m", "benchmarks._data_speed", "timed", str(note), *words[1:]]
    began = time.monotonic()
    quiet = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)]
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    os.close(quiet)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), words)
    seconds = time.monotonic() - began
    main = json.loads(note.read_text(encoding="utf-8"))
    shutil.rmtree(note.parent)
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "main_seconds": main["seconds"],
        "mib": main["mib"],
    }


def _timed(note: Path, words: list[str]) -> int:
    """Run a script, or a module after -m, in this process and write down what it used."""
    script = words[0] != "-m"
    sys.argv = words if script else words[1:]
    code: int | str | None = 0
    try:
        if script:
            runpy.run_path(words[0], run_name="__main__")
        else:
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found = {
        "seconds": used[0].ru_utime + used[0].ru_stime,
        "mib": max(_peak_mib(), used[1].ru_maxrss / 1024),
    }
    note.write_text(json.dumps(found), encoding="utf-8")
    return code if isinstance(code, int) else int(code is not None)


def _peak_mib() -> float:
    """Peak memory of this process, without its parent's peak, which rusage inherits."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = status.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def prepare(songs: Path, out: Path, workers: int) -> dict[str, float]:
    """Both steps, each a command: seconds, processor seconds, MiB at most."""
    steps = [
        peak(collecting(songs, out, workers)),
        peak(measuring(out, workers)),
    ]
    return added(steps)


def added(steps: list[dict[str, float]]) -> dict[str, float]:
    """Commands one after the other."""
    names = ("seconds", "cpu_seconds", "main_seconds")
    total = {name: sum(step[name] for step in steps) for name in names}
    return {**total, "mib": max(step["mib"] for step in steps)}


def on_idle_cores(used: dict[str, float], workers: int) -> float:
    """Seconds that work takes, at most, where every process has a core.

    Nothing of the main process is taken to overlap with its workers, who share their part evenly.

    Args:
        used: processor seconds, see `peak`.
        workers: how many processes did the work; one stands for the main process alone.
    """
    return used["main_seconds"] + (used["cpu_seconds"] - used["main_seconds"]) / workers


def collecting(songs: Path, out: Path, workers: int) -> list[str]:
    """The first step."""
    where = ("--song_dir", songs, "--out_dir", out)
    return command("prepare_beatmap", *where, "--workers", workers)


def measuring(out: Path, workers: int) -> list[str]:
    """The second step."""
    what = ("--beatmap_txt", out / "beatmap.txt", "--features_yaml", ROOT / SCHEMA)
    return command("prepare_beatmap_features", *what, "--workers", workers)


def against_the_original(work: Path, sets: int) -> dict[str, Any]:
    """Charts a second: everything a training run reads, made by us and by the original's way."""
    songs = work / "speed_songs"
    make_sets(songs, sets, notes=800, seconds=90.0)
    rates: dict[str, float] = {}
    cpu: dict[str, float] = {}
    idle: dict[int, float] = {}
    own = [sys.executable, "-m", "benchmarks._data_speed"]
    for workers in (1, 2):
        out = _fresh(work / f"speed_{workers}")
        steps = prepare(songs, out, workers)
        mels = peak([*own, "mels", str(out), str(workers)])
        used = added([steps, mels])
        rates[f"ours_{workers}"] = sets * CHARTS / used["seconds"]
        cpu[f"ours_{workers}"] = used["cpu_seconds"]
        cpu[f"ours_{workers}_main_process"] = used["main_seconds"]
        idle[workers] = on_idle_cores(used, workers)
    done = peak([*own, "original", str(work / "speed_1"), str(_fresh(work / "speed_original"))])
    rates["original"] = sets * CHARTS / done["seconds"]
    cpu["original"] = done["cpu_seconds"]
    return {
        "charts_a_second": rates,
        "processor_seconds": cpu,
        "against_original": rates["ours_2"] / rates["original"],
        "one_core_against_original": rates["ours_1"] / rates["original"],
        "scaling_1_to_2_by_clock": rates["ours_2"] / rates["ours_1"],
        "scaling_1_to_2": idle[1] / idle[2],
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
    }


def memory_and_second_run(work: Path, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Peak memory by number of charts, and the time of a run with nothing to do."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        songs = work / f"many_{size}"
        make_sets(songs, size // CHARTS, notes=300, seconds=4.0)
        out = _fresh(work / f"many_{size}_out")
        first = prepare(songs, out, 1)
        second = prepare(songs, out, 1)
        rows.append(
            {
                "charts": size,
                "mib": first["mib"],
                "first_s": first["seconds"],
                "second_s": second["seconds"],
                "first_cpu_s": first["cpu_seconds"],
                "second_cpu_s": second["cpu_seconds"],
                "second_share": second["cpu_seconds"] / first["cpu_seconds"],
            }
        )
    return {"rows": rows, "memory_growth": rows[-1]["mib"] / rows[0]["mib"]}


def _mels(out: Path, workers: int) -> None:
    """The spectrograms that training reads, as it would make them when it first needs them."""
    sounds = [str(file) for file in sorted(out.glob("*/song.ogg"))]
    with executor(workers=workers) as pool:
        for future in [pool.submit(_mel, str(out / "cache"), sound) for sound in sounds]:
            future.result()


def _mel(cache: str, sound: str) -> int:
    return len(MelCache(cache).get(sound, MelParams()))


def _as_the_original(prepared: Path, out: Path) -> None:
    """One process; one row, one commit, in SQLite's default mode; whole compressed mel files.

    The measures are our own, which are faster than what the original called (a .NET program for
    each chart), so that the procedures alone are compared.
    """
    out.mkdir(parents=True)
    names = FeatureSchema.from_yaml(ROOT / SCHEMA).names
    charts = read_beatmap_list(prepared / "beatmap.txt")
    connection = sqlite3.connect(out / "feature.db")
    columns = ", ".join(names)
    connection.execute(
        f"CREATE TABLE Feature (name, set_name, {columns}, PRIMARY KEY (name, set_name))"
    )
    for chart in charts:
        target = out / chart.parent.name
        target.mkdir(exist_ok=True)
        shutil.copy2(chart, target)
        beatmap = osu.read(chart)
        mel_file = out / f"{chart.parent.name}-song.npz"
        if not mel_file.exists():
            shutil.copy2(find_audio(beatmap), target)
            wave = load_audio(find_audio(beatmap))
            np.savez_compressed(mel_file, y=log_mel(wave, MelParams()))
        values = compute_features(beatmap, names)
        marks = ", ".join("?" * (len(names) + 2))
        row = [chart.name, chart.parent.name, *(values.get(name) for name in names)]
        connection.execute(f"INSERT INTO Feature VALUES ({marks})", row)  # noqa: S608
        connection.commit()
    connection.close()


def _fresh(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    return folder


if __name__ == "__main__":
    if sys.argv[1] == "timed":
        sys.exit(_timed(Path(sys.argv[2]), sys.argv[3:]))
    elif sys.argv[1] == "mels":
        _mels(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        _as_the_original(Path(sys.argv[2]), Path(sys.argv[3]))
