"""The samplers by name, their spacings, and what single ones of them promise."""

import itertools

import numpy as np
import pytest
import torch
from exact_denoiser import MEAN, SCHEDULE, STD, ExactDenoiser, generator, start
from repository import load_golden

from mug.diffusion.samplers.adams import AdamsSampler, weights
from mug.diffusion.samplers.ancestral import AncestralSampler
from mug.diffusion.samplers.base import noise_like
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.diffusion.samplers.dpm_solver import DPMSolverSampler
from mug.diffusion.samplers.registry import SAMPLERS, make_sampler
from mug.diffusion.samplers.spacing import levels, time_steps
from mug.diffusion.schedule import NoiseSchedule
from mug.errors import ConfigError, GenerationError

SPACINGS = ["trailing", "linspace", "third", "guided", "logsnr", "karras"]


def test_the_original_leaves_a_trace_of_noise():
    _, _, last = levels(SCHEDULE, 10, "original")[-1]
    assert last == SCHEDULE.alphas_bar[0]
    assert levels(SCHEDULE, 10, "trailing")[-1][2] == 1.0


def test_samplers_by_name():
    assert set(SAMPLERS) >= {"adams", "ancestral", "angular", "ddim", "plms", "dpm_solver"}
    assert make_sampler("ddim", eta=0.5).eta == 0.5
    with pytest.raises(GenerationError, match="Did you mean 'ddim'"):
        make_sampler("dim")
    with pytest.raises(ConfigError, match="takes no parameter: 'eta'"):
        make_sampler("plms", eta=0.5)


# ------------------------------------------------------------------- spacing


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("kind", ["scaled_linear", "cosine"])
def test_every_number_of_steps_is_served(spacing, kind):
    schedule = NoiseSchedule(kind)
    for steps in itertools.chain(range(1, 120), range(120, 1001, 37), (998, 999, 1000)):
        sequence = time_steps(schedule, steps, spacing)
        assert len(sequence) == steps
        assert all(a > b for a, b in itertools.pairwise(sequence))
        assert sequence[0] == 999
        assert sequence[-1] >= 0


def test_where_the_spacings_put_their_steps():
    assert time_steps(SCHEDULE, 10, "trailing") == list(range(999, 0, -100))
    assert time_steps(SCHEDULE, 4, "linspace") == [999, 666, 333, 0]
    assert time_steps(SCHEDULE, 4, "third") == [999, 694, 389, 83]
    strides = -np.diff([*time_steps(SCHEDULE, 14, "guided"), 0])
    assert strides[0] < strides[4] < strides[7]  # many where there is much noise
    assert strides[-1] == round(1000 / (6 * 14))
    ratios = SCHEDULE.log_snr[time_steps(SCHEDULE, 8, "logsnr")]
    np.testing.assert_allclose(np.diff(ratios)[:-2], np.diff(ratios)[0], rtol=0.05)
    sigmas = np.exp(-SCHEDULE.log_snr[time_steps(SCHEDULE, 8, "karras")]) ** (1 / 7)
    np.testing.assert_allclose(np.diff(sigmas)[:-2], np.diff(sigmas)[0], rtol=0.05)


def test_original_steps_equal_the_recording():
    meta, arrays = load_golden("schedule")
    for asked, taken in meta["ddim_number_of_steps"].items():
        plan = levels(SCHEDULE, int(asked), "original")
        assert len(plan) == taken
        recorded = arrays[f"ddim/S{asked}/timesteps"]
        assert [step for step, _, _ in plan][::-1] == recorded.tolist()
        bars, landings = np.array(plan)[::-1, 1:].T
        np.testing.assert_allclose(bars, arrays[f"ddim/S{asked}/alphas"], rtol=1e-6)
        np.testing.assert_allclose(landings, arrays[f"ddim/S{asked}/alphas_prev"], rtol=1e-6)
    quad = time_steps(SCHEDULE, 10, "original_quad")
    assert quad[::-1] == arrays["ddim/quad10/timesteps"].tolist()


def test_original_spacing_names_the_numbers_that_it_cannot_serve():
    meta, _ = load_golden("schedule")
    refused = []
    for steps in range(1, 1001):
        try:
            time_steps(SCHEDULE, steps, "original")
        except GenerationError as error:
            assert "another number" in str(error)  # noqa: PT017
            refused.append(steps)
    # The reference crashes at 1000 too; here it takes every step.
    assert [*refused, 1000] == meta["S_that_crash_with_IndexError"]
    assert time_steps(SCHEDULE, 1000, "original") == list(range(999, -1, -1))


