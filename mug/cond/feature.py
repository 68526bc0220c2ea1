"""Requested features as vectors that the U-Net attends to."""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from mug.features import FeatureSchema


class BeatmapFeatureEmbedder(nn.Module):
    """One learned vector for each value (or absence) of each feature.

    Args:
        path_to_yaml: feature file, relative to the working directory or to the repository.
        embed_dim: width of the vectors.

    Source: reference facts, section 6.
    """

    def __init__(self, path_to_yaml: str, embed_dim: int) -> None:
        super().__init__()
        schema = FeatureSchema.from_yaml(path_to_yaml)
        # One table for all features, absences included: ids are offsets into it (mug.features).
        self.embedding = nn.Embedding(schema.table_size, embed_dim)

    def forward(self, x: Num[Tensor, "b features"]) -> Float[Tensor, "b d features"]:
        """Ids, whole numbers of any type, to vectors, channels first."""
        # Ids may come as floats: batches hold them in one type with the other inputs.
        out: Tensor = self.embedding(x.long()).transpose(1, 2)
        return out


if __name__ == "__main__":  # the table of its layers; of the full model unless a config is given
    import sys

    from mug.config import load_config
    from mug.model.summary import summary
    from mug.util import find_file, instantiate_from_config

    model = load_config(sys.argv[1:] or [find_file("configs/mug/mug_diffusion.yaml")])["model"]
    node = model["params"]["cond_stage_config"]
    names = FeatureSchema.from_yaml(find_file(node["params"]["path_to_yaml"])).names
    summary(instantiate_from_config(node), torch.zeros(1, len(names)))
