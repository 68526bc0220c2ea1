"""Judges a model, or charts that any program made, against human charts; docs/benchmark.md.

A folder of beatmapsets says what is right. With --checkpoint, charts are made at each human
chart's star rating and share of long notes; with --charts, those of a folder are judged, matched
to their song by the name of their folder or sound file. The baselines stand in the same table.
A run goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.errors import DataError
from mug.pipeline.evaluation import HumanSong, assert_unseen
from mug.pipeline.evaluation_rows import Row
from mug.util import atomic_write
from scripts._common import OK, progress_bar, run
from scripts._evaluate_jobs import Job, Setting, rival_jobs, rows_in, songs_in, work


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--songs", type=Path, required=True, help="folder of human beatmapsets")
    made.add_argument("--out", type=Path, required=True, help="folder of results")
    made.add_argument("--checkpoint", type=Path, help="a model to judge")
    made.add_argument("--charts", type=Path, help="a folder of charts by another program")
    made.add_argument("--name", default="charts", help="what to call them (default: charts)")
    made.add_argument(
        "--training",
        type=Path,
        help="folder of human beatmapsets that the model was trained on: for patterns by tier,"
        " copies, and the baseline of another song. None of --songs may be in it",
    )
    made.add_argument("--keys", type=int, default=4, help="columns (default 4)")
    made.add_argument("--seeds", type=int, default=2, help="samples a chart (default 2)")
    made.add_argument(
        "--candidates", type=int, default=4, help="charts that `best of N` chooses from (4)"
    )
    made.add_argument("--steps", type=int, default=50, help="sampler steps (default 50)")
    made.add_argument("--guidance_scale", type=float, default=5.0, help="1 is off (default 5)")
    made.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default cpu)")
    made.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    return made


def main() -> int:
    """Does what is not done yet, then writes results.json and results.md."""
    args = parser().parse_args()
    setting = _setting(args)
    songs = songs_in(setting.songs, setting.keys)
    if setting.training is not None:
        assert_unseen(songs, songs_in(setting.training, setting.keys))
    charts = [(song.name, index) for song in songs for index in range(len(song.charts))]
    jobs = [Job("baselines", *chart) for chart in charts]
    if args.charts is not None:
        jobs += rival_jobs(args.charts, args.name, songs)
    if setting.checkpoint is not None:
        jobs += [Job("model", *chart) for chart in charts]
    weights = _file_hash(setting.checkpoint)
    marks = {job: job.mark(setting, weights) for job in jobs}
    todo = [(job, mark) for job, mark in marks.items() if not mark.exists()]
    with progress_bar("judging", "chart") as progress:
        _work_all(setting, todo, args.workers, progress)
    rows = [row for mark in marks.values() for row in rows_in(mark)]
    _write(setting.out, rows, songs, _command(args))
    return OK


def _setting(args: argparse.Namespace) -> Setting:
    from mug.pipeline.evaluation_columns import ModelRun

    for name in ("seeds", "candidates", "workers", "steps", "keys"):
        if getattr(args, name) < 1:
            raise DataError(f"--{name} must be at least 1", value=getattr(args, name))
    how = ModelRun(args.seeds, args.candidates, args.steps, args.guidance_scale)
    return Setting(
        args.songs, args.training, args.keys, args.checkpoint, how, args.out, args.device
    )


def _file_hash(checkpoint: Path | None) -> str:
    """What tells this checkpoint from a later one of the same name."""
    if checkpoint is None:
        return ""
    if not checkpoint.exists():
        raise DataError("no such checkpoint", file=checkpoint)
    found = checkpoint.stat()
    return f"{checkpoint.resolve()} {found.st_size} {found.st_mtime_ns}"


def _work_all(
    setting: Setting,
    todo: list[tuple[Job, Path]],
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    if workers == 1:
        for done, (job, mark) in enumerate(todo, 1):
            work(setting, job, mark)
            progress(done, len(todo))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = [pool.submit(work, setting, job, mark) for job, mark in todo]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                progress(done, len(todo))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _command(args: argparse.Namespace) -> dict[str, object]:
    return {key: str(v) if isinstance(v, Path) else v for key, v in vars(args).items()}


def _write(
    out: Path, rows: list[Row], songs: Sequence[HumanSong], command: dict[str, object]
) -> None:
    from mug.pipeline.evaluation_markdown import markdown
    from mug.pipeline.evaluation_results import described, results

    found = results(rows, described(songs, out), command)
    with atomic_write(out / "results.json", "w", encoding="utf-8") as handle:
        json.dump(found, handle, indent=1)
    table = markdown(rows)
    with atomic_write(out / "results.md", "w", encoding="utf-8") as handle:
        handle.write(table)
    print(table)


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="Finished charts are kept; the same command goes on."))
