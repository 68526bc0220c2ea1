"""Probe of the denoiser's use of its conditions: loss by tenth of the noise range, each left out.

A tenth is a tenth of the schedule's time steps, as in `LevelMeter`. In each, the same items get the
same noise and steps in every variant, so that differences are paired:

- `loss`: with everything.
- `constant`: of the best constant answer, which needs no network. It may know the step and has one
  number for each latent channel: the target's mean. For squared errors none is better.
- `audio`: with the sound of another song (`swap_audio`). Silence would ask
  something else: what the network makes of a sound that it has never met with a chart.
- `silence`: with an empty spectrogram, for comparison.
- `features`: with no feature given.
- `beat`: without the beat, in models with `beat_condition`.

Source: for eps the best constant's squared error is 1, for x0 the latents' variance s2, for v
abar + (1 - abar) s2 (Salimans and Ho 2022, appendix D), each averaged over channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mug.diffusion.beat import BEAT_KEY
from mug.diffusion.objective import Target
from mug.diffusion.parts.build import DiffusionModel
from mug.diffusion.samplers.base import noise_like
from mug.errors import ConfigError
from mug.model.randomness import seeded_generator
from mug.protocols import Condition
from mug.util import nearest

TENTHS = 10
VARIANTS = ("audio", "silence", "features", "beat")
"""Conditions that can be taken away from the denoiser."""

_SEED = 0x70726F62  # the noise of probes is the same in every run


@dataclass(frozen=True)
class ProbeOptions:
    """Options of a probe: the conditions to leave out, and the draws of each.

    Args:
        without: of `VARIANTS`; what a model does not have is left out.
        draws: time steps for each item and tenth.
        seed: of steps and noise.
    """

    without: Sequence[str] = ("audio", "features", "beat")
    draws: int = 1
    seed: int = _SEED

    def __post_init__(self) -> None:
        for name in self.without:
            if name not in VARIANTS:
                raise ConfigError(
                    "model.no_such_condition_to_leave_out",
                    value=name,
                    remedy=nearest(name, VARIANTS),
                )
        if self.draws < 1:
            raise ConfigError("model.probe_needs_at_least_one_draw", value=self.draws)


@dataclass
class Probe:
    """Losses of items, one list a name (`loss`, `constant`, `audio` ...) and tenth.

    Args:
        log_snr: mean of log(abar / (1 - abar)) over the steps of each tenth.
        samples: losses by name and tenth; entries of the same place belong to one item, its steps
            and its noise.
    """

    log_snr: dict[int, float] = field(default_factory=dict)
    samples: dict[str, dict[int, list[float]]] = field(default_factory=dict)

    def add(self, name: str, tenth: int, losses: Float[Tensor, "b"]) -> None:
        """Take up the losses of a batch."""
        self.samples.setdefault(name, {}).setdefault(tenth, []).extend(losses.tolist())

    @property
    def tenths(self) -> list[int]:
        """Those that were probed."""
        return sorted(self.samples.get("loss", {}))

    @property
    def left_out(self) -> list[str]:
        """The conditions that were taken away."""
        return [name for name in VARIANTS if name in self.samples]

    def mean(self, name: str, tenth: int) -> float:
        """Mean loss of a variant in a tenth."""
        losses = self.samples[name][tenth]
        return math.fsum(losses) / len(losses)

    def ratio(self, tenth: int) -> float:
        """Loss over that of the best constant: 1 has learnt nothing."""
        return self.mean("loss", tenth) / self.mean("constant", tenth)

    def gain(self, name: str, tenth: int) -> tuple[float, float]:
        """By how much the loss grows without a condition: mean, and its standard error.

        The error takes samples (an item under one draw of step and noise) as independent, which
        draws of one item and charts of one song are not quite: it is too small, not too large.
        """
        pairs = zip(self.samples[name][tenth], self.samples["loss"][tenth], strict=True)
        off = [without - full for without, full in pairs]
        mean = math.fsum(off) / len(off)
        if len(off) < 2:
            return mean, math.nan
        spread = math.fsum((one - mean) ** 2 for one in off) / (len(off) - 1)
        # Of paired differences: the items' own losses vary far more than what a condition changes.
        return mean, (spread / len(off)) ** 0.5

    def scalars(self) -> dict[str, float]:
        """Logged values: `loss_t0` ... `gain_audio_t9`, and means over tenths without `_t`."""
        found: dict[str, float] = {}
        for tenth in self.tenths:
            found[f"loss_t{tenth}"] = self.mean("loss", tenth)
            found[f"constant_t{tenth}"] = self.mean("constant", tenth)
            found[f"ratio_t{tenth}"] = self.ratio(tenth)
            for name in self.left_out:
                found[f"gain_{name}_t{tenth}"] = self.gain(name, tenth)[0]
        for name in ("ratio", *(f"gain_{one}" for one in self.left_out)):
            found[name] = math.fsum(found[f"{name}_t{t}"] for t in self.tenths) / len(self.tenths)
        return found

    def rows(self) -> list[dict[str, float]]:
        """One row a tenth: losses, ratio, gains with their standard errors, and the noise."""
        rows = []
        for tenth in self.tenths:
            row: dict[str, float] = {
                "tenth": tenth,
                "log_snr": self.log_snr[tenth],
                "samples": len(self.samples["loss"][tenth]),
                "loss": self.mean("loss", tenth),
                "constant": self.mean("constant", tenth),
                "ratio": self.ratio(tenth),
            }
            for name in self.left_out:
                row[f"loss_without_{name}"] = self.mean(name, tenth)
                row[f"gain_{name}"], row[f"gain_{name}_error"] = self.gain(name, tenth)
            rows.append(row)
        return rows


def swap_audio(audio: Float[Tensor, "b ..."], songs: Sequence[str]) -> Float[Tensor, "b ..."]:
    """The sound of another song for each item: that of the next item of another song.

    Where all items are of one song, each gets its own sound from three eighths of the item later
    on, the end followed by the beginning: the same timbre, but not what happens at the time.

    Args:
        audio: frames on the last axis.
        songs: which song each item belongs to.
    """
    count, swapped = len(songs), []
    for index, song in enumerate(songs):
        places = [(index + step) % count for step in range(1, count)]
        other = next((place for place in places if songs[place] != song), None)
        if other is None:
            swapped.append(audio[index].roll(-(3 * audio.shape[-1] // 8), -1))
        else:
            swapped.append(audio[other])
    return torch.stack(swapped)


def swap_songs(
    sounds: Sequence[Tensor | None], songs: Sequence[Sequence[str]]
) -> list[Tensor | None]:
    """`swap_audio` over the items of several batches; None for batches without sound."""
    present = [sound for sound in sounds if sound is not None]
    if not present or len(present) < len(sounds):
        return [None] * len(sounds)
    swapped = swap_audio(torch.cat(present), [song for batch in songs for song in batch])
    return list(torch.split(swapped, [len(sound) for sound in present]))


def songs_of(batch: Mapping[str, Any]) -> list[str]:
    """Song of each item of a batch, by its `meta`; all different without one."""
    meta = batch.get("meta")
    size = next(len(value) for value in batch.values() if isinstance(value, Tensor))
    if not isinstance(meta, Mapping):
        return [str(index) for index in range(size)]
    named = meta.get("audio_path") or meta.get("set") or meta.get("path") or range(size)
    return [str(one) for one in named]


@torch.no_grad()
def probe_batch(
    model: DiffusionModel,
    batch: Mapping[str, Any],
    probe: Probe,
    options: ProbeOptions,
    *,
    nothing: Sequence[float] | Sequence[int] | None,
    centre: Float[Tensor, "c"],
    other_sound: Tensor | None = None,
    key: int = 0,
) -> None:
    """Add a batch to a probe. The model is in evaluation mode.

    Args:
        model: with its weights.
        batch: on the model's device.
        probe: what was found so far.
        options: see there.
        nothing: row of the empty prompt; None for a model without features.
        centre: mean of the latents, for each channel (`latent_centre`).
        other_sound: the audio of other songs (`swap_songs`); None for a model without audio.
        key: tells the noise of batches apart.
    """
    conditions = _conditions(model, batch, options, nothing, other_sound)
    target = model.denoising.encode(batch)
    for tenth in range(TENTHS):
        low, high = _steps_of(model, tenth)
        for draw in range(options.draws if low < high else 0):
            # A generator for each place: variants and later probes meet the same steps and noise.
            generator = seeded_generator(options.seed, key, tenth, draw)
            step = torch.randint(low, high, (len(target.z_0),), generator=generator)
            step = step.to(target.z_0.device)
            noise = noise_like(target.z_0, generator)
            for name, condition in conditions.items():
                probe.add(
                    name, tenth, model.denoising.p_losses(target, condition, step, noise).per_sample
                )
            probe.add("constant", tenth, constant_loss(model, target, centre, step, noise))
        if low < high:
            # The schedule has half the log ratio, of amplitudes; here it is that of powers.
            probe.log_snr[tenth] = 2 * float(model.schedule.log_snr[low:high].mean())


def _steps_of(model: DiffusionModel, tenth: int) -> tuple[int, int]:
    """First step of a tenth and one above its last, of those that are trained."""
    steps = model.schedule.steps
    # Rounded up on both sides: tenths neither overlap nor leave a step out.
    low, high = -(-tenth * steps // TENTHS), -(-(tenth + 1) * steps // TENTHS)
    return max(low, model.denoising.min_step), min(high, model.denoising.max_step)


def latent_centre(
    model: DiffusionModel, batches: Sequence[Mapping[str, Any]]
) -> Float[Tensor, "c"]:
    """Mean of the latents of batches, one for each channel, over the frames that count."""
    total, weight = torch.zeros(()), torch.zeros(())
    with torch.no_grad():
        for batch in batches:
            z, _, mask, *_ = model.denoising.encode(batch)
            counts = torch.ones_like(z) if mask is None else mask.expand_as(z)
            axes = [axis for axis in range(z.ndim) if axis != 1]
            total = total + (z * counts).sum(axes).cpu()
            weight = weight + counts.sum(axes).cpu()
    centre: Tensor = total / weight.clamp(min=1)
    return centre


def constant_loss(
    model: DiffusionModel,
    target: Target,
    centre: Float[Tensor, "c"],
    step: Int[Tensor, "b"],
    noise: Float[Tensor, "b ..."],
) -> Float[Tensor, "b"]:
    """Loss of each item for the answer that is best without looking at the input.

    Args:
        model: its parameterization and loss count, not its weights.
        target: the items.
        centre: mean of the latents for each channel.
        step: time step of each item.
        noise: what was added to the latents.
    """
    # The best constant for squared errors is the mean of the target, channel by channel.
    mean = centre.to(noise).view(1, -1, *[1] * (noise.ndim - 2)).expand_as(noise)
    # The noise has mean 0, so that only the latents' mean enters the target's.
    answer = model.generation.parameterization.target(mean, torch.zeros_like(noise), step)
    return model.denoising.objective.losses(answer, target, step, noise).per_sample


def _conditions(
    model: DiffusionModel,
    batch: Mapping[str, Any],
    options: ProbeOptions,
    nothing: Sequence[float] | Sequence[int] | None,
    other_sound: Tensor | None,
) -> dict[str, Condition]:
    """The condition of each variant; the audio encoder runs once for each sound."""
    task, keys = model.denoising, model.denoising.keys
    full = task.condition_of(batch)
    found = {"loss": full}
    uses_audio, uses_beat = model.model.wave_model is not None, model.model.beat_model is not None
    if uses_audio and other_sound is not None and "audio" in options.without:
        other = {**batch, keys.audio_key: other_sound}
        found["audio"] = Condition(full.context, task.condition_of(other).audio)
    if uses_audio and "silence" in options.without:
        # Log-mels of silence are 0.
        silent = {**batch, keys.audio_key: torch.zeros_like(batch[keys.audio_key])}
        found["silence"] = Condition(full.context, task.condition_of(silent).audio)
    if full.context is not None and nothing is not None and "features" in options.without:
        ids = torch.tensor(list(nothing), device=batch[keys.feature_key].device)
        context = model.generation.context(ids.expand_as(batch[keys.feature_key]))
        found["features"] = Condition(context, full.audio)
    if uses_beat and "beat" in options.without:
        unknown = {**batch, BEAT_KEY: torch.zeros_like(batch[BEAT_KEY])}
        found["beat"] = Condition(full.context, task.condition_of(unknown).audio)
    return found
