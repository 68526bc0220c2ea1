import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.cli.models import fit_msd
from mug.difficulty import msd_features, msd_model
from mug.difficulty.msd import (
    MSD_VERSION,
    SKILL_SETS,
    Msd,
    estimate_msd,
    estimate_msd_rates,
    skill_flags,
)
from mug.errors import DataError


def chart(seed: int, notes: int = 400, step_ms: int = 95) -> tuple[np.ndarray, np.ndarray]:
    """Streams with some chords, all four columns."""
    rng = np.random.default_rng(seed)
    rows = np.cumsum(rng.choice([step_ms, 2 * step_ms], notes, p=[0.85, 0.15])) + 500
    size = rng.choice([1, 1, 1, 2, 3], notes)
    columns = [rng.choice(4, s, replace=False) for s in size]
    return np.repeat(rows, size), np.concatenate(columns)


def sorted_notes(time: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((column, time))
    return time[order], column[order]


def values(msd: Msd) -> np.ndarray:
    return np.array(dataclasses.astuple(msd))


def test_mirrored_charts_are_equal_to_the_last_bit() -> None:
    for seed in range(4):
        time, column = chart(seed, notes=120)
        assert estimate_msd(time, column, 1.1) == estimate_msd(time, 3 - column, 1.1)


def test_the_model_itself_treats_hands_alike() -> None:
    # Without the canonical turn: only rounding tells a chart from its mirror image.
    time, column = chart(3)
    k = msd_model.coefficients()
    a = msd_model.evaluate(time / 1000, column, k)
    order = np.lexsort((3 - column, time))
    b = msd_model.evaluate(time[order] / 1000, 3 - column[order], k)
    np.testing.assert_allclose(a, b, rtol=1e-4)


def test_order_and_repetition_do_not_matter() -> None:
    time, column = chart(1)
    shuffle = np.random.default_rng(0).permutation(len(time))
    twice = np.concatenate([shuffle, shuffle[:50]])
    assert estimate_msd(time[twice], column[twice]) == estimate_msd(time, column)


def test_a_rate_is_the_chart_played_faster() -> None:
    time, column = chart(2)
    # Between 1.2 and 1.3 on a straight line, where the chart itself is worked out.
    np.testing.assert_allclose(
        values(estimate_msd(time, column, 1.25)), values(estimate_msd(time / 1.25, column)), 0.02
    )


def test_many_rates_at_once_are_the_same_as_one_by_one() -> None:
    time, column = chart(6, notes=150)
    rates = [1.3, 0.75, 1.0, float(np.float32(1.1)), 2.2]
    at_once = estimate_msd_rates(time, column, rates)
    alone = [values(estimate_msd(time, column, rate)) for rate in rates]
    np.testing.assert_allclose([values(msd) for msd in at_once], alone, rtol=1e-12)
    assert estimate_msd_rates(time, column, []) == []


NOTES = st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 3)), min_size=2, max_size=80)


@settings(max_examples=20, deadline=None)
@given(NOTES, st.lists(st.floats(0.1, 10), min_size=2, max_size=4))
def test_no_value_falls_when_the_rate_rises(
    notes: list[tuple[int, int]], rates: list[float]
) -> None:
    time, column = np.array(notes).T
    by_rate = np.array([values(m) for m in estimate_msd_rates(time, column, sorted(rates))])
    assert np.diff(by_rate, axis=0).min() > -1e-9


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(60, 200), st.floats(0.5, 2), st.floats(0.5, 2))
def test_patterns_do_not_get_easier_when_faster(
    seed: int, step_ms: int, rate: float, other: float
) -> None:
    time, column = chart(seed, notes=60, step_ms=step_ms)
    slow, fast = (values(estimate_msd(time, column, r)) for r in sorted((rate, other)))
    assert (fast >= slow - 1e-9).all()


@settings(max_examples=25, deadline=None)
@given(NOTES, st.sampled_from([0.9, 1.0, 1.25]))
def test_any_chart_and_its_mirror_image_are_equal(
    notes: list[tuple[int, int]], rate: float
) -> None:
    time, column = np.array(notes).T
    assert estimate_msd(time, column, rate) == estimate_msd(time, 3 - column, rate)


