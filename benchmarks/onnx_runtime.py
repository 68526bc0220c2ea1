"""One evaluation of the denoiser under ONNX Runtime against our own way.

    pip install onnx onnxruntime onnxscript          # none of them is needed for anything else
    python benchmarks/onnx_runtime.py --out outputs/onnx_runtime

The prepared network (`mug.diffusion.unet_prepared`) of a song, at one time step, is exported for
each batch size with all that no step changes as constants, and quantised to int8 (dynamic, products
alone). All ways take turns; the best of several counts. `error` is the root mean square difference
from float32 in units of the output's deviation. Weights are random unless --ckpt names a model.
Prints a table, and where ONNX Runtime spends its time. Some minutes for a batch size.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.speed import ROOT, best_of, make_model
from mug.cli.common import run
from mug.errors import MugError
from mug.pipeline.model.checkpoint import LoadedModel, load_model
from mug.pipeline.sample import encode_song, prompt_ids

STEP = 500
WAYS = ("fp32", "bf16", "ONNX Runtime, fp32", "ONNX Runtime, int8 products")


class OneStep(nn.Module):
    """The denoiser of a song at one time step, whose share is a constant.

    Args:
        model: from `load_model`.
        wave: mono samples at the model's rate.
    """

    def __init__(self, model: LoadedModel, wave: np.ndarray) -> None:
        super().__init__()
        song = encode_song(model, wave)
        self.frames = song.latent_frames
        plan = model.ddpm.generation.plan(song.latent_frames)
        if plan is None:
            raise MugError("this denoiser can't be prepared", value=type(model.ddpm).__name__)
        context = model.ddpm.generation.context(torch.tensor([prompt_ids(model, {})]))
        self.denoise = plan.prepare(context, song.levels)
        emb_out = plan.times.at(torch.tensor([STEP]), song.levels[0], self.denoise.prompt)
        plan.times.at = lambda *_: emb_out  # type: ignore[method-assign]

    def forward(self, x: Tensor) -> Tensor:
        """The network's output for noisy latents `[b, c, t]`."""
        out: Tensor = self.denoise(x, torch.tensor([STEP]))
        return out


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=ROOT / "configs/mug/mug_diffusion.yaml")
    parser.add_argument("--ckpt", type=Path, help="a model, instead of random weights")
    parser.add_argument("--seconds", type=float, default=180.0, help="length of the song")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for package in ("onnx", "onnxruntime", "onnxscript"):
        _needed(package)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        work = Path(folder)
        if args.ckpt is None:
            make_model(args.config, work)
        print(f"| batch | {' | '.join(WAYS)} | error of bf16 | of int8 |\n" + "|---" * 7 + "|")
        spent = [_measure(args, batch, work) for batch in args.batch]
    for batch, kinds in zip(args.batch, spent, strict=True):
        whole = sum(kinds.values())
        shares = (f"{kind} {100 * time / whole:.0f} %" for kind, time in kinds.most_common(6))
        print(f"\nBatch {batch}, ONNX Runtime in fp32: {', '.join(shares)}")
    return 0


def _needed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MugError(
            "a package is missing",
            value=error.name,
            remedy="pip install onnx onnxruntime onnxscript",
        ) from error


def _measure(args: argparse.Namespace, batch: int, work: Path) -> Counter[str]:
    """Print a row; seconds by kind of operation."""
    quantization = _needed("onnxruntime.quantization")
    source = args.ckpt or work
    ways = {}
    for precision in ("fp32", "bf16"):
        model = load_model(source, precision=precision)
        samples = int(args.seconds * model.clock.sample_rate)
        wave = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
        ways[precision] = OneStep(model, wave).eval()
    x = torch.randn(
        batch, model.z_channels, ways["fp32"].frames, generator=torch.Generator().manual_seed(1)
    )
    exact = ways["fp32"](x)  # before it is exported: what a first call keeps must not be traced
    exported, quantised = work / f"{batch}.onnx", work / f"{batch}_int8.onnx"
    with torch.inference_mode(mode=False), torch.no_grad():
        program = torch.onnx.export(ways["fp32"], (x.clone(),), dynamo=True, verbose=False)
    assert program is not None
    program.save(str(exported), external_data=True)
    quantization.quantize_dynamic(
        exported,
        quantised,
        weight_type=quantization.QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"],
        use_external_data_format=True,
    )
    sessions = [_session(path, args.threads) for path in (exported, quantised)]
    calls: list[Callable[[], Tensor]] = [
        lambda: ways["fp32"](x),
        lambda: ways["bf16"](x),
        *(lambda s=session: _run(s, x) for session in sessions),
    ]
    errors = [float((call() - exact).pow(2).mean().sqrt() / exact.std()) for call in calls[1:]]
    times = best_of(args.repeats, *calls)
    row = " | ".join(f"{time:.3f} s" for time in times)
    print(f"| {batch} | {row} | {errors[0]:.4f} | {errors[2]:.4f} |", flush=True)
    if errors[1] > 1e-4:
        raise MugError("ONNX Runtime computes something else", value=errors[1])
    return _profile(exported, args.threads, x)


def _session(path: Path, threads: int, *, profile: Path | None = None) -> Any:
    onnxruntime = _needed("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: Any, x: Tensor) -> Tensor:
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])


def _profile(path: Path, threads: int, x: Tensor) -> Counter[str]:
    session = _session(path, threads, profile=path.with_suffix(".profile"))
    _run(session, x)
    events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent: Counter[str] = Counter()
    for event in events:
        kind = event.get("args", {}).get("op_name")
        if event.get("cat") == "Node" and kind:
            spent[kind] += event["dur"] / 1e6
    return spent


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="Nothing is kept; run it again."))
