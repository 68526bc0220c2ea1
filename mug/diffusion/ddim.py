"""Former place of `mug.diffusion.samplers.ddim`."""

from mug.diffusion.samplers.ddim import DDIMSampler as DDIMSampler
