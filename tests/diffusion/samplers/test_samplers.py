"""One conformance suite for all samplers, and the exact answer for a normal distribution."""

import itertools

import numpy as np
import pytest
import torch
from repository import load_golden

from mug.diffusion.parameterization import Parameterization
from mug.diffusion.samplers.adams import AdamsSampler, weights
from mug.diffusion.samplers.ancestral import AncestralSampler
from mug.diffusion.samplers.angular import AngularSampler
from mug.diffusion.samplers.base import Constraint, Sampler, begin, noise_like
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.diffusion.samplers.dpm_solver import DPMSolverSampler
from mug.diffusion.samplers.plms import PLMSSampler
from mug.diffusion.samplers.registry import SAMPLERS as BY_NAME
from mug.diffusion.samplers.registry import make_sampler
from mug.diffusion.samplers.spacing import levels, time_steps
from mug.diffusion.schedule import NoiseSchedule
from mug.errors import ConfigError, GenerationError
from mug.protocols import Prediction

SCHEDULE = NoiseSchedule("scaled_linear", 1000, 1e-4, 2e-2)
MEAN, STD = 2.0, 0.3

SAMPLERS = {
    "ancestral": AncestralSampler(),
    "ddim": DDIMSampler(),
    "ddim_eta": DDIMSampler(eta=1.0),
    "plms": PLMSSampler(),
    "dpm_solver": DPMSolverSampler(),
    "adams": AdamsSampler(),
    "adams_time": AdamsSampler("trailing", 4, corrector=False),
    "angular": AngularSampler(),
    "angular_plain": AngularSampler("trailing", 2, 0),
    "dpm_solver_karras": DPMSolverSampler("karras"),
    "dpm_solver_time": DPMSolverSampler("trailing"),
}
SPACINGS = ["trailing", "linspace", "third", "guided", "logsnr", "karras"]
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


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


@every_sampler
@pytest.mark.parametrize("steps", [1, 2, 7, 30, 60, 150, 999, 1000])
def test_takes_exactly_the_steps_asked_for(name, steps):
    denoise, reports = ExactDenoiser(), []
    sample = SAMPLERS[name].sample(
        denoise,
        start((1, 2, 3)),
        SCHEDULE,
        steps=steps,
        generator=generator(),
        progress=lambda done, total: reports.append((done, total)),
    )
    # PLMS opens with an improved Euler step: one call more, at the second time step.
    extra = int(name == "plms" and steps > 1)
    assert len(denoise.steps) == steps + extra
    visited = sorted(set(denoise.steps), reverse=True)
    assert len(visited) == steps
    assert visited[0] == 999
    assert denoise.steps == sorted(denoise.steps, reverse=True)
    assert reports == [(i + 1, steps) for i in range(steps)]
    assert sample.isfinite().all()


@every_sampler
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 8), (2, 3, 8, 6)])
def test_any_number_of_axes_and_the_same_result_again(name, shape):
    def once(seed):
        return SAMPLERS[name].sample(
            ExactDenoiser(), start(shape), SCHEDULE, steps=12, generator=generator(seed)
        )

    first = once(1)
    assert first.shape == shape
    assert torch.equal(first, once(1))
    draws = name in ("ancestral", "ddim_eta")
    assert torch.equal(first, once(2)) is not draws


