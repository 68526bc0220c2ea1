"""Worth of each part of a listening model: one thing changed at a time, the rest as it is.

    OMP_NUM_THREADS=1 python benchmarks/ablations.py --out outputs/ablations

The base is `configs/mug/listen.yaml` with a rhythm scorer, at small sizes; every other arm changes
one thing of it by overrides. Arms that read a spectrogram stand on `configs/mug/small.yaml` with
the base's width. All are trained with the seeds 0 and 1 and judged on composed held-out songs.

Writes OUT/results.json and the table OUT/results.md after each arm. Finished steps are not done
again; a stopped training goes on. --only does some of the arms now; --quick does a handful of
steps.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._listening import Arm
from benchmarks.time_axis import (
    BEATS,
    LENGTHS,
    NO_JITTER,
    NO_RATES,
    SAME,
    add_size_options,
    comparison_of,
    judge_arms,
)
from mug.cli.common import OK, run
from mug.errors import ConfigError

UNET = "model.params.unet_config.params"
LINES = "data.params.train.params.lines"

WIDE = (
    *SAME,
    f"{UNET}.model_channels=128",
    f"{UNET}.channel_mult=[1,1,1,1]",
    f"{UNET}.num_res_blocks=1",
    f"{UNET}.block.num_groups=16",
    f"{UNET}.block.s4_layer=false",
)
IN_BEATS = (*LENGTHS, BEATS)

ARMS = (
    Arm("base", scorer=()),
    Arm("time in ms, spectrogram", "small", LENGTHS, diffusion=WIDE),
    Arm("time in beats, spectrogram", "small", IN_BEATS, NO_JITTER, (*NO_RATES, *WIDE)),
    Arm(
        "the same, mel scale 1000",
        "small",
        IN_BEATS,
        NO_JITTER,
        (*NO_RATES, *WIDE, "data.params.common_params.audio.mel_scale=1000.0"),
    ),
    Arm("line channels, no row channel", diffusion=(f"{LINES}.own_rows_p=0.0",)),
    Arm("row channel, no scorer", diffusion=()),
    Arm(
        "row hints",
        diffusion=("model.params.wave_stage_config.params.row_hints=true",),
        scorer=(),
    ),
    Arm(
        "width 32",
        diffusion=(f"{UNET}.model_channels=32", f"{UNET}.block.num_groups=8"),
        scorer=(),
    ),
    Arm(
        "start weight 0.5",
        diffusion=("model.params.objective.start_weight=0.5",),
        scorer=(),
    ),
    Arm("280 songs", songs=280, scorer=()),
    Arm("scorer hears 1 beat", scorer=("--dilations", "1", "2", "4")),
    Arm(
        "scorer hears 43 beats", scorer=("--dilations", "1", "2", "4", "8", "16", "32", "64", "128")
    ),
)
"""The base first; the scorer's context is twice the sum of its dilations, in lines of 12 a beat."""

COLUMNS = {
    "matched": "matched rows, F1 ±20 ms ↑",
    "metre matched": "metre only, matched",
    "raw": "raw notes, F1 ±20 ms ↑",
    "metre": "metre only, same number",
    "rows": "rows / reference",
    "starts": "first stage: starts found again ↑",
    "long notes": "long notes found again ↑",
}


def main() -> int:
    """Do the steps that are not done yet, arm by arm, and write the table after each."""
    names = [arm.name for arm in ARMS]
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", type=Path, default=Path("outputs/ablations"))
    made.add_argument("--only", nargs="+", default=names, help=f"arms, of: {'; '.join(names)}")
    made.add_argument("--training_seeds", type=int, nargs="+", default=[0, 1], help="(0 1)")
    add_size_options(made)
    args = made.parse_args()
    if unknown := [name for name in args.only if name not in names]:
        raise ConfigError("no such arm", value=unknown, remedy=f"One of {names}")
    chosen = [arm for arm in ARMS if arm.name in args.only]
    comparison = comparison_of(args)
    most = max(arm.songs or comparison.sizes.songs for arm in chosen)
    comparison.compose(most, scorer=any(arm.scorer is not None for arm in chosen))
    judge_arms(comparison, chosen, args.training_seeds, COLUMNS, "ablations")
    return OK


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="The same command goes on from here."))
