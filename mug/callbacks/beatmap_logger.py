"""Sample charts and pictures during training."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.clock import FrameClock
from mug.diffusion.guidance import guided
from mug.diffusion.samplers.registry import make_sampler
from mug.encoding.convertor import ManiaConvertor
from mug.features import FeatureSchema
from mug.notes import NoteLayout

log = logging.getLogger(__name__)

_LISTED_BEAT_MS = 500.0  # the samples are not timed; a file needs some red line


@dataclass(frozen=True)
class SamplingOptions:
    """Sampler of the sample charts.

    Args:
        steps: of the sampler.
        sampler: its name, see `mug.diffusion.samplers.registry`.
        guidance_scale: how strongly the features are followed; 1 is off.
        seed: of the sampler's noise, so that epochs can be compared.
    """

    steps: int = 20
    sampler: str = "dpm_solver"
    guidance_scale: float = 2.0
    seed: int = 0


class BeatmapLogger(Callback):
    """Writes charts under `<run>/samples/<split>/epoch<n>/`: generated, or reconstructed.

    A diffusion model generates from the songs and features of a batch with a seeded sampler of
    few steps; an autoencoder reconstructs the batch's notes. The human chart stands beside each.

    Args:
        log_batch_idx: batches of an epoch whose songs are used.
        splits: of `train`, `val` and `test`.
        count: charts a batch at most.
        every_n_epochs: epochs between two times.
        sampling: sampler, its steps and its noise.
        pictures: also draw each chart as a PNG.
        clock: time base; that of the shipped configs if None.
        feature_yaml: the features, for what guidance steers away from.
        note_key: name of the notes in a batch.
        folder: where to write; `samples` in the run's folder if None.
    """

    def __init__(  # noqa: PLR0913 (its arguments are the keys of the YAML file)
        self,
        log_batch_idx: Sequence[int] = (0,),
        splits: Sequence[str] = ("val",),
        count: int = 4,
        *,
        every_n_epochs: int = 1,
        sampling: SamplingOptions | None = None,
        pictures: bool = True,
        clock: FrameClock | None = None,
        feature_yaml: str = "configs/mug/mania_beatmap_features.yaml",
        note_key: str = "note",
        folder: str | None = None,
    ) -> None:
        self.log_batch_idx, self.splits, self.count = tuple(log_batch_idx), tuple(splits), count
        self.every_n_epochs, self.sampling = every_n_epochs, sampling or SamplingOptions()
        self.sampler = make_sampler(self.sampling.sampler)
        self.pictures, self.note_key, self.folder = pictures, note_key, folder
        self.feature_yaml = feature_yaml
        self.clock = clock or FrameClock()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write after the listed training batches."""
        self._maybe_log(trainer, pl_module, batch, batch_idx, "train")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write after the listed validation batches."""
        self._maybe_log(trainer, pl_module, batch, batch_idx, "val")

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write after the listed test batches."""
        self._maybe_log(trainer, pl_module, batch, batch_idx, "test")

    def _maybe_log(
        self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int, split: str
    ) -> None:
        due = split in self.splits and batch_idx in self.log_batch_idx
        if not due or trainer.sanity_checking or not trainer.is_global_zero:
            return
        if trainer.current_epoch % self.every_n_epochs:
            return
        root = Path(self.folder) if self.folder else run_folder(trainer) / "samples"
        folder = root / split / f"epoch{trainer.current_epoch:06d}"
        training = module.training
        module.eval()
        try:
            with torch.no_grad():
                arrays, kind = self._make(module, batch)
        finally:
            module.train(training)
        notes = batch[self.note_key][: self.count].float().cpu().numpy()
        titles = _titles(batch, len(notes))
        for index, (array, human) in enumerate(zip(arrays, notes, strict=True)):
            name = f"batch{batch_idx}_{index:02d}"
            self._write(folder / f"{name}_{kind}", array, f"{titles[index]} ({kind})", logits=True)
            self._write(folder / f"{name}_human", human, f"{titles[index]} (human)", logits=False)
        log.info("%d sample charts in %s", len(notes), folder)

    def _make(self, module: Any, batch: Mapping[str, Any]) -> tuple[np.ndarray, str]:
        """Logits `[n, c, t]` and what they are."""
        notes: Tensor = batch[self.note_key][: self.count]
        if not hasattr(module, "generation"):
            return module.decode(module.encode(notes).mode()).float().cpu().numpy(), "reconstructed"
        keys, generation = module.denoising.keys, module.generation
        audio, feature = batch.get(keys.audio_key), batch.get(keys.feature_key)
        audio = None if audio is None else audio[: self.count]
        feature = None if feature is None else feature[: self.count]
        beat = [batch["beat"][: self.count]] if "beat" in batch else []
        denoise = generation.denoiser(generation.conditions(audio, feature, *beat))
        if self.sampling.guidance_scale != 1.0 and feature is not None:
            missing = FeatureSchema.from_yaml(self.feature_yaml).missing_row()
            nothing = torch.tensor(missing, device=feature.device).expand_as(feature)
            free = generation.denoiser(generation.conditions(audio, nothing, *beat))
            denoise = guided(denoise, free, self.sampling.guidance_scale)
        shape = (len(notes), *generation.latent_shape(notes.shape[-1]))
        generator = torch.Generator().manual_seed(self.sampling.seed)
        noise = torch.randn(shape, generator=generator).to(notes.device)
        z = self.sampler.sample(
            denoise, noise, module.schedule, steps=self.sampling.steps, generator=generator
        )
        return generation.decode(z).float().cpu().numpy(), "generated"

    def _write(self, stem: Path, array: np.ndarray, title: str, *, logits: bool) -> None:
        keys = NoteLayout.from_channels(array.shape[0]).keys
        convertor = ManiaConvertor(self.clock, keys, array.shape[1])
        beatmap = Beatmap(
            keys=keys,
            hit_objects=tuple(convertor.decode(array, from_logits=logits)),
            timing=(TimingPoint(0.0, _LISTED_BEAT_MS),),
            general={"AudioFilename": "audio.mp3", "Mode": "3"},
            metadata={"Title": title, "Creator": "MuG Diffusion", "Version": stem.name},
            difficulty={"CircleSize": str(keys), "OverallDifficulty": "8", "HPDrainRate": "8"},
        )
        osu.write(beatmap, stem.with_suffix(".osu"))
        if self.pictures:
            from mug.render.chart_image import render_chart

            render_chart(beatmap, stem.with_suffix(".png"), title=title)


def run_folder(trainer: Trainer) -> Path:
    """The run's folder, of which checkpoints/ is a part; else the trainer's own."""
    for callback in trainer.checkpoint_callbacks:
        path = getattr(callback, "path", None)
        if path is not None:
            return Path(path).parent.parent
    return Path(trainer.default_root_dir)


def _titles(batch: Mapping[str, Any], count: int) -> list[str]:
    meta = batch.get("meta")
    if isinstance(meta, Mapping) and "title" in meta:
        return [str(value) for value in meta["title"]][:count]
    return [f"sample {index}" for index in range(count)]
