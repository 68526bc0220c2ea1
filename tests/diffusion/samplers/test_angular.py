"""Adams steps along the angle: orders of convergence on a flow that is known exactly."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
import torch

from mug.diffusion.samplers.adams import PastPrediction
from mug.diffusion.samplers.angular import AngularSampler
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.diffusion.samplers.dpm_solver import DPMSolverSampler
from mug.diffusion.samplers.plms import PLMSSampler
from mug.diffusion.schedule import NoiseSchedule
from mug.protocols import Prediction

SCHEDULE = NoiseSchedule("scaled_linear", 1000, 1e-4, 2e-2)
MEAN, STD = 2.0, 0.3
PLACE = torch.tensor([[[-1.3, 0.2, 0.9]]], dtype=torch.float64)


def bar_at(angle):
    return math.cos(angle) ** 2


def on_the_flow(angle):
    """A sample of the exact flow towards N(2, 0.3^2), and what the exact denoiser says of it."""
    signal, noise = math.cos(angle), math.sin(angle)
    x = signal * MEAN + math.hypot(signal * STD, noise) * PLACE
    eps = (x - signal * MEAN) * noise / (signal**2 * STD**2 + noise**2)
    x_0 = (x - noise * eps) / signal if signal > 1e-9 else torch.full_like(x, MEAN)
    return x, PastPrediction(bar_at(angle), x_0, eps)


def denoise(x_t, step):
    bar = float(SCHEDULE.alphas_bar[int(step[0])])
    eps = (x_t - bar**0.5 * MEAN) * ((1 - bar) ** 0.5 / (bar * STD**2 + 1 - bar))
    return Prediction((x_t - (1 - bar) ** 0.5 * eps) / bar**0.5, eps)


def distance(sampler, steps):
    """From the exact end of the flow."""
    x_T = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bar = float(SCHEDULE.alphas_bar[999])
    exact = MEAN + (x_T - bar**0.5 * MEAN) * STD / (bar * STD**2 + 1 - bar) ** 0.5
    found = sampler.sample(denoise, x_T, SCHEDULE, steps=steps)
    return float((found - exact).square().mean().sqrt())


@pytest.mark.parametrize("start", [1.2, 0.7, 0.4])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_step_errs_with_the_power_above_its_order(start, order):
    sampler, errors = AngularSampler("trailing", order), []
    for h in (0.04, 0.02, 0.01):
        known = [on_the_flow(start + i * h)[1] for i in range(order)]
        x, _ = on_the_flow(start)
        found = sampler.advance(x, bar_at(start), bar_at(start - h), known)
        errors.append(float((found - on_the_flow(start - h)[0]).abs().max()))
    ratios = [a / b for a, b in itertools.pairwise(errors)]
    assert ratios[-1] == pytest.approx(2 ** (order + 1), rel=0.3)


def test_a_repeated_step_errs_less_than_the_step():
    start, h = 0.7, 0.02
    behind = [on_the_flow(start + i * h)[1] for i in range(3)]
    x, _ = on_the_flow(start)
    exact, ahead = on_the_flow(start - h)
    sampler = AngularSampler()
    first, again = (
        sampler.advance(x, bar_at(start), bar_at(start - h), known)
        for known in (behind, [ahead, *behind[:2]])
    )
    assert (again - exact).abs().max() < 0.2 * (first - exact).abs().max()


@pytest.mark.parametrize("bar_next", [1.0, 0.99, 0.5, 0.06])
@pytest.mark.parametrize("predictions", [1, 2, 3, 4])
def test_a_denoiser_that_does_not_change_its_mind_is_followed_exactly(bar_next, predictions):
    x_0, eps = PLACE, PLACE.flip(-1) * 2
    known = [PastPrediction(bar, x_0, eps) for bar in (0.05, 0.03, 0.01, 0.001)[:predictions]]
    x = 0.05**0.5 * x_0 + 0.95**0.5 * eps
    found = AngularSampler().advance(x, 0.05, bar_next, known)
    torch.testing.assert_close(found, bar_next**0.5 * x_0 + (1 - bar_next) ** 0.5 * eps)


def test_one_prediction_makes_it_ddim():
    x_T = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    samples = [
        sampler.sample(denoise, x_T, SCHEDULE, steps=13)
        for sampler in (AngularSampler("trailing", 1, 0), DDIMSampler("trailing"))
    ]
    torch.testing.assert_close(*samples)


def test_higher_orders_and_the_corrector_come_nearer_to_the_exact_end():
    errors = [distance(AngularSampler(order=order, corrector=0), 40) for order in (1, 2, 3)]
    assert errors[2] < errors[1] < errors[0]
    assert distance(AngularSampler(corrector=3), 40) < distance(AngularSampler(corrector=0), 40)


@pytest.mark.parametrize("steps", [10, 12, 16])
def test_at_equal_calls_nearer_than_ddim_plms_and_dpm_solver(steps):
    """Not than `adams`: one narrow normal distribution is the case that suits its x_0 best."""
    others = {
        "ddim": distance(DDIMSampler(), steps),
        "plms": distance(PLMSSampler(), steps - 1),  # opens with one call more
        "dpm_solver": distance(DPMSolverSampler("trailing"), steps),
    }
    smooth = distance(AngularSampler("third", 3, 3), steps)
    assert smooth < min(others.values()), others
    # The default gives some of that up where it pays, in a guided network (below).
    assert smooth < distance(AngularSampler(), steps) < min(others["ddim"], others["dpm_solver"])


@pytest.mark.parametrize("asked", [(0.05, 0.05, 0.1, 0.8), (0.4, 0.1, 0.1, 0.4)])
@pytest.mark.parametrize("steps", [12, 14, 16])
def test_the_default_follows_a_guided_mixture_nearer_than_others(steps, asked):
    """Four narrow peaks, whose shares a prompt changes: exact predictions that turn sharply."""
    x_T, exact = exact_end(asked)

    def error(sampler, count):
        found = sampler.sample(mixture(5.0, asked), x_T, SCHEDULE, steps=count)
        return float((found - exact).square().mean().sqrt())

    others = [DDIMSampler(), DPMSolverSampler("trailing")]
    found = [error(sampler, steps) for sampler in others] + [error(PLMSSampler(), steps - 1)]
    assert error(AngularSampler(), steps) < min(found)


@cache
def exact_end(asked):
    """Noise, and where a guided mixture takes it."""
    x_T = torch.randn(256, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    exact = AngularSampler("trailing", 3, 3).sample(mixture(5.0, asked), x_T, SCHEDULE, steps=1000)
    return x_T, exact


def mixture(scale, asked, spread=0.3):
    """A guided denoiser: exact ones of four peaks alike, and with the shares asked for."""
    places = torch.tensor([-2.0, -0.5, 1.5, 3.0], dtype=torch.float64)

    def predict(x_t, step):
        bar = float(SCHEDULE.alphas_bar[int(step[0])])
        variance = bar * spread**2 + 1 - bar
        off = x_t[..., None] - bar**0.5 * places
        peaks = places + bar**0.5 * spread**2 / variance * off

        def eps(shares):
            logits = torch.tensor(shares, dtype=torch.float64).log() - off**2 / (2 * variance)
            x_0 = (logits.softmax(-1) * peaks).sum(-1)
            return (x_t - bar**0.5 * x_0) / (1 - bar) ** 0.5

        plain = eps((0.25,) * 4)
        steered = plain + scale * (eps(asked) - plain)
        return Prediction((x_t - (1 - bar) ** 0.5 * steered) / bar**0.5, steered)

    return predict


def test_the_angle_is_that_of_the_schedule():
    """A prediction at abar is placed at atan of noise over signal: checked by a line in it."""
    angles = np.array([1.0, 0.8, 0.6])
    start, end = 0.6, 0.5
    middle = (start + end) / 2
    # q = phi seen from the middle of the step; x_0 and eps that give it.
    known = [
        PastPrediction(
            bar_at(a), torch.tensor([-a * math.sin(middle)]), torch.tensor([a * math.cos(middle)])
        )
        for a in angles[::-1]
    ]
    found = AngularSampler().advance(torch.zeros(1), bar_at(start), bar_at(end), known)
    grid = np.linspace(start, end, 20_001)
    area = np.trapezoid(grid / np.cos(grid - middle) ** 2, grid)
    assert float(found) == pytest.approx(area * math.cos(end - middle), rel=1e-5)
