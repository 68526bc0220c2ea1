"""The repository and the recorded numbers, for every test."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


@cache
def syntax_tree(path: Path) -> ast.Module:
    """Return a parsed file; parsing all of them takes longer than most tests of them."""
    return ast.parse(path.read_text(encoding="utf-8"))


def load_golden(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a recording under tests/golden: its JSON and its arrays (none where it has no npz)."""
    meta = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    arrays_file = GOLDEN / f"{name}.npz"
    arrays = dict(np.load(arrays_file)) if arrays_file.exists() else {}
    return meta, arrays
