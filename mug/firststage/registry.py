"""The first stages and their losses by name: the only lists of them.

An entry of `FIRST_STAGES` is the node of a config, with arguments that make a network of a
moment's size. The conformance suite builds it. What is in neither list cannot be named by a model
that was passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIRST_STAGES: dict[str, Mapping[str, Any]] = {
    "autoencoder_kl": {
        "target": "mug.firststage.autoencoder.AutoencoderKL",
        "params": {
            "ddconfig": {
                "x_channels": 16,
                "middle_channels": 8,
                "z_channels": 8,
                "num_groups": 4,
                "channel_mult": [1, 2, 2],
                "num_res_blocks": 1,
            },
            "lossconfig": {"target": "torch.nn.Identity"},
        },
    },
}

LOSSES: dict[str, str] = {
    "mania": "mug.firststage.losses.ManiaReconstructLoss",
    "none": "torch.nn.Identity",
}
