"""Makes charts for a song: one difficulty a sample, packed as .osz, with a report."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.features import FeatureSchema
from mug.util import find_file
from scripts._common import progress_bar, run
from scripts._prompt import add_prompt_arguments, prompt_from

FEATURES = "configs/mug/mania_beatmap_features.yaml"


def parser(schema: FeatureSchema) -> argparse.ArgumentParser:
    """The command line; one option for every feature of the schema."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--ckpt", type=Path, required=True, help="checkpoint, or folder of one")
    made.add_argument("--audio", type=Path, required=True, help="the song: mp3, ogg, flac, wav")
    made.add_argument("--out", type=Path, required=True, help="the .osz file to write")
    made.add_argument("--count", type=int, default=1, help="charts to make (default 1)")
    made.add_argument("--steps", type=int, default=50, help="sampler steps (default 50)")
    made.add_argument(
        "--sampler", default="ddim", help="ddim, dpm_solver, plms or ancestral (default ddim)"
    )
    made.add_argument(
        "--guidance_scale", type=float, default=5.0, help="1 = off (default 5): obey the prompt"
    )
    made.add_argument("--seed", type=int, default=0, help="same seed, same charts (default 0)")
    made.add_argument("--batch_size", type=int, default=4, help="charts at once (default 4)")
    made.add_argument("--title", default="", help="default: from the file's tags, or its name")
    made.add_argument("--artist", default="", help="default: from the file's tags")
    made.add_argument("--bpm", type=float, help="tempo, where you know it; needs --offset_ms")
    made.add_argument("--offset_ms", type=float, help="time of a first beat of a bar in ms")
    made.add_argument("--no_snap", action="store_true", help="leave the notes off the beat grid")
    made.add_argument(
        "--minijack_ms", type=float, default=90.0, help="mend closer repeats; 0 = off (default 90)"
    )
    made.add_argument("--device", default="auto", help="cpu, cuda or auto (default auto)")
    made.add_argument("--picture", type=Path, help="also write a picture of the first chart here")
    add_prompt_arguments(made, schema)
    return made


def main() -> int:
    """Generates, writes the package and prints the report as JSON."""
    schema = FeatureSchema.from_yaml(find_file(FEATURES))
    args = parser(schema).parse_args()
    prompt = prompt_from(args, schema)

    import torch

    from mug.pipeline.chart import GenerationRequest
    from mug.pipeline.checkpoint import load_model
    from mug.pipeline.finish import FinishOptions
    from mug.pipeline.package import make_package

    device = args.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(args.ckpt, device)
    request = GenerationRequest(
        audio=args.audio,
        prompt=prompt,
        count=args.count,
        steps=args.steps,
        sampler=args.sampler,
        guidance_scale=args.guidance_scale,
        seed=args.seed,
        batch_size=args.batch_size,
        finish=FinishOptions(
            title=args.title,
            artist=args.artist,
            timing=FinishOptions.given_timing(args.bpm, args.offset_ms),
            snap=not args.no_snap,
            minijack_ms=args.minijack_ms,
        ),
    )
    with progress_bar("generating", "step") as progress:
        report: dict[str, Any] = make_package(model, request, args.out, progress, args.picture)
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="Nothing was written."))
