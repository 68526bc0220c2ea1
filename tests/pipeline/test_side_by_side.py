"""Charts finished by several processes: the same charts, the same errors, whatever is killed."""

from __future__ import annotations

import os
import signal
from functools import partial

import numpy as np
import pytest

from mug.beatmap.hit_objects import Rice
from mug.errors import MugError
from mug.pipeline.finish import side_by_side as module
from mug.pipeline.finish.chart import finish_chart
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.finish.side_by_side import LEAST, finishing_processes, side_by_side
from mug.tiers import tier_of
from mug.timing.estimate import TimingEstimate

TIMING = TimingEstimate(120.0, 0.0, 1.0, downbeat_ms=0.0)


def _finish(seed: int) -> partial:
    rng = np.random.default_rng(seed)
    notes = [Rice(int(rng.integers(4)), 125.0 * i + rng.normal(0, 4)) for i in range(1, 60)]
    options = FinishOptions(star_rating=2.0, title=f"song {seed}")
    return partial(
        finish_chart, notes, options, keys=4, index=seed, timing=TIMING, duration_ms=9000.0
    )


def _die() -> int:
    if os.getpid() != int(os.environ["MUG_TEST_FIRST"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def test_several_processes_make_the_charts_of_one() -> None:
    calls = [_finish(seed) for seed in range(LEAST)]
    alone = side_by_side(calls)
    with finishing_processes():
        shared = side_by_side(calls)
        pids = side_by_side([os.getpid] * LEAST)
        few = side_by_side([os.getpid] * (LEAST - 1))
    assert shared == alone
    assert (os.getpid() in pids) == (module.cores() < 2)
    assert set(few) == {os.getpid()}  # not worth a process
    assert set(side_by_side([os.getpid] * LEAST)) == {os.getpid()}  # nobody allowed it


def test_errors_arrive_whole_and_the_killed_are_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MUG_TEST_FIRST", str(os.getpid()))
    with finishing_processes():
        with pytest.raises(MugError, match="nan"):
            side_by_side([partial(tier_of, float("nan"))] * LEAST)
        assert side_by_side([_die] * LEAST) == [os.getpid()] * LEAST
        assert side_by_side([os.getpid] * LEAST) == [os.getpid()] * LEAST
