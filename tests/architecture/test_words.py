"""The words of the house: one name for one thing."""

from __future__ import annotations

import ast
from collections import defaultdict

from repository import ROOT

MUG = sorted((ROOT / "mug").rglob("*.py"))


def test_no_public_class_name_occurs_twice() -> None:
    places = defaultdict(list)
    for path in MUG:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
