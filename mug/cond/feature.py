"""Requested features, binned and continuous, as vectors that the U-Net attends to."""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from mug.errors import ConfigError, DataError
from mug.features import FeatureSchema


class BeatmapFeatureEmbedder(nn.Module):
    """One learned vector for each value (or absence) of each feature.

    Args:
        path_to_yaml: feature file, relative to the working directory or to the repository.
        embed_dim: width of the vectors.

    Raises:
        ConfigError: for a file with continuous values, which are no rows of a table.

    Source: reference facts, section 6.
    """

    def __init__(self, path_to_yaml: str, embed_dim: int) -> None:
        super().__init__()
        schema = FeatureSchema.from_yaml(path_to_yaml)
        if schema.values and type(self) is BeatmapFeatureEmbedder:
            raise ConfigError(
                "model.embedder_takes_no_values",
                file=path_to_yaml,
                value=[value.name for value in schema.values],
                remedy="remedy.take_continuous_feature_embedder",
            )
        # One table for all features, absences included: ids are offsets into it (mug.features).
        self.embedding = nn.Embedding(schema.table_size, embed_dim)

    def forward(self, x: Num[Tensor, "b features"]) -> Float[Tensor, "b d features"]:
        """Ids, whole numbers of any type, to vectors, channels first."""
        # Ids may come as floats: batches hold them in one type with the other inputs.
        out: Tensor = self.embedding(x.long()).transpose(1, 2)
        return out


class ContinuousFeatureEmbedder(BeatmapFeatureEmbedder):
    """Vectors of the features, then one for each continuous value: where in its range it lies.

    A value is a weighted sum of waves over its range, the slowest half a wave long: near values
    get near vectors, which bins don't promise.

    Args:
        path_to_yaml: as `BeatmapFeatureEmbedder`'s, with values of the type `continuous`.
        embed_dim: likewise.
        waves: waves of a value, each half a wave shorter than the next.

    Raises:
        ConfigError: for a number of waves below 1.
    """

    def __init__(self, path_to_yaml: str, embed_dim: int, waves: int = 6) -> None:
        super().__init__(path_to_yaml, embed_dim)
        if waves < 1:
            raise ConfigError("model.weight_out_of_range", name="waves", value=waves)
        schema = FeatureSchema.from_yaml(path_to_yaml)
        self.ids, self.values, self.waves = len(schema.features), len(schema.values), waves
        # Spread of the table's rows: sines and cosines have a mean square of one half.
        weight = torch.randn(self.values, 2 * waves, embed_dim) / waves**0.5
        self.value_weight = nn.Parameter(weight)
        self.value_missing = nn.Parameter(torch.randn(self.values, embed_dim))

    def forward(self, x: Num[Tensor, "b width"]) -> Float[Tensor, "b d tokens"]:
        """Rows of `FeatureSchema.row`: ids, shares and masks, to vectors, channels first.

        Raises:
            DataError: for rows of another schema.
        """
        width = self.ids + 2 * self.values
        if x.shape[1] != width:
            raise DataError("model.row_has_another_width", expected=width, value=x.shape[1])
        binned = super().forward(x[:, : self.ids])
        shares, given = x[:, self.ids :].to(self.value_weight.dtype).chunk(2, dim=1)
        halves = torch.arange(1, self.waves + 1, device=x.device, dtype=shares.dtype)
        angles = torch.pi * shares[:, :, None] * halves
        waves = torch.cat([angles.sin(), angles.cos()], dim=2)
        vectors = torch.einsum("bvw,vwd->bvd", waves, self.value_weight)
        mask = given[:, :, None]
        values = mask * vectors + (1 - mask) * self.value_missing
        return torch.cat([binned, values.transpose(1, 2)], dim=2)


if __name__ == "__main__":  # the table of its layers; of the full model unless a config is given
    import sys

    from mug.config import load_config
    from mug.model.summary import summary
    from mug.util import find_file, instantiate_from_config

    model = load_config(sys.argv[1:] or [find_file("configs/mug/mug_diffusion.yaml")])["model"]
    node = model["params"]["cond_stage_config"]
    schema = FeatureSchema.from_yaml(find_file(node["params"]["path_to_yaml"]))
    summary(instantiate_from_config(node), torch.zeros(1, schema.width))
