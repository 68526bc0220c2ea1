"""Facts that a packed model's config states about the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from mug.difficulty.names import MSD_KEYS, SKILL_NAMES
from mug.errors import ConfigError
from mug.messages.message import Message
from mug.notes import NoteLayout
from mug.pipeline.defaults import GUIDANCE_SCALE, SAMPLER, STEPS
from mug.pipeline.model.names import PACKED_CONFIG_NAME
from mug.pipeline.plain import from_plain
from mug.util import nearest, read_yaml

SECTION = "release"

# They become defaults of command lines, which have options for files too: these names alone.
_SAMPLING: Mapping[str, tuple[type, ...]] = {
    "steps": (int,),
    "sampler": (str,),
    "guidance_scale": (int, float),
    "guidance_interval": (list, tuple),
    "window_s": (int, float),
    "bind_rows": (bool,),
}


@dataclass(frozen=True)
class Release:
    """The section `release` of a packed model's config.

    Args:
        keys: columns of its charts; 0 where nothing says.
        sampling: defaults of sampling that suit this model, by field of `GenerationRequest`.
        trained: least and most value of a feature among the charts that it was trained on.
    """

    keys: int = 0
    sampling: Mapping[str, Any] = field(default_factory=dict)
    trained: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.sampling.items():
            if name not in _SAMPLING:
                raise ConfigError(
                    "config.unknown_key_in",
                    where=f"{SECTION}.sampling",
                    value=name,
                    remedy=nearest(name, _SAMPLING),
                )
            if not isinstance(value, _SAMPLING[name]):
                where = f"{SECTION}.sampling.{name}"
                raise ConfigError("config.has_no_such_value", key=where, value=value)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Release:
        """Return the section of a config, an empty one for a model that was not packed.

        Raises:
            GenerationError: for an unknown field or a value of another type.
        """
        found: Release = from_plain(cls, config.get(SECTION) or {}, SECTION)
        parts = (config.get("model") or {}).get("params") or {}
        if found.keys or "first_stage_config" not in parts:
            return found
        return replace(found, keys=columns_of(config))

    @classmethod
    def beside(cls, model: Path) -> Release:
        """Return the section of a model folder, an empty one for everything else.

        Raises:
            ConfigError: for a config that cannot be read, or is none of a model.
        """
        config = model / PACKED_CONFIG_NAME
        if not config.is_file():
            return cls()
        try:
            content = read_yaml(config) or {}
            if not isinstance(content, Mapping):
                raise ConfigError("config.expected_key_value_lines", file=config)
            return cls.of(content)
        except yaml.YAMLError as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError("config.cannot_be_read", reason=reason, file=config) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ConfigError(
                "config.makes_no_model",
                file=config,
                value=str(error),
                remedy="remedy.take_config_that_came_with_weights",
            ) from error

    @property
    def usual(self) -> Mapping[str, Any]:
        """Defaults of sampling: this model's, else those of the program."""
        program = {"steps": STEPS, "sampler": SAMPLER, "guidance_scale": GUIDANCE_SCALE}
        return {**program, **self.sampling}

    def untrained(self, prompt: Mapping[str, Any]) -> tuple[Message, ...]:
        """A sentence for each number of a prompt beyond what the model was trained on."""
        return tuple(
            Message(
                "pipeline.beyond_what_was_trained",
                feature=name,
                asked=prompt[name],
                least=least,
                most=most,
            )
            for name, (least, most) in self.trained.items()
            if isinstance(prompt.get(name), int | float) and not least <= prompt[name] <= most
        )


def columns_of(config: Mapping[str, Any]) -> int:
    """Columns of the charts that a model of this config makes."""
    first_stage = config["model"]["params"]["first_stage_config"]["params"]
    return NoteLayout.from_channels(int(first_stage["ddconfig"]["x_channels"])).keys


def has_msd(keys: int) -> bool:
    """Return whether Etterna's numbers exist for charts of so many columns; 0 is not known yet."""
    return keys in (0, MSD_KEYS)


def without_msd(prompt: Mapping[str, Any], keys: int) -> Mapping[str, Any]:
    """Return a prompt without what charts of so many columns do not have."""
    if has_msd(keys):
        return prompt
    return {name: value for name, value in prompt.items() if name not in SKILL_NAMES}


def msd_asked_in_vain(prompt: Mapping[str, Any], keys: int) -> tuple[Message, ...]:
    """A sentence for each of Etterna's numbers in a prompt for a model of other columns."""
    left = without_msd(prompt, keys)
    return tuple(
        Message("pipeline.msd_is_of_four_keys_alone", feature=name, keys=keys)
        for name in prompt
        if name not in left
    )
