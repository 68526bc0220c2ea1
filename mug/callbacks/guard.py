"""Stop a run that cannot go well, with one sentence: before it begins, or before weights spoil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from mug.data.split import Entry, group_songs
from mug.diffusion.diffusion import DDPM
from mug.errors import TrainingError
from mug.messages.message import Message
from mug.notes import NoteLayout

_NAMED = 4  # charts of a batch that a message names at most


class LossGuard(Callback):
    """Stops with one sentence when the loss is not a number, before the weights see it."""

    def __init__(self) -> None:
        self._charts = ""

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remembers which charts the batch is made of."""
        self._charts = _charts_of(batch)

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        """Look at the loss of each batch.

        Raises:
            TrainingError: names the step and the batch's charts; the weights are still those of
                the step before.
        """
        if not bool(torch.isfinite(loss).all()):
            raise TrainingError(
                "training.loss_is_not_finite",
                step=trainer.global_step,
                epoch=trainer.current_epoch,
                charts=self._charts,
                value=float(loss.detach().float().mean()),
                remedy="remedy.lower_learning_rate_or_clip_gradient",
            )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the losses of a validation.

        Raises:
            TrainingError: names the metric.
        """
        for name, value in trainer.callback_metrics.items():
            if name.startswith("val/loss") and not bool(torch.isfinite(value).all()):
                raise TrainingError(
                    "training.not_finite_after_step",
                    name=name,
                    step=trainer.global_step,
                    value=float(value),
                    remedy="remedy.lower_learning_rate_or_precision",
                )


class SplitGuard(Callback):
    """Stop a run before it begins if its charts can neither train nor validate a model.

    That is: the charts to train on, or those to validate with, are of one song; or a song is among
    both, so that validation would praise learning by heart. (Empty parts are refused when the data
    is read.) Datasets with `rules: original` validate on training charts by intention.

    Args:
        least_train_songs: fewer are refused; 1 lets one song do, as for a trial.
        least_validation_songs: likewise.
    """

    def __init__(self, least_train_songs: int = 2, least_validation_songs: int = 2) -> None:
        self.least = {"train": least_train_songs, "validation": least_validation_songs}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the charts of both datasets.

        Raises:
            TrainingError: names the part and the song.
        """
        datasets = getattr(getattr(trainer, "datamodule", None), "datasets", {})
        parts = {
            name: _entries(datasets[name])
            for name in ("train", "validation")
            if hasattr(datasets.get(name), "paths")
        }
        for name, entries in parts.items():
            self._check_songs(name, entries)
        if len(parts) == 2 and not getattr(datasets["validation"], "validates_on_training", False):
            _check_disjoint(parts["train"], parts["validation"])

    def _check_songs(self, name: str, entries: Sequence[Entry]) -> None:
        songs = group_songs(entries)
        if len(songs) >= self.least[name]:
            return
        raise TrainingError(
            "training.part_holds_too_few_songs",
            name=name,
            charts=len(entries),
            songs=len(songs),
            value=[song[0].path.parent.name for song in songs],
            remedy=Message("remedy.add_songs_or_change_split", name=name, songs=len(songs)),
        )


class FirstStageGuard(Callback):
    """Stops the training of a diffusion model whose first stage cannot rebuild notes.

    Looks at the first batch with notes in it: a first stage that was trained finds nearly all
    starts again; one with random or foreign weights does no better than chance, and all that the
    diffusion model could learn would be noise. `model.params.training.allow_untrained_first_stage`
    lets it pass.

    Args:
        least_f1: F1 of the starts, frame by frame, below which a first stage is refused.
    """

    def __init__(self, least_f1: float = 0.5) -> None:
        self.least_f1 = least_f1
        self._looked = False

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Look once.

        Raises:
            TrainingError: with what was measured and what chance would reach.
        """
        if self._looked or not isinstance(pl_module, DDPM) or not isinstance(batch, Mapping):
            return
        notes = batch.get(pl_module.denoising.keys.note_key)
        allowed = pl_module.training_options.allow_untrained_first_stage
        if allowed or not isinstance(notes, Tensor):
            return
        starts = NoteLayout.from_channels(notes.shape[1]).start
        truth = notes[:, starts] > 0.5
        if not truth.any():
            return
        self._looked = True
        first_stage: Any = pl_module.model.first_stage_model
        with torch.no_grad():
            rebuilt = first_stage.decode(first_stage.encode(notes).mode())[:, starts] > 0
        f1 = _f1(rebuilt, truth)
        if f1 < self.least_f1:
            raise TrainingError(
                "training.first_stage_does_not_rebuild_notes",
                f1=f1,
                chance=_f1(torch.ones_like(truth), truth),
                remedy="remedy.train_first_stage_beside_config",
            )


def _f1(found: Tensor, truth: Tensor) -> float:
    both = float((found & truth).sum())
    return 2 * both / max(float(found.sum() + truth.sum()), 1.0)


def _charts_of(batch: Any) -> str:
    """The charts of a batch, for a message; empty where the batch does not name them."""
    meta = batch.get("meta") if isinstance(batch, Mapping) else None
    paths = [str(path) for path in meta.get("path", ())] if isinstance(meta, Mapping) else []
    if not paths:
        return ""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f", in a batch of {', '.join(paths[:_NAMED])}{more}"


def _entries(dataset: Any) -> list[Entry]:
    """A dataset's charts with the identity of their songs: from the database, else the folder."""
    found = getattr(getattr(dataset, "collection", None), "found", {})
    entries = []
    for path in dataset.paths:
        row, folder = found.get(path), str(Path(path).resolve().parent)
        found_in = ("", "") if row is None else (row.beatmapset or "", row.audio_hash or "")
        entries.append(Entry(Path(path), found_in[0] or folder, found_in[1]))
    return entries


def _check_disjoint(train: Sequence[Entry], validation: Sequence[Entry]) -> None:
    trained = {identity: entry for entry in train for identity in entry.identities}
    for entry in validation:
        for identity in entry.identities:
            if identity in trained:
                raise TrainingError(
                    "training.song_in_train_and_validation",
                    file=entry.path,
                    value=str(trained[identity].path),
                    remedy="remedy.let_split_share_out_one_list",
                )
