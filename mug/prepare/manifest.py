"""Manifest of a data set: the origin of every chart and its treatment, `manifest.jsonl`.

One JSON object a line. Charts of the list: `chart`, `source` and `origin` (folder or package, and
the file in it), hashes, song, offset, tools, `kept`, `part`, and `decisions` (stage, rule, detail).
Files that never got into the data set: `origin`, `kept` (false) and `decisions`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mug.data.feature_db import FeatureDB
from mug.files import atomic_write
from mug.prepare.collect import STAGE as COLLECT
from mug.prepare.collect import records

FILE_NAME = "manifest.jsonl"
_LONGEST_LINE = 1 << 20

_CHART = """
    SELECT b.path, b.beatmapset, b.beatmap_hash, b.audio, b.audio_hash, b.sr_algorithm,
        b.tool_version, f.creator, f.version, a.offset_ms
    FROM beatmaps b LEFT JOIN facts f USING (path) LEFT JOIN audio a ON a.path = b.audio
    WHERE b.path = ?"""


def is_manifest(file: Path) -> bool:
    """Tell a manifest that `write_manifest` wrote, by its first line."""
    try:
        with file.open(encoding="utf-8") as handle:
            first = json.loads(handle.readline(_LONGEST_LINE) or "{}")
    except ValueError:
        return False
    return isinstance(first, dict) and (not first or {"origin", "kept", "decisions"} <= set(first))


def write_manifest(db: FeatureDB, charts: Iterable[str], parts: Mapping[str, str]) -> Path:
    """Write the manifest beside the database.

    Args:
        db: the data set's database.
        charts: paths of its list.
        parts: of the charts that are trained on or tested with.
    """
    file = db.path.parent / FILE_NAME
    with atomic_write(file, "w", encoding="utf-8") as handle:
        for line in _lines(db, charts, parts):
            handle.write(json.dumps(line, ensure_ascii=False) + "\n")
    return file


def _lines(
    db: FeatureDB, charts: Iterable[str], parts: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    folder, origins = "", dict[str, tuple[str, str]]()
    for chart in charts:
        if chart.partition("/")[0] != folder:
            folder = chart.partition("/")[0]
            origins = _origins(db, folder)
        source, origin = origins.get(chart, (None, None))
        found = db.select(_CHART, (chart,)).fetchone()
        known = {k: v for k, v in dict(found or {}).items() if k != "path"}
        yield {
            "chart": chart,
            "source": source,
            "origin": origin,
            **known,
            "part": parts.get(chart),
            "kept": chart in parts,
            "decisions": _decisions(db, chart),
        }
    for record in records(db):
        for file, _, _ in record.left_out:
            yield {"origin": file, "kept": False, "decisions": _decisions(db, file, COLLECT)}


def _origins(db: FeatureDB, folder: str) -> dict[str, tuple[str, str]]:
    """Source and file in it of the charts in a folder of the data set."""
    found: dict[str, tuple[str, str]] = {}
    for record in records(db, folder):
        for name, origin in zip(record.charts, record.origins, strict=False):
            found[f"{record.folder}/{name}"] = (record.source, origin)
    return found


def _decisions(db: FeatureDB, item: str, stage: str = "") -> list[dict[str, str]]:
    found = db.select(
        "SELECT stage, rule, detail FROM decisions WHERE item = ? AND (stage = ? OR ? = '')"
        " ORDER BY stage, rule",
        (item, stage, stage),
    )
    return [dict(row) for row in found]
