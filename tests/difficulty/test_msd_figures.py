"""How near the MSD estimate comes to recorded values, and the tools that say so."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from repository import load_golden
from scipy.stats import spearmanr

from benchmarks import msd as benchmark
from mug.beatmap.formats.osu.chart import read
from mug.cli.models import report_msd
from mug.difficulty.msd import Msd, estimate_msd


def values(msd: Msd) -> np.ndarray:
    return np.array(dataclasses.astuple(msd))


def test_charts_of_the_reference_recordings() -> None:
    meta, _ = load_golden("minacalc")
    notes, _ = load_golden("gridify")
    errors = []
    for case in (c for c in meta["cases"] if "gridify_case_in" in c):
        lines = notes["cases"][case["gridify_case_in"]]["in"]
        fields = [line.split(",") for line in lines]
        time = [int(f[2]) for f in fields]
        column = [int(f[0]) * 4 // 512 for f in fields]
        ours = values(estimate_msd(time, column, case["rate"]))
        errors.append(np.abs(ours - np.array(case["out"])))
    # Charts of 15 seconds, at which MinaCalc falls with the rate and the estimate does not.
    assert np.mean(errors) < 3.0


def sample() -> tuple[np.ndarray, np.ndarray]:
    """Estimates and recorded values [chart, rate, 8] of some charts not fitted to."""
    meta, a = load_golden("msd_sample")
    assert tuple(meta["values"]) == report_msd.NAMES
    ours = []
    for first, end in itertools.pairwise(a["offsets"]):
        notes = np.cumsum(a["time_ms"][first:end]), a["column"][first:end]
        ours.append(report_msd.estimates(notes, [float(rate) for rate in a["rates"][:2]]))
    return np.array(ours), a["values"][:, :2]


def test_figures_on_a_committed_sample() -> None:
    ours, wanted = sample()
    error = np.abs(ours - wanted).mean((0, 1))
    limits = np.array([0.70, 0.45, 0.40, 0.40, 0.65, 1.30, 0.30, 0.50])
    assert (error <= limits).all(), dict(zip(report_msd.NAMES, error.round(3), strict=True))
    right = report_msd.flags(ours) == report_msd.flags(wanted)
    assert right.mean() >= 0.90
    assert np.diff(ours, axis=1).min() >= 0
    rank = [spearmanr(ours[..., k].ravel(), wanted[..., k].ravel())[0] for k in range(8)]
    jack = report_msd.NAMES.index("jackspeed")
    assert min(np.delete(rank, jack)) >= 0.96
    assert rank[jack] >= 0.85  # mirror images, docs/msd.md


def test_what_mirror_images_cost_any_estimate() -> None:
    recorded = np.linspace(10, 20, 40).reshape(5, 1, 8)
    gap = np.zeros((5, 1, 8))
    same = report_msd.mirror_floor([(g, r) for g, r in zip(gap, recorded, strict=True)])
    assert "1.000" in same.splitlines()[2]
    gap[:, :, 5] = -4.0
    apart = report_msd.mirror_floor([(g, r) for g, r in zip(gap, recorded, strict=True)])
    assert apart.splitlines()[1].split()[2:] == ["0.000"] * 5 + ["2.000"] + ["0.000"] * 2


def test_charts_that_begin_with_one_column_a_hand() -> None:
    time = np.arange(100) * 100
    late = np.where(np.arange(100) < 60, 1, np.arange(100) % 4)
    assert report_msd.one_handed_start((time, late))
    assert not report_msd.one_handed_start((time, np.arange(100) % 4))


def test_the_benchmark_measures_charts_of_the_size_asked_for() -> None:
    time, column = benchmark.make_chart(np.random.default_rng(0), 200)
    assert len(time) == len(column) == 200
    assert len(set(zip(time, column, strict=True))) == 200
    speed = benchmark.measure(charts=3, notes=60)
    assert min(dataclasses.astuple(speed)) > 0


@pytest.mark.golden_dir
def test_held_out_charts(golden_dir: Path) -> None:
    cases = list(report_msd.synthetic(golden_dir / "msd/synthetic.npz", held_out_only=True))[::8]
    ours = np.array([report_msd.estimates(notes, rates[:4:3]) for _, notes, rates, _ in cases])
    wanted = np.array([v[:4:3] for *_, v in cases])
    error = np.abs(ours - wanted).mean((0, 1))
    right = report_msd.flags(ours) == report_msd.flags(wanted)
    assert right.mean() >= 0.90
    # Jackspeed apart: MinaCalc is not mirror-invariant there (docs/msd.md).
    limits = {"overall": 0.70, "jackspeed": 1.3}
    too_far = {
        name: value
        for name, value in zip(report_msd.NAMES, error, strict=True)
        if value > limits.get(name, 1.0)
    }
    assert not too_far
    assert np.diff(ours, axis=1).min() >= 0


@pytest.mark.golden_dir
@pytest.mark.real_data
def test_real_songs_took_no_part_in_the_fit(golden_dir: Path, real_data: Path) -> None:
    recorded = json.loads((golden_dir / "msd/real_songs.json").read_text(encoding="utf-8"))
    errors = []
    for name, wanted in list(recorded["values"].items())[::3]:
        objects = read(real_data / "songs" / name, strict=False).hit_objects
        notes = [o.start_ms for o in objects], [o.column for o in objects]
        for rate, row in list(zip(recorded["rates"], wanted, strict=True))[3:4]:
            errors.append(np.abs(values(estimate_msd(*notes, rate)) - np.array(row)))
    assert np.mean(errors, axis=0).max() <= 1.0