@every_sampler
@pytest.mark.parametrize("fixed_noise", [False, True])
def test_a_known_region_stays_to_the_bit_and_is_seen_noisy_on_the_way(name, fixed_noise):
    shape = (2, 3, 16)
    known = start(shape, 5) * 7
    mask = torch.zeros(1, 1, 16, dtype=torch.bool)
    mask[..., :6] = True
    noise = start(shape, 6)
    seen = []

    def denoise(x_t, step):
        seen.append((x_t.clone(), int(step[0])))
        return ExactDenoiser()(x_t, step)

    constraint = Constraint(mask, known, noise if fixed_noise else None)
    sample = SAMPLERS[name].sample(
        denoise, start(shape), SCHEDULE, steps=10, generator=generator(), constraint=constraint
    )
    assert torch.equal(sample[..., :6], known[..., :6])
    assert not torch.isclose(sample[..., 6:], known[..., 6:]).all()
    x_first, step = seen[0]
    bar = float(SCHEDULE.alphas_bar[step])
    implied = (x_first - bar**0.5 * known)[..., :6] / (1 - bar) ** 0.5
    if fixed_noise:
        torch.testing.assert_close(implied, noise[..., :6], atol=1e-4, rtol=0)
    assert 0.5 < implied.std() < 1.5
    torch.testing.assert_close(x_first[..., 6:], start(shape)[..., 6:])


@every_sampler
@pytest.mark.parametrize("parameterization", ["x0", "v", "recon"])
def test_the_parameterization_makes_no_difference(name, parameterization):
    """A network that says the same in other words gives the same sample."""

    def denoiser(words):
        translate = Parameterization(words, SCHEDULE)

        def denoise(x_t, step):
            exact = ExactDenoiser()(x_t, step)
            output = translate.target(exact.x0, exact.eps, step)
            return translate.to_prediction(output, x_t, step)

        return denoise

    x_T = start((2, 3, 8)).double()
    samples = [
        SAMPLERS[name].sample(denoiser(words), x_T, SCHEDULE, steps=15, generator=generator())
        for words in ("eps", parameterization)
    ]
    torch.testing.assert_close(*samples, atol=2e-3, rtol=0)


@every_sampler
def test_the_last_step_lands_on_clean_data(name):
    """A denoiser that knows the answer is believed to the end."""
    answer = torch.full((1, 2, 3), -4.25)

    def denoise(x_t, step):
        bar = float(SCHEDULE.alphas_bar[int(step[0])])
        return Prediction(answer, (x_t - bar**0.5 * answer) / (1 - bar) ** 0.5)

    sample = SAMPLERS[name].sample(
        denoise, start((1, 2, 3)), SCHEDULE, steps=9, generator=generator()
    )
    torch.testing.assert_close(sample, answer, atol=1e-3, rtol=0)


def test_the_original_leaves_a_trace_of_noise():
    _, _, last = levels(SCHEDULE, 10, "original")[-1]
    assert last == SCHEDULE.alphas_bar[0]
    assert levels(SCHEDULE, 10, "trailing")[-1][2] == 1.0


@every_sampler
@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_numbers_of_steps_are_refused(name, steps):
    with pytest.raises(GenerationError, match="Choose 1 to 1000"):
        SAMPLERS[name].sample(ExactDenoiser(), start((1, 1, 1)), SCHEDULE, steps=steps)


@pytest.mark.parametrize("name", ["ancestral", "ddim_eta"])
def test_with_a_generator_each_an_item_does_not_depend_on_its_neighbours(name):
    def run(rows):
        return SAMPLERS[name].sample(
            ExactDenoiser(),
            start((3, 2, 4))[rows],
            SCHEDULE,
            steps=6,
            generator=[generator(row) for row in rows],
        )

    torch.testing.assert_close(run([0, 1, 2])[1:], run([1, 2]))
    with pytest.raises(ValueError, match="1 generators for a batch of 2"):
        noise_like(torch.zeros(2, 3), [generator()])


def test_samplers_by_name():
    assert set(BY_NAME) == {"adams", "ancestral", "angular", "ddim", "plms", "dpm_solver"}
    for name in BY_NAME:
        assert isinstance(make_sampler(name), Sampler)
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
        ExactDenoiser(), start((400_000, 1)), SCHEDULE, steps=steps, generator=generator()
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


# ------------------------------------------------------- beginning at a known sample


class RecordingDenoiser(ExactDenoiser):
    """Also keeps the first sample that it was asked about."""

    def __init__(self):
        super().__init__()
        self.first = None

    def __call__(self, x_t, step):
        self.first = x_t.clone() if self.first is None else self.first
        return super().__call__(x_t, step)


