"""Learning-rate factors against the recording, and past their last cycle."""

import pytest
from repository import load_golden

from mug.errors import ConfigError
from mug.lr_scheduler import LambdaLinearScheduler, LambdaWarmUpCosineScheduler
from mug.reference.config import translate
from mug.util import get_obj_from_str, instantiate_from_config

GOLDEN, _ = load_golden("lr_schedule")


@pytest.mark.parametrize("case", sorted(GOLDEN["cases"]))
def test_factors_equal_the_recording(case):
    entry = GOLDEN["cases"][case]
    scheduler = instantiate_from_config(
        translate({"target": f"ldm.lr_scheduler.{entry['class']}", "params": entry["kwargs"]})
    )
    factors = [scheduler.schedule(step) for step in GOLDEN["steps"]]
    assert factors == pytest.approx(entry["values"], rel=1e-12, abs=1e-15)
    assert [scheduler(step) for step in GOLDEN["steps"]] == factors


@pytest.mark.parametrize("name", ["LambdaLinearScheduler", "LambdaWarmUpCosineScheduler2"])
def test_the_last_factor_goes_on_behind_the_last_cycle(name):
    kwargs = GOLDEN["cases"][f"{name} two cycles"]["kwargs"]
    scheduler = get_obj_from_str(f"mug.lr_scheduler.{name}")(**kwargs)
    assert scheduler(301) == scheduler(10**9) == scheduler(300) == pytest.approx(0.05)


def test_decay_after_warm_up_starts_at_the_top():
    scheduler = LambdaLinearScheduler([50], [0.1], [1.0], [0.0], [100], decay_after_warm_up=True)
    assert [scheduler(step) for step in (0, 25, 50, 75, 100, 200)] == pytest.approx(
        [0.0, 0.5, 1.0, 0.55, 0.1, 0.1]
    )


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ConfigError, match="one entry a cycle"):
        LambdaLinearScheduler([0, 1], [1.0], [1.0], [1.0], [10])


def test_a_decay_that_ends_before_the_warm_up_is_refused():
    with pytest.raises(ConfigError, match="decay ends before"):
        LambdaWarmUpCosineScheduler(10, 0.0, 1.0, 0.0, 10)
