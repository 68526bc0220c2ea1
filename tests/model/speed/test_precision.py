"""The precision of weights by name; `auto` chooses for device and size."""

from __future__ import annotations

import pytest

from mug.errors import ConfigError
from mug.model.speed import precision
from mug.model.speed.precision import AUTO, PRECISIONS, precision_for
from mug.model.speed.thread_count import SMALL


@pytest.mark.parametrize(
    ("kind", "weights", "chosen"),
    [("cpu", SMALL + 1, "bf16"), ("cpu", SMALL, "fp32"), ("mps", SMALL + 1, "fp32")],
)
def test_auto_halves_large_models_where_that_is_faster(
    kind: str, weights: int, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda kind: kind == "cpu")
    assert precision_for(AUTO, kind, weights) == chosen


@pytest.mark.parametrize("name", PRECISIONS)
def test_a_name_stays_whatever_the_device(name: str) -> None:
    assert precision_for(name, "cpu", SMALL + 1) == precision_for(name, "mps", 0) == name


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown precision"):
        precision_for("bf61", "cpu", 0)
