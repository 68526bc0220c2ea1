"""Judge a model, or charts that any program made, against human charts; docs/benchmark.md.

A folder of beatmapsets says what is right; --synthetic composes one. With --checkpoint, charts are
made at each human chart's star rating and share of long notes; with --charts, those of a folder are
judged, matched to their song by the name of their folder or sound file. The baselines stand in the
same table. A run goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from mug.cli.common import OK, add_overwrite_option, progress_bar, run
from mug.compose.collection import CollectionOptions, compose_collection
from mug.compose.held_out import HELD_OUT_KINDS, compose_held_out
from mug.compose.style import SongStyle
from mug.compose.varied_collection import VariedOptions
from mug.diffusion.samplers.registry import SAMPLERS
from mug.errors import DataError
from mug.evaluation.jobs import (
    BASELINES,
    ROWS,
    SCORER,
    Piece,
    Setting,
    model_pieces,
    rival_jobs,
    rows_in,
    songs_in,
    work,
)
from mug.evaluation.rows import CHARTS, COST, PARTS, ResultRow
from mug.evaluation.songs import HumanSong, assert_unseen
from mug.files import check_free, write_together
from mug.messages.message import Message
from mug.pipeline.defaults import SAMPLER, STEPS
from mug.processes import open_pool
from mug.util import nearest

RESULTS, TABLES = "results.json", ("results.md", "bars.md")

PACK_SEED = 77
"""Of the synthetic pack; far from the seeds that training sets are composed with."""

PACK_STYLE = SongStyle(seconds=(30.0, 45.0))

_HELD_OUT_CHARTS = 4


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _add_songs(made)
    _add_judged(made)
    _add_sampling(made)
    add_overwrite_option(made)
    return made


def _add_songs(made: argparse.ArgumentParser) -> None:
    """Songs to judge by, and the folder of results."""
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--songs", type=Path, help="folder of human beatmapsets")
    source.add_argument(
        "--synthetic",
        type=int,
        metavar="N",
        help="judge on N songs composed by code, with exact onsets and tempo, in OUT/songs",
    )
    source.add_argument(
        "--held_out",
        type=int,
        metavar="N",
        help="judge on N composed songs of each of seven kinds, in OUT/songs: 70, 100, 115 and"
        " 230 BPM, tempo changes, 3/4 and 6/8",
    )
    made.add_argument(
        "--leave_out",
        default="",
        metavar="NAMES",
        help="folders of --songs not to judge by, with commas between",
    )
    made.add_argument(
        "--bars",
        action="store_true",
        help="print the table of bars alone; all tables are written as always",
    )
    made.add_argument("--out", type=Path, required=True, help="folder of results")


def _add_judged(made: argparse.ArgumentParser) -> None:
    """The model or charts to judge."""
    made.add_argument("--checkpoint", type=Path, help="a model to judge")
    made.add_argument("--scorer", type=Path, help="a rhythm scorer to judge alone")
    made.add_argument("--charts", type=Path, help="a folder of charts by another program")
    made.add_argument("--name", default="charts", help="what to call them (default: charts)")
    made.add_argument(
        "--references",
        type=Path,
        help="CSV file with the columns chart, song, difficulty: the human chart that each of"
        " --charts is held against. Without it, the one nearest in star rating",
    )
    made.add_argument(
        "--training",
        type=Path,
        help="folder of human beatmapsets that the model was trained on: for patterns by tier,"
        " copies, and the baseline of another song. None of --songs may be in it",
    )
    made.add_argument(
        "--parts",
        default=CHARTS,
        help=f"pieces of the protocol, by commas: {', '.join(PARTS)}, or all (default {CHARTS});"
        " all but the first need --checkpoint",
    )
    made.add_argument("--keys", type=int, default=4, help="columns (default 4)")


def _add_sampling(made: argparse.ArgumentParser) -> None:
    """Sampling of charts, and the machine for it."""
    made.add_argument("--seeds", type=int, default=2, help="samples a chart (default 2)")
    made.add_argument(
        "--candidates", type=int, default=4, help="charts that `best of N` chooses from (4)"
    )
    made.add_argument(
        "--steps", type=int, default=STEPS, help="sampler steps (default %(default)s)"
    )
    made.add_argument(
        "--sampler", default=SAMPLER, help=f"{', '.join(SAMPLERS)} (default %(default)s)"
    )
    made.add_argument("--guidance_scale", type=float, default=5.0, help="1 is off (default 5)")
    made.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default cpu)")
    made.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    made.add_argument(
        "--threads", type=int, default=1, help="of torch, where the cost is measured (default 1)"
    )


def main() -> int:
    """Does what is not done yet, then writes results.json, results.md and the pages."""
    args = parser().parse_args()
    parts = _parts(args)
    check_free(
        (args.out / name for name in (RESULTS, *TABLES)),
        overwrite=args.overwrite,
        is_ours=lambda _: (args.out / ROWS).is_dir(),
    )
    setting = _setting(args)
    songs = without(songs_in(setting.songs, setting.keys), args.leave_out)
    others = songs_in(setting.training, setting.keys) if setting.training else ()
    assert_unseen(songs, others)
    jobs = []
    if CHARTS in parts:
        jobs += [Piece(BASELINES, s.name, chart) for s in songs for chart in range(len(s.charts))]
        if args.scorer is not None:
            jobs += [Piece(SCORER, s.name, chart) for s in songs for chart in range(len(s.charts))]
        if args.charts is not None:
            jobs += rival_jobs(args.charts, args.name, songs, args.references)
    if setting.checkpoint is not None:
        jobs += model_pieces(parts, songs)
    weights = _file_hash(setting.checkpoint)
    marks = {job: job.mark(setting, weights) for job in jobs}
    todo = [(job, mark) for job, mark in marks.items() if not mark.exists()]
    with progress_bar("judging", "piece") as progress:
        _run_all(setting, todo, args.workers, progress)
    rows = [row for mark in marks.values() for row in rows_in(mark)]
    table = _write(setting.out, rows, (songs, others), _command(args))
    print(table["bars.md" if args.bars else "results.md"])
    return OK


def without(songs: Sequence[HumanSong], names: str) -> tuple[HumanSong, ...]:
    """The songs but those that are to be left out."""
    left_out = {name.strip() for name in names.split(",") if name.strip()}
    known = [song.name for song in songs]
    for name in sorted(left_out - set(known)):
        raise DataError(
            "scripts.no_such_song_to_leave_out", value=name, remedy=nearest(name, known)
        )
    kept = tuple(song for song in songs if song.name not in left_out)
    if not kept:
        raise DataError("scripts.no_song_is_left", value=names)
    return kept


def _parts(args: argparse.Namespace) -> tuple[str, ...]:
    asked = PARTS if args.parts == "all" else tuple(args.parts.split(","))
    for part in asked:
        if part not in PARTS:
            raise DataError(
                "scripts.no_such_part_of_protocol", value=part, remedy=nearest(part, PARTS)
            )
    if args.checkpoint is None and set(asked) - {CHARTS}:
        raise DataError(
            "scripts.these_parts_are_about_model",
            value=args.parts,
            remedy=Message("remedy.give_checkpoint_or_parts", parts=CHARTS),
        )
    if args.charts is not None and CHARTS not in asked:
        raise DataError("scripts.charts_is_judged_in_part", value=args.parts)
    return asked


def _setting(args: argparse.Namespace) -> Setting:
    from mug.evaluation.made import ModelRun
    from mug.pipeline.plain import field_names
    from mug.pipeline.request import GenerationRequest

    names = ("seeds", "candidates", "workers", "steps", "keys", "threads", "synthetic", "held_out")
    for name in names:
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise DataError("scripts.must_be_at_least_1", name=name, value=getattr(args, name))
    given = {name: vars(args)[name] for name in field_names(GenerationRequest) if name in args}
    how = GenerationRequest.from_plain({**given, "audio": ""})
    return Setting(
        _composed(args) if args.songs is None else args.songs,
        args.training,
        args.keys,
        args.checkpoint,
        ModelRun(args.seeds, args.candidates, how),
        args.out,
        args.device,
        args.threads,
        args.scorer,
    )


def _composed(args: argparse.Namespace) -> Path:
    """The composed songs to judge by, made where they are not there yet."""
    keys = args.keys
    with progress_bar("composing", "song") as progress:
        if args.held_out is not None:
            folder: Path = args.out / "songs" / f"held out {args.held_out} of {keys} columns"
            options = VariedOptions(keys=keys, charts=_HELD_OUT_CHARTS, audio_format="flac")
            for seed in range(args.held_out):
                compose_held_out(folder, seed=seed, options=options)
                progress(len(HELD_OUT_KINDS) * (seed + 1), len(HELD_OUT_KINDS) * args.held_out)
            return folder
        folder = args.out / "songs" / f"{args.synthetic} of {keys} columns"
        compose_collection(
            folder,
            args.synthetic,
            seed=PACK_SEED,
            options=CollectionOptions(style=PACK_STYLE, keys=keys, audio_format="flac"),
            workers=args.workers,
            progress=progress,
        )
    return folder


def _file_hash(checkpoint: Path | None) -> str:
    """Hash that tells this checkpoint from a later one of the same name."""
    if checkpoint is None:
        return ""
    if not checkpoint.exists():
        raise DataError("common.no_such_checkpoint", file=checkpoint)
    found = checkpoint.stat()
    return f"{checkpoint.resolve()} {found.st_size} {found.st_mtime_ns}"


def _run_all(
    setting: Setting,
    todo: list[tuple[Piece, Path]],
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    """Does the pieces; those of the cost one after the other when all others are done."""
    shared = [entry for entry in todo if entry[0].kind != COST and workers > 1]
    if shared:
        _run_shared(setting, shared, workers, lambda done: progress(done, len(todo)))
    alone = [entry for entry in todo if entry not in shared]
    for done, (job, mark) in enumerate(alone, len(shared) + 1):
        work(setting, job, mark)
        progress(done, len(todo))


def _run_shared(
    setting: Setting,
    todo: list[tuple[Piece, Path]],
    workers: int,
    progress: Callable[[int], None],
) -> None:
    with open_pool(workers) as pool:
        futures = [pool.submit(work, setting, job, mark) for job, mark in todo]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _command(args: argparse.Namespace) -> dict[str, object]:
    """Return the options that results depend on: the same ones give the same bytes anywhere."""
    return {
        key: str(value) if isinstance(value, Path) else value
        for key, value in vars(args).items()
        if key not in ("out", "overwrite", "workers", "bars")
    }


def _write(
    out: Path,
    rows: list[ResultRow],
    songs: tuple[Sequence[HumanSong], Sequence[HumanSong]],
    command: dict[str, object],
) -> dict[str, str]:
    """Write results and pages; the tables by the names of their files."""
    from mug.evaluation.html.page import write_pages
    from mug.evaluation.markdown.bars import bars_table
    from mug.evaluation.markdown.write import markdown
    from mug.evaluation.results import results

    found = results(rows, songs[0], command, out, songs[1])
    tables = {"results.md": markdown(rows, found), "bars.md": bars_table(rows, found)}
    with write_together() as files:
        for name, table in tables.items():
            files.write(out / name, table.encode())
        pages = write_pages(found, out)
        with files.open(out / RESULTS, "w", encoding="utf-8") as handle:
            json.dump(found, handle, indent=1)
    print(f"To look at in a browser: {pages[0]}")
    return tables


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Finished charts are kept; the same command goes on.")
