"""The preparation and evaluation part of a recording."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks._same_checkout import Checkout, Record
from benchmarks._same_fixture import FEATURES


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
    return {**found, **checkout.files(out, "files")}


def rows(path: Path) -> list[str]:
    """All rows of a database as text, table by table."""
    lines = []
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in sorted(tables):
            found = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name of its own
            names = [column[0] for column in found.description]
            lines += sorted(f"{table} {dict(zip(names, row, strict=True))}" for row in found)
    return lines
