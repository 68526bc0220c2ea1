"""Requests and plans as plain values: their fields are listed in the dataclasses alone."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any

import pytest

import mug.pipeline.plan
import mug.pipeline.request
from mug.beatmap.hit_objects import Rice
from mug.cli.charts.generate import parser
from mug.cli.charts.options import request_of as command_request
from mug.errors import GenerationError, MugError
from mug.evaluation.made import ModelRun
from mug.features import FeatureSchema
from mug.pipeline.batch import digest_of
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.make import make
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.plain import changed, from_plain, to_plain
from mug.pipeline.plan import Plan, Search, SpreadTier
from mug.pipeline.provenance import provenance_of
from mug.pipeline.request import GenerationRequest
from mug.timing.estimate import TimingEstimate
from mug.ui.jobs.state import Aims, State, load_state, save_state
from mug.ui.requests import plan_of, request_of

SCHEMA = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
# Where the first value of a type is no valid one.
VALID: Mapping[str, Any] = {
    "snapping": "nearest", "unfit": "drop", "fixes": "none", "guidance_interval": (0.25, 0.75),
    "prompt": {"sr": 3.5}, "negative_prompt": {"ln": True}, "tolerances": {"sr": 0.5},
    "beat_ms": 400.0,
}  # fmt: skip


def other_than(value: Any, kind: Any, name: str) -> Any:
    """A value of a field's type that is not the one it has."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if name in VALID:
        return VALID[name]
    if origin in {typing.Union, UnionType}:
        return other_than(value, next(one for one in parts if one is not type(None)), name)
    if is_dataclass(kind):
        made = value if is_dataclass(value) else kind(**needed(kind))
        return filled(made)
    if hasattr(kind, "_fields"):
        hints = typing.get_type_hints(kind)
        return kind(**{one: other_than(None, hints[one], one) for one in kind._fields})
    if origin is tuple:
        return (other_than(None, parts[0], name),)
    if kind is bool:
        return not value
    return {int: 3, float: 2.5, str: "other", Path: Path("other.ogg")}[kind]


def needed(kind: Any) -> dict[str, Any]:
    """Values for the fields of a dataclass without a default."""
    hints = typing.get_type_hints(kind)
    bare = [one for one in fields(kind) if one.default is one.default_factory]
    return {one.name: other_than(None, hints[one.name], one.name) for one in bare}


def filled(value: Any) -> Any:
    """A dataclass in which no field, at any depth, has the value that it had."""
    hints = typing.get_type_hints(type(value))
    changes = {
        one.name: other_than(getattr(value, one.name), hints[one.name], one.name)
        for one in fields(value)
    }
    return replace(value, **changes)


REQUEST: GenerationRequest = filled(GenerationRequest(Path("song.ogg")))
SEARCHED = Plan(filled(Search()))
SPREAD = Plan(tiers=(SpreadTier("Easy", 1.2), SpreadTier("Hard", 3.4)))


def through_json(plain: Any) -> Any:
    """A plain value after a file."""
    return json.loads(json.dumps(plain, allow_nan=False))


def state_of(request: GenerationRequest, plan: Plan) -> State:
    """What a job's folder remembers."""
    beat = TimingEstimate(120.0, 10.0, 0.5)
    return State(request, plan, ((Rice(0, 1.0),),), ({},), (5,), (0,), beat, Aims((None,)))


def single_changes(value: Any, whole: Any) -> list[Any]:
    """A dataclass with one field after the other as another one has it."""
    return [replace(value, **{one.name: getattr(whole, one.name)}) for one in fields(value)]


def test_every_field_survives_json() -> None:
    for bare, whole in (
        (GenerationRequest(Path("song.ogg")), REQUEST),
        (FinishOptions(), REQUEST.finish),
        (Search(), SEARCHED.search),
    ):
        for one in fields(bare):
            assert getattr(bare, one.name) != getattr(whole, one.name), one.name
    assert GenerationRequest.from_plain(through_json(REQUEST.to_plain())) == REQUEST
    for plan in (SEARCHED, SPREAD):
        assert Plan.from_plain(through_json(plan.to_plain())) == plan
    assert GenerationRequest.from_plain({"audio": "a.ogg"}) == GenerationRequest(Path("a.ogg"))


def test_a_jobs_folder_remembers_every_field(tmp_path: Path) -> None:
    for plan in (SEARCHED, SPREAD):
        state = state_of(REQUEST, plan)
        save_state(tmp_path, state)
        assert load_state(tmp_path, REQUEST.audio) == state


def test_charts_of_an_earlier_version_are_gone(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"prompt": {}, "count": 1}))
    with pytest.raises(GenerationError, match="not here any more"):
        load_state(tmp_path, tmp_path / "song.ogg")


