"""Places of the original's flat parameters: groups of classes, or none.

The original's YAML files, its published `model.yaml` and ours before groups say all parameters of
a class side by side. These tables name each of them once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

DATASET = "mug.data.dataset.OsuTrainDataset"
DATA_MODULE = "mug.data.datamodule.DataModuleFromConfig"

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "main.DataModuleFromConfig": DATA_MODULE,
        "main.SetupCallback": "mug.callbacks.setup.SetupCallback",
        "main.LearningRateMonitor": "pytorch_lightning.callbacks.LearningRateMonitor",
        "main.CUDACallback": "mug.callbacks.resources.ResourceCallback",
        "mug.data.dataset.BeatmapLogger": "mug.callbacks.beatmap_logger.BeatmapLogger",
    }
)
"""Names of classes in the original's files, and those that they have here."""

ALIAS_PREFIXES: Mapping[str, str] = MappingProxyType({"ldm.lr_scheduler.": "mug.lr_scheduler."})
"""Packages of the original that are modules here."""


@dataclass(frozen=True)
class FlatKeys:
    """Flat parameters of one class.

    Args:
        places: flat name to dotted place.
        values: names of which the values are said in other words, too, and these words.
        dropped: names that have no effect, neither in the original nor here.
        fixed: names that have one possible value, which is thus not said.
    """

    places: Mapping[str, str]
    values: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict)


def _in_groups(groups: Mapping[str, Iterable[str]], **renamed: str) -> dict[str, str]:
    """Names that keep their spelling in their group, and those that do not."""
    kept = {name: f"{group}.{name}" for group, names in groups.items() for name in names}
    return {**kept, **renamed}


_DIFFUSION = FlatKeys(
    _in_groups(
        {
            "schedule": (
                "timesteps",
                "beta_schedule",
                "linear_start",
                "linear_end",
                "cosine_s",
                "given_betas",
                "v_posterior",
            ),
            "objective": (
                "parameterization",
                "loss_type",
                "l_simple_weight",
                "original_elbo_weight",
                "use_valid",
                "min_step",
                "max_step",
            ),
            "latent": ("z_channels", "z_length", "scale_by_std", "sample_posterior"),
            "optimizer": (
                "learning_rate",
                "scheduler_config",
                "weight_decay",
                "weight_decay_all",
                "fused",
            ),
            "training": (
                "seed",
                "monitor",
                "training_keys",
                "ignore_keys",
                "compile_backend",
                "allow_untrained_first_stage",
            ),
            "batch_keys": ("note_key", "audio_key", "feature_key", "valid_key"),
        },
        latent_scale="latent.scale",
    ),
    # How often the original's training wrote sample charts, and that it clipped them at 10.
    dropped=frozenset({"log_every_t", "clip_denoised"}),
)

_AUTOENCODER = FlatKeys(
    _in_groups(
        {
            "optimizer": ("learning_rate", "scheduler_config"),
            "training": ("seed", "monitor", "ignore_keys"),
            "batch_keys": ("note_key", "valid_key"),
        }
    )
)

_UNET = FlatKeys(
    _in_groups(
        {
            "attention": ("num_heads", "num_head_channels", "transformer_depth"),
            "block": (
                "dropout",
                "num_groups",
                "use_scale_shift_norm",
                "prompt_embedding",
                "lstm_layer",
                "s4_layer",
                "s4_kernel_sum",
                "use_checkpoint",
            ),
        }
    ),
    # Resampling always has a convolution; precision is the trainer's.
    dropped=frozenset({"conv_resample", "use_fp16", "lstm_last"}),
    fixed=MappingProxyType({"dims": 1}),
)

_DATASET = FlatKeys(
    _in_groups(
        {
            "audio": ("with_audio", "sr", "n_fft", "n_mels", "cache_dir", "cut_audio"),
            "window": ("max_audio_frame", "audio_note_window_ratio", "crop", "crop_audio_frame"),
            "features": (
                "with_feature",
                "feature_yaml",
                "feature_db",
                "feature_dropout_p",
                "uncond_p",
                "star_rating_at_rate",
                "clamp_top",
            ),
            "augment": (
                "mirror_p",
                "mirror_at_interval_p",
                "random_p",
                "shift_p",
                "jitter_p",
                "jitter_ms",
                "rate_p",
                "rate",
                "pitch_p",
                "freq_mask_p",
                "freq_mask_num",
            ),
        },
        audio_kind="audio.kind",
        beat_condition="beat.condition",
        beat_dropout_p="beat.dropout_p",
        beat_jitter_ms="beat.jitter_ms",
        beat_wrong_p="beat.wrong_p",
        split_salt="split.salt",
        reference="rules",
    ),
    values=MappingProxyType({"reference": {True: "original", False: "own"}}),
)

_BEATMAP_LOGGER = FlatKeys(_in_groups({"sampling": ("steps", "sampler", "guidance_scale", "seed")}))

FLAT_KEYS: Mapping[str, FlatKeys] = MappingProxyType(
    {
        "mug.diffusion.diffusion.DDPM": _DIFFUSION,
        "mug.diffusion.latent_diffusion.LatentDiffusion": _DIFFUSION,
        "mug.firststage.autoencoder.AutoencoderKL": _AUTOENCODER,
        "mug.firststage.variational.VariationalAutoencoder": _AUTOENCODER,
        "mug.firststage.losses.ManiaReconstructLoss": FlatKeys({}, dropped=frozenset({"gamma"})),
        "mug.diffusion.unet.UNetModel": _UNET,
        # Every level has its own width.
        "mug.cond.wave.MelspectrogramScaleEncoder1D": FlatKeys(
            {}, dropped=frozenset({"out_channels"})
        ),
        DATASET: _DATASET,
        "mug.data.dataset.OsuValidDataset": _DATASET,
        "mug.data.dataset.OsuTestDataset": _DATASET,
        # torch takes any dataset as it is, and items seed themselves.
        DATA_MODULE: FlatKeys({}, dropped=frozenset({"wrap", "use_worker_init_fn"})),
        "mug.callbacks.beatmap_logger.BeatmapLogger": _BEATMAP_LOGGER,
    }
)
"""By class; all others take their parameters as they are."""