def test_a_right_column_waits_for_the_left_one() -> None:
    time, column = np.array([0.1, 0.1, 0.2, 0.3, 0.3, 0.4]), np.array([1, 2, 1, 0, 3, 2])
    as_it_is, mirrored = msd_features.unready(time, column)
    assert as_it_is.tolist() == [True, False, True, False, False, False]
    assert mirrored.tolist() == [False, True, False, False, False, False]
    parts = msd_features.shares(time, column, np.stack([as_it_is, mirrored]), 2)
    np.testing.assert_allclose(parts[:, 0], [[1 / 3, 1], [1, 2 / 3]])
    assert (parts[:, 1] == 1).all()


def test_jackspeed_lies_between_the_chart_and_its_mirror_image() -> None:
    # Only right columns: MinaCalc finds no jacks at all, in the mirror image nothing but jacks.
    time, column = np.arange(300) * 0.15, np.tile([1, 3, 3, 3], 75)
    views = msd_model.evaluate_views(time, column, msd_model.coefficients())
    jacks = views[:, 1 + SKILL_SETS.index("jackspeed")]
    assert jacks[0] == pytest.approx(msd_model.NO_JACKS)
    assert jacks[1] > 8
    ours = estimate_msd(time * 1000, column).jackspeed
    assert jacks[0] < ours < jacks[1]
    np.testing.assert_array_equal(msd_model.between(views), msd_model.between(views[::-1]))


def test_notes_before_zero_count_as_whole_half_seconds_later() -> None:
    time, column = chart(4)
    assert estimate_msd(time - 2500.0, column) == estimate_msd(time - 500.0, column)


def test_silence_before_the_first_note_is_nothing() -> None:
    time, column = chart(5)
    np.testing.assert_allclose(
        values(estimate_msd(time + 90_000, column)), values(estimate_msd(time, column)), rtol=1e-4
    )


def test_faster_is_harder() -> None:
    rates = [0.7, 0.8, 1.0, 1.2, 1.5, 2.0]
    for seed in range(2):
        # long enough that its length has no part in it at any rate
        time, column = chart(seed, notes=700)
        by_rate = np.array([values(estimate_msd(time, column, rate)) for rate in rates])
        assert np.diff(by_rate, axis=0).min() > -0.2
        assert (by_rate[-1, 0]) > 1.7 * by_rate[0, 0]


def test_skill_sets_know_their_patterns() -> None:
    step = np.arange(800)
    single = estimate_msd(step * 100, [0, 2, 1, 3, 0, 1, 2, 3] * 100)
    jacks = estimate_msd(step * 100, np.repeat([0, 2, 1, 3], 200))
    assert jacks.jackspeed > 1.5 * single.jackspeed
    assert single.stream > single.handstream
    time, column = chart(0, notes=800)
    chords = np.repeat(time, 1), column
    assert estimate_msd(*chords).handstream > single.handstream


@pytest.mark.parametrize("notes", [0, 1])
def test_nothing_to_play_is_zero(notes: int) -> None:
    assert values(estimate_msd([1000.0] * notes, [2] * notes)).tolist() == [0.0] * 8


def test_a_few_notes_have_finite_values() -> None:
    few = values(estimate_msd([0, 0, 400], [0, 3, 1]))
    assert np.isfinite(few).all()
    assert few.min() >= 0


@pytest.mark.parametrize(
    ("time", "column", "rate", "says"),
    [
        ([0, 1], [0, 4], 1.0, "4 keys"),
        ([0, 1], [-1, 0], 1.0, "4 keys"),
        ([0, 1], [0], 1.0, "one length"),
        ([0, np.inf], [0, 1], 1.0, "not finite"),
        ([0, np.nan], [0, 1], 1.0, "not finite"),
        ([0, 1e12], [0, 1], 1.0, "over a day"),
        ([0, 1], [0, 1], 0.0, "rate"),
        ([0, 1], [0, 1], float("nan"), "rate"),
    ],
)
def test_what_has_no_msd_is_refused(time: list, column: list, rate: float, says: str) -> None:
    with pytest.raises(DataError, match=says):
        estimate_msd(time, column, rate)


