"""Facts that a packed model's config states about the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mug.messages.message import Message
from mug.pipeline.defaults import GUIDANCE_SCALE, SAMPLER, STEPS
from mug.pipeline.model.names import PACKED_CONFIG_NAME
from mug.pipeline.plain import from_plain

SECTION = "release"


@dataclass(frozen=True)
class Release:
    """The section `release` of a packed model's config.

    Args:
        keys: columns of its charts; 0 where the section is missing.
        sampling: defaults of sampling that suit this model, by field of `GenerationRequest`.
        trained: least and most value of a feature among the charts that it was trained on.
    """

    keys: int = 0
    sampling: Mapping[str, Any] = field(default_factory=dict)
    trained: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Release:
        """Return the section of a config, an empty one for a model that was not packed.

        Raises:
            GenerationError: for an unknown field or a value of another type.
        """
        found: Release = from_plain(cls, config.get(SECTION) or {}, SECTION)
        return found

    @classmethod
    def beside(cls, model: Path) -> Release:
        """Return the section of a model folder, an empty one for everything else."""
        config = model / PACKED_CONFIG_NAME
        if not config.is_file():
            return cls()
        return cls.of(yaml.safe_load(config.read_text(encoding="utf-8")) or {})

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
