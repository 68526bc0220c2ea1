"""Train a rhythm scorer: the probability of a row at each line of a beat, from the sound.

A folder of songs with charts is split by song; the held-out ones calibrate the scorer and give its
figures. A run goes on where it was stopped: the same command again.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import torch

from mug.audio.flux import FluxCache
from mug.cli.common import OK, add_overwrite_option, progress_bar, run
from mug.errors import DataError
from mug.files import check_free
from mug.rhythm.judging import calibrate, judge_songs, mean_figures, reliability
from mug.rhythm.scorer import RhythmScorer, ScorerOptions, is_scorer, save_scorer
from mug.rhythm.songs import SongLines, held_out, read_song, song_folders
from mug.rhythm.training import ScorerTraining, ScorerTrainingOptions

SCORER, STATE = "scorer.safetensors", "state.pt"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual, sizes = ScorerTrainingOptions(), ScorerOptions()
    made.add_argument("--songs", type=Path, required=True, help="folder of songs with charts")
    made.add_argument("--out", type=Path, required=True, help=f"folder for {SCORER}")
    made.add_argument(
        "--cache", type=Path, help="folder for what is computed from sounds (default OUT/cache)"
    )
    made.add_argument("--steps", type=int, default=usual.steps, help="(default %(default)s)")
    made.add_argument(
        "--batch", type=int, default=usual.batch, help="crops a step (default %(default)s)"
    )
    made.add_argument(
        "--learning_rate", type=float, default=usual.learning_rate, help="(default %(default)s)"
    )
    made.add_argument("--width", type=int, default=sizes.width, help="(default %(default)s)")
    made.add_argument(
        "--dilations",
        type=int,
        nargs="+",
        default=list(sizes.dilations),
        help="of the blocks, in lines (default 1 2 4 8 16 32)",
    )
    made.add_argument("--dropout", type=float, default=sizes.dropout, help="(default 0)")
    made.add_argument(
        "--held_out", type=float, default=0.1, help="share of the songs that judge (default .1)"
    )
    made.add_argument("--keys", type=int, help="columns of the charts (default: any)")
    made.add_argument(
        "--judge",
        type=Path,
        help="folder of further songs with charts; their figures decide nothing",
    )
    made.add_argument("--seed", type=int, default=usual.seed, help="of everything drawn")
    made.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    add_overwrite_option(made)
    return made


def main() -> int:
    """Train, calibrate, judge and write the scorer."""
    args = parser().parse_args()
    check_free([args.out / SCORER], overwrite=args.overwrite, is_ours=is_scorer)
    torch.set_num_threads(args.threads)
    options = ScorerTrainingOptions(
        steps=args.steps, batch=args.batch, learning_rate=args.learning_rate, seed=args.seed
    )
    sizes = ScorerOptions(width=args.width, dilations=tuple(args.dilations), dropout=args.dropout)
    train, judging = held_out(song_folders(args.songs), args.held_out)
    cache = FluxCache(args.cache or args.out / "cache")
    songs, unseen = _read(train, cache, args.keys), _read(judging, cache, args.keys)
    training = ScorerTraining(songs, options, sizes, args.out / STATE)
    with progress_bar("training", "step") as progress:
        scorer = training.run(lambda step, steps, _: progress(step, steps))
    calibrate(scorer, unseen)
    print(f"{sum(weight.numel() for weight in scorer.parameters()):,} weights")
    figures = _judge(scorer, unseen, "held-out")
    about = {
        "training": asdict(options),
        "songs": len(songs),
        "held_out_songs": len(unseen),
        "charts": sum(len(song.charts) for song in songs),
        "figures": figures,
    }
    save_scorer(scorer, args.out / SCORER, about)
    print(f"Scorer: {args.out / SCORER}")
    if args.judge is not None:
        _judge(scorer, _read(song_folders(args.judge), cache, args.keys), "further")
    return OK


def _read(folders: list[Path], cache: FluxCache, keys: int | None) -> list[SongLines]:
    """Songs with their curves, which are computed where the cache has none.

    Raises:
        DataError: when none of the folders holds a chart that can be learnt from.
    """
    songs: list[SongLines] = []
    with progress_bar("reading", "song") as progress:
        for number, folder in enumerate(folders, 1):
            song = read_song(folder, cache, keys)
            if song is not None:
                songs.append(song)
            progress(number, len(folders))
    if not songs:
        raise DataError("rhythm.no_charts_in_folder", file=folders[0].parent)
    return songs


def _judge(scorer: RhythmScorer, songs: list[SongLines], which: str) -> dict[str, float]:
    """Print the figures of songs that were not trained on and return their means."""
    by_song = judge_songs(scorer, songs)
    mean = mean_figures(by_song)
    above = sum(figures.listening_gain > 0 for figures in by_song)
    print(f"{len(songs)} {which} songs:")
    for song, one in zip(songs, by_song, strict=True):
        print(f"  {one.f1:.3f} {one.listening_gain:+.3f}  {song.name} ({len(song.charts)} charts)")
    print(f"  log-loss {mean.log_loss:.4f} nats a line")
    print(f"  average precision {mean.average_precision:.3f}")
    print(f"  F1 ±20 ms at matched rows {mean.f1:.3f}, by metre only {mean.metre_f1:.3f}")
    print(f"  listening gain {mean.listening_gain:+.3f}, above 0 on {above} of {len(songs)} songs")
    print(f"  rows expected / rows {mean.rows_ratio:.2f}")
    print("  probability, share of rows, lines:")
    for given, rows, count in reliability(scorer, songs):
        print(f"    {given:.2f}  {rows:.2f}  {count}")
    return {**asdict(mean), "listening_gain": mean.listening_gain}


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from here.")