def _vary(name, strength, steps=20, known=7.0, shape=(2, 3, 8)):
    sampler, denoise, reports = SAMPLERS[name], RecordingDenoiser(), []
    x_0, noise = torch.full(shape, known), start(shape)
    x, skip = begin(sampler, x_0, noise, SCHEDULE, steps=steps, strength=strength)
    sample = sampler.sample(
        denoise,
        x,
        SCHEDULE,
        steps=steps,
        generator=generator(),
        progress=lambda done, total: reports.append((done, total)),
        skip=skip,
    )
    return sample, denoise, reports


@every_sampler
@pytest.mark.parametrize("strength", [0.03, 0.25, 0.5, 0.75, 0.99])
def test_a_strength_takes_its_share_of_the_steps_from_the_right_level(name, strength):
    sample, denoise, reports = _vary(name, strength)
    taken = int(np.ceil(strength * 20))
    expected = [step for step, _, _ in levels(SCHEDULE, 20, SAMPLERS[name].spacing)][-taken:]
    assert sorted(set(denoise.steps), reverse=True) == expected
    assert reports == [(i + 1, taken) for i in range(taken)]
    bar = float(SCHEDULE.alphas_bar[expected[0]])
    at_level = bar**0.5 * 7.0 + (1 - bar) ** 0.5 * start((2, 3, 8))
    torch.testing.assert_close(denoise.first, at_level)
    assert sample.isfinite().all()


@every_sampler
def test_strength_0_gives_back_what_is_known_and_1_ignores_it(name):
    sample, denoise, reports = _vary(name, 0.0)
    assert torch.equal(sample, torch.full((2, 3, 8), 7.0))
    assert denoise.steps == reports == []
    fresh = SAMPLERS[name].sample(
        ExactDenoiser(), start((2, 3, 8)), SCHEDULE, steps=20, generator=generator()
    )
    for known in (7.0, -50.0):
        assert torch.equal(_vary(name, 1.0, known=known)[0], fresh)


@every_sampler
def test_more_strength_leads_further_from_what_is_known(name):
    distances = [(_vary(name, s)[0] - 7.0).abs().mean().item() for s in (0.05, 0.2, 0.5, 1.0)]
    assert all(a < b for a, b in itertools.pairwise(distances))
    assert distances[-1] == pytest.approx(7.0 - MEAN, abs=0.4)


@every_sampler
def test_a_known_region_stays_at_any_strength(name):
    shape = (2, 3, 16)
    known, mask = start(shape, 5), torch.zeros(1, 1, 16, dtype=torch.bool)
    mask[..., :6] = True
    for strength in (0.0, 0.3, 1.0):
        x, skip = begin(SAMPLERS[name], known, start(shape), SCHEDULE, steps=10, strength=strength)
        sample = SAMPLERS[name].sample(
            ExactDenoiser(),
            x,
            SCHEDULE,
            steps=10,
            generator=generator(),
            constraint=Constraint(mask, known),
            skip=skip,
        )
        assert torch.equal(sample[..., :6], known[..., :6])
        assert torch.equal(sample, known) is (strength == 0)


@every_sampler
def test_impossible_starts_are_refused(name):
    x = start((1, 1, 4))
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(GenerationError, match="strength"):
            begin(SAMPLERS[name], x, x, SCHEDULE, steps=5, strength=strength)
    for skip in (-1, 6):
        with pytest.raises(GenerationError, match="Choose 0 to 5"):
            SAMPLERS[name].sample(ExactDenoiser(), x, SCHEDULE, steps=5, skip=skip)


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
    exact = SAMPLERS["ddim"].sample(ExactDenoiser(), x_T, SCHEDULE, steps=1000)
    for order in (1, 2, 3):
        found = AdamsSampler("logsnr", order).sample(ExactDenoiser(), x_T, SCHEDULE, steps=20)
        errors.append(float((found - exact).abs().max()))
    assert errors[2] < errors[1] < errors[0]
