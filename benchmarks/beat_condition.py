"""Effect of the beat condition: the same training with and without, on composed songs.

    OMP_NUM_THREADS=1 python benchmarks/beat_condition.py --out outputs/beat_condition

Composes songs, trains one first stage and two diffusion models that differ in
`model.params.beat_condition` alone, and charts songs held out: with the right timing, with a wrong
one and without any. Judges raw notes, before any snapping. Writes OUT/results.json and the table
OUT/results.md. Finished steps are not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.timing_points import TimingPoint
from mug.cli.common import run
from mug.cli.steps import Steps
from mug.difficulty.stars import star_rating
from mug.files import atomic_write
from mug.metrics.grid import grid_sync
from mug.metrics.onsets import onset_score

Lines = tuple[TimingPoint, ...]

TOLERANCE_MS = 20.0


def _moved(lines: Lines, by: Callable[[TimingPoint], float]) -> Lines:
    return tuple(replace(line, time_ms=line.time_ms + by(line)) for line in lines)


GIVEN: dict[str, Callable[[Lines], Lines]] = {
    "right": lambda lines: lines,
    "20 ms late": lambda lines: _moved(lines, lambda _: 20.0),
    "half a beat late": lambda lines: _moved(lines, lambda line: line.beat_ms / 2),
    "3 % slow": lambda lines: tuple(replace(one, beat_ms=one.beat_ms * 1.03) for one in lines),
    "none": lambda _: (),
}
"""Timing of a song that a model is given."""


def main() -> int:
    """Run the steps that are not done yet, judge, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("outputs/beat_condition"))
    parser.add_argument("--songs", type=int, default=14, help="songs to train on")
    parser.add_argument("--held_out", type=int, default=6, help="songs to judge by")
    parser.add_argument("--first_stage_steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=600, help="training steps of each model")
    parser.add_argument("--crop", type=int, default=4096, help="audio frames of a training item")
    parser.add_argument("--sampler_steps", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2, help="charts for each song and timing")
    args = parser.parse_args()
    steps = Steps(args.out.resolve())
    listed = _prepare(steps, args)
    models = _train(steps, args, listed)
    rows = _judge(models, steps.out / "held_out", args)
    with atomic_write(steps.out / "results.json", "w", encoding="utf-8") as handle:
        json.dump({"rows": rows, "arguments": {k: str(v) for k, v in vars(args).items()}}, handle)
    text = table(rows)
    with atomic_write(steps.out / "results.md", "w", encoding="utf-8") as handle:
        handle.write(text)
    print(text)
    return 0


def _prepare(steps: Steps, args: argparse.Namespace) -> Path:
    length = ["--min_s", "60", "--max_s", "90", "--difficulties", "2", "--workers", "1"]
    for name, count, seed in (("songs", args.songs, 0), ("held_out", args.held_out, 1)):
        where = ["--out", str(steps.out / name), "--count", str(count), "--seed", str(seed)]
        steps.run(f"compose {name}", ["scripts/compose_songs.py", *length, *where])
    dataset = steps.out / "dataset"
    folders = ["--song_dir", str(steps.out / "songs"), "--out_dir", str(dataset)]
    steps.run("prepare", ["scripts/prepare_beatmap.py", *folders, "--mode_int", "3", "--cs", "4"])
    files = ["--beatmap_txt", str(dataset / "beatmap.txt"), "--workers", "1"]
    schema = ["--features_yaml", "configs/mug/mania_beatmap_features.yaml"]
    steps.run("features", ["scripts/prepare_beatmap_features.py", *files, *schema])
    return dataset / "beatmap.txt"


def _train(steps: Steps, args: argparse.Namespace, listed: Path) -> dict[str, Path]:
    data = [
        f"data.params.common_params.txt_file={listed}",
        f"data.params.common_params.audio.cache_dir={steps.out / 'cache'}",
        "lightning.trainer.enable_progress_bar=false",
    ]
    quick = [f"lightning.trainer.max_steps={args.first_stage_steps}"]
    first = steps.train("first stage", "configs/mug/demo_autoencoder.yaml", [*data, *quick])
    same = [
        *data,
        f"model.params.first_stage_config.params.ckpt_path={first}",
        f"lightning.trainer.max_steps={args.steps}",
        f"data.params.train.params.window.crop_audio_frame={args.crop}",
        f"model.params.latent.z_length={args.crop // 64}",
    ]
    return {
        name: steps.train(
            f"diffusion {name}",
            "configs/mug/demo.yaml",
            [*same, f"model.params.beat_condition={given}"],
        )
        for name, given in (("without", "false"), ("with", "true"))
    }


def _judge(models: dict[str, Path], held_out: Path, args: argparse.Namespace) -> list[Any]:
    from mug.pipeline.chart import ChartGenerator

    rows: list[Any] = []
    for name, path in models.items():
        generator = ChartGenerator.from_checkpoint(path)
        given = GIVEN if name == "with" else {"none": GIVEN["none"]}
        for folder in sorted(one for one in held_out.iterdir() if one.is_dir()):
            charts = [osu.read(one) for one in sorted(folder.glob("*.osu"))]
            human = max(charts, key=lambda chart: len(chart.hit_objects))
            for timing, change in given.items():
                given_lines = change(human.red_lines)
                audio = folder / human.general["AudioFilename"]
                made = _charts(generator, human, audio, given_lines, args)
                rows += [{"model": name, "told": timing, **row} for row in made]
            print(f"judged {name}: {folder.name}", flush=True)
    return rows


def _charts(
    generator: Any, human: Beatmap, audio: Path, given: Lines, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """One row a chart: raw notes against the human grid, the given grid, and the human onsets."""
    from mug.pipeline.beat import song_with_lines
    from mug.pipeline.decode import decode_latent
    from mug.pipeline.request import GenerationRequest
    from mug.pipeline.sample import ChartRequest, sample_latents

    song = song_with_lines(generator.model, generator.song(audio), given)
    request = GenerationRequest(audio=audio, steps=args.sampler_steps, guidance_scale=2.0)
    chart_requests = [
        ChartRequest({"sr": star_rating(human)}, {}, seed) for seed in range(args.seeds)
    ]
    rows = []
    for seed, latent in enumerate(sample_latents(generator.model, song, chart_requests, request)):
        notes = decode_latent(generator.model, song, latent)
        grid = grid_sync(notes, human.red_lines)
        rows.append(
            {
                "song": human.title,
                "seed": seed,
                "notes": len(notes),
                "human_notes": len(human.hit_objects),
                "clean": grid.clean_rate,
                "chance": grid.chance,
                "clean_told": grid_sync(notes, given).clean_rate if given else float("nan"),
                "f1": onset_score(notes, human.hit_objects, TOLERANCE_MS).f1,
            }
        )
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Means over songs, with the standard error of the difference from the model without."""
    titles = ("model", "timing told", "notes", "clean rate", "on the told grid", "F1 ±20 ms")
    lines = ["| " + " | ".join(titles) + " |", "|---|---|---|---|---|---|"]
    base = _by_song([row for row in rows if row["model"] == "without"])
    for label in dict.fromkeys((row["model"], row["told"]) for row in rows):
        mine = _by_song([row for row in rows if (row["model"], row["told"]) == label])
        cells = [f"{np.mean([one['notes'] for one in mine.values()]):.0f}"]
        for key in ("clean", "clean_told", "f1"):
            values = np.array([one[key] for one in mine.values()])
            cells.append(f"{values.mean():.3f}" if np.isfinite(values).all() else "")
            if label[0] == "with" and key != "clean_told" and len(mine) > 1:
                off = np.array([one[key] - base[song][key] for song, one in mine.items()])
                error = off.std(ddof=1) / len(off) ** 0.5
                cells[-1] += f" ({off.mean():+.3f} ± {error:.3f})"
        lines.append(f"| {label[0]} | {label[1]} | " + " | ".join(cells) + " |")
    human = np.mean([row["human_notes"] for row in rows])
    chance = np.nanmean([row["chance"] for row in rows])
    lines += [
        "",
        f"{len(base)} songs held out, {human:.0f} notes each by the rules; clean rate of notes"
        f" strewn evenly {chance:.3f}. In brackets: difference from the model without, mean and"
        " standard error over songs.",
    ]
    return "\n".join(lines) + "\n"


def _by_song(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Means over seeds."""
    songs = dict.fromkeys(row["song"] for row in rows)
    keys = ("notes", "clean", "clean_told", "f1")
    return {
        song: {k: float(np.mean([row[k] for row in rows if row["song"] == song])) for k in keys}
        for song in songs
    }


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="The same command goes on from here."))