def test_flags_are_the_skill_sets_near_the_highest() -> None:
    msd = Msd(20.9, 20.0, 19.0, 18.99, 15.0, 3.0, 19.5, 0.0)
    near = {name for name, is_near in skill_flags(msd).items() if is_near}
    assert near == {"stream", "jumpstream", "chordjack"}
    assert tuple(skill_flags(msd)) == SKILL_SETS


def test_level_of_equal_notes_has_a_closed_form() -> None:
    power = np.array([1.0, 2.0, 1.7])
    reached = msd_model.level(np.full((50, 3), 12.0), np.ones((50, 3)), power)
    np.testing.assert_allclose(reached, 12 * 0.93 ** (1 / power))


def test_level_scores_the_goal() -> None:
    rng = np.random.default_rng(0)
    d, w = rng.uniform(2, 30, (300, 4)), rng.uniform(0, 5, (300, 4))
    power = np.array([1.2, 1.7, 2.0, 3.0])
    reached = msd_model.level(d, w, power)
    scored = (w * np.minimum(1, (reached / d) ** power)).sum(0) / w.sum(0)
    np.testing.assert_allclose(scored, 0.93, rtol=1e-9)
    np.testing.assert_allclose(msd_model.level(2 * d, 3 * w, power), 2 * reached)


def test_box_is_a_centred_mean() -> None:
    x = np.array([[1.0], [2.0], [4.0], [8.0]])
    np.testing.assert_allclose(msd_model.box(x, 3)[:, 0], [1.0, 7 / 3, 14 / 3, 4.0])


def test_hand_sums_count_by_hand_and_half_second() -> None:
    # left: outer, inner, both, inner; right: one jack 0.7 s apart
    time = np.array([0.1, 0.2, 0.3, 0.3, 0.6, 0.1, 0.8])
    column = np.array([0, 1, 0, 1, 1, 3, 3])
    order = np.lexsort((column, time))
    sums = msd_features.hand_sums(time[order], column[order])
    at = {name: i for i, name in enumerate(msd_features.CHANNELS)}
    assert sums.shape == (2, 2, len(msd_features.CHANNELS))
    assert sums[:, :, at["notes"]].tolist() == [[4, 1], [1, 1]]
    assert sums[:, :, at["outer"]].tolist() == [[2, 1], [0, 1]]
    assert sums[:, :, at["rows"]].tolist() == [[3, 1], [1, 1]]
    assert sums[:, 0, at["jumps"]].tolist() == [1, 0]
    assert sums[:, 0, at["alternate"]].tolist() == [1, 0]
    assert sums[:, 0, at["jump_single"]].tolist() == [0, 1]
    assert sums[1, 1, at["same"]] == pytest.approx(0.1 / 0.71)
    assert sums[1, 1, at["repeat"]] == 1


def test_note_gaps_look_back() -> None:
    time, column = np.array([0.0, 0.3, 0.4, 1.0]), np.array([0, 0, 1, 0])
    gaps = msd_features.note_gaps(time, column)
    assert gaps.shape == (4, msd_features.GAPS)
    np.testing.assert_allclose(gaps[:3, 0], [np.inf, 0.3, 0.7])
    np.testing.assert_allclose(gaps[:3, 1], [np.inf, np.inf, 0.3])
    np.testing.assert_allclose(gaps[:, 6], [np.inf, np.inf, 0.6, 0.1])  # the other finger
    np.testing.assert_allclose(gaps[:, 7], [np.inf, 0.3, 0.6, 0.1])  # the row before


