"""Measure the stars that a model reaches for stars that it is given, and write reached.json.

Charts of composed songs that no training set has, sampled and finished but not brought to any
star rating. Before sampling, the model is then given the stars by which it reaches those asked for.
The same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.sound_file import find_audio
from mug.cli.charts.options import add_sampling_options, generator_of
from mug.cli.common import OK, add_overwrite_option, progress_bar, run
from mug.errors import CheckpointError
from mug.files import check_free
from mug.pipeline.model.choice import SHIPPED, find_model
from mug.pipeline.model.names import REACHED_NAME, SCORER_NAME
from mug.pipeline.model.reached import read_reached_file
from mug.pipeline.model.release import Release
from mug.pipeline.model.sums import write_sums

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.request import GenerationRequest

STARS = tuple(half / 2 for half in range(1, 17))
"""Star ratings that the model is given: 0.5 ... 8."""

_SONGS_SEED = 500
"""First seed of the held-out songs; lower ones judge."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--work", type=Path, required=True, help="folder of songs and measurements")
    made.add_argument(
        "--out",
        type=Path,
        help=f"the file to write (default: {REACHED_NAME} of the model's folder)",
    )
    made.add_argument(
        "--stars", type=_stars, default=STARS, metavar="S,S,...", help="stars to give (0.5,1,...,8)"
    )
    made.add_argument(
        "--songs",
        type=Path,
        help="folder of songs with a chart each, in place of composed ones; none that the model was"
        " trained on",
    )
    made.add_argument(
        "--kinds", type=int, default=7, help="kinds of songs, one song each (default: all 7)"
    )
    made.add_argument("--rounds", type=int, default=1, help="songs of each kind (default 1)")
    add_overwrite_option(made)
    add_sampling_options(made)
    return made


def main() -> int:
    """Compose, sample, measure, and write."""
    command_line = parser()
    early = command_line.parse_args()
    model = find_model(early.ckpt, early.keys)
    out = early.out or (model if model.is_dir() else model.parent) / REACHED_NAME
    file = early.work / "measured.jsonl"
    check_free([out], overwrite=early.overwrite, is_ours=_is_reached)
    check_free([file], overwrite=early.overwrite, is_ours=_is_measured)  # it is added to
    command_line.set_defaults(**Release.beside(model).sampling)
    args = command_line.parse_args()
    generator = generator_of(args)

    from mug.pipeline.judge.calibration import measure_missing, sampled_stars, summary
    from mug.pipeline.judge.calibration import write_summary as write

    songs = _songs(args, generator.model.keys)
    request = _request(args, next(iter(songs.values())))
    wanted = [(name, args.seed) for name in songs]
    with progress_bar("measuring", "chart") as progress:
        done = 0

        def measure(name: str, seed: int, stars: Sequence[float]) -> Sequence[float]:
            nonlocal done
            found = sampled_stars(generator, _request(args, songs[name]), stars)
            done += len(stars)
            progress(done, len(wanted) * len(args.stars))
            return found

        name = _run(generator, request, model)
        measured = measure_missing(file, name, wanted, args.stars, measure)
    content = summary(measured)
    write(out, content)
    if out.resolve().parent.parent == SHIPPED:
        write_sums(SHIPPED)
    for given, reached in zip(content["given"], content["reached"], strict=True):
        print(f"given {given:g}: reached {reached:.2f}")
    print(f"{out}: {content['charts']} charts of {content['songs']} songs")
    return OK


def _is_reached(file: Path) -> bool:
    try:
        return bool(read_reached_file(file))
    except CheckpointError:
        return False


def _is_measured(file: Path) -> bool:
    from mug.pipeline.judge.calibration import is_measured

    return is_measured(file)


def _songs(args: argparse.Namespace, keys: int) -> dict[str, Path]:
    """Folders of songs by name; composed ones unless others are named."""
    if args.songs is not None:
        return {chart.parent.name: chart.parent for chart in sorted(args.songs.rglob("*.osu"))}
    from mug.compose.held_out import HELD_OUT_KINDS, compose_held_out
    from mug.compose.varied_collection import VariedOptions

    kinds = list(HELD_OUT_KINDS)[: args.kinds]
    options = VariedOptions(keys=keys, charts=1)
    found: dict[str, Path] = {}
    for number in range(args.rounds):
        folders = compose_held_out(
            args.work / "songs",
            seed=_SONGS_SEED + number,
            kinds=kinds,
            options=options,
            overwrite=args.overwrite,
        )
        found |= {f"{kind} {number}": folder for kind, folder in folders.items()}
    return found


def _request(args: argparse.Namespace, folder: Path) -> GenerationRequest:
    """Return how charts of a song are sampled: on its own red lines."""
    from mug.pipeline.finish.options import FinishOptions
    from mug.pipeline.request import GenerationRequest

    chart = min(folder.glob("*.osu"))
    audio = find_audio(osu_patch.read(chart).beatmap)
    return GenerationRequest(
        audio,
        steps=args.steps,
        sampler=args.sampler,
        guidance_scale=args.guidance_scale,
        seed=args.seed,
        batch_size=args.batch_size,
        finish=FinishOptions().timed_by(chart),
    )


def _run(generator: ChartGenerator, request: GenerationRequest, model: Path) -> str:
    """Return a name for a model and how it is sampled; measurements of others do not count."""
    scorer = model / SCORER_NAME
    said = [generator.model.weights_hash, generator.model.precision, request.steps]
    said += [request.sampler, request.guidance_scale]
    said += [hashlib.sha256(scorer.read_bytes()).hexdigest() if scorer.is_file() else ""]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _stars(text: str) -> tuple[float, ...]:
    return tuple(sorted({float(part) for part in text.split(",")}))


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from here.")
