"""Distance of samplers from the 1000-step result against network evaluations.

    python benchmarks/solver_curve.py --ckpt MODEL --audio SONG SONG --out outputs/solver_curve

Three prompts a song, each with noise of its own, which goes through every sampler; the distance is
the root mean square difference of the latents from those of 1000 steps of DDIM, in units of these
latents' own deviation, and `F1` is how many of the decoded notes agree (same column, same 46 ms
frame). Both are means over the songs. The level to reach is that of the original's 100 steps.
Writes solver_curve.json, .md and .png.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from benchmarks._solver_plot import plot
from mug.audio.load import load_audio
from mug.diffusion.guidance import guide
from mug.diffusion.samplers.registry import make_sampler
from mug.files import atomic_write
from mug.pipeline.decode import decode_latent
from mug.pipeline.defaults import SAMPLER, STEPS
from mug.pipeline.model.checkpoint import LoadedModel, load_model
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.sample import encode_song, prompt_ids
from mug.protocols import Condition, Denoiser, Prediction

PROMPTS: tuple[dict[str, float], ...] = ({"sr": 3.0}, {"sr": 4.5}, {"ln_ratio": 0.5})
WAYS = (
    ("angular", "guided"),
    ("angular", "third"),
    ("angular", "trailing"),
    ("ddim", "trailing"),
    ("plms", "trailing"),
    ("plms", "linspace"),
    ("dpm_solver", "trailing"),
    ("dpm_solver", "logsnr"),
    ("adams", "logsnr"),
)
DEFAULT_SPACING = "guided"


class Counting:
    """A denoiser that counts its calls."""

    def __init__(self, denoise: Denoiser) -> None:
        self.denoise, self.calls = denoise, 0

    def __call__(self, x_t: Tensor, step: Tensor) -> Prediction:
        """One more call."""
        self.calls += 1
        return self.denoise(x_t, step)


def main() -> int:
    """Measures, prints the table, writes the files."""
    args = _parser().parse_args()
    torch.set_num_threads(args.threads)
    model, low = load_model(args.ckpt), load_model(args.ckpt, precision="bf16")
    with torch.inference_mode():
        waves = [_excerpt(model, path, args) for path in args.audio]
        songs = [[(one, encode_song(one, wave)) for one in (model, low)] for wave in waves]
        results = {
            f"{scale:g}": _mean(
                [
                    measure(exact, rounded, scale, i, args)
                    for i, (exact, rounded) in enumerate(songs)
                ]
            )
            for scale in args.guidance_scale
        }
    _write(results, args)
    return 0


def _excerpt(model: LoadedModel, path: Path, args: argparse.Namespace) -> np.ndarray:
    wave = load_audio(path, model.clock.sample_rate)
    first = int(args.start_s * model.clock.sample_rate)
    return wave[first : first + int(args.seconds * model.clock.sample_rate)]


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--ckpt", type=Path, required=True)
    made.add_argument("--audio", type=Path, nargs="+", required=True)
    made.add_argument("--start_s", type=float, default=20.0, help="where the excerpt begins")
    made.add_argument("--seconds", type=float, default=23.0, help="length of the excerpt")
    made.add_argument("--guidance_scale", type=float, nargs="+", default=[5.0, 2.0])
    made.add_argument("--reference_steps", type=int, default=1000)
    made.add_argument(
        "--quick",
        action="store_true",
        help="the reference by extrapolation, in a fifth of the time: where the equation leads (90"
        " steps of Adams) and the error of DDIM in 100 steps, a tenth of which 1000 leave",
    )
    made.add_argument(
        "--ways",
        nargs="+",
        type=lambda text: tuple(text.split(",")),
        default=WAYS,
        help="as plms,trailing (default: all)",
    )
    made.add_argument("--original_steps", type=int, default=100)
    made.add_argument(
        "--evaluations", type=int, nargs="+", default=[8, 10, 12, 13, 14, 15, 17, 20, 30]
    )
    made.add_argument("--bf16_steps", type=int, default=STEPS, help="of the default, in bf16")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--out", type=Path, default=Path("outputs/solver_curve"))
    return made


def measure(
    exact_way: tuple[LoadedModel, EncodedSong],
    low_way: tuple[LoadedModel, EncodedSong],
    scale: float,
    index: int,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Distance and agreement of every way at every number of evaluations, for one song.

    Args:
        exact_way: the model in full precision, and its conditions.
        low_way: the same weights in bf16.
        scale: of the guidance.
        index: of the song, for its seeds.
        args: of the command line.
    """
    (model, song), denoise = exact_way, Counting(_denoiser(*exact_way, scale))
    shape = (model.z_channels, song.latent_frames)
    noise = torch.stack(
        [
            torch.randn(shape, generator=torch.Generator().manual_seed(seed))
            for seed in range(index * len(PROMPTS), (index + 1) * len(PROMPTS))
        ]
    )

    def run(name: str, spacing: str, steps: int) -> Tensor:
        sampler, schedule = make_sampler(name, spacing=spacing), model.ddpm.schedule
        denoise.calls = 0
        return sampler.sample(denoise, noise, schedule, steps=steps)

    if args.quick:
        solved, rough = run("adams", "logsnr", 90), run("ddim", "trailing", 100)
        exact = solved + 0.1 * (rough - solved)
    else:
        exact = run("ddim", "trailing", args.reference_steps)
    compare = _comparison(model, song, exact)

    def row(name: str, spacing: str, steps: int) -> dict[str, Any]:
        found = compare(run(name, spacing, steps))
        return {"sampler": name, "spacing": spacing, "evaluations": denoise.calls, **found}

    goal = row("ddim", "original", args.original_steps)
    rows = [
        row(name, spacing, _steps_in(name, count))
        for name, spacing in args.ways
        for count in args.evaluations
    ]
    default = (SAMPLER, DEFAULT_SPACING, args.bf16_steps)
    was = run(*default)
    denoise.denoise = _denoiser(*low_way, scale)
    low = row(*default) | {
        "from_fp32": float((run(*default) - was).pow(2).mean().sqrt() / exact.std())
    }
    return {"goal": goal, "rows": rows, "bf16": low}


