"""Section `models` of `benchmarks/trust.py`: what is read is damaged, or was made to do harm.

Tried in turn: the config of a model, its weights, a pickled checkpoint, a feature database, a
spectrogram cache. A try survives when what is read is what was written, and is refused by one
sentence; other values, a raw error, a file that was made and memory or time without bound fail.
"""

from __future__ import annotations

import builtins
import logging
import math
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from benchmarks._trust import FAILED, REFUSED, ROOT, SURVIVED, Try, own_peak_mib
from mug.audio.cache import SoundCache
from mug.data.feature_db import FeatureDB, FeatureRow
from mug.errors import MugError
from mug.pipeline.model.checkpoint import load_model
from mug.pipeline.model.files import read_checkpoint

SECTION = "models"
FULL = 1000
"""200 of each kind: with the caches 400 damaged databases and caches."""

_MODEL = ROOT / "mug/models/4k"
_NAMES = ("sr", "ln_ratio", "rank_status", "ett", "rc")
_MOST_SECONDS, _MOST_MIB = 30.0, 700.0
_CLASSES = (
    "mug.data.feature_db.FeatureDB",
    "mug.prepare.jobs.JobTable",
    "os.system",
    "torch.nn.Linear",
    "mug.callbacks.checkpoint.ResumeCheckpoint",
    "mug.util.partial",
)
_VALUES: tuple[Any, ...] = (2**31, 10**7, 10**300, -1, 0, math.nan, math.inf, "x", "", [], {})
_VALUES += (None, True, [1] * 10**4, {"target": _CLASSES[0]}, "${model}", "${model.params}" * 9)


