"""A checkout of this project as something to run, and its output as text that can be compared."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("_same_probe.py")
LONGEST = 400_000  # characters of a text that a recording holds; of longer ones it holds the hash
TEXT = {".osu", ".sm", ".ssc", ".qua", ".mc", ".json", ".jsonl", ".md", ".yaml", ".csv", ".txt"}
TEXT |= {".html"}
RUN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d")  # in names of training runs
OGG_PAGE, OGG_HEADER = b"OggS", 27
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Record = dict[str, str]


@dataclass(frozen=True)
class Checkout:
    """A working tree of this project, old or new.

    Args:
        root: its folder.
        work: an empty folder for what its commands write.
        fixture: folder of the fixed inputs.
    """

    root: Path
    work: Path
    fixture: Path

    def commands(self, calls: Mapping[str, Sequence[object]]) -> Record:
        """Run commands in one process; their exit codes and outputs by name."""
        words = [[str(word) for word in call] for call in calls.values()]
        answers = self.probe("commands", calls=words)
        found = {}
        for (name, call), answer in zip(calls.items(), answers, strict=True):
            found[f"{name}/code"] = str(answer["code"])
            if call[0] != "main.py":  # Lightning prints progress, with times
                found[f"{name}/printed"] = self.plain(answer["out"])
            if answer["code"]:
                found[f"{name}/error"] = self.plain(answer["err"])
        return found

    def probe(self, task: str, **given: Any) -> Any:
        """Do a task of `_same_probe.py` in a process of its own.

        Raises:
            RuntimeError: where the process fails, with the end of what it said.
        """
        answer = self.work / "answer.json"
        asked = json.dumps({"do": task, "with": given, "answer": str(answer)})
        done = subprocess.run(
            [sys.executable, "-P", str(PROBE)],
            cwd=self.root,
            env=self.environment(),
            input=asked,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"{task} ended with {done.returncode} in {self.root}:\n{done.stderr[-3000:]}"
            )
        found = json.loads(answer.read_text(encoding="utf-8"))
        answer.unlink()
        return found

    def environment(self) -> dict[str, str]:
        """One thread and no compiled files left behind, so that nothing depends on the machine."""
        own = {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100"}
        own["NUMBA_CACHE_DIR"] = str(self.work / "numba")  # two writers at once spoil a shared one
        own["PYTHONHASHSEED"] = "0"  # sums over sets of texts differ in the last digit
        return {**os.environ, **dict.fromkeys(THREADS, "1"), **own, "CUDA_VISIBLE_DEVICES": ""}

    def plain(self, text: str) -> str:
        """A text without the folders of this recording."""
        for path, name in ((self.work, "WORK"), (self.fixture, "FIXTURE"), (self.root, "TREE")):
            text = text.replace(str(path), f"<{name}>")
        return RUN_TIME.sub("<TIME>", text)

    def files(self, folder: Path, name: str) -> Record:
        """Content of a folder, by path: text as text, packages by member, the rest as hashes.

        Hidden folders are left out: marks of finished work, which stand for paths and options.
        """
        found: Record = {}
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and not any(part.startswith(".") for part in inside.parts):
                found |= self.file(path, f"{name}/{inside}")
        return found

    def file(self, path: Path, name: str) -> Record:
        """Content of a file; of a package its list of members, and the members."""
        data = path.read_bytes()
        if path.suffix not in {".osz", ".qp", ".mcz"}:
            return {name: self._content(path.name, data)}
        found = {}
        with zipfile.ZipFile(path) as package:
            infos = package.infolist()
            found[name] = "\n".join(
                f"{info.filename} {info.date_time} {info.compress_type} {info.file_size}"
                for info in infos
            )
            for info in infos:
                content = self._content(info.filename, package.read(info))
                found[f"{name}/{info.filename}"] = content
        return found

    def _content(self, name: str, data: bytes) -> str:
        if Path(name).suffix.lower() in TEXT:
            text = self.plain(data.decode("utf-8"))
            if len(text) <= LONGEST:
                return text
            data = text.encode()
        if name.endswith(".ogg"):
            data = without_serial(data)
        return f"sha256 {hashlib.sha256(data).hexdigest()}"


def without_serial(data: bytes) -> bytes:
    """An Ogg stream without its serial number, which its writer draws, and the page checksums."""
    made, at = bytearray(data), 0
    while data[at : at + 4] == OGG_PAGE:
        made[at + 14 : at + 18] = made[at + 22 : at + 26] = bytes(4)
        segments = data[at + OGG_HEADER - 1]
        body = at + OGG_HEADER + segments
        at = body + sum(data[at + OGG_HEADER : body])
    return bytes(made)


def shipped_configs(root: Path) -> list[str]:
    """The configs that name a model, relative to the checkout."""
    return list(_shipped(root))


def _shipped(root: Path) -> Iterator[str]:
    for folder in ("configs/mug", "configs/debug"):
        for path in sorted((root / folder).glob("*.yaml")):
            if path.name != "mania_beatmap_features.yaml":
                yield str(path.relative_to(root))
