"""`make demo-training` from nothing, with fewer songs and steps: every command that it runs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from forks import Forks
from PIL import Image

from mug.beatmap.formats.osu import chart as osu

SHORT = [
    "lightning.trainer.max_steps=12",
    "model.params.scheduler_config.params.warm_up_steps=4",
    "lightning.trainer.check_val_every_n_epoch=1000",
    "lightning.callbacks.first_stage_guard=null",  # so short a first stage rebuilds nothing
]


def test_demo_from_nothing(tmp_path: Path, forks: Forks) -> None:
    command = ["scripts/demo_training.py", "--out", tmp_path, "--songs", "4", *SHORT]
    done = forks.run(*command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    with zipfile.ZipFile(tmp_path / "demo.osz") as package:
        charts = [n for n in package.namelist() if n.endswith(".osu")]
        parsed = [osu.parse(package.read(name).decode("utf-8")) for name in charts]
    report = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))
    assert len(parsed) == len(report["charts"]) == 2
    with Image.open(tmp_path / "demo.png") as picture:
        assert min(picture.size) > 200
    assert "Done in" in done.stdout
    again = forks.run(*command)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 8
