"""Feature embedding."""

import torch
from golden_formula import weight_for
from recordings import assert_recorded
from repository import load_golden

from mug.cond.feature import BeatmapFeatureEmbedder

YAML = "configs/mug/mania_beatmap_features.yaml"


def test_recorded_embedding():
    embedder = BeatmapFeatureEmbedder(YAML, 32)
    key = "model.cond_stage_model.embedding.weight"
    with torch.no_grad():
        embedder.embedding.weight.copy_(torch.from_numpy(weight_for(key, (329, 32))))
    _, arrays = load_golden("cond_tiny")
    ids = torch.from_numpy(arrays["ids"])
    assert_recorded(embedder(ids), "cond_tiny", "out")
    assert torch.equal(embedder(ids), embedder(ids.long()))


def test_full_size():
    embedder = BeatmapFeatureEmbedder(path_to_yaml=YAML, embed_dim=128)
    assert {k: tuple(v.shape) for k, v in embedder.state_dict().items()} == {
        "embedding.weight": (329, 128)
    }


def test_path_does_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert BeatmapFeatureEmbedder(YAML, 4)(torch.zeros(2, 21)).shape == (2, 4, 21)
