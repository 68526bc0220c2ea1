"""Training on all songs but one: the steps that benchmarks of real songs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mug.cli.steps import Steps
from mug.data.feature_db import FeatureDB
from mug.data.split import Entry, split_beatmaps
from mug.errors import DataError
from mug.files import atomic_write

METRONOMES = ("quaver-offset-calibrator",)  # a click track teaches no music

_FRACTIONS = {"train": 0.9, "val": 0.1, "test": 0.0}


@dataclass(frozen=True)
class Dataset:
    """Charts that are prepared for training.

    Args:
        listed: the list of charts.
        cache: folder of spectrograms.
    """

    listed: Path
    cache: Path

    @property
    def songs(self) -> list[str]:
        """Names of the songs' folders, in order."""
        lines = self.listed.read_text(encoding="utf-8").splitlines()
        return sorted({line.partition("/")[0] for line in lines})

    def salt(self, held_out: str) -> str:
        """A salt of the split under which exactly the named song is for validation.

        Raises:
            DataError: where there is no such song.
        """
        entries = self._entries()
        for number in range(10_000):
            part = split_beatmaps(entries, _FRACTIONS, salt=str(number))
            if {entry.path.parent.name for entry in part.val} == {held_out}:
                return str(number)
        raise DataError("no such song to hold out", value=held_out)

    def _entries(self) -> list[Entry]:
        lines = self.listed.read_text(encoding="utf-8").splitlines()
        folder = self.listed.parent
        with FeatureDB(folder / "features.db") as database:
            found = [database.find((folder / line).resolve()) for line in lines]
        return [
            Entry(folder / line, row.beatmapset, row.audio_hash or "")
            for line, row in zip(lines, found, strict=True)
            if row is not None
        ]


def prepare(steps: Steps, songs: Path) -> Dataset:
    """Measure all four-key charts of a folder of songs, metronomes left out.

    Args:
        steps: what is done, and where it goes.
        songs: folder of beatmapset folders.
    """
    dataset = steps.out / "dataset"
    folders = ["--song_dir", str(songs), "--out_dir", str(dataset)]
    steps.run("prepare", ["scripts/prepare_beatmap.py", *folders, "--mode_int", "3", "--cs", "4"])
    files = ["--beatmap_txt", str(dataset / "beatmap.txt")]
    schema = ["--features_yaml", "configs/mug/mania_beatmap_features.yaml"]
    steps.run("features", ["scripts/prepare_beatmap_features.py", *files, *schema])
    lines = (dataset / "beatmap.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("/")[0] not in METRONOMES]
    listed = dataset / "songs.txt"
    with atomic_write(listed, "w", encoding="utf-8") as handle:
        handle.write("\n".join(kept) + "\n")
    return Dataset(listed, steps.out / "cache")


@dataclass(frozen=True)
class Training:
    """Options of training both stages.

    Args:
        size: of `configs/mug/SIZE.yaml` and `SIZE_autoencoder.yaml`.
        override: key=value for both configs.
        first_stage: key=value for the first stage alone.
        diffusion: key=value for the diffusion alone.
    """

    size: str = "small"
    override: tuple[str, ...] = ()
    first_stage: tuple[str, ...] = ()
    diffusion: tuple[str, ...] = ()


def train(steps: Steps, data: Dataset, held_out: str, how: Training) -> Path:
    """Train both stages without a song; the diffusion's last checkpoint.

    Args:
        steps: what is done, and where it goes.
        data: all charts.
        held_out: the song that no stage sees but for its validation loss.
        how: the configs.
    """
    common = [
        f"data.params.common_params.txt_file={data.listed}",
        f"data.params.common_params.audio.cache_dir={data.cache}",
        f"data.params.common_params.split.salt={data.salt(held_out)}",
        *how.override,
    ]
    config = f"configs/mug/{how.size}_autoencoder.yaml"
    first_stage = steps.train("first stage", config, [*common, *how.first_stage])
    frozen = f"model.params.first_stage_config.params.ckpt_path={first_stage}"
    overrides: Sequence[str] = [frozen, *common, *how.diffusion]
    return steps.train("diffusion", f"configs/mug/{how.size}.yaml", list(overrides))
