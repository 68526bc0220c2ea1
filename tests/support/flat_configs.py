"""Objects from flat parameters, as the original's files and our earlier ones name them."""

from __future__ import annotations

from typing import Any

from mug.reference.config import translate
from mug.util import instantiate_from_config

DDPM = "mug.diffusion.diffusion.DDPM"
UNET = "mug.diffusion.unet.UNetModel"
SCALE_ENCODER = "mug.cond.wave.MelspectrogramScaleEncoder1D"
AUTOENCODER = "mug.firststage.autoencoder.AutoencoderKL"
TRAIN_DATA, VALID_DATA, TEST_DATA = (
    f"mug.data.dataset.Osu{part}Dataset" for part in ("Train", "Valid", "Test")
)


def build(target: str, **params: Any) -> Any:
    """The class built through the translation."""
    return instantiate_from_config(translate({"target": target, "params": params}))
