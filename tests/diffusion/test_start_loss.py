"""Cross-entropy of decoded starts: what it is, what it moves, and that it is off by default."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_diffusion import LIGHTNING_ADVICE, batch, fit, small
from torch import Tensor

from mug.diffusion.diffusion import DDPM
from mug.diffusion.parameterization import PARAMETERIZATIONS, Parameterization
from mug.diffusion.parts.options import ObjectiveOptions
from mug.diffusion.parts.start_loss import StartLoss
from mug.diffusion.schedule import NoiseSchedule
from mug.errors import ConfigError

pytestmark = LIGHTNING_ADVICE

SCHEDULE = NoiseSchedule("cosine", 100)
KEYS, FRAMES, SURE = 4, 8, 40.0


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def notes(batch: int = 2) -> Tensor:
    """Notes whose every other block is noise: the loss must not look at it."""
    found = draw(batch, 4 * KEYS, FRAMES, seed=3)
    found[:, :KEYS] = (found[:, :KEYS] > 0.5).float()
    return found


def loss(name: str = "v", **options: float) -> StartLoss:
    """Latents that are the logits themselves, as a decoder without error would have it."""
    return StartLoss(Parameterization(name, SCHEDULE), lambda z: z, **options)


def output_of(
    name: str, x_0: Tensor, step: Tensor, noise: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The output of a denoiser that knows the clean latent, and what it was given."""
    noise = draw(*x_0.shape, seed=5) if noise is None else noise
    return Parameterization(name, SCHEDULE).target(x_0, noise, step), SCHEDULE.q_sample(
        x_0, step, noise
    )


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
def test_a_clean_latent_that_decodes_to_the_chart_costs_nothing(name: str) -> None:
    chart, step = notes(), torch.tensor([3, 40])
    output, x_t = output_of(name, SURE * (2 * chart - 1), step)
    found = loss(name).of(output, x_t, step, chart)
    wrong, x_w = output_of(name, SURE * (1 - 2 * chart), step)
    assert found < 1e-4
    assert loss(name).of(wrong, x_w, step, chart) > 5


def test_even_odds_cost_log_two_by_the_share_of_signal_and_the_weight_of_starts() -> None:
    chart, step = notes(1), torch.tensor([60])
    starts = chart[:, :KEYS].mean()
    output, x_t = output_of("v", torch.zeros_like(chart), step)
    signal = SCHEDULE.alphas_bar[60]
    for weight in (1.0, 4.0):
        expected = signal * math.log(2) * (1 + (weight - 1) * starts)
        found = loss(positive_weight=weight).of(output, x_t, step, chart)
        torch.testing.assert_close(found, expected.float())


def test_noise_takes_its_weight_away() -> None:
    chart = notes(1)
    found = []
    for at in (0, 50, 99):
        step = torch.tensor([at])
        output, x_t = output_of("v", torch.zeros_like(chart), step)
        found.append(float(loss().of(output, x_t, step, chart)))
    assert found[0] == pytest.approx(math.log(2), rel=1e-2)
    assert found[0] > found[1] > found[2]
    assert found[2] < 1e-3


def test_only_frames_of_the_chart_count() -> None:
    chart, step = notes(), torch.tensor([3, 40])
    valid = torch.zeros(2, FRAMES)
    valid[0, :5] = 1
    latents = SURE * (2 * chart - 1)
    output, x_t = output_of("v", latents, step)
    other = chart.clone()
    other[0, :KEYS, 5:] = 1 - other[0, :KEYS, 5:]
    other[1, :KEYS] = 1 - other[1, :KEYS]  # an item without a chart in its part
    assert loss().of(output, x_t, step, other, valid) < 1e-4
    assert loss().of(output, x_t, step, other) > 5
    other[0, 0, 2] = 1 - other[0, 0, 2]
    assert loss().of(output, x_t, step, other, valid) > 0.1


