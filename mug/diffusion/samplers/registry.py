"""The samplers by name."""

from __future__ import annotations

from typing import Any

from mug.diffusion.samplers.adams import AdamsSampler
from mug.diffusion.samplers.ancestral import AncestralSampler
from mug.diffusion.samplers.angular import AngularSampler
from mug.diffusion.samplers.base import Sampler
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.diffusion.samplers.dpm_solver import DPMSolverSampler
from mug.diffusion.samplers.plms import PLMSSampler
from mug.errors import GenerationError
from mug.util import check_params, nearest

SAMPLERS: dict[str, type[Sampler]] = {
    "ddim": DDIMSampler,
    "dpm_solver": DPMSolverSampler,
    "plms": PLMSSampler,
    "adams": AdamsSampler,
    "angular": AngularSampler,
    "ancestral": AncestralSampler,
}


def make_sampler(name: str, **options: Any) -> Sampler:
    """A sampler with options of its constructor, such as `spacing` or `eta`.

    Raises:
        GenerationError: for an unknown name.
        ConfigError: for an option that it does not have.
    """
    if name not in SAMPLERS:
        raise GenerationError("model.unknown_sampler", value=name, remedy=nearest(name, SAMPLERS))
    check_params(SAMPLERS[name], options, f"sampler {name}")
    return SAMPLERS[name](**options)
