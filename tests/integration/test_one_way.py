"""Command line, page, API and evaluation make the same files for the same request."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from forks import Forks
from gradio_client import Client, handle_file
from pages import Running, running

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import Rice
from mug.beatmap.timing_points import TimingPoint
from mug.evaluation.made import FREE, GIVEN, Maker, ModelRun
from mug.evaluation.songs import Against, HumanSong, load_sound
from mug.pipeline.plan import TIERS, Plan, Search
from mug.pipeline.request import GenerationRequest
from mug.ui.handlers import Handlers
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.owner import Owner
from mug.ui.jobs.queue import JobQueue
from mug.ui.model import PageModel
from mug.ui.page.texts import Texts
from mug.ui.service import Service

STEPS, SEED, BPM, OFFSET_MS = 2, 7, 120.0, 12.0


@dataclass(frozen=True)
class Case:
    """What is asked for, in words that each way has a word of its own for.

    Args:
        stars: to have.
        avoid: a feature that is not wanted.
        count: charts.
        candidates: to choose from.
        spread: whether the tiers are asked for.
        reach_stars: whether charts are brought to their stars.
        given: whether the timing is given.
    """

    stars: float = 3.0
    avoid: str = ""
    count: int = 1
    candidates: int = 0
    spread: bool = False
    reach_stars: bool = False
    given: bool = False


CASES: Mapping[str, Case] = {
    "one": Case(),
    "chosen": Case(count=2, candidates=3),
    "reached": Case(stars=0.8, candidates=2, reach_stars=True),
    "spread": Case(spread=True),
    "chosen spread": Case(spread=True, candidates=2, reach_stars=True),
    "negative": Case(stars=4.5, avoid="jackspeed"),
    "given timing": Case(given=True),
}


def files_in(package: Path) -> list[bytes]:
    """The charts of a package."""
    with zipfile.ZipFile(package) as opened:
        return sorted(opened.read(name) for name in opened.namelist() if name.endswith(".osu"))


@pytest.fixture(scope="module")
def by_command(
    tiny_model_folder: Path, song: Path, forks: Forks, tmp_path_factory: pytest.TempPathFactory
):
    """What the command line writes, by case."""
    out = tmp_path_factory.mktemp("command")
    for name, case in CASES.items():
        words: list[object] = ["scripts/generate.py", "--audio", song, "--ckpt", tiny_model_folder]
        words += ["--device", "cpu", "--out", out / f"{name}.osz", "--steps", STEPS]
        words += ["--seed", SEED, "--sr", case.stars, "--count", case.count]
        words += ["--candidates", case.candidates]
        words += ["--negative", f"{case.avoid}=true"] if case.avoid else []
        words += ["--spread", "all"] if case.spread else []
        words += [] if case.reach_stars else ["--no_reach_stars"]  # the default is to reach them
        words += ["--bpm", BPM, "--offset_ms", OFFSET_MS] if case.given else []
        done = forks.run(*words)
        assert done.returncode == 0, done.stderr
    return {name: files_in(out / f"{name}.osz") for name in CASES}


@pytest.fixture(scope="module")
def handlers(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Handlers:
    """The page's handlers, with the model loaded."""
    model = PageModel(tiny_model_folder, "cpu")
    model.start()
    model.generator()
    folders = JobFolders(tmp_path_factory.mktemp("jobs"))
    return Handlers(Service(model, folders, JobQueue()), Texts("en"), 50)


def by_page(handlers: Handlers, case: Case, song: Path) -> list[bytes]:
    """What a visitor gets who sets the page's controls and presses the button."""
    values: dict[str, Any] = {
        "song": str(song), "title": "clicks", "artist": "", "sr_on": True, "sr": case.stars,
        "count": case.count, "candidates": case.candidates, "steps": STEPS, "guidance": 5,
        "sampler": "angular", "seed": SEED, "negative": f"{case.avoid}: true" if case.avoid else "",
        "spread": case.spread, "reach_stars": case.reach_stars,
        "timing": "by_hand" if case.given else "heard", "bpm": BPM, "offset": OFFSET_MS,
        "timing_file": None, "snapping": "voice", "divisors": "", "fixes": "tier",
        "minijack_ms": 90, "rank_status": "free", "kind": "free",
    }  # fmt: skip

    async def updates() -> list[dict[str, Any]]:
        return [update async for update in handlers.generate(values, Owner("here"))]

    *_, last = asyncio.run(updates())
    folder = handlers.service.folders.find(last["key"]).folder
    return files_in(next(folder.glob("*.osz")))