def test_nothing_but_starts_counts() -> None:
    chart, step = notes(), torch.tensor([3, 40])
    output, x_t = output_of("v", SURE * (2 * chart - 1), step)
    other = chart.clone()
    other[:, KEYS:] += 1
    assert torch.equal(loss().of(output, x_t, step, chart), loss().of(output, x_t, step, other))


def model(**objective: float) -> DDPM:
    return small(parameterization="v", loss_type="l2", objective=objective)


def losses_of(module: DDPM, *, all_noise: bool = False):
    given, task = batch(), module.denoising
    target = task.encode(given)
    step, noise = torch.tensor([30, 700]), draw(*target.z_0.shape, seed=9)
    return task.p_losses(target, task.condition_of(given), step, noise, all_noise=all_noise)


def test_off_by_default_with_the_same_numbers_and_nothing_decoded(monkeypatch) -> None:
    def refuse(_z: Tensor) -> Tensor:
        raise AssertionError("decoded")

    plain, zero = model(), model(start_weight=0.0, start_positive_weight=9.0)
    monkeypatch.setattr(plain.denoising.networks.first_stage_model, "decode", refuse)
    monkeypatch.setattr(zero.denoising.networks.first_stage_model, "decode", refuse)
    one, other = losses_of(plain), losses_of(zero)
    assert ObjectiveOptions().start_weight == 0
    assert torch.equal(one.total, other.total)
    assert list(one.parts) == list(other.parts)
    assert "loss_start" not in one.parts


def test_weighted_sum_of_both_losses_and_the_plain_one_by_sample() -> None:
    plain, both = losses_of(model()), losses_of(model(start_weight=2.0))
    torch.testing.assert_close(both.total, plain.total + 2 * both.parts["loss_start"])
    assert torch.equal(both.parts["loss"], both.total.detach())
    assert torch.equal(both.per_sample, plain.per_sample)
    assert torch.equal(both.parts["loss_simple"], plain.parts["loss_simple"])
    assert both.parts["loss_start"] > 0


def test_noise_alone_is_judged_as_before() -> None:
    """The loss of an input without signal is a yardstick, comparable between objectives."""
    plain, both = (losses_of(model(start_weight=w), all_noise=True) for w in (0.0, 2.0))
    assert torch.equal(plain.total, both.total)


def test_the_gradient_passes_the_frozen_decoder_to_the_denoiser() -> None:
    module = model(l_simple_weight=0.0, start_weight=1.0)
    losses_of(module).total.backward()
    last = module.model.unet_model.out[2].weight.grad
    assert last is not None
    assert last.abs().sum() > 0
    assert all(p.grad is None for p in module.model.first_stage_model.parameters())


def test_the_decoder_gets_latents_in_its_own_scale(monkeypatch) -> None:
    module = model(start_weight=1.0)
    module.generation.latents.factor.fill_(4.0)
    seen: list[Tensor] = []
    decode = module.model.first_stage_model.decode
    monkeypatch.setattr(
        module.model.first_stage_model, "decode", lambda z: (seen.append(z), decode(z))[1]
    )
    given, task = batch(), module.denoising
    target = task.encode(given)
    step, noise = torch.tensor([0, 0]), torch.zeros_like(target.z_0)
    task.p_losses(target, task.condition_of(given), step, noise)
    # At step 0 the input is the latent but for a trace, and a new denoiser answers 0.
    torch.testing.assert_close(seen[0], target.z_0 / 4, rtol=1e-3, atol=1e-3)


def test_a_model_trains_with_it() -> None:
    module = model(start_weight=0.5, start_positive_weight=2.0)
    before = module.model.unet_model.out[2].weight.clone()
    run = fit(module, max_steps=2)
    assert {"train/loss_start", "val/loss_start"} <= {*run.callback_metrics}
    assert not torch.equal(module.model.unet_model.out[2].weight, before)


@pytest.mark.parametrize(
    "wrong",
    [{"start_weight": -1.0}, {"start_weight": math.nan}, {"start_positive_weight": 0.0}],
)
def test_weights_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ObjectiveOptions(**wrong)
