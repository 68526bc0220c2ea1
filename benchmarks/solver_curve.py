"""Which sampler is nearest to the 1000-step result after how many network evaluations.

    python benchmarks/solver_curve.py --ckpt MODEL --audio SONG --out outputs/solver_curve

The same noise goes through every sampler; the distance is the root mean square difference of the
latents from those of 1000 steps of DDIM, in units of these latents' own deviation, and `F1` is how
many of the decoded notes agree (same column, same 46 ms frame). The level to reach is that of the
original's 100 steps. Writes solver_curve.json, .md and .png.
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
from mug.diffusion.samplers import make_sampler
from mug.pipeline.checkpoint import LoadedModel, load_model
from mug.pipeline.defaults import SAMPLER, STEPS
from mug.pipeline.sample import EncodedSong, decode_latent, encode_song, prompt_ids
from mug.protocols import Condition, Denoiser, Prediction
from mug.util import atomic_write

PROMPTS: tuple[dict[str, float], ...] = ({"sr": 3.0}, {"sr": 4.5}, {"ln_ratio": 0.5})
WAYS = (
    ("ddim", "trailing"),
    ("ddim", "linspace"),
    ("plms", "trailing"),
    ("plms", "linspace"),
    ("dpm_solver", "trailing"),
    ("dpm_solver", "logsnr"),
    ("adams", "trailing"),
    ("adams", "logsnr"),
)


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
    model = load_model(args.ckpt)
    wave = load_audio(args.audio, model.clock.sample_rate)
    first = int(args.start_s * model.clock.sample_rate)
    wave = wave[first : first + int(args.seconds * model.clock.sample_rate)]
    low = load_model(args.ckpt, precision="bf16")
    with torch.inference_mode():
        songs = [(one, encode_song(one, wave)) for one in (model, low)]
        results = {
            f"{scale:g}": measure(songs[0], songs[1], scale, args) for scale in args.guidance_scale
        }
    _write(results, args)
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--ckpt", type=Path, required=True)
    made.add_argument("--audio", type=Path, required=True)
    made.add_argument("--start_s", type=float, default=20.0, help="where the excerpt begins")
    made.add_argument("--seconds", type=float, default=23.0, help="length of the excerpt")
    made.add_argument("--guidance_scale", type=float, nargs="+", default=[5.0, 2.0])
    made.add_argument("--reference_steps", type=int, default=1000)
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
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Distance and agreement of every way at every number of evaluations.

    Args:
        exact_way: the model in full precision, and what it hears.
        low_way: the same weights in bf16.
        scale: of the guidance.
        args: of the command line.
    """
    (model, song), denoise = exact_way, Counting(_denoiser(*exact_way, scale))
    shape = (model.z_channels, song.latent_frames)
    noise = torch.stack(
        [
            torch.randn(shape, generator=torch.Generator().manual_seed(i))
            for i in range(len(PROMPTS))
        ]
    )

    def run(name: str, spacing: str, steps: int) -> Tensor:
        sampler, schedule = make_sampler(name, spacing=spacing), model.ddpm.schedule
        denoise.calls = 0
        return sampler.sample(denoise, noise, schedule, steps=steps)

    exact = run("ddim", "trailing", args.reference_steps)
    compare = _comparison(model, song, exact)

    def row(name: str, spacing: str, steps: int) -> dict[str, Any]:
        found = compare(run(name, spacing, steps))
        return {"sampler": name, "spacing": spacing, "evaluations": denoise.calls, **found}

    goal = row("ddim", "original", args.original_steps)
    rows = [
        row(name, spacing, count - 1 if name == "plms" else count)
        for name, spacing in WAYS
        for count in args.evaluations
    ]
    default = (SAMPLER, "trailing", args.bf16_steps)
    was = run(*default)
    denoise.denoise = _denoiser(*low_way, scale)
    low = row(*default) | {
        "from_fp32": float((run(*default) - was).pow(2).mean().sqrt() / exact.std())
    }
    reached = [r for r in rows if r["distance"] <= goal["distance"]]
    reached.sort(key=lambda r: (r["evaluations"], r["distance"]))
    return {"goal": goal, "rows": rows, "reached": reached, "bf16": low}


def _denoiser(model: LoadedModel, song: EncodedSong, scale: float) -> Denoiser:
    asked, nothing = (
        model.ddpm.context(torch.tensor([prompt_ids(model, p) for p in prompts]))
        for prompts in (PROMPTS, ({},) * len(PROMPTS))
    )
    plan = model.ddpm.plan(song.latent_frames)
    return guide(
        lambda condition: model.ddpm.denoiser(condition, plan),
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
        for name, spacing in WAYS
    }
    title = f"Distance from the {args.reference_steps}-step result, guidance {scale}"
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
    for name, spacing in WAYS:
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
