"""Conformance suite of the samplers: runs over the registry, and over options of some of them."""

import itertools

import numpy as np
import pytest
import torch
from exact_denoiser import MEAN, SCHEDULE, STD, ExactDenoiser, generator, start

from mug.diffusion.parameterization import Parameterization
from mug.diffusion.samplers.base import Constraint, Sampler, begin
from mug.diffusion.samplers.registry import SAMPLERS as REGISTRY
from mug.diffusion.samplers.registry import make_sampler
from mug.diffusion.samplers.spacing import levels
from mug.errors import Cancelled, GenerationError
from mug.protocols import Prediction

VARIANTS = {
    "ddim_eta": make_sampler("ddim", eta=1.0),
    "adams_time": make_sampler("adams", spacing="trailing", order=4, corrector=False),
    "angular_plain": make_sampler("angular", spacing="trailing", order=2, corrector=0),
    "dpm_solver_karras": make_sampler("dpm_solver", spacing="karras"),
    "dpm_solver_time": make_sampler("dpm_solver", spacing="trailing"),
}
SAMPLERS = {name: make_sampler(name) for name in REGISTRY} | VARIANTS
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


@every_sampler
def test_is_a_sampler(name):
    assert isinstance(SAMPLERS[name], Sampler)


@every_sampler
def test_reaches_the_mean_and_the_spread_of_the_data(name):
    """For normal data the denoiser is exact: what is left is the error of the sampler."""
    sample = SAMPLERS[name].sample(
        ExactDenoiser(), start((100_000, 1)), SCHEDULE, steps=100, generator=generator()
    )
    assert sample.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert sample.std().item() == pytest.approx(STD, abs=0.05)


@every_sampler
def test_ends_where_the_denoiser_says_that_it_was_given_up(name):
    denoise = ExactDenoiser()

    def watched(x_t, step):
        if len(denoise.steps) == 3:
            raise Cancelled("pipeline.generation_was_stopped")
        return denoise(x_t, step)

    with pytest.raises(Cancelled):
        SAMPLERS[name].sample(watched, start((1, 2)), SCHEDULE, steps=20, generator=generator())
    assert len(denoise.steps) == 3


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
    assert len(denoise.steps) == SAMPLERS[name].calls(steps)
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
    assert torch.equal(first, once(2)) is not SAMPLERS[name].adds_noise


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


@every_sampler
@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_numbers_of_steps_are_refused(name, steps):
    with pytest.raises(GenerationError, match="Choose 1 to 1000"):
        SAMPLERS[name].sample(ExactDenoiser(), start((1, 1, 1)), SCHEDULE, steps=steps)


@every_sampler
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
