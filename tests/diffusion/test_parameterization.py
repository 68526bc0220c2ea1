"""Every parameterization says the same about the same point."""

import pytest
import torch
from golden_formula import normal_input
from repository import load_golden

from mug.diffusion.losses import elementwise_loss, per_sample_mean
from mug.diffusion.parameterization import PARAMETERIZATIONS, Parameterization
from mug.diffusion.schedule import NoiseSchedule
from mug.errors import ConfigError

SCHEDULE = NoiseSchedule()


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
@pytest.mark.parametrize("shape", [(4, 3, 7), (4, 3, 5, 6)])
def test_the_target_predicts_what_was_mixed(name, shape):
    generator = torch.Generator().manual_seed(1)
    x_0 = torch.randn(shape, generator=generator, dtype=torch.float64)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    step = torch.tensor([0, 1, 400, 999])
    x_t = SCHEDULE.q_sample(x_0, step, noise)
    parameterization = Parameterization(name, SCHEDULE)
    prediction = parameterization.to_prediction(
        parameterization.target(x_0, noise, step), x_t, step
    )
    # The float32 tables leave 1e-7 of x_t, times up to 100 where a small factor divides.
    torch.testing.assert_close(prediction.x0, x_0, rtol=0, atol=1e-4)
    torch.testing.assert_close(prediction.eps, noise, rtol=0, atol=1e-4)


def test_bound_weight_of_v_is_that_of_eps_times_abar():
    eps = Parameterization("eps", SCHEDULE).lvlb_weights()
    v = Parameterization("v", SCHEDULE).lvlb_weights()
    assert v[500] / eps[500] == pytest.approx(SCHEDULE.alphas_bar[500])


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="unknown parameterization"):
        Parameterization("epsilon", SCHEDULE)
    with pytest.raises(ConfigError, match="unknown loss type: 'huber'"):
        elementwise_loss("huber", torch.zeros(1), torch.zeros(1))


@pytest.mark.parametrize("kind", ["l1", "l2", "smooth_l1"])
def test_losses_equal_the_recording(kind):
    meta, _ = load_golden("losses")
    prediction = torch.from_numpy(normal_input("gl_a", (2, 8, 32)))
    target = prediction + 0.03 * torch.from_numpy(normal_input("gl_b", (2, 8, 32)))
    loss = elementwise_loss(kind, prediction, target)
    expected = meta["results"][f"get_loss/{kind}"]
    assert loss.mean().item() == pytest.approx(expected["mean"], rel=1e-5)
    assert per_sample_mean(loss).tolist() == pytest.approx(expected["per_sample"], rel=1e-5)


def test_smooth_l1_is_l1_outside_its_bend_and_never_below_a_hundredth():
    x = torch.tensor([0.0, 0.01, 0.02, 0.5])
    expected = torch.tensor([0.01, 0.01 + 0.01**2 / 0.04, 0.02, 0.5])
    torch.testing.assert_close(elementwise_loss("smooth_l1", x, torch.zeros(4)), expected)


def test_masked_mean_leaves_out_the_rest():
    loss = torch.tensor([[[1.0, 5.0]], [[2.0, 4.0]], [[3.0, 3.0]]])
    mask = torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]], [[0.0, 0.0]]])
    assert per_sample_mean(loss, mask).tolist() == [1.0, 3.0, 0.0]
