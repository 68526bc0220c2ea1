"""Former place of `mug.cond.feature`."""

from mug.cond.feature import BeatmapFeatureEmbedder as BeatmapFeatureEmbedder