def _steps_in(name: str, calls: int) -> int:
    """The most steps that a sampler takes with so many calls of the denoiser."""
    sampler = make_sampler(name)
    return max(steps for steps in range(1, calls + 1) if sampler.calls(steps) <= calls)


def _mean(songs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The songs' distances and agreements, each the mean; and the ways that reach the goal."""

    def mean(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        measured = ("distance", "f1", "from_fp32")
        means = {k: float(np.mean([r[k] for r in rows])) for k in measured if k in rows[0]}
        return rows[0] | means

    goal, low = (mean([song[key] for song in songs]) for key in ("goal", "bf16"))
    rows = [mean(same) for same in zip(*(song["rows"] for song in songs), strict=True)]
    reached = [r for r in rows if r["distance"] <= goal["distance"]]
    reached.sort(key=lambda r: (r["evaluations"], r["distance"]))
    return {"goal": goal, "rows": rows, "reached": reached, "bf16": low}


def _denoiser(model: LoadedModel, song: EncodedSong, scale: float) -> Denoiser:
    asked, nothing = (
        model.ddpm.generation.context(torch.tensor([prompt_ids(model, p) for p in prompts]))
        for prompts in (PROMPTS, ({},) * len(PROMPTS))
    )
    plan = model.ddpm.generation.plan(song.latent_frames)
    return guide(
        lambda condition: model.ddpm.generation.denoiser(condition, plan),
        Condition(asked, song.levels),
        Condition(nothing, song.levels),
        scale,
    )


def _comparison(
    model: LoadedModel, song: EncodedSong, exact: Tensor
) -> Callable[[Tensor], dict[str, float]]:
    def notes(z: Tensor) -> set[tuple[int, int]]:
        frame_ms = model.clock.note_frame_ms
        return {(n.column, round(n.start_ms / frame_ms)) for n in decode_latent(model, song, z)}

    known = [notes(z) for z in exact]

    def compare(found: Tensor) -> dict[str, float]:
        made = [notes(z) for z in found]
        shares = [
            2 * len(a & b) / max(len(a) + len(b), 1) for a, b in zip(known, made, strict=True)
        ]
        distance = (found - exact).pow(2).mean().sqrt() / exact.std()
        return {"distance": float(distance), "f1": float(np.mean(shares))}

    return compare


def _write(results: dict[str, dict[str, Any]], args: argparse.Namespace) -> None:
    files: dict[str, bytes] = {"solver_curve.json": json.dumps(results, indent=2).encode()}
    text = "\n".join(line for scale, found in results.items() for line in _lines(scale, found))
    files["solver_curve.md"] = text.encode() + b"\n"
    scale, found = next(iter(results.items()))
    curves = {
        f"{name}, {spacing}": [
            (r["evaluations"], r["distance"])
            for r in found["rows"]
            if (r["sampler"], r["spacing"]) == (name, spacing)
        ]
        for name, spacing in args.ways
    }
    steps = 1000 if args.quick else args.reference_steps
    title = f"Distance from the {steps}-step result, guidance {scale}"
    files["solver_curve.png"] = plot(curves, found["goal"]["distance"], title)
    for name, content in files.items():
        with atomic_write(args.out / name) as handle:
            handle.write(content)
    print(text)


def _lines(scale: str, found: dict[str, Any]) -> list[str]:
    rows: Sequence[dict[str, Any]] = found["rows"]
    counts = list(dict.fromkeys(r["evaluations"] for r in rows))
    goal = found["goal"]
    lines = [
        f"Guidance {scale}. The original's {goal['evaluations']} steps of DDIM: distance"
        f" {goal['distance']:.4f}, F1 {goal['f1']:.3f}.",
        "",
        f"| sampler, spacing | {' | '.join(str(c) for c in counts)} |",
        "|---" * (1 + len(counts)) + "|",
    ]
    for name, spacing in dict.fromkeys((r["sampler"], r["spacing"]) for r in rows):
        values = [
            f"{r['distance']:.4f}" for r in rows if (r["sampler"], r["spacing"]) == (name, spacing)
        ]
        lines.append(f"| {name}, {spacing} | {' | '.join(values)} |")
    best = found["reached"][0] if found["reached"] else None
    named = (
        "none"
        if best is None
        else f"{best['sampler']}, {best['spacing']}, {best['evaluations']}"
        f" (distance {best['distance']:.4f}, F1 {best['f1']:.3f})"
    )
    low = found["bf16"]
    return [
        *lines,
        "",
        f"Fewest evaluations at no larger distance: {named}.",
        f"The default ({low['sampler']}, {low['evaluations']} evaluations) in bf16: distance"
        f" {low['distance']:.4f}, F1 {low['f1']:.3f}; from the same in fp32"
        f" {low['from_fp32']:.4f}.",
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
