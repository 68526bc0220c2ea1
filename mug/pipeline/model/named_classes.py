"""Classes that the config of a model may name.

A model is passed on from hand to hand, and a class that is built may write files. So its config
names classes of the registries alone, each in its place. The config of one's own training may name
any class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mug.cond.registry import AUDIO_ENCODERS, FEATURE_ENCODERS
from mug.diffusion.registry import DENOISERS, MODELS
from mug.errors import ConfigError
from mug.firststage.registry import FIRST_STAGES, LOSSES
from mug.lr_scheduler import SCHEDULERS
from mug.messages.message import Message
from mug.pipeline.model.inference_classes import INFERENCE_CLASSES

Fault = tuple[str, ConfigError]
"""A dotted key and what is wrong there."""

Places = Mapping[str, frozenset[str]]


def _nodes(registry: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {str(node["target"]) for node in registry.values()}


def _with_inference(names: Iterable[str]) -> frozenset[str]:
    """Names, and those of the classes without a trainer that stand in for them."""
    given = set(names)
    found = {INFERENCE_CLASSES[name].target for name in given if name in INFERENCE_CLASSES}
    return frozenset(given | found)


def first_stages() -> frozenset[str]:
    """Names of the first stages, which are no models that make charts."""
    return _with_inference(_nodes(FIRST_STAGES))


def places() -> Places:
    """Names of the classes that a model's config may name, by the last part of the key.

    The registries are read at each call, so that an entry that is added counts.
    """
    return {
        "model": frozenset(MODELS.values()),
        "unet_config": frozenset(_nodes(DENOISERS)),
        "first_stage_config": first_stages(),
        "cond_stage_config": frozenset(FEATURE_ENCODERS.values()),
        "wave_stage_config": frozenset(AUDIO_ENCODERS.values()),
        "lossconfig": frozenset(LOSSES.values()),
        "scheduler_config": frozenset(SCHEDULERS.values()),
    }


def class_faults(node: Any, key: str, allowed: Places) -> Iterator[Fault]:
    """Classes at a node and below it that may not be named there.

    Args:
        node: plain containers.
        key: dotted, of the node.
        allowed: names by the last part of the key.
    """
    if isinstance(node, Mapping):
        if "target" in node:
            names = allowed.get(key.rpartition(".")[2], frozenset())
            if str(node["target"]) not in names:
                yield f"{key}.target", _refused(node["target"], names)
        for name, value in node.items():
            yield from class_faults(value, f"{key}.{name}", allowed)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from class_faults(value, f"{key}.{index}", allowed)


def _refused(target: Any, names: frozenset[str]) -> ConfigError:
    return ConfigError(
        "config.shared_model_may_not_name_class",
        value=target,
        remedy=Message("remedy.shared_model_may_name", names=", ".join(sorted(names)) or "-"),
    )
