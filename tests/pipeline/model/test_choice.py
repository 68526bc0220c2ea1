"""Which model is taken: the one that is named, the user's choice, the shipped one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mug.errors import CheckpointError
from mug.pipeline.model.choice import (
    CHOICE,
    find_model,
    is_model,
    models_by_keys,
    own_models,
    read_choice,
    save_choice,
    shipped_models,
)


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("model.safetensors", "config.yaml"):
        (folder / name).touch()
    return folder


def test_the_order_of_choice(tmp_path: Path) -> None:
    shipped = model(tmp_path / "shipped" / "4k").parent
    seven, own = model(shipped / "7k"), model(tmp_path / "models" / "mine")
    where = {"base": tmp_path, "shipped": shipped}
    assert find_model(**where) == shipped / "4k"
    assert find_model(keys=7, **where) == seven
    save_choice(4, own, tmp_path)
    assert find_model(**where) == own
    assert find_model(keys=7, **where) == seven
    assert find_model(tmp_path / "named.ckpt", **where) == tmp_path / "named.ckpt"
    save_choice(4, None, tmp_path)
    assert find_model(**where) == shipped / "4k"
    assert shipped_models(shipped) == [shipped / "4k", seven]
    assert models_by_keys(**where) == [shipped / "4k", seven]
    save_choice(5, own, tmp_path)
    assert models_by_keys(**where) == [own, shipped / "4k", seven]
    save_choice(7, seven, tmp_path)
    assert models_by_keys(**where) == [own, seven, shipped / "4k"]


def test_modification_times_decide_nothing(tmp_path: Path) -> None:
    first, second = (model(tmp_path / "models" / name) for name in ("a", "b"))
    save_choice(4, first, tmp_path)
    for age, path in ((0, first), (100, second)):
        os.utime(path / "model.safetensors", (age, age))
    assert find_model(base=tmp_path) == first
    assert own_models(tmp_path) == [first, second]


def test_without_a_model_the_remedies_are_named(tmp_path: Path) -> None:
    shipped = model(tmp_path / "4k").parent
    with pytest.raises(CheckpointError, match="5 columns") as refused:
        find_model(keys=5, base=tmp_path, shipped=shipped)
    said = str(refused.value)
    assert all(word in said for word in ("--ckpt", "--use", "make demo-training", "4k"))


def test_a_choice_that_is_gone_is_not_passed_over(tmp_path: Path) -> None:
    own = model(tmp_path / "models" / "mine")
    save_choice(4, own, tmp_path)
    (own / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="--forget 4"):
        find_model(base=tmp_path, shipped=model(tmp_path / "4k").parent)


def test_a_choice_belongs_to_its_number_of_columns(tmp_path: Path) -> None:
    save_choice(4, tmp_path / "a", tmp_path)
    save_choice(7, tmp_path / "b", tmp_path)
    assert read_choice(tmp_path) == {4: tmp_path / "a", 7: tmp_path / "b"}
    assert read_choice(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize("content", ["[1]", "four: model", "4: 5", "{", "\xff"])
def test_a_damaged_choice_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / CHOICE).parent.mkdir()
    (tmp_path / CHOICE).write_bytes(content.encode("latin-1"))
    with pytest.raises(CheckpointError, match="choice"):
        find_model(base=tmp_path)


def test_what_a_model_looks_like(tmp_path: Path) -> None:
    folder = model(tmp_path / "a")
    assert is_model(folder)
    (folder / "config.yaml").rename(folder / "model.yaml")
    assert is_model(folder)
    (folder / "model.yaml").unlink()
    assert not is_model(folder)
    assert not is_model(tmp_path / "gone.ckpt")
    (tmp_path / "there.ckpt").touch()
    assert is_model(tmp_path / "there.ckpt")