def test_note_gaps_know_the_run_they_are_in() -> None:
    # 0.1 after 0.2 goes on; over 10 ms longer begins anew, and so does 2.34 times shorter.
    time = np.cumsum([0.0, 0.2, 0.205, 0.1, 0.7, 0.2])
    gaps = msd_features.note_gaps(time, np.zeros(6, dtype=int))
    np.testing.assert_allclose(gaps[:, 8], [np.inf, 0.2, 0.2025, 0.505 / 3, 0.7, 0.2])
    np.testing.assert_allclose(gaps[:, 9], [np.inf, 0.2, 0.405, 0.505, 0.7, 0.2])
    np.testing.assert_allclose(gaps[:, 10], [0.1, 0.1, 0.2, 0.3, 0.1, 0.1])
    both = msd_features.note_gaps(np.sort(np.tile(time, 2)), np.tile([0, 2], 6))
    np.testing.assert_allclose(both, np.tile(gaps, (2, 1))[:, :], rtol=1e-9)


def test_a_run_is_as_fast_as_its_first_four_gaps() -> None:
    time = np.cumsum([0.0, *[0.25] * 4, *[0.125] * 50])
    gaps = msd_features.note_gaps(time, np.zeros(55, dtype=int))
    np.testing.assert_allclose(gaps[1:, 8], 0.25)
    np.testing.assert_allclose(gaps[-1, 10], 5.4)


def test_hand_rows_know_the_latest_notes_of_both_columns() -> None:
    # By column: 0 (0.1, 0.3), 1 (0.2, 0.3), 3 (0.2); nothing in 2.
    time, column = np.array([0.1, 0.2, 0.2, 0.3, 0.3]), np.array([0, 1, 3, 0, 1])
    assert msd_features.hand_rows(time, column).tolist() == [[0, 5], [0, 2], [1, 3], [5, 4]]


def test_coefficients_are_small_and_named_by_a_version() -> None:
    file = Path(msd_model.__file__).with_name("msd_coefficients.npz")
    assert file.stat().st_size <= 100_000
    assert "434" in MSD_VERSION


def synthetic_file(folder: Path) -> Path:
    made = [chart(seed, notes=60) for seed in range(7)]
    rates = np.array([0.8, 1.0, 1.2])
    wanted = [[values(estimate_msd(t, c, float(r))) for r in rates] for t, c in made]
    ends = np.cumsum([0, *(len(t) for t, _ in made)])
    np.savez(
        folder / "made.npz",
        time_ms=np.concatenate([t for t, _ in made]),
        column=np.concatenate([c for _, c in made]),
        offsets=ends,
        rates=rates,
        values=np.array(wanted, dtype=np.float32),
        kinds=np.array(["made"] * 7),
    )
    return folder / "made.npz"


def test_the_fit_is_deterministic_and_its_model_is_the_estimator(tmp_path: Path) -> None:
    file = synthetic_file(tmp_path)
    package = Path(msd_model.__file__).with_name("msd_coefficients.npz")
    for name in ("a", "b"):
        out = str(tmp_path / f"{name}.npz")
        fit_msd.main([str(file), "--out", out, "--epochs", "1"])
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert all(np.array_equal(a[name], b[name]) for name in a.files)
    # From the package's coefficients and without steps: the same numbers as the estimator.
    out = tmp_path / "same.npz"
    fit_msd.main([str(file), "--out", str(out), "--epochs", "0", "--init", str(package)])
    with np.load(package) as a, np.load(out) as b:
        assert all(np.array_equal(a[name], b[name]) for name in a.files)


def test_torch_and_numpy_agree(tmp_path: Path) -> None:
    import torch

    data = fit_msd.charts(synthetic_file(tmp_path))
    items = [items[k] for items in data for k in (0, 1, 2)]
    (arguments, wanted), k = fit_msd.batch(items), msd_model.coefficients()
    model = fit_msd.MsdModel(len(k["mu"]))
    model.load_state_dict({name: torch.from_numpy(v) for name, v in k.items()})
    with torch.no_grad():
        ours = model(*arguments).clamp(max=msd_model.CAP)
    assert not torch.isnan(wanted).any()
    made = [chart(seed, notes=60) for seed in range(1, 6)]
    views = [
        msd_model.evaluate_views(time / 1000 / rate, column, k)[0]
        for time, column in (sorted_notes(*notes) for notes in made)
        for rate in (0.8, 1.0, 1.2)
    ]
    np.testing.assert_allclose(ours, np.minimum(views, msd_model.CAP), rtol=0.01, atol=0.02)
