"""Compose sample songs with charts, by code alone: no recordings, no samples, no network."""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.cli.common import OK, add_overwrite_option, progress_bar, run
from mug.compose.collection import CollectionOptions, compose_collection
from mug.compose.held_out import HELD_OUT_KINDS, compose_held_out
from mug.compose.style import SongStyle
from mug.compose.varied.style import VariedStyle
from mug.compose.varied_collection import VariedOptions


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the songs")
    parser.add_argument("--count", type=int, default=24, help="songs (default 24)")
    parser.add_argument("--seed", type=int, default=0, help="other seeds give other songs")
    parser.add_argument("--min_s", type=float, default=30.0, help="shortest song in seconds")
    parser.add_argument("--max_s", type=float, default=60.0, help="longest song in seconds")
    parser.add_argument("--keys", type=int, default=4, help="columns of the charts")
    parser.add_argument(
        "--difficulties", type=int, help="charts a song: 1 to 4 (default 4); --varied: 8"
    )
    parser.add_argument("--audio", default="ogg", help="ogg, flac or wav; --varied: mp3, mixed too")
    parser.add_argument(
        "--varied",
        action="store_true",
        help="more styles, forms, metres, tempos and sounds, and charts whose difficulty does not"
        " follow from the song, for training",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument(
        "--held_out",
        action="store_true",
        help="varied songs for judging, one of each kind and none of --count:"
        f" {', '.join(HELD_OUT_KINDS)}",
    )
    add_overwrite_option(parser)
    return parser.parse_args()


def _options(given: argparse.Namespace) -> CollectionOptions | VariedOptions:
    seconds = (given.min_s, given.max_s)
    if given.varied:
        return VariedOptions(
            style=VariedStyle(seconds=seconds),
            keys=given.keys,
            charts=8 if given.difficulties is None else given.difficulties,
            audio_format=given.audio,
        )
    return CollectionOptions(
        style=SongStyle(seconds=seconds),
        keys=given.keys,
        difficulties=4 if given.difficulties is None else given.difficulties,
        audio_format=given.audio,
    )


def _held_out(given: argparse.Namespace) -> int:
    charts = 8 if given.difficulties is None else given.difficulties
    options = VariedOptions(keys=given.keys, charts=charts, audio_format=given.audio)
    folders = compose_held_out(
        given.out, seed=given.seed, options=options, overwrite=given.overwrite
    )
    for kind, folder in folders.items():
        print(f"{kind}: {folder}")
    return OK


def main() -> int:
    """Compose the collection and say where it lies."""
    given = _arguments()
    if given.held_out:
        return _held_out(given)
    with progress_bar("composing", "song") as show:
        folders = compose_collection(
            given.out,
            given.count,
            seed=given.seed,
            options=_options(given),
            workers=given.workers,
            progress=show,
            overwrite=given.overwrite,
        )
    print(f"{len(folders)} songs in {given.out}")
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from here.")
