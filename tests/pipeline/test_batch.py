"""A folder of songs: resumed where it was stopped, broken songs told and passed over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mug.beatmap.formats.safe_names import sanitise_name
from mug.errors import AudioError, Cancelled, GenerationError
from mug.pipeline.batch import digest_of, plan_batch, run_batch
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.plan import Plan, Search
from mug.pipeline.request import GenerationRequest


def _songs(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / "songs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder / "songs"


def _work(log: list[str]):
    def work(job: BatchJob) -> None:
        log.append(job.song.name)
        if b"broken" in job.song.read_bytes():
            raise AudioError("cannot be decoded", file=job.song)
        job.out.parent.mkdir(parents=True, exist_ok=True)
        job.out.write_bytes(b"package")

    return work


def test_results_mirror_the_folders_and_never_share_a_name(tmp_path: Path) -> None:
    songs = _songs(tmp_path, "b.ogg", "b.mp3", "a/b.wav", "c.FLAC", "notes.txt", "a.b.mp3")
    out = tmp_path / "out"
    jobs = plan_batch(songs, out)
    assert [job.out.relative_to(out).as_posix() for job in jobs] == [
        "a/b.osz",
        "a.b.osz",
        "b.mp3.osz",
        "b.ogg.osz",
        "c.osz",
    ]
    assert len({job.mark for job in jobs}) == len(jobs)
    with pytest.raises(GenerationError, match="no songs"):
        plan_batch(_songs(tmp_path / "other", "x.txt"), out)
    with pytest.raises(GenerationError, match="folder"):
        plan_batch(songs, tmp_path / "x.osz")


def test_packages_have_names_that_windows_can_hold(tmp_path: Path) -> None:
    names = "CON.mp3", "aux/a.wav", "ends./x.ogg", "what?.flac", "what_.ogg", "WHAT_.ogg"
    out = tmp_path / "out"
    jobs = plan_batch(_songs(tmp_path, *names), out)
    found = {
        job.song.name: [*job.out.relative_to(out).parts, *job.mark.relative_to(out / ".done").parts]
        for job in jobs
    }
    assert found["CON.mp3"] == ["_CON.osz", "_CON.json"]
    assert found["a.wav"] == ["_aux", "a.osz", "_aux", "a.json"]
    assert found["x.ogg"] == ["ends", "x.osz", "ends", "x.json"]
    assert all(part == sanitise_name(part) for parts in found.values() for part in parts)
    for paths in ([job.out for job in jobs], [job.mark for job in jobs]):
        assert len({str(path).casefold() for path in paths}) == len(names)


def test_a_broken_song_is_reported_and_the_rest_is_made(tmp_path: Path) -> None:
    jobs = plan_batch(_songs(tmp_path, "a.mp3", "broken.mp3", "c.mp3"), tmp_path / "out")
    log: list[str] = []
    seen: list[tuple[int, int]] = []
    failed: list[str] = []
    outcome = run_batch(
        jobs,
        _work(log),
        "digest",
        lambda done, total: seen.append((done, total)),
        lambda job, _why: failed.append(job.song.name),
    )
    assert [job.song.name for job in outcome.done] == ["a.mp3", "c.mp3"]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert failed == ["broken.mp3"]
    report = outcome.to_dict()
    assert "cannot be decoded" in report["failed"][0]["error"]
    jobs[1].song.write_bytes(b"mended")
    again = run_batch(jobs, _work(log), "digest")
    assert [job.song.name for job in again.done] == ["broken.mp3"]
    assert [job.song.name for job in again.skipped] == ["a.mp3", "c.mp3"]
    assert again.failed == ()


def test_only_the_same_request_the_same_song_and_a_whole_package_count_as_done(
    tmp_path: Path,
) -> None:
    jobs = plan_batch(_songs(tmp_path, "a.mp3", "b.mp3", "c.mp3"), tmp_path / "out")
    log: list[str] = []
    run_batch(jobs, _work(log), "one")
    log.clear()
    run_batch(jobs, _work(log), "one")
    assert log == []
    jobs[0].song.write_bytes(b"another song")
    jobs[1].out.unlink()
    jobs[2].mark.write_bytes(b"{damaged")
    run_batch(jobs, _work(log), "one")
    assert log == ["a.mp3", "b.mp3", "c.mp3"]
    log.clear()
    run_batch(jobs, _work(log), "two")
    assert len(log) == 3


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Cancelled("stopped")])
def test_stopping_ends_the_batch_and_the_next_call_goes_on(
    tmp_path: Path, stop: BaseException
) -> None:
    jobs = plan_batch(_songs(tmp_path, "a.mp3", "b.mp3", "c.mp3"), tmp_path / "out")
    log: list[str] = []

    def stopping(job: BatchJob) -> None:
        if job.song.name == "b.mp3":
            raise stop
        _work(log)(job)

    with pytest.raises(type(stop)):
        run_batch(jobs, stopping, "digest")
    assert log == ["a.mp3"]
    run_batch(jobs, _work(log), "digest")
    assert log == ["a.mp3", "b.mp3", "c.mp3"]


def test_digests_tell_requests_apart(tiny_model: LoadedModel) -> None:
    request, plan = GenerationRequest(Path("songs"), {"sr": 3.0}), Plan()
    one = digest_of(request, plan, tiny_model)
    assert digest_of(replace(request, audio=Path("moved")), plan, tiny_model) == one
    others = [
        digest_of(replace(request, seed=2), plan, tiny_model),
        digest_of(replace(request, finish=FinishOptions(divisors=(1, 2))), plan, tiny_model),
        digest_of(request, Plan(Search(candidates=2)), tiny_model),
        digest_of(request, plan, replace(tiny_model, precision="bf16")),
    ]
    assert len({one, *others}) == 5
