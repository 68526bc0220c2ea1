"""Former place of `mug.diffusion.samplers.plms`."""

from mug.diffusion.samplers.plms import PLMSSampler as PLMSSampler
