"""Learning-rate factors by step, for `torch.optim.lr_scheduler.LambdaLR`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from mug.errors import ConfigError

SCHEDULERS: dict[str, str] = {
    "warm_up_cosine": "mug.lr_scheduler.LambdaWarmUpCosineScheduler",
    "warm_up_cosine_cycles": "mug.lr_scheduler.LambdaWarmUpCosineScheduler2",
    "warm_up_linear_cycles": "mug.lr_scheduler.LambdaLinearScheduler",
}
"""The schedulers by name: the only list of them. A model that was passed on names no others."""


class LambdaWarmUpCosineScheduler:
    """One linear warm-up, one cosine decay, constant afterwards.

    Args:
        warm_up_steps: length of the warm-up.
        lr_min: factor at the end.
        lr_max: factor at the end of the warm-up.
        lr_start: factor at step 0.
        max_decay_steps: step at which `lr_min` is reached.
    """

    def __init__(
        self,
        warm_up_steps: int,
        lr_min: float,
        lr_max: float,
        lr_start: float,
        max_decay_steps: int,
    ) -> None:
        if max_decay_steps <= warm_up_steps:
            raise ConfigError(
                "training.decay_ends_before_warm_up",
                value=(warm_up_steps, max_decay_steps),
                remedy="remedy.choose_max_decay_steps_above_warm_up_steps",
            )
        self.warm_up_steps, self.max_decay_steps = warm_up_steps, max_decay_steps
        self.lr_min, self.lr_max, self.lr_start = lr_min, lr_max, lr_start

    def schedule(self, step: int) -> float:
        """Factor of the base learning rate at a step."""
        if step < self.warm_up_steps:
            return _line(step / self.warm_up_steps, self.lr_start, self.lr_max)
        done = (step - self.warm_up_steps) / (self.max_decay_steps - self.warm_up_steps)
        return _cosine(min(done, 1.0), self.lr_max, self.lr_min)

    __call__ = schedule


class _Cycles(ABC):
    """Lists with one entry a cycle; behind the last cycle its last factor goes on."""

    def __init__(
        self,
        warm_up_steps: Sequence[int],
        f_min: Sequence[float],
        f_max: Sequence[float],
        f_start: Sequence[float],
        cycle_lengths: Sequence[int],
    ) -> None:
        lengths = {len(x) for x in (warm_up_steps, f_min, f_max, f_start, cycle_lengths)}
        if len(lengths) != 1 or not cycle_lengths:
            raise ConfigError(
                "training.each_list_needs_one_entry_cycle",
                value=sorted(lengths),
                remedy="remedy.give_lists_equal_lengths",
            )
        self.warm_up_steps, self.cycle_lengths = list(warm_up_steps), list(cycle_lengths)
        self.f_min, self.f_max, self.f_start = list(f_min), list(f_max), list(f_start)
        self.ends = list(accumulate(cycle_lengths))

    def schedule(self, step: int) -> float:
        """Factor of the base learning rate at a step."""
        step = min(step, self.ends[-1])
        cycle = bisect_left(self.ends, step)  # a boundary step ends the older cycle
        local = step - (self.ends[cycle] - self.cycle_lengths[cycle])
        if local < self.warm_up_steps[cycle]:
            done = local / self.warm_up_steps[cycle]
            return _line(done, self.f_start[cycle], self.f_max[cycle])
        return self._decay(local, cycle)

    __call__ = schedule

    @abstractmethod
    def _decay(self, local: int, cycle: int) -> float:
        """Factor after the warm-up, at a step counted from the start of the cycle."""

    def _after_warm_up(self, local: int, cycle: int) -> float:
        warm_up = self.warm_up_steps[cycle]
        return min((local - warm_up) / max(self.cycle_lengths[cycle] - warm_up, 1), 1.0)


class LambdaWarmUpCosineScheduler2(_Cycles):
    """Cycles of a linear warm-up and a cosine decay.

    Args:
        warm_up_steps: warm-up length of each cycle.
        f_min: factor at the end of each cycle.
        f_max: factor at the end of its warm-up.
        f_start: factor at its first step.
        cycle_lengths: length of each cycle; after the last one its last factor goes on.
    """

    def _decay(self, local: int, cycle: int) -> float:
        return _cosine(self._after_warm_up(local, cycle), self.f_max[cycle], self.f_min[cycle])


class LambdaLinearScheduler(_Cycles):
    """Cycles of a linear warm-up and a linear decay.

    Args:
        warm_up_steps: warm-up length of each cycle.
        f_min: factor at the end of each cycle.
        f_max: factor at the end of its warm-up.
        f_start: factor at its first step.
        cycle_lengths: length of each cycle; after the last one its last factor goes on.
        decay_after_warm_up: measure the decay from the end of the warm-up. Off, it is measured
            from the start of the cycle, so that the factor drops where the warm-up ends: the
            reference's behaviour, and the default because its files mean it.
    """

    def __init__(
        self,
        warm_up_steps: Sequence[int],
        f_min: Sequence[float],
        f_max: Sequence[float],
        f_start: Sequence[float],
        cycle_lengths: Sequence[int],
        *,
        decay_after_warm_up: bool = False,
    ) -> None:
        super().__init__(warm_up_steps, f_min, f_max, f_start, cycle_lengths)
        self.decay_after_warm_up = decay_after_warm_up

    def _decay(self, local: int, cycle: int) -> float:
        length = self.cycle_lengths[cycle]
        done = self._after_warm_up(local, cycle) if self.decay_after_warm_up else local / length
        return _line(done, self.f_max[cycle], self.f_min[cycle])


def _line(done: float, start: float, end: float) -> float:
    return start + (end - start) * done


def _cosine(done: float, start: float, end: float) -> float:
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * done))
