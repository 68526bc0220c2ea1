"""Form and sizes of a model's config, before anything of it is built.

A config that was passed on may ask for 2^31 channels or ten million blocks. Sizes have limits far
above every model that charts were made with; weights are counted on `meta` while the networks are
built (`mug.model.memory.skip_init`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from mug.errors import ConfigError
from mug.pipeline.model.named_classes import Fault

MOST_STEPS = 4096
MOST_CHANNELS = 8192
MOST_LEVELS = 16
MOST_BLOCKS = 64
MOST_WEIGHTS = 2_000_000_000
MOST_LAYERS = 1024
"""Levels times blocks times depth of the transformers, of a network."""
MOST_DEPTH = 24
"""Containers within containers."""
MOST_NODES = 100_000
"""Containers and values of a whole config."""

_LISTS = {"given_betas": MOST_STEPS}
_NUMBERS = {
    "timesteps": MOST_STEPS,
    "min_step": MOST_STEPS,
    "max_step": MOST_STEPS,
    "num_res_blocks": MOST_BLOCKS,
    "blocks": MOST_BLOCKS,
    "transformer_depth": MOST_BLOCKS,
    "sr": 1 << 20,
    "n_fft": 1 << 16,
}
_FREE = frozenset({"z_length", "seed"})
"""Numbers that no size follows from."""
_SOUND = frozenset({"sr", "n_fft", "n_mels", "mel_scale", "audio_note_window_ratio"})
_WIDTHS = ("model_channels", "middle_channels")
_DEPTHS = ("num_res_blocks", "transformer_depth")
_FACTORS = "channel_mult"
_NETWORKS = ("unet_config", "first_stage_config")


def config_faults(config: Any, model: Any) -> Iterator[Fault]:
    """Parts that a config lacks, and sizes beyond the limits.

    Args:
        config: resolved, plain containers.
        model: its node `model` without what only training reads.
    """
    fault = next(_missing(config), None)
    if fault is not None:
        yield fault
        return
    yield from size_faults(model, "model")
    yield from _sound_faults(config)


def size_faults(node: Any, key: str, depth: int = 0) -> Iterator[Fault]:
    """Sizes at a node and below it that are beyond the limits."""
    if depth > MOST_DEPTH:
        yield key, _beyond("containers", depth, MOST_DEPTH)
    elif isinstance(node, Mapping):
        for name, value in node.items():
            yield from size_faults(value, f"{key}.{name}", depth + 1)
        yield from _network_faults(node, key)
    elif isinstance(node, list | tuple):
        name = key.rpartition(".")[2]
        most = _LISTS.get(name, MOST_LEVELS)
        if len(node) > most:
            yield key, _beyond(name, len(node), most)
            return
        for index, value in enumerate(node):
            yield from size_faults(value, f"{key}.{index}", depth + 1)
    elif isinstance(node, int | float):
        yield from _number_fault(node, key)


def _number_fault(value: float, key: str) -> Iterator[Fault]:
    name = key.rpartition(".")[2]
    most = _NUMBERS.get(name, MOST_CHANNELS)
    if name not in _FREE and not abs(value) <= most:  # also not a number
        yield key, _beyond(name, value, most)


def _network_faults(node: Mapping[str, Any], key: str) -> Iterator[Fault]:
    """Channels of a network's levels, and the number of its layers."""
    factors = node.get(_FACTORS)
    if factors is None:
        return
    if not isinstance(factors, list | tuple) or not all(map(_is_number, factors)) or not factors:
        yield f"{key}.{_FACTORS}", _no_model(_FACTORS)
        return
    for name in _WIDTHS:
        width = node.get(name)
        if _is_number(width) and abs(width) * max(map(abs, factors)) > MOST_CHANNELS:
            yield f"{key}.{name}", _beyond(name, width * max(factors), MOST_CHANNELS)
    attention = node.get("attention")
    inside = {**node, **attention} if isinstance(attention, Mapping) else node
    depths = {name: inside.get(name) for name in _DEPTHS}
    layers = math.prod(abs(d) for d in depths.values() if _is_number(d)) * len(factors)
    if layers > MOST_LAYERS:
        yield f"{key}.num_res_blocks", _beyond("num_res_blocks", layers, MOST_LAYERS)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sound_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of the section `data` in what charts are made with."""
    node, key = config.get("data") or {}, "data"
    for name in ("params", "common_params"):
        node, key = node.get(name) or {}, f"{key}.{name}"
        if not isinstance(node, Mapping):
            yield key, ConfigError("config.is_not_mapping", value=node)
            return
    for group in ("audio", "window", "lines"):
        inside = node.get(group) or {}
        if not isinstance(inside, Mapping):
            yield f"{key}.{group}", ConfigError("config.is_not_mapping", value=inside)
            continue
        for name in sorted(_SOUND & inside.keys()):
            place = f"{key}.{group}.{name}"
            if not _is_number(inside[name]) or not inside[name] > 0:
                yield place, ConfigError("config.must_be_positive_number", value=inside[name])
            else:
                yield from _number_fault(inside[name], place)


def check_plain(config: Any, key: str) -> None:
    """Refuse a config that is no plain mapping, or endless where its parts contain one another.

    Raises:
        ConfigError: names the key.
    """
    waiting, seen = [(config, key, 0)], 0
    while waiting:
        node, place, depth = waiting.pop()
        seen += 1
        for name, value, most in (("values", seen, MOST_NODES), ("containers", depth, MOST_DEPTH)):
            if value > most:
                raise _beyond(name, value, most)
        if isinstance(node, Mapping) and all(isinstance(name, str | int) for name in node):
            waiting += [(value, f"{place}.{name}", depth + 1) for name, value in node.items()]
        elif isinstance(node, list | tuple):
            waiting += [(value, f"{place}.{index}", depth + 1) for index, value in enumerate(node)]
        elif depth == 0 or not isinstance(node, str | int | float | None):
            raise ConfigError("config.is_not_plain_yaml", key=place, value=type(node).__name__)


def _missing(config: Any) -> Iterator[Fault]:
    """Parts without which a config describes no model; the first that is missing."""
    mappings = ("model", "params"), ("model", "params", "unet_config", "params")
    first_stage = ("model", "params", "first_stage_config", "params", "ddconfig")
    for path in (*mappings, first_stage):
        node, key = config, ""
        for name in path:
            key = f"{key}.{name}".lstrip(".")
            node = node.get(name)
            if not isinstance(node, Mapping):
                yield key, _no_model(key)
                return
    yield from _without_target(config["model"])
    data = config.get("data")
    if data is not None and not isinstance(data, Mapping):
        yield "data", ConfigError("config.is_not_mapping", value=data)
    factors = node.get(_FACTORS)
    if not _is_number(node.get("x_channels")):
        yield f"{key}.x_channels", _no_model("x_channels")
    if not isinstance(factors, list | tuple) or not all(map(_is_number, factors)):
        yield f"{key}.{_FACTORS}", _no_model(_FACTORS)
    for name in ("cond_stage_config", "wave_stage_config", "latent"):
        part = config["model"]["params"].get(name)
        if isinstance(part, Mapping) and isinstance(part.get("params") or {}, Mapping):
            continue
        if part is not None and not isinstance(part, str):
            yield f"model.params.{name}", _no_model(name)


def _without_target(model: Mapping[str, Any]) -> Iterator[Fault]:
    networks = ((name, model["params"][name]) for name in _NETWORKS)
    for place, part in (("model", model), *networks):
        if not isinstance(part.get("target"), str):
            yield f"{place}.target", _no_model(f"{place}.target")


def _no_model(name: str) -> ConfigError:
    return ConfigError(
        "config.describes_no_model", name=name, remedy="remedy.take_config_that_came_with_weights"
    )


def _beyond(name: str, value: float, most: int) -> ConfigError:
    return ConfigError(
        "config.size_is_beyond_limit",
        name=name,
        most=f"{most:,}",
        value=value,
        remedy="remedy.take_config_that_came_with_weights",
    )
