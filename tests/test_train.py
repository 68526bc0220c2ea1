"""The command line, the run's folder, the learning rate, and what happens when things go wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
import yaml

import mug.util
from mug import train
from mug.config_check import check_time_axes
from mug.errors import CheckpointError, ConfigError, TrainingError
from mug.model.speed.precision import multiplies_bfloat16
from mug.model.weights import config_in
from mug.options import Options, parse_arguments

TINY = """
version: 0
model:
  base_learning_rate: 0.005
  target: tiny_training.TinyModule
  params: {}
data:
  target: tiny_training.TinyData
  params: {batch_size: 2}
lightning:
  trainer: {max_epochs: 2, accelerator: cpu, enable_progress_bar: false, log_every_n_steps: 1}
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(
        mug.util, "ALLOWED_PREFIXES", (*mug.util.ALLOWED_PREFIXES, "tiny_training.")
    )
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def only_run() -> Path:
    (run,) = Path("logs").iterdir()
    return run


# ---------------------------------------------------------------- command line


def test_flags_of_the_original() -> None:
    argv = "-n name -b a.yaml b.yaml -t -p proj -s 5 -f _post -l out --scale_lr false --no-test -d"
    assert parse_arguments(argv.split()) == Options(
        base=["a.yaml", "b.yaml"],
        train=True,
        name="name",
        no_test=True,
        project="proj",
        debug=True,
        seed=5,
        postfix="_post",
        logdir="out",
        scale_lr=False,
    )


@pytest.mark.parametrize(
    "argv",
    [
        "--base c.yaml model.params.x=1 -t data.params.y=[1,2]",
        "--base c.yaml -t model.params.x=1 data.params.y=[1,2]",
        "model.params.x=1 -t true data.params.y=[1,2] --base c.yaml",
    ],
)
def test_overrides_may_stand_anywhere(argv: str) -> None:
    options = parse_arguments(argv.split())
    assert options.base == ["c.yaml"]
    assert options.train is True
    assert options.overrides == ("model.params.x=1", "data.params.y=[1,2]")


def test_a_name_may_contain_an_equals_sign() -> None:
    options = parse_arguments(["-n", "lr=3", "--postfix", "a=b", "x.y=1"])
    assert (options.name, options.postfix, options.overrides) == ("lr=3", "a=b", ("x.y=1",))


def test_defaults_train_nothing() -> None:
    options = parse_arguments([])
    assert (options.train, options.scale_lr, options.seed) == (False, True, 23)
    assert options.logdir == "logs"


def test_trainer_flags_are_sent_to_the_dotlist() -> None:
    with pytest.raises(ConfigError, match=r"--max_epochs.*lightning\.trainer\.max_epochs=3"):
        parse_arguments(["-t", "--max_epochs", "3"])