def tries(count: int, seed: int, work: Path) -> Iterator[dict[str, Any]]:
    """Damage and read; see `benchmarks.trust`."""
    kinds = (_config, _weights, _checkpoint, _database, _cache)
    for number in range(seed, seed + count):
        with _silence():
            made = _one(kinds[number % len(kinds)], number, work)
        yield made.as_dict()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back what is logged of damage."""
    logger = logging.getLogger("mug")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _one(kind: Callable[[random.Random, Path], str], seed: int, work: Path) -> Try:
    what, rng = kind.__name__.lstrip("_"), random.Random(seed)
    folder = work / "try"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began, before = time.monotonic(), own_peak_mib()
    os.chdir(folder)  # what a hostile model would write to
    try:
        detail = kind(rng, folder)
        result = FAILED if detail else SURVIVED
    except MugError as error:
        result, detail = REFUSED, str(error)[:200]
    except Exception as error:  # noqa: BLE001 - a raw error is what is looked for
        result, detail = FAILED, f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        os.chdir(ROOT)
    seconds, peak = time.monotonic() - began, own_peak_mib()
    if seconds > _MOST_SECONDS or peak - before > _MOST_MIB:
        result, detail = FAILED, f"{seconds:.0f} s, {peak - before:.0f} MiB more"
    if (folder / "evil").exists():
        result, detail = FAILED, "a file was made"
    return Try(what, seed, result, seconds, peak, detail)


# ---------------------------------------------------------------------------- models


def _config(rng: random.Random, folder: Path) -> str:
    """The config of a model says something else, or anything at all."""
    text = (_MODEL / "config.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    how = rng.randrange(6)
    if how == 0:
        node, key = rng.choice(_targets(config))
        node[key] = rng.choice(_CLASSES)
        node["params"] = {"path": "evil", "names": ["sr"]}
    elif how < 4:
        node, key = rng.choice(_places(config))
        node[key] = rng.choice(_VALUES)
    elif how == 4:
        node, key = rng.choice(_places(config))
        del node[key]
    written = yaml.safe_dump(config).encode()
    if how == 5:
        written = _damaged(text.encode(), rng)
    return _loads(folder, written)


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Containers and keys of all values of the model and its data."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    found: list[tuple[Any, Any]] = []
    for key, value in items:
        found.append((node, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found


def _targets(config: Any) -> list[tuple[Any, Any]]:
    return [(node, key) for node, key in _places(config["model"]) if key == "target"]


def _loads(folder: Path, config: bytes) -> str:
    for name in ("model.safetensors", "features.yaml"):
        (folder / name).symlink_to(_MODEL / name)
    (folder / "model.yaml").write_bytes(config)
    return "" if load_model(folder).weights_hash == _good().weights_hash else "other weights"


@cache
def _good() -> Any:
    return load_model(_MODEL)


def _weights(rng: random.Random, folder: Path) -> str:
    """The weights of a model, or of its scorer, are damaged."""
    shipped = folder / "4k"
    shutil.copytree(_MODEL, shipped)
    shutil.copy(_MODEL.parent / "SHA256SUMS", folder)
    file = shipped / rng.choice(("model.safetensors", "model.safetensors", "rhythm.safetensors"))
    file.write_bytes(_damaged(file.read_bytes(), rng))
    loaded, good = load_model(shipped, offload=rng.random() < 0.5), _good()
    if (loaded.weights_hash, loaded.published) != (good.weights_hash, good.published):
        return "other weights"
    assert loaded.scorer is not None
    pairs = zip(loaded.scorer.state_dict().values(), good.scorer.state_dict().values(), strict=True)
    same = loaded.scorer.options == good.scorer.options
    return "" if same and all(torch.equal(a, b) for a, b in pairs) else "another scorer"


class _Called:
    """Object that a pickle makes by calling something."""

    def __init__(self, called: Any, *args: Any) -> None:
        self.called, self.args = called, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.called, self.args


def _checkpoint(rng: random.Random, folder: Path) -> str:
    """A training checkpoint is damaged, or holds something that would run or fill the memory."""
    weights = {"a": torch.arange(20_000.0), "b": torch.ones(3)}
    config: Any = {"model": {"target": "mug.diffusion.diffusion.DDPM"}}
    size = 10 ** rng.randrange(9, 13)
    evil = (
        _Called(bytearray, size),
        _Called(bytes, size),
        _Called(list, _Called(range, size)),
        _Called(builtins.set, _Called(range, size)),
        _Called(str, [1] * 10),
        _Called(Path.touch, Path("evil")),
        _Called(os.mkdir, "evil"),
        _Called(np.dtype, f"V{min(size, 2**31 - 1)}"),
    )
    content: dict[str, Any] = {"state_dict": dict(weights), "mug_config": config}
    how = rng.randrange(4)
    if how == 0:
        content[rng.choice(("state_dict", "mug_config", "callbacks"))] = rng.choice(evil)
    elif how == 1:
        content["state_dict"]["a"] = torch.zeros(1).expand(size)
    elif how == 2:
        for _ in range(40):  # a few bytes that are endless as a tree
            config = {"a": config, "b": config}
        content["mug_config"] = config
    path = folder / "last.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=rng.random() < 0.7 or how == 3)
    if how == 3:
        path.write_bytes(_damaged(path.read_bytes(), rng))
    _, read, _ = read_checkpoint(path)
    return "" if all(torch.equal(read[name], weights[name]) for name in weights) else "other values"


# ---------------------------------------------------------------------------- data


def _database(rng: random.Random, folder: Path) -> str:
    """A feature database is damaged."""
    data, good = _good_database()
    file = folder / "features.db"
    file.write_bytes(_damaged(data, rng))
    with FeatureDB(file, _NAMES if rng.random() < 0.5 else None) as db:
        same = db.names == _NAMES and list(db.rows()) == good
        found = [tuple(row) for row in db.select("SELECT path, stamp, hash FROM audio")]
    return "" if same and found == [("set/a.mp3", "1 2", "h")] else "other values"


@cache
def _good_database() -> tuple[bytes, list[FeatureRow]]:
    """A database as a preparation leaves it, and its rows."""
    from tempfile import TemporaryDirectory

    rng = random.Random(0)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "features.db"
        with FeatureDB(file, _NAMES) as db:
            values = [(10 * rng.random(), rng.random(), "ranked", 30.0, n) for n in range(120)]
            db.upsert(
                FeatureRow(f"set{n // 4}/{n}.osu", str(n), "b" * 64, "set/a.mp3", "h", "1 2", "r",
                           "t", dict(zip(_NAMES, row, strict=True)))
                for n, row in enumerate(values)
            )  # fmt: skip
            with db.transaction() as connection:
                connection.execute(
                    "INSERT INTO audio (path, stamp, hash) VALUES ('set/a.mp3', '1 2', 'h')"
                )
        with FeatureDB(file) as db:
            return file.read_bytes(), list(db.rows())


def _cache(rng: random.Random, folder: Path) -> str:
    """A file of the cache is damaged between two reads, with or without another time stamp."""
    frames = np.random.default_rng(rng.randrange(2**32)).random((300, 16)).astype(np.float16)
    cache_of, path, made = SoundCache(folder), folder / "a.npy", 0

    def compute() -> np.ndarray:
        nonlocal made
        made += 1
        return frames

    np.array(cache_of.kept(path, 16, compute))
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(_damaged(data, rng))
    if rng.random() < 0.5:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    reader = cache_of if rng.random() < 0.5 else SoundCache(folder)
    return "" if np.array_equal(reader.kept(path, 16, compute), frames) else "other values"


def _damaged(data: bytes, rng: random.Random) -> bytes:
    """Bits turned over, bytes changed, a stretch of zeros or of noise, or an end cut off."""
    found, how = bytearray(data), rng.randrange(5)
    at = rng.randrange(len(found))
    if how == 0:
        found[at] ^= 1 << rng.randrange(8)
    elif how == 1:
        for _ in range(2):
            found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    elif how == 2:
        length = min(rng.randrange(1, 5000), len(found) - at)
        found[at : at + length] = bytes(length) if rng.random() < 0.5 else rng.randbytes(length)
    elif how == 3:
        found[at] = rng.randrange(256)
    else:
        del found[at:]
    return bytes(found)
