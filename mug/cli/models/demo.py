"""Compose a song, chart it with the shipped model, and draw the chart: well below a minute.

The song is made by code, so that nothing has to be found or downloaded. Three charts are made of
it, at rising stars, whose rhythms nest.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.cli.charts.model_options import add_model_options, load_generator
from mug.cli.common import OK, add_overwrite_option, progress_bar, run, warn
from mug.compose.composer import compose_song
from mug.compose.style import SongStyle
from mug.files import write_together
from mug.pipeline.model.choice import find_model
from mug.pipeline.model.release import Release
from mug.pipeline.output.own_files import check_package, is_own, reports_beside

if TYPE_CHECKING:
    from mug.compose.score import Song
    from mug.pipeline.request import GenerationRequest

SEED = 20_261
STARS = (1.5, 2.5, 3.5)


def main() -> int:
    """Compose, chart, draw, and print where the results lie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("outputs/demo"), help="folder of results")
    parser.add_argument("--seconds", type=float, default=90.0, help="length of the song, about")
    parser.add_argument("--seed", type=int, default=SEED, help="another song and other charts")
    add_overwrite_option(parser)
    add_model_options(parser)
    args = parser.parse_args()
    began = time.monotonic()
    model = find_model(args.ckpt, args.keys)  # said before anything is made
    package, picture = args.out / "demo.osz", args.out / "demo.png"
    check_package(package, picture, overwrite=args.overwrite)
    song = compose_song(args.seed, SongStyle(seconds=(args.seconds, args.seconds + 5)))
    audio = _write(song, args.out, overwrite=args.overwrite)
    generator = load_generator(argparse.Namespace(**vars(args), precision="fp32"), "cpu")

    from mug.pipeline.output.package import make_package
    from mug.pipeline.plan import Plan, SpreadTier

    request = _request(audio, song, args.seed, Release.beside(model))
    tiers = tuple(SpreadTier(f"{stars:g} stars", stars) for stars in STARS)
    with progress_bar("charting", "step") as progress:
        report = make_package(
            generator, request, package, Plan(tiers=tiers), progress=progress,
            picture=picture, overwrite=args.overwrite,
        )  # fmt: skip
    _summary(args.out, report, time.monotonic() - began)
    return OK


def _write(song: Song, out: Path, *, overwrite: bool) -> Path:
    """Write the song's sound; over the same one, or one with our report beside it."""
    from mug.compose.sound import render, write_audio

    audio = out / "demo.ogg"
    ours = any(map(is_own, reports_beside(audio)))
    with write_together(overwrite=overwrite or ours):
        write_audio(audio, render(song))
    return audio


def _request(audio: Path, song: Song, seed: int, release: Release) -> GenerationRequest:
    from mug.pipeline.plain import changed
    from mug.pipeline.request import GenerationRequest

    request: GenerationRequest = changed(
        GenerationRequest(audio, seed=seed), release.sampling, "sampling"
    )
    names = replace(request.finish, title=song.title, artist=song.artist)
    return replace(request, finish=names)


def _summary(out: Path, report: dict[str, Any], seconds: float) -> None:
    print(f"\nDone in {seconds:.0f} seconds.")
    for chart in report["charts"]:
        reached = {name: chart["reached"][name] for name in ("notes", "long_notes", "sr")}
        print(f"  {chart['difficulty']}: {reached}")
        for text in (chart["missed_stars"], *(kept["text"] for kept in chart["missed"])):
            if text:
                warn(f"{chart['difficulty']}: {text}")
    print(f"Charts:  {out / 'demo.osz'}")
    print(f"Picture: {out / 'demo.png'}")
    print(f"Report:  {out / 'demo.json'}, {out / 'demo.md'}")
    print("Your own song: scripts/generate.py --audio song.mp3 --out song.osz --sr 3")


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="No charts are kept; the same command begins anew.")
