"""Training of a rhythm scorer: crops of songs in beats, augmented, drawn by the step's number.

It minimises the log-loss of rows at lines, with AdamW and a one-cycle schedule.
"""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mug.encoding.beat_axis import LINES
from mug.encoding.line_channels import SOUND, line_channels, position_channels
from mug.errors import ConfigError, TrainingError
from mug.files import atomic_write
from mug.rhythm.scorer import RhythmScorer, ScorerOptions, condition
from mug.rhythm.songs import SongLines

Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class ScorerTrainingOptions:
    """Length, size of the batch and augmentation.

    Args:
        steps: of the optimiser.
        batch: crops a step.
        beats: of a crop.
        learning_rate: highest of the one-cycle schedule.
        weight_decay: of AdamW.
        gain: spread of the log gain of each channel of a crop.
        noise: spread of the noise on each standardised channel.
        missing_p: probability that a crop has `missing` of its channels silent.
        missing: share of channels that are silent then.
        shift_ms: spread of the error of the red lines.
        condition_dropout_p: probability of each condition to be absent.
        seed: of everything drawn.
    """

    steps: int = 600
    batch: int = 16
    beats: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    gain: float = 0.2
    noise: float = 0.15
    missing_p: float = 0.2
    missing: float = 0.4
    shift_ms: float = 4.0
    condition_dropout_p: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "beats"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    "rhythm.value_must_be_positive", name=name, value=getattr(self, name)
                )


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops.

    Args:
        lines: line channels.
        position: position channels.
        conditions: of each crop's chart.
        rows: 1 at lines that have a row.
        weight: 1 at lines that count: those inside the song.
    """

    lines: Float[Tensor, "b beats 12 34"]
    position: Float[Tensor, "b beats 5"]
    conditions: Float[Tensor, "b 4"]
    rows: Float[Tensor, "b lines"]
    weight: Float[Tensor, "b lines"]


def draw_batch(
    songs: Sequence[SongLines],
    options: ScorerTrainingOptions,
    step: int,
    mean: np.ndarray,
    std: np.ndarray,
) -> Batch:
    """The crops of a step; they depend on the seed and the step alone."""
    rng = np.random.default_rng([options.seed, step])
    items = [_draw_item(songs, options, rng, mean, std) for _ in range(options.batch)]
    stacked = [torch.stack(parts) for parts in zip(*items, strict=True)]
    return Batch(*stacked)


def _draw_item(
    songs: Sequence[SongLines],
    options: ScorerTrainingOptions,
    rng: np.random.Generator,
    mean: np.ndarray,
    std: np.ndarray,
) -> tuple[Tensor, ...]:
    song = songs[int(rng.integers(len(songs)))]
    chart = song.charts[int(rng.integers(len(song.charts)))]
    first, count = int(rng.integers(-options.beats // 4, song.beats(chart))), options.beats
    first = min(first, max(song.beats(chart) - count * 3 // 4, 0))
    shift = options.shift_ms * rng.standard_normal()
    moved = replace(chart.axis, knots_ms=chart.axis.knots_ms + shift)
    lines = line_channels(song.curves, moved, first, count)
    sounding = lines.any(axis=-1).reshape(-1)
    lines = augment(lines, options, rng, mean, std)
    at = chart.lines[(chart.lines >= first * LINES) & (chart.lines < (first + count) * LINES)]
    rows = np.zeros(count * LINES, np.float32)
    rows[at - first * LINES] = 1.0
    stars, density = (None if rng.random() < options.condition_dropout_p else 1.0 for _ in range(2))
    given = condition(stars and chart.stars, density and chart.rows_a_second)
    return (
        torch.from_numpy(lines),
        torch.from_numpy(position_channels(chart.axis, first, count)),
        given,
        torch.from_numpy(rows),
        torch.from_numpy(sounding.astype(np.float32)),
    )


def augment(
    lines: Float[np.ndarray, "beats 12 34"],
    options: ScorerTrainingOptions,
    rng: np.random.Generator,
    mean: np.ndarray,
    std: np.ndarray,
) -> Float[np.ndarray, "beats 12 34"]:
    """Other gains of the channels, noise, and at times channels that are silent."""
    channels = lines.shape[-1]
    gain = np.exp(options.gain * rng.standard_normal(channels))
    noise = options.noise * rng.standard_normal(lines.shape, dtype=np.float32)
    changed = lines * gain.astype(np.float32) + noise * std
    if rng.random() < options.missing_p:
        changed[..., rng.random(channels) < options.missing] = 0.0
    augmented: np.ndarray = changed.astype(np.float32)
    return augmented


def channel_statistics(songs: Sequence[SongLines]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each line channel over at most 64 songs."""
    every = max(1, len(songs) // 64)
    found = [
        line_channels(song.curves, chart.axis, 0, song.beats(chart)).reshape(-1, SOUND)
        for song in songs[::every]
        for chart in song.charts[:1]
    ]
    joined = np.concatenate(found)
    return joined.mean(axis=0), joined.std(axis=0) + 1e-3


class ScorerTraining:
    """A run that goes on where it was stopped.

    Args:
        songs: to train on.
        options: of the run.
        sizes: of the network.
        state_file: where the run's state is kept; a state of other options or songs is refused.
    """

    def __init__(
        self,
        songs: Sequence[SongLines],
        options: ScorerTrainingOptions,
        sizes: ScorerOptions,
        state_file: Path | None = None,
    ) -> None:
        self.songs, self.options, self.state_file = songs, options, state_file
        torch.manual_seed(options.seed)
        self.scorer = RhythmScorer(sizes)
        self.mean, self.std = channel_statistics(songs)
        self.scorer.mean.copy_(torch.from_numpy(self.mean))
        self.scorer.std.copy_(torch.from_numpy(self.std))
        self.optimizer = torch.optim.AdamW(
            self.scorer.parameters(), lr=1.0, weight_decay=options.weight_decay
        )
        self.step = 0
        self._recipe = {
            "training": asdict(options),
            "sizes": {**asdict(sizes), "dilations": list(sizes.dilations)},
            "songs": [song.name for song in songs],
        }
        if state_file is not None and state_file.exists():
            self._resume(state_file)

    def run(self, progress: Progress | None = None, save_every: int = 100) -> RhythmScorer:
        """Train to the last step; the scorer in evaluation mode.

        Args:
            progress: called with (step, steps, log-loss) after each step.
            save_every: steps between two states on disk.

        Raises:
            TrainingError: when the loss is no number.
        """
        self.scorer.train()
        while self.step < self.options.steps:
            loss = self._train_step()
            self.step += 1
            if progress is not None:
                progress(self.step, self.options.steps, loss)
            if self.state_file is not None and (
                self.step % save_every == 0 or self.step == self.options.steps
            ):
                self._save(self.state_file)
        return self.scorer.eval()

    def _train_step(self) -> float:
        # Dropout too is drawn by the step, so that a run that was stopped gives the same weights.
        torch.manual_seed(self.options.seed * 1_000_003 + self.step)
        batch = draw_batch(self.songs, self.options, self.step, self.mean, self.std)
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle(self.step, self.options.steps) * self.options.learning_rate
        logits = self.scorer(batch.lines, batch.position, batch.conditions)
        each = functional.binary_cross_entropy_with_logits(logits, batch.rows, reduction="none")
        loss = (each * batch.weight).sum() / batch.weight.sum().clamp(min=1.0)
        if not math.isfinite(float(loss.detach())):
            raise TrainingError("rhythm.loss_is_no_number", value=f"step {self.step}")
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.scorer.parameters(), 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def _save(self, file: Path) -> None:
        state: dict[str, Any] = {
            "recipe": self._recipe,
            "step": self.step,
            "scorer": self.scorer.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with atomic_write(file) as handle:
            torch.save(state, handle)
            handle.flush()
            os.fsync(handle.fileno())

    def _resume(self, file: Path) -> None:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
            raise TrainingError(
                "rhythm.state_is_damaged", file=file, remedy="remedy.choose_another_folder"
            ) from error
        if state["recipe"] != self._recipe:
            raise TrainingError(
                "rhythm.state_is_of_another_run", file=file, remedy="remedy.choose_another_folder"
            )
        self.step = state["step"]
        self.scorer.load_state_dict(state["scorer"])
        self.optimizer.load_state_dict(state["optimizer"])


def one_cycle(step: int, steps: int) -> float:
    """Share of the highest learning rate: a rise over 30 % of the steps, then a cosine to 0.

    Source: Smith and Topin 2019, Super-convergence.
    """
    rise = 0.3 * steps
    if step < rise:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / rise))
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))
