"""Train a release from nothing: compose songs, prepare them, train on them, pack the model.

Every step is a command that users run themselves. After a kill, the same command goes on: finished
steps are not done again, composing and training go on where they stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mug.cli.common import OK, run
from mug.cli.steps import Steps
from mug.compose.collection import MOST_SONGS
from mug.errors import ConfigError
from mug.files import atomic_write
from mug.messages.message import Message

SONGS = 300
SEED, SCORER_SEED = 0, 1

FIRST_STAGE, DIFFUSION = "configs/mug/listen_autoencoder.yaml", "configs/mug/listen.yaml"
WIDE_FIRST_STAGE = "configs/mug/listen_7k_autoencoder.yaml"
WIDE_DIFFUSION = "configs/mug/listen_7k.yaml"
WIDE_FROM = 6
"""Columns from which on a beat takes wider latents."""
FEATURES = "configs/mug/features_2.yaml"

SONG_BYTES = 7_000_000
"""Of a song on disk: its sound twice, eight charts, what is computed from it."""

OTHER_BYTES = 1_000_000_000
"""Checkpoints, logs, the packed model."""

MOST_BYTES = 30_000_000_000

# Seconds that a step of each training takes on one idle CPU core, and its part of --minutes.
_STEP_S = {"scorer": 0.25, "first stage": 0.15, "diffusion": 0.25}
_SHARE = {"scorer": 0.08, "first stage": 0.12, "diffusion": 0.8}


@dataclass(frozen=True)
class ReleaseRecipe:
    """A release that is to be trained.

    Args:
        out: folder of all results.
        songs: songs that the networks learn from; a quarter as many more teach the scorer, which
            must not have seen the songs of the networks.
        minutes: of training on one idle CPU core, by usual speeds; None for the configs' steps.
        keys: columns of the charts.
        workers: processes that compose, prepare and read training items.
        seconds: length of the songs.
        scorer: further words for scripts/train_scorer.py.
        calibrate: further words for scripts/calibrate_model.py.
        overrides: key=value for both training configs.
    """

    out: Path
    songs: int = SONGS
    minutes: float | None = None
    keys: int = 4
    workers: int = 1
    seconds: tuple[float, float] = (100.0, 180.0)
    scorer: tuple[str, ...] = ()
    calibrate: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        most = int(min(MOST_SONGS, (MOST_BYTES - OTHER_BYTES) / SONG_BYTES / 1.25))
        if not 4 <= self.songs <= most:
            raise ConfigError(
                "scripts.songs_of_release_out_of_range", least=4, most=most, value=self.songs
            )

    @property
    def scorer_songs(self) -> int:
        """Songs for the scorer."""
        return max(4, self.songs // 4)

    @property
    def disk_bytes(self) -> int:
        """Disk space that is needed, about."""
        return OTHER_BYTES + SONG_BYTES * (self.songs + self.scorer_songs)

    def steps(self, training: str) -> int | None:
        """Steps of a training in its part of the minutes; None: as many as its config says."""
        if self.minutes is None:
            return None
        return max(200, round(60 * self.minutes * _SHARE[training] / _STEP_S[training]))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", type=Path, required=True, help="folder of results")
    made.add_argument("--songs", type=int, default=SONGS, help=f"songs (default {SONGS})")
    made.add_argument(
        "--minutes",
        type=float,
        help="of training, by the usual speed of one CPU core (default: the configs' steps)",
    )
    made.add_argument("--keys", type=int, default=4, help="columns of the charts (default 4)")
    made.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes that compose and prepare (default: one a core, here %(default)s)",
    )
    made.add_argument("--min_s", type=float, default=100.0, help="shortest song (default 100 s)")
    made.add_argument("--max_s", type=float, default=180.0, help="longest song (default 180 s)")
    made.add_argument(
        "--scorer",
        default="",
        help="further words for scripts/train_scorer.py, e.g. --scorer='--width 8'",
    )
    made.add_argument("--calibrate", default="", help="those for scripts/calibrate_model.py")
    made.add_argument(
        "override", nargs="*", help="key=value for both training configs, e.g. shorter runs"
    )
    return made


def main() -> int:
    """Do the steps that are not done yet and say where the results lie."""
    args = parser().parse_args()
    recipe = ReleaseRecipe(
        out=args.out.resolve(),
        songs=args.songs,
        minutes=args.minutes,
        keys=args.keys,
        workers=args.workers,
        seconds=(args.min_s, args.max_s),
        scorer=tuple(args.scorer.split()),
        calibrate=tuple(args.calibrate.split()),
        overrides=tuple(args.override),
    )
    check_disk(recipe)
    keep_to_songs(recipe)
    began = time.monotonic()
    tasks = list(TASKS.items())
    steps = Steps(recipe.out)
    for number, (name, task) in enumerate(tasks, 1):
        minutes = (time.monotonic() - began) / 60
        print(f"\n== {number} of {len(tasks)}: {name} ({minutes:.0f} minutes so far)", flush=True)
        task(steps, recipe)
    print(f"\nDone in {(time.monotonic() - began) / 60:.1f} minutes.")
    print(f"Model: {recipe.out / 'model'} (use it with scripts/generate.py --ckpt)")
    return OK


def check_disk(recipe: ReleaseRecipe) -> None:
    """Refuse to begin what the disk has no room for; what lies in the folder already counts.

    Raises:
        ConfigError: when there is too little free space.
    """
    recipe.out.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in recipe.out.rglob("*") if path.is_file())
    missing = recipe.disk_bytes - there - shutil.disk_usage(recipe.out).free
    if missing > 0:
        raise ConfigError(
            "scripts.too_little_disk_space",
            file=recipe.out,
            gigabytes=round(recipe.disk_bytes / 1e9, 1),
            remedy=Message("remedy.free_space_or_fewer_songs", gigabytes=round(missing / 1e9, 1)),
        )


def keep_to_songs(recipe: ReleaseRecipe) -> None:
    """Refuse other songs in a folder whose networks have learned from some already.

    Raises:
        ConfigError: for another number, length or key count than the folder was begun with.
    """
    asked = {"songs": recipe.songs, "keys": recipe.keys, "seconds": list(recipe.seconds)}
    file = recipe.out / "release.json"
    if not file.exists():
        with atomic_write(file) as handle:
            handle.write(json.dumps(asked).encode())
    elif json.loads(file.read_text(encoding="utf-8")) != asked:
        raise ConfigError(
            "scripts.release_has_other_songs", file=file, remedy="remedy.choose_another_out"
        )


def compose(steps: Steps, recipe: ReleaseRecipe) -> None:
    """Songs for the networks, others for the scorer, and some of each kind for judging."""
    keys = ["--keys", str(recipe.keys)]
    lengths = ["--min_s", f"{recipe.seconds[0]:g}", "--max_s", f"{recipe.seconds[1]:g}"]
    for name, count, seed in (
        ("songs", recipe.songs, SEED),
        ("scorer songs", recipe.scorer_songs, SCORER_SEED),
    ):
        where = ["--out", str(steps.out / name.replace(" ", "_")), "--seed", str(seed)]
        amount = ["--count", str(count), "--workers", str(recipe.workers), "--audio", "mixed"]
        command = ["scripts/compose_songs.py", "--varied", *where, *keys, *lengths, *amount]
        steps.run(f"compose {name}", command)
    held_out = ["--held_out", "--out", str(steps.out / "held_out")]
    steps.run("compose held-out songs", ["scripts/compose_songs.py", *held_out, *keys])


def prepare(steps: Steps, recipe: ReleaseRecipe) -> None:
    """The songs as a data set with measured features."""
    dataset = steps.out / "dataset"
    folders = ["--song_dir", str(steps.out / "songs"), "--out_dir", str(dataset)]
    workers = ["--workers", str(recipe.workers)]
    charts = ["--mode_int", "3", "--cs", str(recipe.keys)]
    steps.run("prepare", ["scripts/prepare_beatmap.py", *folders, *charts, *workers])
    files = ["--beatmap_txt", str(dataset / "beatmap.txt"), "--features_yaml", FEATURES]
    steps.run("features", ["scripts/prepare_beatmap_features.py", *files, *workers])


def train_scorer(steps: Steps, recipe: ReleaseRecipe) -> None:
    """The rhythm scorer, on songs of its own."""
    folders = ["--songs", str(steps.out / "scorer_songs"), "--out", str(steps.out / "scorer")]
    cache = ["--cache", str(steps.out / "cache")]
    count = recipe.steps("scorer")
    length = [] if count is None else ["--steps", str(count)]
    command = ["scripts/train_scorer.py", *folders, *cache, *length, *recipe.scorer]
    steps.run("scorer", command)


def train_networks(steps: Steps, recipe: ReleaseRecipe) -> None:
    """The first stage, then the diffusion model on it."""
    first = train_network(steps, recipe, "first stage", [])
    scorer = steps.out / "scorer" / "scorer.safetensors"
    own = [
        f"model.params.first_stage_config.params.ckpt_path={first}",
        f"data.params.common_params.lines.scorer={scorer}",
        "data.params.train.params.lines.drawn_rows_p=0.3",
        "model.params.wave_stage_config.params.row_hints=true",
    ]
    train_network(steps, recipe, "diffusion", own)


def train_network(steps: Steps, recipe: ReleaseRecipe, name: str, own: list[str]) -> Path:
    """Train one of the networks; its last checkpoint.

    Args:
        steps: of the release.
        recipe: of the release.
        name: first stage or diffusion.
        own: overrides for it alone.
    """
    wide = recipe.keys >= WIDE_FROM
    config = {
        "first stage": WIDE_FIRST_STAGE if wide else FIRST_STAGE,
        "diffusion": WIDE_DIFFUSION if wide else DIFFUSION,
    }[name]
    count = recipe.steps(name)
    length = [] if count is None else [f"lightning.trainer.max_steps={count}"]
    return steps.train(name, config, [*own, *_data(steps, recipe), *length, *recipe.overrides])


def _data(steps: Steps, recipe: ReleaseRecipe) -> list[str]:
    found = [
        f"data.params.common_params.txt_file={steps.out / 'dataset' / 'beatmap.txt'}",
        f"data.params.common_params.audio.cache_dir={steps.out / 'cache'}",
        f"data.params.common_params.features.feature_yaml={FEATURES}",
    ]
    # Reading items takes a quarter of a step: another process reads while this one computes.
    loaders = min(recipe.workers - 1, 1)
    return [
        *found,
        f"data.params.common_params.keys={recipe.keys}",
        f"data.params.num_workers={loaders}",
    ]


def pack(steps: Steps, recipe: ReleaseRecipe) -> None:
    """The model folder that is shipped: halved weights, config, scorer, card."""
    last = steps.checkpoint("diffusion")
    scorer = ["--scorer", str(steps.out / "scorer" / "scorer.safetensors")]
    command = ["scripts/pack_model.py", str(last), str(steps.out / "model"), *scorer]
    steps.run("pack", command)


def calibrate(steps: Steps, recipe: ReleaseRecipe) -> None:
    """The stars that the packed model reaches, beside it: they are inverted before sampling."""
    folders = ["--ckpt", str(steps.out / "model"), "--work", str(steps.out / "calibration")]
    keys = ["--keys", str(recipe.keys)]
    steps.run("calibrate", ["scripts/calibrate_model.py", *folders, *keys, *recipe.calibrate])


TASKS: dict[str, Callable[[Steps, ReleaseRecipe], None]] = {
    "compose songs": compose,
    "prepare the data set": prepare,
    "train the rhythm scorer": train_scorer,
    "train the networks": train_networks,
    "pack the model": pack,
    "measure the stars that it reaches": calibrate,
}
"""Steps of a release in their order."""


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from here.")