def test_wrong_flag_values(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--scale_lr", "perhaps"])
    assert "neither true nor false" in capsys.readouterr().err


# ---------------------------------------------------------------- runs


def test_a_run_leaves_configs_checkpoints_and_metrics(
    tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    argv = f"--base {tiny} -t -n first -f _x lightning.trainer.accumulate_grad_batches=2"
    assert train.main(argv.split()) == 0
    run = only_run()
    assert run.name.endswith("_first_x")
    (config,) = (run / "configs").glob("*.yaml")
    resolved = yaml.safe_load(config.read_text(encoding="utf-8"))
    assert resolved["lightning"]["trainer"]["accumulate_grad_batches"] == 2
    checkpoint = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["mug_config"] == resolved
    assert checkpoint["global_step"] == 8
    assert list(run.glob("tensorboard/events*"))
    (metrics,) = run.glob("csv/*/metrics.csv")
    assert "val/loss" in metrics.read_text(encoding="utf-8")
    assert "0.02 = 2 (accumulation) x 1 (devices) x 2 (batch size) x 0.005 (base)" in caplog.text


def test_without_t_nothing_is_trained(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--base", str(tiny)]) == 0
    shown = capsys.readouterr().out
    assert "Nothing was trained" in shown
    assert "net" in shown
    assert not Path("logs").exists()


def test_the_learning_rate_is_not_scaled_on_request(
    tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert train.main(f"--base {tiny} -t --scale_lr false".split()) == 0
    assert "learning rate 0.005 (not scaled)" in caplog.text


def test_resume_by_folder_and_by_checkpoint(tiny: Path) -> None:
    assert train.main(f"--base {tiny} -t".split()) == 0
    run = only_run()
    more = "lightning.trainer.max_epochs={}"
    assert train.main(["-r", str(run), "-t", more.format(3)]) == 0
    last = run / "checkpoints/last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 21
    assert train.main(["-r", str(last), "-t", more.format(4)]) == 0
    kept = torch.load(last, weights_only=True)
    assert kept["global_step"] == 28
    assert kept["mug_config"]["lightning"]["trainer"]["max_epochs"] == 4
    assert only_run() == run, "a resumed run stays in its folder"
    assert len(list(run.glob("csv/*/metrics.csv"))) >= 1


def test_the_best_checkpoints_are_kept(tiny: Path) -> None:
    text = TINY.replace("params: {}", "params: {monitor: val/loss}", 1)
    tiny.write_text(
        text + "  modelcheckpoint: {params: {save_top_k: 2, every_n_train_steps: 3}}\n",
        encoding="utf-8",
    )
    assert train.main(f"--base {tiny} -t lightning.trainer.max_epochs=3".split()) == 0
    names = sorted(p.name for p in (only_run() / "checkpoints").iterdir())
    assert names == ["epoch=000000.ckpt", "epoch=000001.ckpt", "last.ckpt"]  # val/loss rises


def test_a_failure_is_one_sentence_with_the_way_on(
    tiny: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    argv = f"--base {tiny} -t model.params.spoil_at=9"
    assert train.main(argv.split()) == 1
    assert capsys.readouterr().err.startswith("error: the loss is not finite at step 9")
    assert f"main.py -r {only_run()} -t" in caplog.text
    checkpoint = torch.load(only_run() / "checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 9
    with pytest.raises(TrainingError):
        train.main([*argv.split(), "-d"])


def test_callbacks_can_be_changed_added_and_removed(tiny: Path) -> None:
    tiny.write_text(
        TINY
        + """
  callbacks:
    cuda_callback: null
    learning_rate_logger: {params: {logging_interval: epoch}}
    ema: {target: mug.callbacks.ema.EMA, params: {decay: 0.5}}
""",
        encoding="utf-8",
    )
    place = train.plan_run(Options(base=[str(tiny)]))
    built = train.build_callbacks(place, 1)
    callbacks = {type(c).__name__: c for c in built}
    names = list(callbacks)
    assert names.index("StepRandomness") > max(names.index(n) for n in ("EMA", "LossGuard"))
    assert names[-2:] == ["ModelCheckpoint", "ResumeCheckpoint"]
    assert "ResourceCallback" not in callbacks
    assert callbacks["LearningRateMonitor"].logging_interval == "epoch"
    assert callbacks["EMA"].decay == 0.5
    assert {"SetupCallback", "StepRandomness", "LossGuard", "ResumeCheckpoint"} <= set(callbacks)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("-t", "no config given"),
        ("-r nowhere -t", "no checkpoint to resume from"),
        ("--base {tiny} model.params.spoil=1", "spoil_at"),
        ("--base {tiny} -t lightning.trainer.logger=true", "lightning.logger"),
    ],
)
def test_refusals(tiny: Path, argv: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(argv.format(tiny=tiny).split()) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert message in shown
    assert shown.count("\n") == 1


def test_a_config_needs_model_and_data(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_text("version: 1", encoding="utf-8")
    assert train.main(["--base", str(tiny)]) == 1
    assert "no `model`" in capsys.readouterr().err


def test_resume_needs_the_configs(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/last.ckpt").touch()
    with pytest.raises(CheckpointError, match="no configs"):
        train.plan_run(Options(resume=str(tmp_path)))


@pytest.mark.parametrize(
    ("stage", "base", "refused"),
    [
        ({"params": {}}, "configs/mug/demo.yaml", "--base configs/mug/demo_autoencoder.yaml -t"),
        ({}, "configs/mug/mug_diffusion.yaml", "--base configs/mug/autoencoder.yaml -t"),
        ({"params": {"ckpt_path": "no.ckpt"}}, "configs/debug/diffusion.yaml", "does not exist"),
    ],
)
def test_an_untrained_first_stage_is_refused_with_the_command(
    stage: dict[str, object], base: str, refused: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    config = {"model": {"params": {"first_stage_config": stage}}}
    with pytest.raises(TrainingError, match=refused):
        train.check_first_stage(config, [base])
    config["model"]["params"]["training"] = {"allow_untrained_first_stage": True}
    train.check_first_stage(config, [base])


def test_a_trained_first_stage_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").touch()
    stage = {"params": {"ckpt_path": str(tmp_path / "x.ckpt")}}
    train.check_first_stage({"model": {"params": {"first_stage_config": stage}}}, [])
    train.check_first_stage({"model": {"params": {"first_stage_config": {}, "ckpt_path": "x"}}}, [])
    train.check_first_stage({"model": {}}, [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"accelerator": "dp", "gpus": 2}, {"accelerator": "gpu", "devices": 2}),
        ({"gpus": "0,1,"}, {"accelerator": "gpu", "devices": [0, 1]}),
        ({"gpus": 0}, {"accelerator": "cpu", "devices": 1}),
        ({"accelerator": "dp"}, {"accelerator": "auto"}),
        ({"accelerator": "ddp"}, {"accelerator": "auto", "strategy": "ddp"}),
        ({"max_epochs": 3}, {"max_epochs": 3}),
    ],
)
def test_trainer_arguments_of_the_originals_files(
    given: dict[str, object], expected: dict[str, object]
) -> None:
    assert train.trainer_arguments({"lightning": {"trainer": given}}) == expected


@pytest.mark.parametrize(
    ("accelerator", "expected"), [("gpu", "bf16-mixed"), ("cpu", "32-true"), ("mps", "32-true")]
)
def test_automatic_precision_is_what_the_device_is_faster_with(
    accelerator: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "multiplies_bfloat16", lambda kind: kind == "cuda")
    given = {"accelerator": accelerator, "precision": "auto"}
    found = train.trainer_arguments({"lightning": {"trainer": given}})
    assert found == {"accelerator": accelerator, "precision": expected}


def test_devices_that_multiply_bfloat16() -> None:
    assert not multiplies_bfloat16("mps")
    assert multiplies_bfloat16("cuda") <= torch.cuda.is_available()
    known = Path("/proc/cpuinfo")
    if known.exists() and "flags" in (words := known.read_text(encoding="utf-8")):
        assert multiplies_bfloat16("cpu") == ("avx512_bf16" in words or "amx_tile" in words)


@pytest.mark.parametrize(("own", "other"), [("beat", "ms"), ("ms", "beat"), ("beat", None)])
def test_weights_of_another_time_axis_are_refused(
    tmp_path: Path, own: str, other: str | None
) -> None:
    def config(axis: str | None) -> dict[str, object]:
        window = {} if axis is None else {"time_axis": axis}
        return {"data": {"params": {"common_params": {"window": window}}}}

    path = tmp_path / "first.ckpt"
    torch.save({"state_dict": {}, "mug_config": config(other)}, path)
    stage = {"params": {"ckpt_path": str(path)}}
    for params in ({"first_stage_config": stage}, {"ckpt_path": str(path)}):
        asked = {**config(own), "model": {"params": params}}
        with pytest.raises(ConfigError, match=rf"first\.ckpt.*another time axis than {own}"):
            check_time_axes(asked, config_in)
        check_time_axes({**config(other), "model": {"params": params}}, config_in)
    path.write_bytes(b"nonsense")
    check_time_axes({**config(own), "model": {"params": {"ckpt_path": str(path)}}}, config_in)
