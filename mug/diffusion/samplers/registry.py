"""The samplers by name: the only list of them.

Command help, page, conformance suite and benchmarks read it. It holds names alone, so that none of
them has to import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mug.errors import GenerationError
from mug.util import check_params, get_obj_from_str, nearest

if TYPE_CHECKING:
    from mug.diffusion.samplers.base import Sampler

SAMPLERS: dict[str, str] = {
    "angular": "mug.diffusion.samplers.angular.AngularSampler",
    "plms": "mug.diffusion.samplers.plms.PLMSSampler",
    "ddim": "mug.diffusion.samplers.ddim.DDIMSampler",
    "dpm_solver": "mug.diffusion.samplers.dpm_solver.DPMSolverSampler",
    "adams": "mug.diffusion.samplers.adams.AdamsSampler",
    "ancestral": "mug.diffusion.samplers.ancestral.AncestralSampler",
}


def make_sampler(name: str, **options: Any) -> Sampler:
    """A sampler with options of its constructor, such as `spacing` or `eta`.

    Raises:
        GenerationError: for an unknown name.
        ConfigError: for an option that it does not have.
    """
    if name not in SAMPLERS:
        raise GenerationError("model.unknown_sampler", value=name, remedy=nearest(name, SAMPLERS))
    kind = get_obj_from_str(SAMPLERS[name])
    check_params(kind, options, f"sampler {name}")
    sampler: Sampler = kind(**options)
    return sampler
