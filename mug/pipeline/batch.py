"""Batch of songs, one after the other: finished ones stay finished, broken ones are reported."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mug.beatmap.formats.safe_names import sanitise_name
from mug.errors import Cancelled, GenerationError, MugError
from mug.files import atomic_write
from mug.messages.message import Message
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.plan import Plan
from mug.pipeline.request import GenerationRequest
from mug.protocols import Progress
from mug.util import files_below

AUDIO = frozenset({".mp3", ".ogg", ".flac", ".wav", ".opus", ".m4a"})
"""Endings of files that are taken for songs."""

_LONGEST = 100  # characters of a name that gets a number
DONE = ".done"
"""Folder, below that of the results, with a file for each finished song."""


@dataclass(frozen=True)
class BatchJob:
    """One song of a batch.

    Args:
        song: its file.
        out: the package to write.
        mark: the file that says it is done.
    """

    song: Path
    out: Path
    mark: Path


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch.

    Args:
        done: songs that were worked on, with their packages.
        skipped: songs that were done before.
        failed: songs that were not, with the reason.
    """

    done: tuple[BatchJob, ...]
    skipped: tuple[BatchJob, ...]
    failed: tuple[tuple[BatchJob, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain containers."""
        return {
            "done": [str(job.out) for job in self.done],
            "done_before": [str(job.out) for job in self.skipped],
            "failed": [{"song": str(job.song), "error": why} for job, why in self.failed],
        }


def plan_batch(folder: Path, out: Path) -> tuple[BatchJob, ...]:
    """A job for each song in a folder and below, by name; results mirror the folders.

    Songs of one folder that differ in their ending only keep it in their package's name. Names
    that Windows cannot hold are changed as `sanitise_name` does.

    Raises:
        GenerationError: for a folder without songs, and results that would lie among them.
    """
    songs = [path for path in files_below(folder) if path.suffix.lower() in AUDIO]
    if not songs:
        raise GenerationError(
            "pipeline.no_songs_in_folder",
            file=folder,
            remedy=Message("remedy.known_endings", names=", ".join(AUDIO)),
        )
    if out.suffix.lower() == ".osz" or out.is_file():
        raise GenerationError("pipeline.results_of_folder_go_to_folder", file=out)
    stems = Counter(_stem(song) for song in songs)
    jobs, taken = [], set[str]()
    for song in songs:
        where = song.relative_to(folder)
        name = where.stem if stems[_stem(song)] == 1 else where.name
        place = Path(*map(sanitise_name, where.parent.parts))
        package = _free(place, name, taken)
        jobs.append(BatchJob(song, out / package, out / DONE / package.with_suffix(".json")))
    return tuple(jobs)


def _free(place: Path, name: str, taken: set[str]) -> Path:
    """Return a package's path that no other has, nor has but for capitals, and note it."""
    package, count = place / sanitise_name(f"{name}.osz"), 2
    while str(package).casefold() in taken:
        package = place / sanitise_name(f"{name[:_LONGEST]} ({count}).osz")
        count += 1
    taken.add(str(package).casefold())
    return package


def _stem(song: Path) -> str:
    return str(song.with_suffix("")).casefold()


def digest_of(request: GenerationRequest, plan: Plan, model: LoadedModel) -> str:
    """Return a name for what was asked for; another request gives another one.

    Args:
        request: of every song.
        plan: what it becomes.
        model: that makes the charts.
    """
    asked: dict[str, Any] = {
        "request": {**request.to_plain(), "audio": ""},
        "plan": plan.to_plain(),
        "model": [model.weights_hash, model.precision],
    }
    if model.reached is not None:
        asked["reached"] = [model.reached.given, model.reached.reached]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def run_batch(
    jobs: Sequence[BatchJob],
    work: Callable[[BatchJob], None],
    digest: str,
    progress: Progress | None = None,
    on_failure: Callable[[BatchJob, str], None] | None = None,
) -> BatchResult:
    """Work through songs; the same call goes on where an earlier one was stopped.

    A song is done when its mark names this request and this song's bytes and its package is
    there. A broken song does not stop the others. Ctrl-C and `Cancelled` end the batch at once;
    packages are written whole or not at all, so nothing is left to clean up.

    Args:
        jobs: from `plan_batch`.
        work: makes the package of one job.
        digest: from `digest_of`.
        progress: called as `progress(done, total)` after each song.
        on_failure: called with each broken song when it happens.
    """
    done: list[BatchJob] = []
    skipped: list[BatchJob] = []
    failed: list[tuple[BatchJob, str]] = []
    for count, job in enumerate(jobs, start=1):
        try:
            mark = {"request": digest, "song": _content(job.song)}
            if job.out.is_file() and _read_mark(job.mark) == mark:
                skipped.append(job)
            else:
                job.mark.unlink(missing_ok=True)
                work(job)
                with atomic_write(job.mark, "w", encoding="utf-8") as handle:
                    json.dump(mark, handle)
                done.append(job)
        except Cancelled:
            raise
        except (MugError, OSError) as error:
            failed.append((job, str(error)))
            if on_failure is not None:
                on_failure(job, str(error))
        if progress is not None:
            progress(count, len(jobs))
    return BatchResult(tuple(done), tuple(skipped), tuple(failed))


def _content(song: Path) -> str:
    with song.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _read_mark(mark: Path) -> Any:
    """Content of a mark; None where there is none or it is damaged."""
    try:
        return json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
