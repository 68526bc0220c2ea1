"""Peak memory of generation, stage by stage.

    python benchmarks/memory.py --ckpt FOLDER

FOLDER is a model in our inference format. The most that was held (VmHWM) is set back after each
stage, which Linux allows a process for itself; what remains is what the stage left behind.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

_RESET_PEAK = "5"  # see proc(5), /proc/pid/clear_refs


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--seconds", type=float, default=180.0, help="length of the song")
    parser.add_argument("--charts", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print("| stage | MiB at most | MiB that remain |\n|---|---|---|")
    _stages(args)
    return 0


def _stages(args: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(args.threads)
    _row("torch")
    import numpy as np

    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.decode import decode_latent
    from mug.pipeline.request import GenerationRequest
    from mug.pipeline.sample import ChartRequest, encode_song, sample_latents

    _row("all imports")
    model = ChartGenerator.from_checkpoint(args.ckpt, "cpu", args.precision).model
    _row("model without the networks that take turns")
    samples = int(args.seconds * model.clock.sample_rate)
    wave = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    with model.in_memory("wave_model"):
        _row("audio encoder read")
    song = encode_song(model, wave)
    _row("song heard")
    with model.in_memory("unet_model"):
        _row("denoiser read")
    request = GenerationRequest(
        audio=Path("song"), count=args.charts, batch_size=args.charts, steps=args.steps
    )
    latents = sample_latents(
        model, song, [ChartRequest({}, {}, n) for n in range(args.charts)], request
    )
    _row("charts sampled")
    for z in latents:
        decode_latent(model, song, z)
    _row("notes read")


def _row(stage: str) -> None:
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    held = {line.split(":")[0]: line.split()[1] for line in status if line.startswith("Vm")}
    most, left = (int(held[name]) / 1024 for name in ("VmHWM", "VmRSS"))
    print(f"| {stage} | {most:.0f} | {left:.0f} |", flush=True)
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
