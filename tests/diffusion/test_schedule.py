"""The noise schedule against the recording and against its own definition."""

import numpy as np
import pytest
import torch
from repository import load_golden

from mug.diffusion.parameterization import Parameterization
from mug.diffusion.schedule import NoiseSchedule, kind_from_config, make_betas
from mug.errors import ConfigError

META, ARRAYS = load_golden("schedule")


@pytest.mark.parametrize(
    ("original", "kind"),
    [
        ("linear", "scaled_linear"),
        ("sqrt_linear", "linear"),
        ("cosine", "cosine"),
        ("sqrt", "sqrt"),
    ],
)
def test_betas_equal_the_recording(original, kind):
    assert kind_from_config(original) == kind
    betas = make_betas(kind, 1000, 1e-4, 2e-2)
    np.testing.assert_allclose(betas, ARRAYS[f"betas64/{original}"], rtol=1e-12, atol=1e-15)


def test_names_that_mean_themselves():
    assert kind_from_config("scaled_linear") == "scaled_linear"
    assert kind_from_config("ddpm_linear") == "linear"
    line = NoiseSchedule("linear", 5, 0.1, 0.5)
    np.testing.assert_allclose(line.betas, [0.1, 0.2, 0.3, 0.4, 0.5])


def test_tables_equal_the_recording_in_name_order_and_value():
    schedule = NoiseSchedule("scaled_linear", 1000, 1e-4, 2e-2)
    assert list(schedule.tables) == META["buffers_in_state_dict"]
    for name, table in schedule.tables.items():
        np.testing.assert_allclose(table.numpy(), ARRAYS[f"linear/eps/{name}"], rtol=2e-6)
    mixed = NoiseSchedule("scaled_linear", 1000, 1e-4, 2e-2, v_posterior=0.3)
    np.testing.assert_allclose(
        mixed.tables["posterior_variance"].numpy(),
        ARRAYS["linear/v_posterior0.3/posterior_variance"],
        rtol=2e-6,
    )


@pytest.mark.parametrize("name", ["eps", "x0"])
def test_bound_weights_equal_the_recording(name):
    weights = Parameterization(name, NoiseSchedule()).lvlb_weights()
    # The original computes them from its float32 tables: 1 - abar has few digits at first.
    np.testing.assert_allclose(weights, ARRAYS[f"linear/{name}/lvlb_weights"], rtol=1e-3)


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 5), (3, 2, 5, 4)])
def test_q_sample_keeps_unit_variance_split_at_any_number_of_axes(shape):
    schedule = NoiseSchedule()
    step = torch.tensor([0, 500, 999])
    x, noise = torch.full(shape, 2.0), torch.full(shape, -1.0)
    noisy = schedule.q_sample(x, step, noise)
    assert noisy.shape == x.shape
    for row, t in zip(noisy, step.tolist(), strict=True):
        bar = schedule.alphas_bar[t]
        expected = 2 * np.sqrt(bar) - np.sqrt(1 - bar)
        torch.testing.assert_close(row, torch.full_like(row, expected))


def test_log_snr_falls():
    assert (np.diff(NoiseSchedule("cosine").log_snr) < 0).all()


def test_given_betas_replace_the_kind():
    schedule = NoiseSchedule(given_betas=[0.1, 0.5])
    assert schedule.steps == 2
    np.testing.assert_allclose(schedule.alphas_bar, [0.9, 0.45])


def test_bad_schedules_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'cosine'"):
        NoiseSchedule("cosin")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        NoiseSchedule(given_betas=[0.1, 1.0])
    with pytest.raises(ConfigError, match="at least one step"):
        NoiseSchedule(steps=0)
