"""Benchmarks of listening models, from nothing to their tables with a handful of steps."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from repository import ROOT

from benchmarks import ablations, time_axis
from benchmarks._listening import FEATURES, Arm, mean_figures, snapped, table
from mug import train
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.config import load_config
from mug.errors import ConfigError
from mug.evaluation.songs import Against, HumanSong, SongSound

pytestmark = pytest.mark.usefixtures("forked_steps")


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_the_time_axes_are_compared_from_nothing_to_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["time_axis.py", "--quick", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    assert time_axis.main() == 0
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))["results"]
    assert set(found) == {"time in ms", "time in beats"}
    for (figures,) in found.values():
        assert set(time_axis.COLUMNS) <= set(figures)
        assert all(0 <= figures[name] <= 1 for name in ("starts", "quarters", "metre", "snapped"))
    text = (tmp_path / "results.md").read_text("utf-8")
    assert "--quick" in text
    assert "| time in beats |" in text
    capfd.readouterr()
    assert time_axis.main() == 0
    assert "took" not in capfd.readouterr().out
    assert (tmp_path / "results.md").read_text("utf-8") == text


def test_an_ablation_is_trained_with_its_scorer_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--quick", "--out", str(tmp_path), "--only", "base", "--training_seeds", "0"]
    monkeypatch.setattr(sys, "argv", ["ablations.py", *words])
    assert ablations.main() == 0
    ((figures,),) = json.loads((tmp_path / "results.json").read_text("utf-8"))["results"].values()
    assert set(ablations.COLUMNS) <= set(figures)
    assert list(tmp_path.glob("logs/base 0/*/checkpoints/rhythm.safetensors"))


def test_an_arm_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["ablations.py", "--only", "sideways"])
    with pytest.raises(ConfigError, match="sideways"):
        ablations.main()


@pytest.mark.parametrize("arm", [*time_axis.ARMS, *ablations.ARMS], ids=lambda arm: arm.name)
def test_every_arm_is_a_config_of_both_stages(arm: Arm) -> None:
    features = f"data.params.common_params.features.feature_yaml={FEATURES}"
    built = []
    for stage, own in (("_autoencoder", arm.first_stage), ("", arm.diffusion)):
        file = f"configs/mug/{arm.config}{stage}.yaml"
        with torch.device("meta"):
            built.append(train.build_module(load_config([file], [features, *arm.both, *own])))
    first_stage, diffusion = built
    inner = diffusion.model.first_stage_model
    assert _shapes(inner) == _shapes(first_stage)  # the checkpoint of the one fits the other


def _shapes(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def test_arms_differ_from_the_base_in_what_their_name_says() -> None:
    base, *others = ablations.ARMS
    assert len({arm.name for arm in ablations.ARMS}) == len(ablations.ARMS)
    for arm in others:
        assert arm != Arm(arm.name, scorer=base.scorer), arm.name


def test_rows_are_laid_on_the_true_quarters() -> None:
    notes = (Rice(0, 1000.0), Rice(1, 2000.0))
    human = Beatmap(keys=4, hit_objects=notes, timing=(TimingPoint(0.0, 400.0),))
    song = HumanSong("song", Path("song.ogg"), (human,), (1.0,))
    against = Against(song, 0, SongSound(np.zeros(10, np.float32)))
    rows = np.array([960.0, 1010.0, 1149.0, 1151.0])
    assert snapped(rows, against).tolist() == [1000.0, 1100.0, 1200.0]
    assert snapped(rows[:0], against).tolist() == []


def test_a_table_has_the_mean_and_each_seed() -> None:
    seeds = [mean_figures([{"raw": 0.25}, {"raw": 0.75}]), {"raw": 0.7}]
    text = table({"base": seeds, "other": [{}]}, {"raw": "raw notes"}, "python x.py")
    assert "| base | 0.600 (0.500, 0.700) |" in text
    assert "| other | – |" in text
    assert "python x.py" in text
