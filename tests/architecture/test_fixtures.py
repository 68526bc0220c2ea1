"""Scopes of fixtures are what they say."""

from __future__ import annotations

from pathlib import Path


def test_fixtures_of_a_package_lie_in_one(root: Path) -> None:
    """Without `__init__.py` pytest keeps them to the end: an event loop would meet other tests."""
    shared = [
        path for path in (root / "tests").rglob("conftest.py") if '"package"' in path.read_text()
    ]
    assert shared
    assert [path for path in shared if not path.with_name("__init__.py").exists()] == []
