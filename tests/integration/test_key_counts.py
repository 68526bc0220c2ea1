"""Charts of four to eight columns: composed, prepared, trained on, generated, packed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from repository import ROOT

from mug import train
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.registry import read_any, write_any
from mug.beatmap.hit_objects import HitObject
from mug.compose.collection import compose_collection
from mug.compose.varied.style import VariedStyle
from mug.compose.varied_collection import VariedOptions
from mug.config import load_config
from mug.features import FeatureSchema
from mug.lint.rules import count_by_severity, lint
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.model.choice import SHIPPED
from mug.pipeline.model.names import SCORER_NAME
from mug.pipeline.output.package import make_package
from mug.pipeline.request import GenerationRequest
from mug.prepare.collect import collect
from mug.prepare.features import fill_features
from mug.prepare.ingest import Selection
from mug.threads import NUMBERS
from mug.util import instantiate_from_config

KEYS = (4, 5, 6, 7, 8)
FEATURES = ROOT / "configs/mug/features_2.yaml"
TINY = (
    "lightning.trainer.max_steps=2",
    "lightning.trainer.val_check_interval=1",
    "lightning.trainer.limit_val_batches=1",
    "lightning.trainer.enable_progress_bar=false",
    "lightning.callbacks.first_stage_guard=null",  # so short a first stage rebuilds nothing
    "lightning.callbacks.condition_probe=null",
    "lightning.callbacks.split_guard=null",  # a handful of songs is enough here
    "model.params.optimizer.scheduler_config.params.warm_up_steps=1",
    "data.params.batch_size=2",
)


@dataclass(frozen=True)
class Trained:
    """A model of one step, and the data set that it saw."""

    keys: int
    charts: Path
    song: Path
    config: dict[str, object]
    checkpoint: Path


def trained(config: str, folder: Path, *more: str) -> Path:
    """Train a config, which takes one thread for so small a network; its checkpoint."""
    given = ["--base", str(ROOT / config), "-t", "-l", str(folder)]
    torch.set_num_threads(2)
    with pytest.MonkeyPatch.context() as patch:
        for name in NUMBERS:
            patch.delenv(name, raising=False)
        assert train.main([*given, *TINY, *more]) == 0
    assert torch.get_num_threads() == 1
    (checkpoint,) = folder.glob("*/checkpoints/last.ckpt")
    return checkpoint


@pytest.fixture(scope="module", params=KEYS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Everything of one number of columns, which is said once."""
    keys, folder = request.param, tmp_path_factory.mktemp(f"keys{request.param}")
    options = VariedOptions(
        VariedStyle(seconds=(15.0, 16.0)), keys=keys, charts=2, audio_format="wav"
    )
    (first, *_) = compose_collection(folder / "songs", 3, seed=5, options=options)
    charts = folder / "data" / "beatmap.txt"
    collect(folder / "songs", charts.parent, Selection(keys=keys))
    fill_features(charts, FeatureSchema.from_yaml(FEATURES))
    own = [
        f"data.params.common_params.keys={keys}",
        f"data.params.common_params.txt_file={charts}",
        f"data.params.common_params.audio.cache_dir={folder / 'cache'}",
        f"data.params.common_params.features.feature_yaml={FEATURES}",
        "data.params.common_params.split={train: .6, val: .4}",
    ]
    first_stage = trained("configs/mug/listen_autoencoder.yaml", folder / "first", *own)
    own.append(f"model.params.first_stage_config.params.ckpt_path={first_stage}")
    diffusion = trained("configs/mug/listen.yaml", folder / "second", *own)
    checkpoint = folder / "model" / "last.ckpt"
    checkpoint.parent.mkdir()
    shutil.copy(diffusion, checkpoint)
    # Which lines have rows does not depend on the columns: any scorer will do.
    shutil.copy(SHIPPED / "4k" / SCORER_NAME, checkpoint.parent)
    config = load_config([ROOT / "configs/mug/listen.yaml"], own)
    return Trained(keys, charts, next(first.glob("audio.*")), config, checkpoint)


def columns_of(notes: tuple[HitObject, ...]) -> set[int]:
    return {note.column for note in notes}


def errors_of(chart: Beatmap) -> int:
    return count_by_severity(lint(chart))["error"]


def test_composed_charts_use_every_column_and_both_hands_alike(model: Trained) -> None:
    listed = model.charts.read_text("utf-8").splitlines()
    assert len(listed) == 6
    for line in listed:
        chart = osu.read(model.charts.parent / line)
        assert chart.keys == model.keys
        assert columns_of(chart.hit_objects) == set(range(model.keys))
        counts = np.bincount([note.column for note in chart.hit_objects], minlength=model.keys)
        half = model.keys // 2
        left, right = counts[:half].sum(), counts[-half:].sum()
        assert abs(int(left) - int(right)) < 0.35 * (left + right), counts
        assert counts.max() < 3.5 * counts.mean()
        assert errors_of(chart) == 0


@pytest.mark.parametrize("suffix", [".sm", ".ssc", ".qua", ".mc"])
def test_composed_charts_keep_their_columns_in_other_formats(
    model: Trained, suffix: str, tmp_path: Path
) -> None:
    first = model.charts.read_text("utf-8").splitlines()[0]
    chart = osu.read(model.charts.parent / first)
    write_any([chart], tmp_path / f"chart{suffix}")
    (again,) = read_any(tmp_path / f"chart{suffix}")
    assert again.keys == model.keys
    columns = [[note.column for note in one.sorted_objects()] for one in (chart, again)]
    assert columns[0] == columns[1]


def test_items_have_four_rows_a_column(model: Trained) -> None:
    data = model.config["data"]["params"]  # type: ignore[index]
    node = {
        "target": data["train"]["target"],
        "params": {**data["common_params"], **data["train"]["params"]},
    }
    item = instantiate_from_config(node)[0]
    assert item["note"].shape[0] == 4 * model.keys
    assert item["note"][: model.keys].sum() > 0


def test_generated_charts_are_packed_for_their_columns(model: Trained, tmp_path: Path) -> None:
    generator = ChartGenerator.from_checkpoint(model.checkpoint)
    assert generator.model.keys == model.keys
    request = GenerationRequest(model.song, prompt={"sr": 2.0}, count=2, steps=2)
    make_package(generator, request, tmp_path / "charts.osz", picture=tmp_path / "c.png")
    with ZipFile(tmp_path / "charts.osz") as package:
        texts = [package.read(name) for name in package.namelist() if name.endswith(".osu")]
    assert len(texts) == 2
    for text in texts:
        assert f"CircleSize:{model.keys}" in text.decode().replace(" ", "")
        chart = osu.parse(text.decode())
        assert chart.keys == model.keys
        assert len(chart.hit_objects) > 10
        assert columns_of(chart.hit_objects) <= set(range(model.keys))
        assert errors_of(chart) == 0
