"""The preparation and evaluation part of a recording."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks._same_checkout import Checkout, Record
from benchmarks._same_fixture import FEATURES

SECONDS = "seconds_a_song_minute"
TIMED_ROW = re.compile(r"<tr>(?:(?!</tr>).)*?seconds of sampling.*?</tr>")
TIMED_LINE = re.compile(r"^.*seconds of sampling.*\n", re.M)
FILE_TIME = re.compile(r"(?<=\d )\d{19}\b")  # of a file's last change, in ns, after its size


def data(checkout: Checkout, *, quick: bool) -> Record:
    """Songs composed, a data set made of the fixture's songs, cleaned, shown; a model judged."""
    out, alone = checkout.work / "data", ["--workers", "1"]
    listed = out / "dataset" / "beatmap.txt"
    songs = ["--song_dir", checkout.fixture / "songs", "--cs", "4"]
    measure = ["scripts/prepare_beatmap_features.py", "--features_yaml", FEATURES, *alone]
    compose = ["scripts/compose_songs.py", "--count", "1", "--seed", "3", *alone]
    compose += ["--max_s", "32", "--min_s", "30", "--audio", "wav"]
    judge = ["scripts/evaluate.py", "--synthetic", "1", "--steps", "2", "--seeds", "1"]
    judge += ["--candidates", "2"]
    judged = ["--checkpoint", checkout.fixture / "model", "--out", out / "evaluation"]
    found = checkout.commands(
        {
            "compose": [*compose, "--out", out / "composed"],
            "prepare": ["scripts/prepare_beatmap.py", *songs, "--out_dir", listed.parent, *alone],
            "measure": [*measure, "--beatmap_txt", listed],
            "filter": ["scripts/filter_beatmap.py", listed, "--split", "0.6,0.2,0.2", *alone],
            "report": ["scripts/dataset_report.py", listed.parent, "--out", out / "report.html"],
            "evaluate": [*judge, *judged],
        }
    )
    for path in sorted(listed.parent.glob("*.db")):
        found[f"rows of {path.name}"] = checkout.plain("\n".join(rows(path)))
        path.unlink()
    shutil.rmtree(out / "evaluation" / "rows")  # named by the code; results.json has them all
    found |= checkout.files(out, "files")
    return {name: untimed(text) if "evaluat" in name else text for name, text in found.items()}


def untimed(text: str) -> str:
    """A page, table or JSON file of an evaluation without the seconds that sampling took."""
    if text.startswith("{"):
        return json.dumps(_without(json.loads(text)), indent=1, ensure_ascii=False)
    return (TIMED_ROW if text.startswith("<") else TIMED_LINE).sub("", text)


def _without(node: Any) -> Any:
    if isinstance(node, list):
        return [_without(value) for value in node]
    if not isinstance(node, dict) or node.get("figure") == SECONDS:
        return None if isinstance(node, dict) else node
    return {key: _without(value) for key, value in node.items() if key != SECONDS}


def rows(path: Path) -> list[str]:
    """All rows of a database as text, table by table, without the times of files."""
    lines = []
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in sorted(tables):
            found = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name of its own
            names = [column[0] for column in found.description]
            lines += sorted(f"{table} {dict(zip(names, row, strict=True))}" for row in found)
    return [FILE_TIME.sub("<TIME>", line) for line in lines]
