"""A denoiser that knows the data, for tests of samplers: the answer has a closed form."""

import torch

from mug.diffusion.schedule import NoiseSchedule
from mug.protocols import Prediction

SCHEDULE = NoiseSchedule("scaled_linear", 1000, 1e-4, 2e-2)
MEAN, STD = 2.0, 0.3


class ExactDenoiser:
    """Knows the data: independent N(2, 0.3^2); remembers the steps that it was asked for."""

    def __init__(self):
        self.steps = []

    def __call__(self, x_t, step):
        assert step.shape == (len(x_t),)
        assert step.dtype == torch.long
        assert (step == step[0]).all()
        self.steps.append(int(step[0]))
        bar = float(SCHEDULE.alphas_bar[self.steps[-1]])
        eps = (x_t - bar**0.5 * MEAN) * ((1 - bar) ** 0.5 / (bar * STD**2 + 1 - bar))
        return Prediction((x_t - (1 - bar) ** 0.5 * eps) / bar**0.5, eps)


def start(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def generator(seed=1):
    return torch.Generator().manual_seed(seed)
