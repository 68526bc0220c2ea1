"""What stops a training, through main.py's own way: one sentence, naming key, value and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytorch_lightning as pl
import torch
import yaml
from repository import ROOT
from tiny_songs import make_songs
from tiny_training import TinyData, TinyModule, make_trainer

from mug import train
from mug.callbacks.guard import FirstStageGuard, LossGuard, SplitGuard
from mug.config import load_config
from mug.errors import TrainingError
from mug.util import instantiate_from_config

GUARD = "lightning.callbacks.split_guard"
STRICT = [f"{GUARD}.target=mug.callbacks.guard.SplitGuard", f"{GUARD}.params.least_train_songs=2"]


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_songs(tmp_path_factory.mktemp("songs"), charts=1)


def refused(
    base: str | Path, logs: Path, capsys: pytest.CaptureFixture[str], *overrides: str
) -> str:
    """The sentence with which main.py refuses to train, or stops."""
    quiet = "lightning.trainer.enable_progress_bar=false"
    assert train.main(["--base", str(base), "-t", "-l", str(logs), quiet, *overrides]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    return shown


def listed(songs: Path, *more: str) -> list[str]:
    common = "data.params.common_params"
    return [f"{common}.txt_file={songs}", f"{common}.cache_dir={songs.parent / 'cache'}", *more]


def two_lists(folder: Path, train_list: Path, validation_list: Path) -> Path:
    """The debug first stage with a list of charts for each part."""
    config: dict[str, Any] = load_config(["configs/debug/autoencoder.yaml"], STRICT)
    params = config["data"]["params"]
    for key in ("txt_file", "split"):
        del params["common_params"][key]
    for name, path in (("train", train_list), ("validation", validation_list)):
        part = {"train": "train", "validation": "val"}[name]
        own = {"txt_file": str(path), "split": {part: 1.0}}
        params[name]["params"] = {**(params[name].get("params") or {}), **own}
    path = folder / "two_lists.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


# ------------------------------------------------------------------------------ splits


def test_validation_on_one_song_is_refused(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = "configs/debug/autoencoder.yaml"
    shown = refused(base, tmp_path, capsys, *listed(songs), *STRICT)
    assert "data.params.validation holds 1 chart(s) of 1 song(s)" in shown
    assert "tester - song" in shown
    assert f"{GUARD}.params.least_validation_songs=1" in shown


def test_training_on_one_song_is_refused(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = make_songs(tmp_path / "alone", songs=1)
    shown = refused(two_lists(tmp_path, alone, songs), tmp_path / "logs", capsys)
    assert "data.params.train holds 2 chart(s) of 1 song(s)" in shown
    assert f"{GUARD}.params.least_train_songs=1" in shown


def test_a_song_in_both_lists_is_refused_even_as_a_copy(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The copy lies elsewhere under another name; its sound's hash tells."""
    other = shutil.copytree(songs.parent, tmp_path / "copy") / songs.name
    shown = refused(two_lists(tmp_path, songs, other), tmp_path / "logs", capsys)
    assert "a song is both in data.params.train and in data.params.validation" in shown
    assert str(tmp_path / "copy") in shown
    assert str(songs.parent) in shown


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ("split={train: 1, val: 0, test: 0}", "gives nothing to val"),
        ("txt_file={empty}", "empty.txt"),
    ],
)
def test_an_empty_part_is_refused(
    more: str, names: str, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("", encoding="utf-8")
    override = f"data.params.common_params.{more.replace('{empty}', str(empty))}"
    base = "configs/debug/autoencoder.yaml"
    assert names in refused(base, tmp_path / "logs", capsys, *listed(songs), override)


def test_other_data_and_the_originals_split_are_let_be() -> None:
    class Reference:
        paths = (Path("a/x.osu"), Path("b/x.osu"))
        validates_on_training = True

    class Data(TinyData):
        datasets: ClassVar[dict[str, Any]] = {}

    trainer, guard = pl.Trainer(logger=False, enable_checkpointing=False), SplitGuard()
    guard.on_fit_start(trainer, TinyModule())
    data = Data()
    trainer.datamodule = data  # type: ignore[attr-defined]
    guard.on_fit_start(trainer, TinyModule())
    data.datasets = {"train": Reference(), "validation": Reference()}
    guard.on_fit_start(trainer, TinyModule())
    Reference.validates_on_training = False
    with pytest.raises(TrainingError, match="a song is both"):
        guard.on_fit_start(trainer, TinyModule())


# ------------------------------------------------------------------------- first stage


def test_a_first_stage_without_a_checkpoint_is_refused(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = refused("configs/debug/diffusion.yaml", tmp_path, capsys, *listed(songs))
    assert "the first stage is untrained" in shown
    assert "model.params.first_stage_config.params.ckpt_path=" in shown


def test_a_first_stage_that_rebuilds_nothing_is_refused(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint of random weights: only measuring can tell."""
    config = load_config(["configs/debug/diffusion.yaml"], [])
    stage = config["model"]["params"]["first_stage_config"]
    stage["params"].pop("ckpt_path")
    torch.manual_seed(0)
    random = tmp_path / "random.ckpt"
    torch.save({"state_dict": instantiate_from_config(stage).state_dict()}, random)
    guard = "lightning.callbacks.first_stage_guard"
    shown = refused(
        "configs/debug/diffusion.yaml",
        tmp_path / "logs",
        capsys,
        *listed(songs),
        f"model.params.first_stage_config.params.ckpt_path={random}",
        f"{guard}.target=mug.callbacks.guard.FirstStageGuard",
        f"{guard}.params.least_f1=0.5",
    )
    assert not list((tmp_path / "logs").rglob("last.ckpt"))
    assert "the first stage does not rebuild notes: F1 of the starts 0." in shown
    assert "chance 0." in shown
    assert "model.params.first_stage_config.params.ckpt_path" in shown


def test_a_first_stage_that_rebuilds_notes_is_let_be_and_looked_at_once() -> None:
    from tiny_probes import audible_batch, debug_model

    class Copying(torch.nn.Module):
        looks = 0

        def encode(self, notes: torch.Tensor) -> Copying:
            self.looks += 1
            self.notes = notes
            return self

        def mode(self) -> torch.Tensor:
            return self.notes

        def decode(self, notes: torch.Tensor) -> torch.Tensor:
            return notes - 0.5

    model = debug_model(allow_untrained_first_stage=False)
    guard, stage = FirstStageGuard(), Copying()
    model.model.first_stage_model = stage
    trainer = pl.Trainer(logger=False, enable_checkpointing=False)
    silent = {**audible_batch(0), "note": torch.zeros(4, 16, 64)}
    for batch in (silent, audible_batch(0), audible_batch(1)):
        guard.on_train_batch_start(trainer, model, batch, 0)
    assert stage.looks == 1, "silence tells nothing, and one look is enough"


# -------------------------------------------------------------------------------- loss


def test_a_loss_that_is_no_number_names_the_charts_of_its_batch(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = ["model.base_learning_rate=1e30", "lightning.trainer.limit_train_batches=4"]
    base, small = "configs/debug/autoencoder.yaml", "data.params.batch_size=1"
    shown = refused(base, tmp_path, capsys, *listed(songs), *wild, small)
    assert "the loss is not finite at step 1 (epoch 0), in a batch of " in shown
    assert shown.count("chart0.osu") == 1
    assert "model.base_learning_rate" in shown


def test_of_a_large_batch_a_few_charts_are_named() -> None:
    guard = LossGuard()
    trainer, module = pl.Trainer(logger=False, enable_checkpointing=False), TinyModule()
    batch = {"meta": {"path": [f"chart{n}.osu" for n in range(7)]}}
    guard.on_train_batch_start(trainer, module, batch, 0)
    with pytest.raises(TrainingError, match=r"chart0\.osu, .*chart3\.osu and 3 more: inf"):
        guard.on_before_backward(trainer, module, torch.tensor(float("inf")))


def test_a_validation_loss_that_is_no_number_stops_too(tmp_path: Path) -> None:
    class Spoilt(TinyModule):
        def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
            self.log("val/loss", torch.tensor(float("nan")))

    with pytest.raises(TrainingError, match=r"val/loss is not finite after step .*nan"):
        make_trainer(tmp_path, LossGuard()).fit(Spoilt(), datamodule=TinyData())
