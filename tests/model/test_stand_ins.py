"""Pickled checkpoints: damage is noticed, and nothing of them runs or fills the memory."""

from __future__ import annotations

import builtins
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mug.errors import CheckpointError
from mug.model.stand_ins import StandIn, _Unpickler, read_pickle
from mug.model.weights import config_in, read_state_dict

WEIGHTS = {"a": torch.arange(1000.0), "b": torch.ones(3)}
SIZE = 10**11


class _Called:
    """Object that a pickle makes by calling something."""

    def __init__(self, called: Any, *args: Any) -> None:
        self.called, self.args = called, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.called, self.args


BOMBS = (
    _Called(bytearray, SIZE),
    _Called(bytes, SIZE),
    _Called(list, _Called(range, SIZE)),
    _Called(tuple, _Called(range, SIZE)),
    _Called(builtins.set, _Called(range, SIZE)),
    _Called(dict, _Called(zip, [1], [2])),
    _Called(np.dtype(f"V{2**31 - 1}").type, 1),
)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.called.__name__)
def test_sizes_are_not_called_for(bomb: _Called, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "bomb.ckpt"
    content = {"state_dict": WEIGHTS, "evil": bomb}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"bomb\.ckpt"):
        read_state_dict(path)


_TWICE = b"\x80\x04)" + b"2\x86" * 60  # DUP, TUPLE2: 2^60 elements
_DEEP = b"\x80\x04)" + b"\x85" * 200_000  # TUPLE1
_CALLED = b"\x80\x04)" + b"".join(
    b"q%c0cbuiltins\ntuple\n](h%ch%ce\x85R" % (n, n, n) for n in range(60)
)
_FROZEN = b"\x80\x04)" + b"".join(b"q%c0(h%ch%c\x85\x91" % (n, n, n) for n in range(60))


@pytest.mark.parametrize("made", [_TWICE, _DEEP, _CALLED, _FROZEN])
def test_tuples_within_tuples_have_an_end(made: bytes) -> None:
    """As a key each would keep the reader busy for ever, or bring it down."""
    with pytest.raises(pickle.UnpicklingError, match="without end"):
        _Unpickler(io.BytesIO(made + b".")).load()


def test_tuples_within_bounds_are_read() -> None:
    small = tuple((number, (number, frozenset({number}))) for number in range(1000))
    assert _Unpickler(io.BytesIO(pickle.dumps(small))).load() == small


def test_harmless_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "whole.ckpt"
    values = {"set": {1, 2}, "bytes": b"ab", "array": bytearray(b"ab"), "frozen": frozenset({1})}
    inert = {"range": range(SIZE), "complex": 1j, "scalar": np.float64(1.0)}
    for zipped in (True, False):
        content = {"state_dict": WEIGHTS, **values, **inert}
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        found = read_pickle(path)
        assert {name: found[name] for name in values} == values
        assert {type(found[name]) for name in inert} == {StandIn}


def test_a_tensor_is_not_larger_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "wide.ckpt"
    torch.save({"state_dict": {"a": torch.zeros(1).expand(10**9)}}, path)
    with pytest.raises(CheckpointError, match="a is larger than the file"):
        read_state_dict(path)
    torch.save({"state_dict": {"a": torch.zeros(2, 2).to_sparse()}}, path)
    with pytest.raises(CheckpointError):
        read_state_dict(path)


def _rewritten(path: Path, how: int, cut: int | None = None) -> None:
    """The same records, compressed or not, the first storage cut."""
    with zipfile.ZipFile(path) as archive:
        records = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in records.items():
            archive.writestr(name, data[:cut] if name.endswith("/data/0") else data)


def test_memory_beyond_a_record_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.ckpt"
    torch.save({"state_dict": WEIGHTS}, path)
    _rewritten(path, zipfile.ZIP_STORED)
    assert torch.equal(read_state_dict(path)["a"], WEIGHTS["a"])
    _rewritten(path, zipfile.ZIP_STORED, cut=16)
    with pytest.raises(CheckpointError, match="damaged"):
        read_state_dict(path)


def test_a_record_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "zip.ckpt"
    torch.save({"state_dict": WEIGHTS}, path)
    _rewritten(path, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError):
        read_state_dict(path)


def test_a_flipped_bit_is_noticed_and_its_record_named(tmp_path: Path) -> None:
    path = tmp_path / "flipped.ckpt"
    torch.save({"state_dict": WEIGHTS, "mug_config": {"model": {}}}, path)
    data = bytearray(path.read_bytes())
    data[data.index(WEIGHTS["a"].numpy().tobytes()) + 400] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="record flipped/data/0 is damaged"):
        read_pickle(path)
    with pytest.raises(CheckpointError, match="damaged"):
        read_state_dict(path)
    assert config_in(path) == {"model": {}}  # it looks at the pickle alone


def test_files_without_checksums_are_read(tmp_path: Path) -> None:
    before = torch.serialization.get_crc32_options()
    try:
        torch.serialization.set_crc32_options(False)
        torch.save({"state_dict": WEIGHTS}, tmp_path / "none.ckpt")
    finally:
        torch.serialization.set_crc32_options(before)
    assert torch.equal(read_state_dict(tmp_path / "none.ckpt")["a"], WEIGHTS["a"])


def test_functions_that_a_pickle_may_call_cannot_be_changed(tmp_path: Path) -> None:
    """BUILD sets attributes of whatever lies on the stack: GLOBAL, state, BUILD."""
    path = tmp_path / "raw.ckpt"
    torch.save({"state_dict": WEIGHTS}, path)
    with zipfile.ZipFile(path) as archive:
        records = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records.items():
            evil = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x04\x00\x00\x00evilK\x01s\x86b."
            archive.writestr(name, evil if name.endswith("data.pkl") else data)
    with pytest.raises(CheckpointError):
        read_state_dict(path)
    assert not hasattr(torch._utils._rebuild_tensor_v2, "evil")
