"""Stars reached for stars given: what is measured, kept, and measured again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mug.errors import GenerationError
from mug.pipeline.chart import ChartGenerator, GenerationRequest
from mug.pipeline.judge.calibration import (
    MeasuredStars,
    measure_missing,
    read_measured,
    sampled_stars,
    summary,
    write_summary,
)
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.reached import ReachedStars, read_reached

WANTED = [("a", 0), ("b", 0)]


class Bench:
    """Half of the stars given, and a note of what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[float, ...]]] = []

    def __call__(self, song: str, seed: int, given: Sequence[float]) -> list[float]:
        self.asked.append((song, tuple(given)))
        return [stars / 2 for stars in given]


def test_only_what_is_missing_is_measured(tmp_path: Path) -> None:
    file, bench = tmp_path / "work" / "measured.jsonl", Bench()
    first = measure_missing(file, "run", WANTED[:1], (1.0, 2.0), bench)
    found = measure_missing(file, "run", WANTED, (1.0, 2.0, 4.0), bench)
    assert bench.asked == [("a", (1.0, 2.0)), ("a", (4.0,)), ("b", (1.0, 2.0, 4.0))]
    assert found[:2] == first
    assert [one.reached for one in found] == [0.5, 1.0, 2.0] * 2
    measure_missing(file, "another model", WANTED[:1], (1.0,), bench)
    assert bench.asked[-1] == ("a", (1.0,))


def test_a_line_that_was_cut_short_is_measured_again(tmp_path: Path) -> None:
    file, bench = tmp_path / "measured.jsonl", Bench()
    measure_missing(file, "run", WANTED, (1.0, 2.0), bench)
    content = file.read_bytes()
    file.write_bytes(content[:-9])
    assert len(read_measured(file, "run")) == 3
    measure_missing(file, "run", WANTED, (1.0, 2.0), bench)
    assert bench.asked[-1] == ("b", (2.0,))
    assert len(read_measured(file, "run")) == 4


def test_the_summary_has_means_and_is_read_back(tmp_path: Path) -> None:
    measured = [
        MeasuredStars("run", song, 0, given, given / 2 + way)
        for song, way in (("a", -0.25), ("b", 0.25))
        for given in (2.0, 1.0, 4.0)
    ]
    found = summary(measured)
    assert found["given"] == (1.0, 2.0, 4.0)
    assert found["reached"] == (0.5, 1.0, 2.0)
    assert found["deviation"] == [0.25] * 3
    assert (found["songs"], found["charts"]) == (2, 6)
    write_summary(tmp_path / "reached.json", found)
    assert read_reached(tmp_path) == ReachedStars((1.0, 2.0, 4.0), (0.5, 1.0, 2.0))
    assert json.loads((tmp_path / "reached.json").read_text(encoding="utf-8"))["run"] == "run"
    with pytest.raises(GenerationError, match="two star ratings"):
        summary(measured[:1])


def test_what_was_measured_before_has_no_say(tiny_model: LoadedModel, song: Path) -> None:
    request = GenerationRequest(song, steps=1)
    plain = sampled_stars(ChartGenerator(tiny_model), request, (1.0, 3.0))
    other = replace(tiny_model, reached=ReachedStars((1.0, 2.0), (5.0, 6.0)))
    assert sampled_stars(ChartGenerator(other), request, (1.0, 3.0)) == plain
    assert len(plain) == 2
    assert all(stars >= 0 for stars in plain)