def test_unknown_spacing_is_refused():
    with pytest.raises(GenerationError, match="Did you mean 'karras'"):
        time_steps(SCHEDULE, 10, "karas")


# ------------------------------------------------- the exact answer: N(2, 0.3^2)


@pytest.mark.parametrize(
    ("sampler", "steps", "mean", "std"),
    [
        (DDIMSampler("original"), 10, 1.9677, 0.2384),
        (DDIMSampler("original"), 50, 1.9813, 0.2870),
        (DDIMSampler("original"), 1000, 1.9841, 0.3001),
        (AncestralSampler(), 1000, 2.0000, 0.2981),
    ],
)
def test_mean_and_spread_with_the_exact_denoiser(sampler, steps, mean, std):
    sample = sampler.sample(
        ExactDenoiser(), start((100_000, 1)), SCHEDULE, steps=steps, generator=generator()
    )
    assert sample.mean().item() == pytest.approx(mean, abs=0.003)
    assert sample.std().item() == pytest.approx(std, abs=0.003)


def test_ancestral_noise_depends_on_eta_in_ddim():
    """DDIM with eta 1 is ancestral sampling over the same steps."""
    arguments = {"steps": 25, "schedule": SCHEDULE}
    samples = [
        sampler.sample(
            ExactDenoiser(), start((1000, 1)).double(), generator=generator(), **arguments
        )
        for sampler in (AncestralSampler(), DDIMSampler(eta=1.0))
    ]
    torch.testing.assert_close(*samples, atol=1e-5, rtol=0)


@pytest.mark.parametrize("spacing", ["trailing", "logsnr", "karras"])
@pytest.mark.parametrize("steps", [5, 10, 20])
def test_dpm_solver_beats_ddim_at_equal_steps(spacing, steps):
    """The exact flow maps x_T to a known point; the second order comes nearer to it."""
    x_T = start((20_000, 1)).double()
    bar = float(SCHEDULE.alphas_bar[999])
    exact = MEAN + (x_T - bar**0.5 * MEAN) * STD / (bar * STD**2 + 1 - bar) ** 0.5

    def error(sampler):
        sample = sampler.sample(ExactDenoiser(), x_T, SCHEDULE, steps=steps)
        return (sample - exact).square().mean().sqrt().item()

    assert error(DPMSolverSampler(spacing)) < 0.95 * error(DDIMSampler(spacing))
    assert error(DPMSolverSampler()) < 0.5 * error(DDIMSampler())


def test_clipping_limits_what_ancestral_sampling_believes():
    sample = AncestralSampler(clip=1.0).sample(
        ExactDenoiser(), start((50, 1)), SCHEDULE, steps=5, generator=generator()
    )
    assert sample.abs().max() <= 1.0


@pytest.mark.parametrize("start_at", [-3.0, 0.0, 2.0])
def test_adams_weights_integrate_polynomials_exactly(start_at):
    """Against the closed forms of the integrals of exp(l - end) and l exp(l - end)."""
    end = start_at + 0.7
    decay = float(np.exp(start_at - end))
    assert weights([start_at], start_at, end)[0] == pytest.approx(1 - decay)
    nodes = [start_at, start_at - 0.5]
    first, second = weights(nodes, start_at, end)
    assert first + second == pytest.approx(1 - decay)
    linear = (end - 1) - (start_at - 1) * decay
    assert first * nodes[0] + second * nodes[1] == pytest.approx(linear)


def test_adams_of_higher_order_is_nearer_at_the_same_number_of_calls():
    x_T, errors = start((64, 1, 1)), []
    exact = DDIMSampler().sample(ExactDenoiser(), x_T, SCHEDULE, steps=1000)
    for order in (1, 2, 3):
        found = AdamsSampler("logsnr", order).sample(ExactDenoiser(), x_T, SCHEDULE, steps=20)
        errors.append(float((found - exact).abs().max()))
    assert errors[2] < errors[1] < errors[0]


def test_as_many_generators_as_items_are_needed():
    with pytest.raises(ValueError, match="1 generators for a batch of 2"):
        noise_like(torch.zeros(2, 3), [generator()])
