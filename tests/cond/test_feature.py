"""Feature embedding."""

import pytest
import torch
from golden_formula import weight_for
from recordings import assert_recorded
from repository import load_golden

from mug.cond.feature import BeatmapFeatureEmbedder, ContinuousFeatureEmbedder
from mug.errors import ConfigError, DataError
from mug.features import FeatureSchema

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


NEW = FeatureSchema.from_yaml("configs/mug/features_2.yaml")
VALUES = "configs/mug/features_2.yaml"


def embedder() -> ContinuousFeatureEmbedder:
    torch.manual_seed(0)
    return ContinuousFeatureEmbedder(VALUES, 16).requires_grad_(requires_grad=False)


def rows(*asked: dict[str, object]) -> torch.Tensor:
    return torch.tensor([NEW.row(one) for one in asked])


def test_continuous_values_follow_the_binned_tokens():
    made = embedder()
    tokens = made(rows({"sr": 3.0}, {}))
    assert tokens.shape == (2, 16, len(NEW.features) + 3)
    ids = torch.tensor([NEW.ids({"sr": 3.0}), NEW.ids({})])
    assert torch.equal(tokens[..., : len(NEW.features)], made.embedding(ids).transpose(1, 2))


def test_a_value_moves_its_own_token_by_little_for_little():
    made, first = embedder(), len(NEW.features)
    base, near, far = made(rows({"density": 4.0}, {"density": 4.1}, {"density": 9.0}))
    assert torch.equal(base[:, first], near[:, first])
    assert torch.equal(base[:, first + 2], near[:, first + 2])
    small, large = ((base - other)[:, first + 1].norm() for other in (near, far))
    assert 0 < small < 0.2 * large


def test_absence_is_a_token_of_its_own_whatever_the_share():
    made, first = embedder(), len(NEW.features)
    missing = rows({})
    other = missing.clone()
    other[:, first : first + 3] = 0.7
    assert torch.equal(made(missing), made(other))
    assert torch.equal(made(missing)[0, :, first:], made.value_missing.T)
    assert not torch.equal(made(missing)[..., first:], made(rows({"sr": 0.5}))[..., first:])


def test_tokens_begin_at_one_spread():
    made = embedder()
    shares = torch.linspace(0.5, 8, 50).tolist()
    tokens = made(rows(*({"sr": s, "density": s, "ln_ratio": s / 8} for s in shares)))
    for token in tokens[..., len(NEW.features) :].unbind(-1):
        assert 0.6 < token.std() < 1.5


def test_every_weight_of_the_values_learns():
    made = ContinuousFeatureEmbedder(VALUES, 16)
    made(rows({"sr": 3.0, "density": 2.0}, {"ln_ratio": 0.3})).square().sum().backward()
    for parameter in (made.value_weight, made.value_missing):
        assert (parameter.grad.abs().sum(-1).reshape(3, -1).sum(-1) > 0).all()


def test_a_schema_with_values_needs_the_embedder_that_takes_them():
    with pytest.raises(ConfigError, match="ContinuousFeatureEmbedder"):
        BeatmapFeatureEmbedder(VALUES, 16)
    with pytest.raises(ConfigError, match="waves"):
        ContinuousFeatureEmbedder(VALUES, 16, waves=0)


def test_rows_of_another_schema_are_refused():
    with pytest.raises(DataError, match=str(NEW.width)):
        embedder()(torch.zeros(1, 21))


def test_a_schema_without_values_is_embedded_as_ever():
    torch.manual_seed(1)
    plain = BeatmapFeatureEmbedder(YAML, 8)
    other = ContinuousFeatureEmbedder(YAML, 8)
    other.embedding.load_state_dict(plain.embedding.state_dict())
    ids = torch.zeros(2, 21, dtype=torch.long)
    assert torch.equal(plain(ids), other(ids))
