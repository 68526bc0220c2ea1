"""The encoders of conditions by name: the only list of them.

An entry is the class that a config names. What is not here cannot be named by a model that was
passed on (`mug.pipeline.model.named_classes`).
"""

from __future__ import annotations

FEATURE_ENCODERS: dict[str, str] = {
    "bins": "mug.cond.feature.BeatmapFeatureEmbedder",
    "continuous": "mug.cond.feature.ContinuousFeatureEmbedder",
}

AUDIO_ENCODERS: dict[str, str] = {
    "mel_scale": "mug.cond.wave.MelspectrogramScaleEncoder1D",
    "mel": "mug.cond.wave.MelspectrogramEncoder1D",
    "mel_2d": "mug.cond.wave.MelspectrogramEncoder",
    "stft": "mug.cond.wave.STFTEncoder",
    "lines": "mug.cond.lines.LineEncoder",
}
