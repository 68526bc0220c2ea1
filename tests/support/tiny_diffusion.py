"""A diffusion model of two levels and 32 channels, its batches and its trainer."""

import pytest
import pytorch_lightning as pl
import torch
from flat_configs import DDPM, build
from golden_formula import feature_id_input, mel_input, note_input

# Lightning's advice on loaders and logging, none of it about this code.
LIGHTNING_ADVICE = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*is smaller than the logging interval.*"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training.*"),
    pytest.mark.filterwarnings("ignore:.*dataloader is not resumable.*"),
]

CONSTANT_RATE = {
    "target": "ldm.lr_scheduler.LambdaLinearScheduler",
    "params": {
        "warm_up_steps": [0],
        "cycle_lengths": [10_000],
        "f_start": [1.0],
        "f_max": [1.0],
        "f_min": [1.0],
    },
}


def small(wave_levels=8, **changes):
    """Two levels, 32 channels: a step takes milliseconds.

    Args:
        wave_levels: of the song's encoder; each has half the frames of the one before, and the
            notes' network takes over from the frames of the last two.
        changes: of the diffusion's parameters.
    """
    torch.manual_seed(0)
    params = {
        "z_channels": 8,
        "z_length": 8,
        "learning_rate": 1e-3,
        "loss_type": "smooth_l1",
        "allow_untrained_first_stage": True,
        "unet_config": {
            "target": "mug.diffusion.unet.UNetModel",
            "params": {
                "in_channels": 8,
                "model_channels": 32,
                "out_channels": 8,
                "attention_resolutions": [2],
                "num_res_blocks": 1,
                "channel_mult": [1, 1],
                "num_heads": 4,
                "context_dim": 32,
                "s4_layer": True,
                "audio_channels": [32, 32],
            },
        },
        "first_stage_config": {
            "target": "mug.firststage.autoencoder.AutoencoderKL",
            "params": {
                "ddconfig": {
                    "x_channels": 16,
                    "middle_channels": 8,
                    "z_channels": 8,
                    "num_groups": 4,
                    "channel_mult": [1, 1, 1, 1],
                    "num_res_blocks": 1,
                },
                "lossconfig": {"target": "torch.nn.Identity"},
            },
        },
        "cond_stage_config": {
            "target": "mug.cond.feature.BeatmapFeatureEmbedder",
            "params": {
                "path_to_yaml": "configs/mug/mania_beatmap_features.yaml",
                "embed_dim": 32,
            },
        },
        "wave_stage_config": {
            "target": "mug.cond.wave.MelspectrogramScaleEncoder1D",
            "params": {
                "n_freq": 8,
                "middle_channels": 32,
                "attention_resolutions": [],
                "num_res_blocks": 1,
                "num_heads": 4,
                "num_groups": 8,
                "channel_mult": [1] * wave_levels,
            },
        },
    }
    params.update(changes)
    return build(DDPM, **params)


def item(i):
    return {
        "note": torch.from_numpy(note_input(f"n{i}", 64)[0]),
        "audio": torch.from_numpy(mel_input(f"a{i}", 8, 512)[0]),
        "feature": torch.from_numpy(feature_id_input(f"f{i}", 1)[0]).long(),
        "valid": (torch.arange(64) < 40).float(),
    }


def loader(count=4):
    return torch.utils.data.DataLoader([item(i) for i in range(count)], batch_size=2)


def batch():
    return next(iter(loader()))


def trainer(**arguments):
    return pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **arguments,
    )


def fit(model, ckpt_path=None, **arguments):
    run = trainer(**arguments)
    run.fit(model, loader(), loader(), ckpt_path=ckpt_path, weights_only=True)
    return run


def same_weights(a, b):
    states = zip(a.state_dict().items(), b.state_dict().values(), strict=True)
    return all(torch.equal(value, other) for (_, value), other in states)
