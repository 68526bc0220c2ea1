"""Small jobs of each command that the sections on disks and kills try, with what they must leave.

They run on songs that are made here, with the shipped model, at the tiniest settings.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks._data_faults import rows_of
from benchmarks._data_songs import make_sets
from benchmarks._trust import REFERENCE, Finished, run_measured

Outcome = Mapping[str, str]
"""Digest of everything that a job leaves, by name."""


@dataclass(frozen=True)
class Job:
    """A command, or several one after the other.

    Args:
        name: of the job.
        words: the commands, by folder of results and folder of inputs.
        outcome: what it must leave, whatever happened on the way; by default all files.
        inputs: makes the inputs in a folder.
    """

    name: str
    words: Callable[[Path, Path], Sequence[Sequence[str | Path]]]
    outcome: Callable[[Path], Outcome] = field(default=lambda out: files_of(out))
    inputs: Callable[[Path], None] = field(default=lambda folder: make_song(folder / "song.wav"))

    def run(
        self,
        out: Path,
        inputs: Path,
        *,
        kill_after: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run the commands until one of them does not end well; the last one's end.

        Args:
            out: folder of results.
            inputs: folder of inputs.
            kill_after: seconds from the beginning of the first one to SIGKILL.
            env: variables to add.
        """
        ends: list[Finished] = []
        for words in self.words(out, inputs):
            left = None
            if kill_after is not None:
                left = kill_after - sum(end.seconds for end in ends)
            ends.append(run_measured(words, kill_after=left, env=env))
            if ends[-1].code:
                break
        return Finished(
            ends[-1].code,
            ends[-1].text,
            sum(end.seconds for end in ends),
            max(end.peak_mib for end in ends),
        )


def files_of(out: Path) -> Outcome:
    """Digests of all files below a folder."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def leftovers(out: Path) -> list[str]:
    """Names of files that a command must not leave behind when it ends by itself."""
    names = [path.relative_to(out).as_posix() for path in out.rglob("*.part")]
    return names + [
        path.relative_to(out).as_posix()
        for path in out.rglob("*.osz")
        if not path.with_suffix(".json").is_file()
    ]


def make_song(file: Path, seconds: float = 6.0) -> None:
    """Clicks at 120 BPM as a WAV file."""
    import soundfile

    rate = 22050
    wave = np.zeros(int(seconds * rate), dtype=np.float32)
    for beat in np.arange(0.25, seconds - 0.25, 0.5):
        first = int(beat * rate)
        wave[first : first + 400] = np.hanning(400) * np.sin(np.arange(400) / 3)
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, wave, rate)


def _sets(folder: Path) -> None:
    make_sets(folder / "songs", 3, notes=60, seconds=4.0)


def _rows(out: Path) -> Outcome:
    """Rows of a data set, and its lists; databases differ in their bytes."""
    rows = {key: str(row) for key, row in rows_of(out).items()}
    lists = ("beatmap.txt", "quarantine.jsonl")
    return rows | {name: (out / name).read_text() for name in lists if (out / name).is_file()}


_QUICK = ("--steps", "1", "--no_reach_stars", "--bpm", "120", "--offset", "250")
_FEATURES = "configs/mug/mania_beatmap_features.yaml"


def _prepare(out: Path, inputs: Path) -> list[list[str | Path]]:
    return [
        [
            "scripts/prepare_beatmap.py",
            "--song_dir",
            inputs / "songs",
            "--out_dir",
            out,
            "--workers",
            "1",
        ],
        [
            "scripts/prepare_beatmap_features.py",
            "--beatmap_txt",
            out / "beatmap.txt",
            "--features_yaml",
            _FEATURES,
            "--workers",
            "1",
        ],
    ]


def _two_songs(folder: Path) -> None:
    for name in ("one.wav", "two.wav"):
        make_song(folder / "songs" / name)


GENERATE = Job(
    "generate",
    lambda out, inputs: [
        [
            "scripts/generate.py",
            "--audio",
            inputs / "song.wav",
            "--out",
            out / "s.osz",
            *_QUICK,
            "--picture",
            out / "s.png",
        ]
    ],
)
GENERATE_FOLDER = Job(
    "generate a folder",
    lambda out, inputs: [
        ["scripts/generate.py", "--audio", inputs / "songs", "--out", out, *_QUICK]
    ],
    inputs=_two_songs,
)
CONVERT = Job(
    "convert",
    lambda out, inputs: [["scripts/convert_beatmap.py", inputs / "songs", out, "--to", "qua"]],
    inputs=_sets,
)
COMPOSE = Job(
    "compose",
    lambda out, _: [
        [
            "scripts/compose_songs.py",
            "--out",
            out,
            "--count",
            "2",
            "--seed",
            "3",
            "--min_s",
            "10",
            "--max_s",
            "12",
        ]
    ],
    inputs=lambda folder: folder.mkdir(parents=True, exist_ok=True),
)
PREPARE = Job("prepare", _prepare, _rows, _sets)


def _results(out: Path) -> Outcome:
    """Results of an evaluation, but for the command, which names its folder."""
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return {"results.json": json.dumps({**found, "command": {}}, sort_keys=True)}


EVALUATE = Job(
    "evaluate",
    lambda out, inputs: [
        ["scripts/evaluate.py", "--songs", inputs / "songs", "--out", out, "--keys", "4"]
    ],
    _results,
    _sets,
)


def reference(job: Job, work: Path) -> tuple[Path, Outcome, float]:
    """Inputs of a job, what it leaves undisturbed, and its seconds; made once.

    Raises:
        RuntimeError: when it does not end well by itself.
    """
    folder = work / REFERENCE / job.name.replace(" ", "_")
    kept, inputs, out = folder / "outcome.json", folder / "inputs", folder / "out"
    if not kept.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        job.inputs(inputs)
        end = job.run(out, inputs)
        if end.code:
            raise RuntimeError(f"{job.name}: {end.last}")
        kept.write_text(json.dumps([job.outcome(out), end.seconds]), encoding="utf-8")
    outcome, seconds = json.loads(kept.read_text(encoding="utf-8"))
    return inputs, outcome, seconds
