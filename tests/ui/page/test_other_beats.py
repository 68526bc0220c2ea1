"""Notes of a model in beats on another timing: moved with their lines, or left and said."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_models import write_model

from mug.beatmap.timing_points import TimingPoint
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.checkpoint import load_model
from mug.pipeline.plan import Plan
from mug.pipeline.request import GenerationRequest
from mug.timing.tempo_map import TempoMap
from mug.ui.jobs import operations
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.job import Job
from mug.ui.jobs.owner import Owner
from mug.ui.jobs.state import load_state

BEAT_MS = 500.0


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> ChartGenerator:
    return ChartGenerator(load_model(write_model(tmp_path_factory.mktemp("beats"), "listen")))


def test_another_octave_or_more_pieces_are_to_be_generated_again(
    generator: ChartGenerator, song: Path, tmp_path: Path
) -> None:
    folders = JobFolders(tmp_path / "jobs")
    finish = FinishOptions(timing=FinishOptions.given_timing(60000 / BEAT_MS, 0.0))
    request = GenerationRequest(song, steps=1, finish=finish)
    job = Job(lambda _: None, Owner("someone"))
    made = operations.make_charts(generator, folders, request, Plan(), job, "en", "models/mine")
    assert made.notice is None
    assert operations.model_name(folders, made.revision.key) == "models/mine"
    raw = load_state(made.revision.folder, song).raw
    cases = {
        "same": ((0.0, 1.0),),
        "moved": ((12.0, 1.0),),
        "a little slower": ((0.0, 1.04),),
        "much slower": ((0.0, 1.06),),
        "half": ((0.0, 2 / 3),),
        "two pieces": ((0.0, 1.0), (2000.0, 0.8)),
    }
    for name, lines in cases.items():
        tempo = TempoMap(tuple(TimingPoint(at, BEAT_MS * part) for at, part in lines))
        key = made.revision.key
        done = operations.snap_again(generator, folders, key, tempo, "given", "en")
        again = name in ("much slower", "half", "two pieces")
        assert (done.notice is not None) == again, name
        kept = load_state(done.revision.folder, song)
        assert kept.model == "models/mine"
        moved = kept.raw != raw
        assert moved == (name in ("moved", "a little slower")), name
        if done.notice is not None:
            assert "Generate again" in done.notice
            assert done.notice.text("zh") != done.notice
