"""The benchmark on real songs, with a smaller model and few steps: does the whole way hold?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from forks import Forks

SHORT = [
    "lightning.trainer.max_steps=40",  # so many that training the wrong way shows in the loss
    "model.params.scheduler_config.params.warm_up_steps=8",
    "lightning.trainer.check_val_every_n_epoch=1000",
    "lightning.callbacks.first_stage_guard=null",  # so short a first stage rebuilds nothing
]


@pytest.mark.real_data
def test_real_songs_from_folder_to_results(tmp_path: Path, real_data: Path, forks: Forks) -> None:
    command = ["benchmarks/real_songs.py", "--out", tmp_path]
    command += ["--size", "demo", "--steps", "4", "--held_out", "goin-under", *SHORT]
    done = forks.run(*command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["held_out"] == "goin-under"
    assert [row["difficulty"] for row in results["charts"]].count("Beginner 1") == 1
    assert len(results["charts"]) == 5
    assert all(0 <= row["f1"] <= 1 and 0 < row["f1_random"] < 1 for row in results["charts"])
    assert results["loss"]["validation"] < results["loss"]["of_zero"]
    assert results["first_stage"]["objects"] > 500
    assert (tmp_path / "chart_0_generated.png").exists()
    assert "| start precision |" in (tmp_path / "results.md").read_text(encoding="utf-8")