def test_page_and_api_take_every_field() -> None:
    """As a report has them, except for the song."""
    plain = through_json(REQUEST.to_plain())
    song = Path("upload.ogg")
    assert request_of({"request": plain}, song, SCHEMA) == replace(REQUEST, audio=song)
    for plan in (SEARCHED, SPREAD):
        assert plan_of({"plan": through_json(plan.to_plain())}) == plan
    part = request_of({"prompt": {}, "request": {"finish": {"unfit": "keep"}}}, song, SCHEMA)
    assert part.finish == FinishOptions(unfit="keep")
    plain_controls = {one: getattr(REQUEST, one) for one in ("steps", "sampler", "window_s")}
    assert request_of(plain_controls, song, SCHEMA).window_s == REQUEST.window_s


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"request": {"stepz": 3}}, "steps"),
        ({"request": {"steps": "many"}}, "request.steps must be a whole number"),
        ({"request": {"steps": 2.5}}, "request.steps must be a whole number"),
        ({"request": {"steps": 100_000}}, "1 to 200"),
        ({"request": {"count": 60}}, "1 to 8"),
        ({"request": {"batch_size": 60}}, "1 to 8"),
        ({"request": {"window_s": 4000}}, "at most"),
        ({"request": {"finish": 3}}, "request.finish must be a mapping"),
        ({"request": {"guidance_interval": [0.5]}}, "a list of 2"),
        ({"request": {"finish": {"timing": {"bpm": 120}}}}, "lacks a field"),
        ({"request": {"prompt": {"srr": 3}}}, "srr"),
        ({"request": [3]}, "request must be a mapping"),
        ({"plan": {"search": {"attempts": 100}}}, "1 to 8"),
        ({"plan": {"search": {"candidates": 60}}}, "0 to 32"),
        ({"plan": {"search": {"reach_stars": 1}}}, "true or false"),
        ({"spread": True, "candidates": 20}, "tiers, times candidates"),
    ],
)
def test_what_no_field_can_be_is_refused(given: dict[str, Any], said: str) -> None:
    def read() -> None:
        request_of({"prompt": {}, **given}, Path("song.ogg"), SCHEMA)
        plan_of(given)

    with pytest.raises(MugError, match=said):
        read()


def test_every_field_makes_another_digest(tiny_model: LoadedModel) -> None:
    bare = GenerationRequest(REQUEST.audio)
    requests = single_changes(bare, REQUEST)
    requests += [
        replace(bare, finish=one) for one in single_changes(FinishOptions(), REQUEST.finish)
    ]
    plans = [Plan(one) for one in single_changes(Search(), SEARCHED.search)]
    digests = [digest_of(one, Plan(), tiny_model) for one in requests]
    digests += [digest_of(bare, plan, tiny_model) for plan in [*plans, SPREAD]]
    same = [one for one in requests if one == bare]
    assert len(same) == 1  # the song, which a mark has by its content
    assert len(set(digests)) == len(digests)


@dataclass(frozen=True)
class WiderRequest(GenerationRequest):
    """A request of the next version of the program."""

    loudness: float = 1.0


@dataclass(frozen=True)
class WiderPlan(Plan):
    """A plan of the next version of the program."""

    mood: str = "calm"


@pytest.fixture
def wider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program, with a field more in requests and in plans."""
    monkeypatch.setattr(mug.pipeline.request, "GenerationRequest", WiderRequest)
    monkeypatch.setattr(mug.pipeline.plan, "Plan", WiderPlan)


@pytest.mark.usefixtures("wider")
def test_a_new_field_appears_everywhere_without_another_edit(
    tiny_model: LoadedModel, song: Path, tmp_path: Path
) -> None:
    request = WiderRequest(song, steps=1, loudness=0.5)
    plan = WiderPlan(mood="wild")
    made = make(ChartGenerator(tiny_model), request, plan)
    assert made.report["request"]["loudness"] == 0.5
    assert made.report["plan"]["mood"] == "wild"
    record = provenance_of(made.result.beatmaps[0])
    assert record is not None
    assert record.how == "loudness 0.5, mood wild"
    save_state(tmp_path, state_of(made.request, plan))
    state = load_state(tmp_path, song)
    assert (state.request, state.plan) == (made.request, plan)
    given = {"prompt": {}, "request": made.report["request"], "plan": made.report["plan"]}
    assert replace(request_of(given, song, SCHEMA)).to_plain() == made.request.to_plain()
    assert plan_of(given) == plan
    assert request_of({"prompt": {}, "loudness": 0.25}, song, SCHEMA).to_plain()["loudness"] == 0.25
    digests = {digest_of(one, plan, tiny_model) for one in (request, WiderRequest(song, steps=1))}
    assert len(digests) == 2
    assert ModelRun(how=request).request(song, {}).to_plain()["loudness"] == 0.5
    options = parser(SCHEMA)
    options.add_argument("--loudness", type=float, default=1.0)
    words = ["--audio", str(song), "--out", "x.osz", "--ckpt", "x", "--loudness", "0.75"]
    args = options.parse_args(words)
    assert command_request(args, SCHEMA, song, FinishOptions()).to_plain()["loudness"] == 0.75


def test_dataclasses_in_dataclasses_change_in_part() -> None:
    made = changed(REQUEST, {"finish": {"title": "A"}, "steps": 4}, "request")
    assert made == replace(REQUEST, steps=4, finish=replace(REQUEST.finish, title="A"))
    assert from_plain(int, 3.0, "n") == 3
    assert to_plain((Path("a"), {"b": (1,)})) == ["a", {"b": [1]}]