@pytest.fixture(scope="module")
def page(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The page, served by a process of its own."""
    with running(tmp_path_factory.mktemp("page"), tiny_model_folder) as served:
        yield served


@pytest.fixture(scope="module")
def client(page: Running) -> Iterator[Client]:
    """A program that calls the page's API over HTTP."""
    made = Client(page.address, verbose=False)
    yield made
    made.close()


def by_api(client: Client, case: Case, song: Path) -> tuple[dict[str, Any], list[bytes]]:
    """The report and the charts that the API answers with."""
    report, files = client.predict(
        audio=handle_file(song), prompt={"sr": case.stars}, count=case.count,
        negative=f"{case.avoid}: true" if case.avoid else "", candidates=case.candidates,
        steps=STEPS, seed=SEED, spread=case.spread, reach_stars=case.reach_stars,
        bpm=BPM if case.given else 0, offset_ms=OFFSET_MS, api_name="/generate",
    )  # fmt: skip
    return report, files_in(Path(next(file for file in files if file.endswith(".osz"))))


def by_evaluation(handlers: Handlers, case: Case, song: Path) -> list[bytes]:
    """What the benchmark judges: asked for as it asks, held against a human chart."""
    human = Beatmap(
        keys=4, hit_objects=(Rice(0, 1000.0),), timing=(TimingPoint(OFFSET_MS, 60000 / BPM),),
        metadata={"Title": "clicks", "Artist": "Unknown artist", "Version": "Human"},
    )  # fmt: skip
    against = Against(HumanSong("clicks", song, (human,), (3.0,)), 0, load_sound(song))
    how = GenerationRequest(song, steps=STEPS)
    maker = Maker(handlers.service.model.generator(), against, ModelRun(how=how))
    timing = GIVEN if case.given else FREE
    request = replace(
        maker.request({"sr": case.stars}, seed=SEED, timing=timing),
        count=case.count, negative_prompt={case.avoid: True} if case.avoid else {},
    )  # fmt: skip
    search = Search(candidates=case.candidates, reach_stars=case.reach_stars)
    (made,) = maker.make([request], Plan(search, TIERS if case.spread else ()))
    return sorted(osu.encode(chart) for chart in made.result.beatmaps)


@pytest.mark.parametrize("name", CASES)
def test_the_same_request_makes_the_same_files_everywhere(
    name: str,
    by_command: dict[str, list[bytes]],
    handlers: Handlers,
    client: Client,
    song: Path,
) -> None:
    case, made = CASES[name], by_command[name]
    assert len(made) == (len(TIERS) if case.spread else case.count)
    assert len(set(made)) == len(made)
    assert by_page(handlers, case, song) == made
    report, answered = by_api(client, case, song)
    assert answered == made
    assert by_evaluation(handlers, case, song) == made
    assert report["plan"]["search"]["candidates"] == case.candidates


def test_a_spread_uses_the_candidates_that_are_asked_for(
    by_command: dict[str, list[bytes]],
) -> None:
    assert by_command["chosen spread"] != by_command["spread"]


def test_what_a_report_says_of_request_and_plan_makes_its_charts_again(
    client: Client, song: Path, by_command: dict[str, list[bytes]]
) -> None:
    case = CASES["reached"]
    report, _ = by_api(client, case, song)
    assert "/" not in json.dumps(report["request"])
    _, files = client.predict(
        audio=handle_file(song), request=report["request"], plan=report["plan"],
        api_name="/generate",
    )  # fmt: skip
    package = Path(next(file for file in files if file.endswith(".osz")))
    assert files_in(package) == by_command["reached"]
