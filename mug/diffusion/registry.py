"""The diffusion models and the denoisers by name: the only lists of them.

An entry of `DENOISERS` is the node of a config, with arguments that make a network of a moment's
size. The conformance suite builds it and calls it as `network(x_t, step, context, *audio)`. What is
in neither list cannot be named by a model that was passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODELS: dict[str, str] = {
    "training": "mug.diffusion.diffusion.DDPM",
    "inference": "mug.diffusion.latent_diffusion.LatentDiffusion",
}

DENOISERS: dict[str, Mapping[str, Any]] = {
    "unet": {
        "target": "mug.diffusion.unet.UNetModel",
        "params": {
            "in_channels": 8,
            "out_channels": 8,
            "context_dim": 16,
            "audio_channels": [48, 40],
            "model_channels": 32,
            "channel_mult": [1, 2],
            "num_res_blocks": 1,
            "attention_resolutions": [2],
            "attention": {"num_heads": 4},
            "block": {"num_groups": 8, "s4_layer": True},
        },
    },
}
