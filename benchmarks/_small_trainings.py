"""The smallest training and the smallest release that run, as jobs to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._data_songs import make_sets
from benchmarks._small_jobs import Job, Outcome

SHORT = (
    "lightning.trainer.max_steps=6",
    "lightning.trainer.val_check_interval=3",
    "lightning.trainer.limit_val_batches=1",
    "lightning.modelcheckpoint.params.every_n_train_steps=1",
    "lightning.callbacks.first_stage_guard=null",  # so short a first stage rebuilds nothing
    "lightning.callbacks.condition_probe=null",
    "model.params.optimizer.scheduler_config.params.warm_up_steps=1",
    "data.params.batch_size=2",
)
RELEASE = (
    *("--songs", "4", "--workers", "1", "--min_s", "15", "--max_s", "20"),
    "--calibrate=--kinds 1 --stars 1,2 --steps 2",
    "--scorer=--steps 3 --batch 2 --width 8 --dilations 1 4",
)


def weights_of(out: Path) -> Outcome:
    """Weights of the last checkpoint of each training, by hash, and which models are there."""
    import torch

    from mug.model.weights import hash_weights

    found = {}
    for checkpoint in sorted(out.glob("logs/*/*/checkpoints/last.ckpt")):
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        found[checkpoint.parents[2].name] = (
            f"{state['global_step']} {hash_weights(state['state_dict'])}"
        )
    for file in sorted((out / "model").glob("*")):
        found[f"model/{file.name}"] = "there"
    return found


TRAIN = Job(
    "train",
    lambda out, inputs: [["benchmarks/_small_trainings.py", out, inputs / "songs", *SHORT]],
    weights_of,
    lambda folder: make_sets(folder / "songs", 6, notes=120, seconds=12.0),
)
TRAIN_RELEASE = Job(
    "train_release",
    lambda out, _: [["scripts/train_release.py", "--out", out, *RELEASE, *SHORT]],
    weights_of,
    lambda folder: folder.mkdir(parents=True, exist_ok=True),
)


def main(out: Path, songs: str, overrides: list[str]) -> None:
    """Prepare songs and train a first stage on them, in steps."""
    from mug.cli.steps import Steps

    steps, features = Steps(out), "configs/mug/mania_beatmap_features.yaml"
    folders = ["--song_dir", songs, "--out_dir", str(out / "dataset"), "--workers", "1"]
    steps.run("prepare", ["scripts/prepare_beatmap.py", *folders])
    listed = str(out / "dataset" / "beatmap.txt")
    files = ["--beatmap_txt", listed, "--features_yaml", features, "--workers", "1"]
    steps.run("features", ["scripts/prepare_beatmap_features.py", *files])
    common = "data.params.common_params."
    data = [
        f"{common}txt_file={listed}",
        f"{common}audio.cache_dir={out / 'cache'}",
        f"{common}features.feature_yaml={features}",
    ]
    steps.train("first stage", "configs/mug/demo_autoencoder.yaml", [*data, *overrides])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
