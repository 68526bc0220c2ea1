"""A packed model: halves where they do no harm, no path of one machine, only its own system."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mug.beatmap.hit_objects import Rice
from mug.errors import CheckpointError
from mug.features import FeatureSchema
from mug.model.weights import read_state_dict
from mug.pipeline.model import pack
from mug.pipeline.model.card import BEGIN, END, with_table
from mug.pipeline.model.checkpoint import LoadedModel, build_model, load_model, read_checkpoint
from mug.pipeline.model.pack import same_share, write_model
from mug.pipeline.model.release import Release
from mug.pipeline.model.sums import write_sums
from mug.pipeline.plan import Plan, SpreadTier
from mug.pipeline.report import beyond_training
from mug.pipeline.request import GenerationRequest

RELEASE = Release(4, {"steps": 7}, {"sr": (0.5, 6.0)})


@pytest.fixture(scope="module")
def packed(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config, weights, _ = read_checkpoint(tiny_model_folder)
    common = config["data"]["params"]["common_params"]
    common["txt_file"] = "/somewhere/beatmap.txt"
    train = config["data"]["params"]["train"]["params"]
    train |= {"packed": "/somewhere/packed", "lines": {"scorer": "/somewhere/scorer.safetensors"}}
    config["model"]["params"]["first_stage_config"]["params"]["ckpt_path"] = "logs/a/last.ckpt"
    training = config["model"]["params"].setdefault("training", {})
    training["ignore_keys"] = ["model.first_stage_model"]  # once more would lose these weights
    folder = tmp_path_factory.mktemp("packed") / "4k"
    write_model(folder, config, weights, RELEASE)
    return folder


def test_networks_are_halves_and_tables_are_not(packed: Path, tiny_model: LoadedModel) -> None:
    weights = load_file(packed / "model.safetensors")
    whole = tiny_model.ddpm.state_dict()
    assert weights.keys() == whole.keys()
    halves = {key for key, value in weights.items() if value.dtype == torch.float16}
    assert halves
    assert all(key.startswith("model.") for key in halves)
    assert not any("norm" in key for key in halves)
    assert sum(weights[key].numel() for key in halves) > 0.8 * sum(
        value.numel() for key, value in weights.items() if key.startswith("model.")
    )
    assert all(torch.equal(weights[key], whole[key]) for key in weights.keys() - halves)
    assert all(torch.equal(weights[key], whole[key].half()) for key in halves)
    assert {weights[key].dtype for key in weights if not key.startswith("model.")} == {
        torch.float32
    }
    assert weights["betas"].dtype == torch.float32


def test_a_packed_model_loads_in_full_precision(packed: Path, tiny_model: LoadedModel) -> None:
    loaded = load_model(packed, offload=True)
    with loaded.in_memory("wave_model"), loaded.in_memory("unet_model"):
        own, whole = loaded.ddpm.state_dict(), tiny_model.ddpm.state_dict()
        assert {value.dtype for value in own.values()} == {v.dtype for v in whole.values()}
        assert all(torch.allclose(own[key], whole[key], rtol=1e-3, atol=1e-7) for key in whole)
    assert loaded.release == RELEASE
    assert loaded.keys == 4
    assert loaded.schema == tiny_model.schema


def test_the_features_lie_beside_the_config(packed: Path) -> None:
    other = packed / "features.yaml"
    kept = other.read_text(encoding="utf-8")
    assert Path(load_model(packed).config["model"]["params"]["cond_stage_config"]["params"][
        "path_to_yaml"
    ]) == other.resolve()  # fmt: skip
    try:
        other.write_text(kept.replace("name: sr", "name: stars"), encoding="utf-8")
        assert "stars" in load_model(packed).schema.names
    finally:
        other.write_text(kept, encoding="utf-8")


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node


def test_no_path_of_one_machine_is_packed(packed: Path) -> None:
    import yaml

    config = yaml.safe_load((packed / "config.yaml").read_text(encoding="utf-8"))
    assert not [text for text in _texts(config) if text.startswith("/") or "logs" in text]
    assert config["data"]["params"]["common_params"]["txt_file"] == "data/beatmap.txt"
    assert config["data"]["params"]["train"]["params"]["lines"] == {"scorer": "rhythm.safetensors"}
    assert "lightning" not in config
    assert sorted(path.name for path in packed.iterdir()) == [
        "config.yaml",
        "features.yaml",
        "model.safetensors",
    ]
    assert "ignore_keys" not in (packed / "config.yaml").read_text("utf-8")


def test_training_starts_from_a_folder(packed: Path, tiny_model: LoadedModel) -> None:
    config, _, _ = read_checkpoint(packed)
    model = build_model(config, published=False)
    model.load_state_dict(read_state_dict(packed))
    own = model.state_dict()
    whole = tiny_model.ddpm.state_dict()
    assert all(value.dtype == whole[key].dtype for key, value in own.items())
    assert all(torch.allclose(own[key], whole[key], rtol=1e-3, atol=1e-7) for key in whole)


def test_what_a_half_cannot_hold_stays_whole() -> None:
    layer = torch.nn.Linear(2, 2)
    weights = {"weight": torch.full((2, 2), 7e4), "bias": torch.ones(2)}
    packed = pack.halved(layer, weights)
    assert packed["weight"].dtype == torch.float32
    assert packed["bias"].dtype == torch.float16


def test_a_model_of_another_system_is_refused(packed: Path, tmp_path: Path) -> None:
    with safe_open(packed / "model.safetensors", framework="pt") as opened:
        assert opened.metadata()["system"] == "chart"
        metadata = {**opened.metadata(), "system": "sound"}
    for name in ("config.yaml", "features.yaml"):
        (tmp_path / name).write_bytes((packed / name).read_bytes())
    save_file(load_file(packed / "model.safetensors"), tmp_path / "model.safetensors", metadata)
    for read in (load_model, read_state_dict):
        with pytest.raises(CheckpointError, match="another system than charts: 'sound'"):
            read(tmp_path)


def test_a_model_that_is_too_large_is_refused(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, weights, _ = read_checkpoint(tiny_model_folder)
    monkeypatch.setattr(pack, "MOST_BYTES", 2**20)
    with pytest.raises(CheckpointError, match="larger than 1 MiB"):
        write_model(tmp_path, config, weights, RELEASE)


TIMES = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e4)), max_size=20)


@given(TIMES)
def test_a_chart_has_all_notes_in_common_with_itself(times: list[tuple[int, float]]) -> None:
    notes = [Rice(column, start) for column, start in times]
    assert same_share(notes, notes) == 1
    assert same_share(notes, [Rice(9, note.start_ms) for note in notes]) == (not notes)


@given(TIMES, TIMES)
def test_the_share_is_symmetric_and_within_bounds(
    first: list[tuple[int, float]], second: list[tuple[int, float]]
) -> None:
    one, other = ([Rice(*place) for place in places] for places in (first, second))
    assert 0 <= same_share(one, other) <= 1


def test_half_of_the_notes_are_two_thirds_in_common() -> None:
    notes = [Rice(0, 1000.0 * index) for index in range(10)]
    assert same_share(notes, notes[::2]) == pytest.approx(2 / 3)
    assert same_share(notes, [Rice(0, note.start_ms + 4) for note in notes]) == 1
    assert same_share(notes, [Rice(0, note.start_ms + 40) for note in notes]) == 0


def test_the_card_has_the_facts_between_its_marks(packed: Path) -> None:
    card = with_table("", packed)
    table = card[card.index(BEGIN) : card.index(END)]
    assert "| columns | 4 |" in table
    assert "| sampling | steps 7 |" in table
    assert "| trained on sr | 0.5 to 6 |" in table
    assert with_table(card, packed) == card
    own = with_table(f"# Mine\n\n{BEGIN}old{END}\n\nBy me.\n", packed)
    assert own.startswith("# Mine\n")
    assert own.endswith(f"{END}\n\nBy me.\n")
    assert "old" not in own
    assert with_table("Short.", packed).startswith("Short.\n")


def test_the_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    for name in ("4k/model.safetensors", "4k/rhythm.safetensors", "4k/config.yaml", "4k/README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    write_sums(tmp_path)
    totals = {
        name: hashlib.sha256(f"4k/{name}".encode()).hexdigest()
        for name in ("config.yaml", "model.safetensors", "rhythm.safetensors")
    }
    lines = (tmp_path / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert lines == [f"{total}  4k/{name}" for name, total in totals.items()]


def test_what_lies_beyond_training_is_said() -> None:
    release = Release.of(json.loads('{"release": {"keys": 4, "trained": {"sr": [0.5, 6.0]}}}'))
    assert release.untrained({"sr": 3.0, "ln_ratio": 9.0, "rank_status": "ranked"}) == ()
    (said,) = release.untrained({"sr": 7.5})
    assert said == "sr 7.5 is beyond what the model was trained on, 0.5 to 6"
    assert len(release.untrained({"sr": 0.4})) == 1
    assert Release.of({}) == Release()
    assert Release().usual["steps"] == GenerationRequest(Path()).steps
    assert RELEASE.usual == {**Release().usual, "steps": 7}


def test_a_request_beyond_training_is_said_once_for_each_number() -> None:
    schema = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
    request = GenerationRequest(Path(), prompt={"sr": 9.0, "ett": 99.0})
    stars, msd = beyond_training(RELEASE, schema, request, Plan())
    assert stars == "sr 9 is beyond what the model was trained on, 0.5 to 6"
    assert "ett 99 is beyond the model's range" in msd
    assert beyond_training(RELEASE, schema, replace(request, prompt={"sr": 2.0}), Plan()) == []
    tiers = Plan(tiers=(SpreadTier("low", 0.4), SpreadTier("high", 7.0)))
    assert len(beyond_training(RELEASE, schema, replace(request, prompt={}), tiers)) == 2
