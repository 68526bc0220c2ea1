"""Snapping again: what was asked for holds on another timing too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from pages import composed_song, write_song

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.compose.charts import TIERS as COMPOSED
from mug.compose.charts import make_charts
from mug.difficulty.stars import star_rating
from mug.pipeline.arrange.nest import nesting_share
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.judge.report import TOLERANCES
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.plan import Plan, Search, SpreadTier
from mug.pipeline.provenance import provenance_of
from mug.pipeline.request import Edit, GenerationRequest, Region
from mug.pipeline.sample import ChartRequest
from mug.pipeline.spread import TOLERANCE
from mug.timing.estimate import TimingEstimate
from mug.timing.tempo_map import TempoMap
from mug.ui.jobs import operations
from mug.ui.jobs.files import REPORT, charts_of
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.job import Job
from mug.ui.jobs.owner import Owner
from mug.ui.jobs.state import Aims, State, load_state, save_state

Notes = tuple[HitObject, ...]

ASKED = 3.0
OTHER = TempoMap((TimingPoint(333.0, 60000.0 / 140.0, 4),))
SPREAD = Plan(tiers=(SpreadTier("Easy", 1.2), SpreadTier("Hard", 2.2)))
CHOSEN = replace(SPREAD, search=Search(candidates=3))
REACHED = Plan(Search(candidates=2, reach_stars=True))
UNREACHED = Plan(Search(reach_stars=False))


class Composed(ChartGenerator):
    """Composed charts, hardest first, in place of what a network writes."""

    def __init__(self, model: LoadedModel, charts: Sequence[Beatmap]) -> None:
        super().__init__(model)
        self.charts = charts

    def sample(
        self, song: object, chart_requests: Sequence[ChartRequest], *_: object, **__: object
    ) -> list[Notes]:
        return [
            self.charts[index % len(self.charts)].hit_objects
            for index in range(len(chart_requests))
        ]


@pytest.fixture(scope="module")
def song_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_song(tmp_path_factory.mktemp("resnap") / "composed.ogg")


@pytest.fixture(scope="module")
def generator(tiny_model: LoadedModel) -> ChartGenerator:
    charts = make_charts(
        composed_song(12.0), COMPOSED[::-1], audio_filename="composed.ogg", beatmapset_id=1
    )
    return Composed(tiny_model, charts)


@pytest.fixture
def request_(song_file: Path, generator: Composed) -> GenerationRequest:
    (line,) = generator.charts[0].red_lines
    finish = FinishOptions(timing=FinishOptions.given_timing(line.bpm, line.time_ms))
    return GenerationRequest(audio=song_file, prompt={"sr": ASKED}, count=2, finish=finish)


@pytest.fixture
def folders(tmp_path: Path) -> JobFolders:
    return JobFolders(tmp_path / "jobs")


def _job() -> Job:
    return Job(lambda _: None, Owner("someone"))


def _charts(outcome: operations.JobResult) -> list[Beatmap]:
    return [one.beatmap for one in charts_of(outcome.revision, outcome.written)]


def _stars(outcome: operations.JobResult) -> list[float]:
    return [star_rating(chart) for chart in _charts(outcome)]


def _notes(outcome: operations.JobResult) -> list[tuple[str, Notes]]:
    return [(chart.version, chart.sorted_objects()) for chart in _charts(outcome)]


def _how(outcome: operations.JobResult) -> list[str]:
    records = [provenance_of(chart) for chart in _charts(outcome)]
    return [record.how for record in records if record is not None]


@pytest.mark.parametrize(
    "plan", [Plan(), REACHED, SPREAD, CHOSEN], ids=["", "stars", "spread", "chosen"]
)
def test_the_same_timing_gives_the_same_charts(
    plan: Plan, generator: ChartGenerator, request_: GenerationRequest, folders: JobFolders
) -> None:
    made = operations.make_charts(generator, folders, request_, plan, _job(), "en")
    tempo = operations.current_tempo(folders, made.revision.key)
    again = operations.snap_again(generator, folders, made.revision.key, tempo, "given", "en")
    assert _notes(again) == _notes(made)
    assert _how(again) == _how(made)


def test_charts_brought_to_their_stars_are_brought_there_again(
    generator: ChartGenerator, request_: GenerationRequest, folders: JobFolders
) -> None:
    """On another timing, and after a region was made anew; without the wish they stay away."""
    for plan, reached in ((UNREACHED, False), (REACHED, True)):
        made = operations.make_charts(generator, folders, request_, plan, _job(), "en")
        other = operations.snap_again(generator, folders, made.revision.key, OTHER, "given", "en")
        assert [line.time_ms for line in _charts(other)[0].red_lines] == [333.0]
        assert [abs(stars - ASKED) <= TOLERANCES["sr"] for stars in _stars(other)] == [reached] * 2
    edited = operations.edit_region(
        generator,
        folders,
        other.revision.key,
        1,
        Edit(Region(1000.0, 4000.0)),
        lambda asked: replace(asked, count=1, seed=3),
        _job(),
        "en",
    )
    third = operations.snap_again(generator, folders, edited.revision.key, OTHER, "given", "en")
    assert _stars(third) == pytest.approx([ASKED] * 2, abs=TOLERANCES["sr"])
    report = json.loads((third.revision.folder / REPORT).read_text())
    assert [chart["reached"]["sr"] for chart in report["charts"]] == pytest.approx(
        _stars(third), abs=1e-4
    )


def test_a_spread_rises_and_nests_on_another_timing(
    generator: ChartGenerator, request_: GenerationRequest, folders: JobFolders
) -> None:
    tiers = SPREAD.tiers
    made = operations.make_charts(generator, folders, request_, SPREAD, _job(), "en")
    other = operations.snap_again(generator, folders, made.revision.key, OTHER, "given", "en")
    charts = _charts(other)
    assert [chart.version for chart in charts] == [tier.name for tier in tiers]
    wanted = [tier.star_rating for tier in tiers]
    assert _stars(other) == pytest.approx(wanted, abs=TOLERANCE)
    for easier, harder in pairwise(charts):
        assert nesting_share(easier.hit_objects, harder.hit_objects) == 1.0
    report = json.loads((other.revision.folder / REPORT).read_text())
    asked = [
        next(one["asked"] for one in chart["compared"] if one["feature"] == "sr")
        for chart in report["charts"]
    ]
    assert asked == wanted


def test_what_charts_are_brought_to_is_remembered(tmp_path: Path) -> None:
    notes = (Rice(0, 10.0), LongNote(3, 20.0, 45.0))
    state = State(
        request=GenerationRequest(audio=tmp_path / "song.ogg", prompt={"sr": ASKED}),
        plan=REACHED,
        raw=(notes,),
        asked=({"sr": ASKED, "ln": True},),
        seeds=(5,),
        indices=(0,),
        timing=TimingEstimate(120.0, 10.0, 0.5),
        aims=Aims((2.5,), nested=True, spare=(notes[:1], notes)),
    )
    save_state(tmp_path, state)
    found = load_state(tmp_path, tmp_path / "song.ogg")
    assert found == state
    assert found.aims.meant(found.asked) == ({"sr": 2.5, "ln": True},)
    assert Aims((None,)).meant(found.asked) == found.asked
    assert found.aims.varied(0, {"sr": 3}, {"sr": 3}, 2) == Aims((2.5,) * 3, spare=state.aims.spare)
    assert found.aims.varied(0, {"sr": 3}, {"sr": 4}, 1).goals == (2.5, 4.0)
    assert found.aims.varied(0, {"sr": 3}, {}, 1).goals == (2.5, 2.5)
    assert Aims((None,)).varied(0, {"sr": 3}, {"sr": 4}, 1).goals == (None, None)
