"""Generation as the original does it and as we do: time of a step, of four charts, and memory.

    python benchmarks/speed.py --threads 2 --out outputs/speed

Both ways alternate in one process, the best of several counts; memory is the most that a process
of its own held (VmHWM). Weights are random: neither time nor memory depends on them. Writes
OUT/speed.json and OUT/speed.md. About ten minutes with the full configuration on two cores; for a
quick look: --config configs/debug/diffusion.yaml --seconds 6 --repeats 1 --long 0.2
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from mug.config import load_config
from mug.files import atomic_write
from mug.model.speed.precision import PRECISIONS
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.decode import decode_latent
from mug.pipeline.model.checkpoint import LoadedModel, build_model, load_model, save_inference
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ChartRequest, encode_song, sample_latents, song_tensor
from mug.protocols import Condition

if TYPE_CHECKING:  # it loads Lightning, as the original does; ours must be measured without
    from benchmarks._speed_reference import Reference

ROOT = Path(__file__).resolve().parents[1]
VARIANTS = ("reference", *PRECISIONS)


@dataclass(frozen=True)
class Ways:
    """A figure of the original's way, of ours, and how many times better ours is."""

    what: str
    unit: str
    reference: float
    ours: float
    goal: float

    @property
    def ratio(self) -> float:
        """Reference over ours."""
        return self.reference / self.ours

    def row(self) -> str:
        """A row of the table."""
        return (
            f"| {self.what} | {self.reference:.4g} {self.unit} | {self.ours:.4g} {self.unit} |"
            f" {self.ratio:.2f} | {self.goal:g} |"
        )


