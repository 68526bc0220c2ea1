"""A short form of section `models` of `benchmarks/trust.py`: each kind of damage twice."""

from __future__ import annotations

from pathlib import Path

from benchmarks import _trust_models
from benchmarks._trust import FAILED


def test_damaged_and_hostile_files_survive_or_are_refused(tmp_path: Path) -> None:
    found = list(_trust_models.tries(10, 7, tmp_path))
    assert {each["what"] for each in found} == {
        "config", "weights", "checkpoint", "database", "cache"
    }  # fmt: skip
    assert not [each for each in found if each["result"] == FAILED]
