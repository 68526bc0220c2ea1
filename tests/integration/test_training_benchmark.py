"""The benchmark's variants of a training step learn the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_songs import make_songs

from benchmarks._training_step import VARIANTS, Options, _step


def test_all_variants_take_the_same_step(tmp_path: Path) -> None:
    prepared = make_songs(tmp_path / "songs", songs=2).parent
    options = Options("configs/debug/diffusion.yaml", str(prepared), batch=2, threads=1)
    losses = {}
    for name in ("as-reference", "float32", "ours"):
        step = _step(options, VARIANTS[name], None)
        measures = [step() for _ in range(3)]
        losses[name] = [measure["loss"] for measure in measures]
        assert measures[-1]["wall"] == pytest.approx(
            sum(measures[-1][part] for part in ("items", "forward", "backward", "update"))
        )
    assert len(set(losses["as-reference"])) == 3
    # Drop-out is on, so that recomputing has to drop the same values again.
    assert losses["float32"] == pytest.approx(losses["as-reference"], rel=1e-4)
    assert losses["ours"] == pytest.approx(losses["as-reference"], rel=0.05)  # bfloat16