def main() -> int:
    """Measures, prints the table and writes both files; or, for --memory_of, one number."""
    args = _parser().parse_args()
    torch.set_num_threads(args.threads)
    if args.busy:
        from benchmarks._busy import busy_table

        print(busy_table(args.busy, args.seconds, args.repeats))
        return 0
    if args.memory_of is not None:
        print(json.dumps({"mib": _peak_of(args)}))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        make_model(args.config, Path(folder))
        rows = _times(Path(folder), args)
        memory = _memories(Path(folder), args)
    rows.append(Ways("peak memory", "MiB", memory["reference"], memory["ours"], 2.0))
    results = {
        "config": args.config.name,
        "seconds": args.seconds,
        "charts": args.charts,
        "threads": args.threads,
        "precision": args.precision,
        "sampler": _request(args).sampler,
        "steps": _request(args).steps,
        "rows": [asdict(row) | {"ratio": row.ratio} for row in rows],
        "memory_mib": memory,
    }
    text = _table(rows, results)
    for name, content in (("speed.json", json.dumps(results, indent=2)), ("speed.md", text)):
        with atomic_write(args.out / name, "w", encoding="utf-8") as handle:
            handle.write(content.rstrip() + "\n")
    print(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--config", type=Path, default=ROOT / "configs/mug/mug_diffusion.yaml")
    made.add_argument("--seconds", type=float, default=180.0, help="length of the song")
    made.add_argument("--charts", type=int, default=4)
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--steps", type=int, help="of ours (default: the pipeline's)")
    made.add_argument("--repeats", type=int, default=5, help="turns of a step; the best counts")
    made.add_argument("--reference_steps", type=int, default=100)
    made.add_argument("--precision", default="fp32", choices=list(PRECISIONS), help="of ours")
    made.add_argument(
        "--long", type=float, nargs="*", default=[5, 10, 20], help="minutes of long songs"
    )
    made.add_argument("--memory_steps", type=int, default=2, help="steps while memory is watched")
    made.add_argument(
        "--busy", type=int, default=0, metavar="N", help="only waiting threads, beside N busy ones"
    )
    made.add_argument("--out", type=Path, default=Path("outputs/speed"))
    made.add_argument("--memory_of", choices=VARIANTS, help=argparse.SUPPRESS)
    made.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    return made


def make_model(config: Path, folder: Path) -> None:
    """Save a model with random weights, so that loading is part of what is measured."""
    torch.manual_seed(0)
    resolved = load_config([config], [])
    made = build_model(resolved, published=True)
    with torch.no_grad():
        for parameter in made.model.unet_model.parameters():
            if not parameter.any() or (parameter == 1).all():
                parameter.add_(0.02 * torch.randn_like(parameter))  # as after training
    save_inference(folder, resolved, made.state_dict(), published=True)
    torch.save({"state_dict": made.state_dict()}, folder / "model.ckpt")


def _request(args: argparse.Namespace, steps: int | None = None) -> GenerationRequest:
    defaults = GenerationRequest(audio=Path("song"))
    return GenerationRequest(
        audio=Path("song"),
        count=args.charts,
        batch_size=args.charts,
        steps=steps or args.steps or defaults.steps,
    )


def _wave(seconds: float, rate: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, int(seconds * rate)).astype(np.float32)


def _chart_requests(args: argparse.Namespace) -> list[ChartRequest]:
    return [ChartRequest({}, {}, seed) for seed in range(args.charts)]


def _ids(model: LoadedModel, rows: int) -> Tensor:
    return torch.tensor(model.schema.ids({})).expand(rows, -1)


def _times(folder: Path, args: argparse.Namespace) -> list[Ways]:
    """One step and whole charts, both ways."""
    from benchmarks._speed_reference import Reference, load_as_original

    original = Reference(load_as_original(folder).ddpm)
    model = load_model(folder, precision=args.precision)
    wave = _wave(args.seconds, model.clock.sample_rate)
    rows = []
    with torch.inference_mode():
        for batch, goal in ((1, 1.5), (2 * args.charts, 1.25)):
            ways = _steps(original, model, wave, batch)
            was, now = best_of(args.repeats, *ways)
            rows.append(Ways(f"one step, batch {batch}", "s", was, now, goal))
    what = f"{args.charts} charts of {args.seconds:g} s"
    was, now = best_of(1, *_wholes(original, model, wave, args))
    rows.append(Ways(what, "s", was, now, 10.0))
    return rows


def best_of(repeats: int, *ways: Callable[[], object]) -> list[float]:
    """Seconds of each way, the best of several turns; the ways take turns."""
    found = [float("inf")] * len(ways)
    for _ in range(repeats):
        for i, way in enumerate(ways):
            began = time.perf_counter()
            way()
            found[i] = min(found[i], time.perf_counter() - began)
    return found


def _steps(
    original: Reference, model: LoadedModel, wave: np.ndarray, batch: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """One evaluation of the network each."""
    song = encode_song(model, wave)
    original.bind(song.latent_frames)
    levels = [
        level.expand(batch, *level.shape[1:]).contiguous()
        for level in original.encode(song_tensor(model, wave), 1)
    ]
    x_t = torch.randn(batch, model.z_channels, song.latent_frames)
    context = model.ddpm.generation.context(_ids(model, batch))
    assert context is not None
    step = torch.full((batch,), 500)
    plan = model.ddpm.generation.plan(song.latent_frames)
    ours = model.ddpm.generation.denoiser(Condition(context, song.levels), plan)
    ours(x_t, step)
    return lambda: original.evaluate(x_t, step, context, levels), lambda: ours(x_t, step)


def _wholes(
    original: Reference, model: LoadedModel, wave: np.ndarray, args: argparse.Namespace
) -> tuple[Callable[[], object], Callable[[], object]]:
    """From a waveform to note logits (the original's way) and to notes (ours)."""

    def reference() -> None:
        _sample_reference(original, model, wave, args, args.reference_steps)

    return reference, lambda: _sample_ours(model, wave, _request(args))


@torch.inference_mode()
def _sample_reference(
    original: Reference,
    model: LoadedModel,
    wave: np.ndarray,
    args: argparse.Namespace,
    steps: int,
) -> Tensor:
    from benchmarks._speed_reference import mel_as_original

    audio = mel_as_original(model, wave)
    ratio = model.clock.audio_per_note * model.clock.notes_per_latent
    original.bind(audio.shape[-1] // ratio)
    noise = torch.randn(args.charts, model.z_channels, audio.shape[-1] // ratio)
    ids = _ids(model, args.charts)
    return original.sample(audio, ids, ids, noise, steps)


def _sample_ours(model: LoadedModel, wave: np.ndarray, request: GenerationRequest) -> None:
    song = encode_song(model, wave)
    chart_requests = [ChartRequest({}, {}, seed) for seed in range(request.count)]
    for z in sample_latents(model, song, chart_requests, request):
        decode_latent(model, song, z)


def _memories(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """MiB that each way holds at most, and ours for long songs."""
    jobs = {"reference": ("reference", args.seconds), "ours": (args.precision, args.seconds)}
    jobs |= {f"{minutes:g} min": (args.precision, 60 * minutes) for minutes in args.long}
    found = {}
    for name, (variant, seconds) in jobs.items():
        words = [sys.executable, __file__, "--memory_of", variant, "--model", str(folder)]
        numbers = {
            "--seconds": seconds,
            "--charts": args.charts,
            "--threads": args.threads,
            "--memory_steps": args.memory_steps,
        }
        words += [str(word) for pair in numbers.items() for word in pair]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        found[name] = json.loads(done.stdout)["mib"]
    return found


def _peak_of(args: argparse.Namespace) -> float:
    """Loads, makes charts in a few steps, and says what this process held at most, in MiB."""
    if args.memory_of == "reference":
        from benchmarks._speed_reference import Reference, load_as_original

        model = load_as_original(args.model)
        wave = _wave(args.seconds, model.clock.sample_rate)
        _sample_reference(Reference(model.ddpm), model, wave, args, args.memory_steps)
    else:
        model = ChartGenerator.from_checkpoint(args.model, precision=args.memory_of).model
        wave = _wave(args.seconds, model.clock.sample_rate)
        _sample_ours(model, wave, _request(args, args.memory_steps))
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _table(rows: list[Ways], results: dict[str, Any]) -> str:
    lines = [
        f"{results['config']}, {results['seconds']:g} s of music, {results['threads']} threads;"
        f" ours: {results['sampler']}, {results['steps']} steps, {results['precision']}.",
        "",
        "| what | as the original | ours | times better | goal |",
        "|---|---|---|---|---|",
        *(row.row() for row in rows),
        "",
        "| song | MiB at most |",
        "|---|---|",
        *(f"| {name} | {mib:.0f} |" for name, mib in results["memory_mib"].items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
