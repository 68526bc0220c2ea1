"""The scorer: its field of view, its size, its files, and inputs that are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mug.audio.flux import CURVES, HOP_MS
from mug.beatmap.timing_points import TimingPoint
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.errors import CheckpointError, ConfigError
from mug.rhythm.scorer import (
    MOST_WEIGHTS,
    RhythmScorer,
    ScorerOptions,
    condition,
    line_logits,
    load_scorer,
    save_scorer,
)

SMALL = ScorerOptions(width=8, dilations=(1, 4), condition_width=4)


@pytest.fixture
def scorer() -> RhythmScorer:
    torch.manual_seed(0)
    return RhythmScorer(SMALL).eval()


def inputs(beats: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return (
        torch.randn(2, beats, LINES, 34),
        torch.randn(2, beats, 5),
        torch.stack([condition(2.0, 3.0), condition(5.0, 8.0)]),
    )


def test_usual_sizes_are_within_the_limit():
    assert sum(p.numel() for p in RhythmScorer().parameters()) <= MOST_WEIGHTS


def test_one_logit_a_line_that_sees_its_neighbourhood_alone(scorer):
    lines, position, conditions = inputs()
    before = scorer(lines, position, conditions)
    assert before.shape == (2, 6 * LINES)
    lines[0, 3, 5] += 1.0
    changed = (scorer(lines, position, conditions) - before).abs().gt(1e-7).nonzero()
    reach = 1 + 1 + 4  # of the first convolution and the two blocks
    assert set(changed[:, 0].tolist()) == {0}
    assert changed[:, 1].min() == 3 * LINES + 5 - reach
    assert changed[:, 1].max() == 3 * LINES + 5 + reach


def test_place_in_the_beat_and_conditions_count(scorer):
    lines, position = torch.zeros(1, 4, LINES, 34), torch.zeros(1, 4, 5)
    one = scorer(lines, position, condition(3.0, 4.0)[None])
    assert len(one[0, LINES : 2 * LINES].unique()) > 6
    for other in (condition(None, 4.0), condition(3.0, None), condition(5.0, 4.0)):
        assert (scorer(lines, position, other[None]) != one).any()
    assert (scorer(lines, position + 1, condition(3.0, 4.0)[None]) != one).any()


def test_unknown_conditions_are_not_the_usual_ones():
    assert condition(None, None).tolist() == [0, 0, 0, 0]
    assert condition(3.0, 4.0).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("given", [(float("nan"), 1.0), (1.0, 0.0), (1.0, float("inf"))])
def test_conditions_that_make_no_sense_are_refused(given):
    with pytest.raises(ConfigError, match=r"stars|rows_a_second"):
        condition(*given)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"dilations": ()}, {"condition_width": 0}])
def test_sizes_that_make_no_network_are_refused(wrong):
    with pytest.raises(ConfigError, match="positive"):
        ScorerOptions(**wrong)


def test_a_whole_song_is_scored_and_calibrated(scorer):
    curves = np.random.default_rng(0).exponential(1.0, (2000, CURVES)).astype(np.float16)
    axis = BeatAxis.of([TimingPoint(0.0, 400.0, 4)])
    beats = axis.count_beats(2000 * HOP_MS)
    logits = line_logits(scorer, curves, axis, beats, 3.0, 4.0)
    assert logits.shape == (beats * LINES,)
    scorer.calibration.copy_(torch.tensor([2.0, -1.0]))
    again = line_logits(scorer, curves, axis, beats, 3.0, 4.0)
    torch.testing.assert_close(again, 2 * logits - 1)


def test_a_file_gives_the_same_scorer(scorer, tmp_path):
    scorer.calibration.copy_(torch.tensor([0.9, -0.2]))
    scorer.mean.uniform_()
    save_scorer(scorer, tmp_path / "scorer.safetensors", {"songs": 3})
    loaded = load_scorer(tmp_path / "scorer.safetensors")
    assert loaded.options == SMALL
    assert not loaded.training
    assert torch.equal(loaded(*inputs()), scorer(*inputs()))
    assert torch.equal(loaded.calibration, scorer.calibration)


def test_other_files_are_refused(scorer, tmp_path):
    file = tmp_path / "scorer.safetensors"
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_scorer(file)
    save_scorer(scorer, file)
    good = file.read_bytes()
    for bad in (b"", b"x" * 100, good[:-20], good.replace(b"width", b"wodth")):
        file.write_bytes(bad)
        with pytest.raises(CheckpointError, match="rhythm scorer"):
            load_scorer(file)
