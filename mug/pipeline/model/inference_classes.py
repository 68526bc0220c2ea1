"""Classes that charts are made with, in place of those that train.

Configs name the classes that train. Importing one of them imports the trainer too, seconds and
memory that whoever makes charts has no use for; so they are known by name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mug.diffusion.latent_diffusion import LatentDiffusion
from mug.firststage.variational import VariationalAutoencoder


@dataclass(frozen=True)
class InferenceClass:
    """Class without a trainer, with the same networks under the same names.

    Args:
        kind: the class.
        without: parameters of the class that trains which it does not take.
    """

    kind: type
    without: frozenset[str]

    @property
    def target(self) -> str:
        """The class's name in a config."""
        return f"{self.kind.__module__}.{self.kind.__qualname__}"


INFERENCE_CLASSES: Mapping[str, InferenceClass] = MappingProxyType(
    {
        "mug.diffusion.diffusion.DDPM": InferenceClass(
            LatentDiffusion, frozenset({"ckpt_path", "optimizer", "training"})
        ),
        "mug.firststage.autoencoder.AutoencoderKL": InferenceClass(
            VariationalAutoencoder,
            frozenset({"ckpt_path", "optimizer", "training", "kl_weight", "batch_keys"}),
        ),
    }
)
"""By the name of the class that trains."""


def for_inference(node: Any) -> Any:
    """Return a copy of a config node with the classes that train replaced by those that do not.

    Targets that `INFERENCE_CLASSES` does not name stay as they are.
    """
    if isinstance(node, list | tuple):
        return [for_inference(value) for value in node]
    if not isinstance(node, Mapping):
        return node
    found = {key: for_inference(value) for key, value in node.items()}
    known = INFERENCE_CLASSES.get(str(found.get("target")))
    params = found.get("params") or {}
    if known is not None and isinstance(params, Mapping):
        kept = {key: value for key, value in params.items() if key not in known.without}
        found |= {"target": known.target, "params": kept}
    return found
