"""Every real song judged by a model that has not seen it: one table with intervals over songs.

    MUG_REAL_DATA=FOLDER python benchmarks/leave_one_out.py --out outputs/leave_one_out

FOLDER holds `songs/<song>/` with audio and osu!mania charts. For each song with four-key charts,
both stages of `configs/mug/SIZE.yaml` are trained on the others, and `scripts/evaluate.py` judges
the model on that song. Then all songs' rows make one table, whose intervals are over songs.

Finished steps are not done again, and training goes on from its last checkpoint: the same command
goes on after any stop. With --only, single songs are done; the table is of those that are done.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._folds import Dataset, Training, prepare, train
from mug.cli.common import OK, run
from mug.cli.steps import Steps
from mug.errors import DataError
from mug.files import atomic_write

FOLDS = "folds"
KEYS = 4


@dataclass(frozen=True)
class Fold:
    """One song held out.

    Args:
        song: name of its folder.
        out: where its model and figures go.
    """

    song: str
    out: Path

    @property
    def results(self) -> Path:
        """Results of `scripts/evaluate.py`."""
        return self.out / "evaluation" / "results.json"

    def gather(self, songs: Path, names: Sequence[str]) -> tuple[Path, Path]:
        """Folders of the held-out song and of the others, as links to their files.

        Args:
            songs: folder of all songs.
            names: those that take part.
        """
        for name in names:
            part = self.out / ("held_out" if name == self.song else "training") / name
            part.mkdir(parents=True, exist_ok=True)
            for file in sorted(path for path in (songs / name).iterdir() if path.is_file()):
                link = part / file.name
                if not link.is_symlink():
                    link.symlink_to(file.resolve())
        return self.out / "held_out", self.out / "training"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/leave_one_out"))
    parser.add_argument("--only", nargs="+", default=[], metavar="SONG", help="songs to do now")
    parser.add_argument("--size", default="small", help="configs/mug/SIZE.yaml (default small)")
    for stage, said in (("first_stage", "the first stage"), ("diffusion", "the diffusion")):
        parser.add_argument(f"--{stage}_steps", type=int, help=f"of {said} (default: the config's)")
        parser.add_argument(
            f"--{stage}_minutes", type=float, help=f"{said} stops after them, if not before"
        )
    parser.add_argument("--override", nargs="*", default=[], help="key=value for both configs")
    parser.add_argument("--steps", type=int, default=20, help="sampler steps (default 20)")
    parser.add_argument("--guidance_scale", type=float, default=2.0, help="1 is off (default 2)")
    parser.add_argument("--seeds", type=int, default=2, help="samples a chart (default 2)")
    parser.add_argument("--candidates", type=int, default=4, help="of `best of N` (default 4)")
    parser.add_argument("--workers", type=int, default=1, help="processes that judge (default 1)")
    return parser.parse_args()


def main() -> int:
    """Does the folds that are not done yet, then writes the results over songs."""
    args = _arguments()
    if not os.environ.get("MUG_REAL_DATA"):
        raise DataError("MUG_REAL_DATA is not set", remedy="Point it at the folder of real songs")
    songs = Path(os.environ["MUG_REAL_DATA"]) / "songs"
    out = args.out.resolve()
    data = prepare(Steps(out), songs)
    names = data.songs
    if unknown := sorted({*args.only} - {*names}):
        raise DataError(
            "no such song with four-key charts", value=unknown, remedy=f"One of {names}"
        )
    if len(names) < 2:
        raise DataError("leaving one song out needs two at least", file=songs, value=names)
    folds = [Fold(name, out / FOLDS / name) for name in names]
    for number, fold in enumerate(folds, 1):
        if not args.only or fold.song in args.only:
            print(f"\n=== song {number} of {len(folds)}: {fold.song}", flush=True)
            _do(fold, songs, data, args)
    done = [fold for fold in folds if fold.results.is_file()]
    title = f"{args.size}, leave one song out: {len(done)} of {len(folds)} songs"
    text = write(done, out, {"title": title, **vars(args), "out": str(out)})
    print(text)
    print(f"{len(done)} of {len(folds)} songs are done: {out / 'results.html'}")
    return OK


def _do(fold: Fold, songs: Path, data: Dataset, args: argparse.Namespace) -> None:
    """Train without a song, then judge on it."""
    steps = Steps(fold.out)
    checkpoint = train(steps, data, fold.song, _training(args))
    held_out, training = fold.gather(songs, data.songs)
    command = ["scripts/evaluate.py", "--songs", str(held_out), "--training", str(training)]
    command += ["--checkpoint", str(checkpoint), "--out", str(fold.results.parent)]
    for name in ("steps", "guidance_scale", "seeds", "candidates"):
        command += [f"--{name}", str(getattr(args, name))]
    steps.run("evaluate", command, extra=["--workers", str(args.workers)])


def _training(args: argparse.Namespace) -> Training:
    return Training(
        args.size,
        tuple(args.override),
        tuple(_length(args.first_stage_steps, args.first_stage_minutes)),
        tuple(_length(args.diffusion_steps, args.diffusion_minutes)),
    )


def _length(steps: int | None, minutes: float | None) -> Iterator[str]:
    """Length of a stage's training, as overrides; the learning rate falls towards the steps."""
    if steps is not None:
        yield f"lightning.trainer.max_steps={steps}"
    if minutes is not None:
        whole = round(60 * minutes)
        hours, rest = divmod(whole, 3600)
        clock = f"{hours // 24:02d}:{hours % 24:02d}:{rest // 60:02d}:{rest % 60:02d}"
        yield f"lightning.trainer.max_time={clock}"


def write(folds: Sequence[Fold], out: Path, command: dict[str, Any]) -> str:
    """Write the results over all songs as JSON, Markdown and pages; the Markdown.

    Args:
        folds: those that are done.
        out: the folder; that of every fold lies below it.
        command: the options.
    """
    from mug.evaluation.html.page import write_pages
    from mug.evaluation.markdown.write import markdown
    from mug.evaluation.results import results
    from mug.evaluation.rows import from_json
    from mug.evaluation.songs import load_songs

    rows = []
    for fold in folds:
        place = fold.results.parent.relative_to(out).as_posix()
        for plain in json.loads(fold.results.read_text(encoding="utf-8"))["rows"]:
            row = from_json(plain)
            rows.append(replace(row, file=f"{place}/{row.file}") if row.file else row)
    songs = [song for fold in folds for song in load_songs(fold.out / "held_out", KEYS)]
    plain = results(rows, songs, command, out)
    text = markdown(rows, plain)
    with atomic_write(out / "results.json", "w", encoding="utf-8") as handle:
        json.dump(plain, handle, indent=1)
    with atomic_write(out / "results.md", "w", encoding="utf-8") as handle:
        handle.write(text)
    write_pages(plain, out)
    return text


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="The same command goes on from here."))
