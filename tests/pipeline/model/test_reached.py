"""Stars given so that those asked for are reached: the inverse, and who gets which of the two."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.errors import CheckpointError
from mug.pipeline.batch import digest_of
from mug.pipeline.chart import ChartGenerator, GenerationRequest
from mug.pipeline.make import make
from mug.pipeline.model.checkpoint import LoadedModel, load_model
from mug.pipeline.model.reached import ReachedStars, read_reached
from mug.pipeline.plan import Plan, Search
from mug.pipeline.provenance import provenance_of
from mug.pipeline.report import report_markdown

HALF = ReachedStars((1.0, 2.0, 4.0, 8.0), (0.5, 1.0, 2.0, 4.0))


def test_a_linear_model_is_inverted_exactly() -> None:
    assert [HALF.to_give(stars) for stars in (0.5, 1.0, 1.5, 3.0, 4.0)] == [1, 2, 3, 6, 8]


def test_beyond_what_was_measured_the_last_point_holds() -> None:
    assert (HALF.to_give(0.1), HALF.to_give(9.0)) == (1.0, 8.0)


def test_neighbours_that_fall_are_pooled() -> None:
    found = ReachedStars((1.0, 2.0, 3.0, 4.0), (1.0, 3.0, 2.0, 4.0))
    assert found.to_give(2.5) == 2.5  # 3 and 2 in the mean, at 2 and 3 in the mean
    assert found.to_give(1.75) == 1.75


def test_a_model_that_does_not_listen_is_given_what_was_asked_for() -> None:
    assert ReachedStars((1.0, 3.0, 5.0), (2.4, 2.4, 2.4)).to_give(4.0) == 4.0
    assert ReachedStars((1.0, 3.0, 5.0), (3.0, 2.0, 1.0)).to_give(4.0) == 4.0


LEVELS = st.lists(st.floats(0, 10), min_size=2, max_size=8)


@given(LEVELS, st.floats(0, 12), st.floats(0, 12))
def test_whoever_asks_for_more_is_never_given_less(
    levels: list[float], one: float, other: float
) -> None:
    found = ReachedStars(tuple(float(n) for n in range(len(levels))), tuple(levels))
    low, high = sorted((one, other))
    assert found.to_give(low) <= found.to_give(high)


@given(st.lists(st.floats(0.01, 2), min_size=2, max_size=8), st.floats(0, 1))
def test_it_is_the_inverse_where_stars_rise(steps: list[float], share: float) -> None:
    reached = np.cumsum(steps)
    found = ReachedStars(tuple(float(n) for n in range(len(steps))), tuple(reached.tolist()))
    asked = reached[0] + share * (reached[-1] - reached[0])
    back = np.interp(found.to_give(float(asked)), found.given, found.reached)
    assert back == pytest.approx(asked, abs=2e-3)


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"given": [1], "reached": [1]}', '{"given": [2, 1], "reached": [1, 2]}', "no",
     '{"given": [1, 2], "reached": [1]}', '{"given": [1, 2], "reached": [1, NaN]}'],
)  # fmt: skip
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "reached.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"reached\.json"):
        read_reached(tmp_path)


def test_it_lies_beside_the_weights(tiny_model_folder: Path, tmp_path: Path) -> None:
    for file in tiny_model_folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    assert read_reached(tmp_path) is None
    plain = {"given": HALF.given, "reached": HALF.reached, "charts": 3}
    (tmp_path / "reached.json").write_text(json.dumps(plain), encoding="utf-8")
    assert load_model(tmp_path).reached == HALF
    assert read_reached(tmp_path / "model.safetensors") == HALF


def test_charts_are_judged_by_what_was_asked_for(tiny_model: LoadedModel, song: Path) -> None:
    """The model is given other stars: the notes are those of a request for these."""
    asked = GenerationRequest(song, prompt={"sr": 1.5}, steps=2)
    given_stars = replace(asked, prompt={"sr": 3.0})
    calibrated = replace(tiny_model, reached=HALF)
    as_sampled = Plan(Search(reach_stars=False))
    found = make(ChartGenerator(calibrated), asked, as_sampled)
    plain = make(ChartGenerator(tiny_model), given_stars, as_sampled)
    other = make(ChartGenerator(tiny_model), asked, as_sampled)
    assert found.result.raw == plain.result.raw != other.result.raw
    (chart,) = found.report["charts"]
    assert chart["asked"] == {"sr": 1.5}
    assert chart["given"] == {"sr": 3.0}
    assert other.report["charts"][0]["given"] == {}
    assert "Told to the model in place of what the user asked for: sr 3.00 stars" in (
        report_markdown(found.report)
    )
    record = provenance_of(found.result.beatmaps[0])
    assert record is not None
    assert (record.prompt, record.given) == ({"sr": 1.5}, {"sr": 3.0})
    assert provenance_of(other.result.beatmaps[0]).given == {}
    digests = {digest_of(asked, as_sampled, model) for model in (calibrated, tiny_model)}
    assert len(digests) == 2


def test_a_prompt_without_stars_stays(tiny_model: LoadedModel) -> None:
    calibrated = replace(tiny_model, reached=HALF)
    assert calibrated.given({"ln_ratio": 0.2}) == {"ln_ratio": 0.2}
    assert calibrated.given({"sr": 1.5, "ln_ratio": 0.2}) == {"sr": 3.0, "ln_ratio": 0.2}
    seen = {**calibrated.config, "release": {"trained": {"ln_ratio": [0.0, 0.5]}}}
    packed = replace(calibrated, config=seen)
    assert packed.given({"ln_ratio": 0.8}) == {"ln_ratio": 0.5}  # more makes no sense to it
    assert packed.given({"ln_ratio": 0.4}) == {"ln_ratio": 0.4}
