"""Check of a model's config before training or a data set is made from it.

Training may build any class that its config names; so what a model brings along names those of
the registries alone, and says nothing of the trainer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mug.config import naming
from mug.errors import ConfigError
from mug.pipeline.model.files import refuse_faults
from mug.pipeline.model.named_classes import Fault, class_faults, places

DATA_MODULES = frozenset({"mug.data.datamodule.DataModuleFromConfig"})
DATASETS = frozenset(f"mug.data.dataset.Osu{part}Dataset" for part in ("Train", "Valid", "Test"))

_PARTS = ("train", "validation", "test", "predict")
_TRAINER = "lightning"


def check_shared(config: Mapping[str, Any], file: Path) -> None:
    """Refuse a config that would have training build other classes, or write elsewhere.

    Args:
        config: resolved, of a model.
        file: for messages.

    Raises:
        ConfigError: names the key and what may stand there.
    """
    with naming(file):
        refuse_faults(_faults(config))


def _faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    data = {"data": DATA_MODULES, **dict.fromkeys(_PARTS, DATASETS)}
    for name, node in config.items():
        if name == _TRAINER and node:
            yield name, ConfigError("config.shared_model_says_nothing_of_trainer")
        yield from class_faults(node, name, {**places(), **data})
