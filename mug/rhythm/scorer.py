"""Rhythm scorer: the probability of a row at each of the 12 lines of a beat.

A small dilated convolutional network over the line channels (`mug.encoding.line_channels`), given
where in the beat and bar each line lies, the star rating and the rows a second; either may be
absent.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mug.audio.flux import Curves
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.encoding.line_channels import POSITION, SOUND, line_channels, position_channels
from mug.errors import CheckpointError, ConfigError
from mug.files import atomic_write
from mug.model.memory.skip_init import SkipInit
from mug.model.weights import hash_weights

CONDITIONS = 4
"""Stars, whether they are known, log rows a second, whether they are known."""

FORMAT = "mug-rhythm-scorer-1"
MOST_WEIGHTS = 200_000

_USUAL_STARS, _STARS_SPREAD = 3.0, 1.5
_USUAL_ROWS = 4.0  # a second


@dataclass(frozen=True)
class ScorerOptions:
    """Sizes of the network.

    Args:
        width: channels inside.
        dilations: lines between the taps of each block's convolution.
        condition_width: channels that the conditions become.
        dropout: share of channels left out after each block's convolution in training.
    """

    width: int = 56
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    condition_width: int = 16
    dropout: float = 0.0

    def __post_init__(self) -> None:
        sizes = {"width": self.width, "condition_width": self.condition_width}
        sizes |= {"dilations": min(self.dilations, default=0)}
        for name, value in sizes.items():
            if value < 1:
                raise ConfigError("rhythm.value_must_be_positive", name=name, value=value)


class RhythmScorer(nn.Module):
    """Logits of rows at lines.

    Args:
        options: sizes; those of `ScorerOptions` unless given.
    """

    mean: Tensor
    std: Tensor
    calibration: Tensor

    def __init__(self, options: ScorerOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or ScorerOptions()
        self.register_buffer("mean", torch.zeros(SOUND))
        self.register_buffer("std", torch.ones(SOUND))
        # Slope and offset by which logits become calibrated ones (Platt scaling).
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))
        self.conv_in = nn.Conv1d(SOUND + LINES + POSITION, options.width, 3, padding=1)
        self.conditions = nn.Sequential(nn.Linear(CONDITIONS, options.condition_width), nn.SiLU())
        self.blocks = nn.ModuleList(_Block(options, dilation) for dilation in options.dilations)
        self.conv_out = nn.Conv1d(options.width, 1, 1)

    def forward(
        self,
        lines: Float[Tensor, "b beats 12 34"],
        position: Float[Tensor, "b beats 5"],
        conditions: Float[Tensor, "b 4"],
    ) -> Float[Tensor, "b lines"]:
        """Logits of all lines in order; uncalibrated.

        Args:
            lines: `line_channels`.
            position: `position_channels`.
            conditions: `condition`, one a chart.
        """
        batch, beats = lines.shape[:2]
        sound = (lines - self.mean) / self.std
        place = torch.eye(LINES, device=lines.device, dtype=lines.dtype)
        channels = torch.cat(
            [
                sound,
                place.expand(batch, beats, LINES, LINES),
                position[:, :, None].expand(batch, beats, LINES, POSITION),
            ],
            dim=-1,
        )
        h = self.conv_in(channels.flatten(1, 2).transpose(1, 2))
        embedding = self.conditions(conditions)
        for block in self.blocks:
            h = block(h, embedding)
        logits: Tensor = self.conv_out(functional.silu(h))[:, 0]
        return logits

    def calibrated(self, logits: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Logits whose sigmoid is the share of such lines that have a row."""
        slope, offset = self.calibration
        scaled: Tensor = slope * logits + offset
        return scaled


class _Block(nn.Module):
    """Residual block of one dilation; the conditions scale and shift its channels (FiLM)."""

    def __init__(self, options: ScorerOptions, dilation: int) -> None:
        super().__init__()
        width = options.width
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.film = nn.Linear(options.condition_width, 2 * width)
        self.dropout = nn.Dropout1d(options.dropout)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(
        self, h: Float[Tensor, "b w t"], embedding: Float[Tensor, "b c"]
    ) -> Float[Tensor, "b w t"]:
        scale, shift = self.film(embedding)[:, :, None].chunk(2, dim=1)
        inside = self.conv(functional.silu(h)) * (1 + scale) + shift
        out: Tensor = h + self.mix(self.dropout(functional.silu(inside)))
        return out


def condition(stars: float | None, rows_a_second: float | None) -> Float[Tensor, "4"]:
    """Conditions of a chart; None for what is not known.

    Args:
        stars: star rating.
        rows_a_second: between the chart's first and last row.

    Raises:
        ConfigError: for values that are not finite, or rows a second of 0 or less.
    """
    for name, value in (("stars", stars), ("rows_a_second", rows_a_second)):
        if value is not None and not math.isfinite(value):
            raise ConfigError("rhythm.value_must_be_finite", name=name, value=value)
    if rows_a_second is not None and rows_a_second <= 0:
        raise ConfigError(
            "rhythm.value_must_be_positive", name="rows_a_second", value=rows_a_second
        )
    values = torch.zeros(CONDITIONS)
    if stars is not None:
        values[0], values[1] = (stars - _USUAL_STARS) / _STARS_SPREAD, 1.0
    if rows_a_second is not None:
        values[2], values[3] = math.log(rows_a_second / _USUAL_ROWS), 1.0
    return values


@torch.no_grad()
def line_logits(
    scorer: RhythmScorer,
    curves: Curves,
    axis: BeatAxis,
    beats: int,
    stars: float | None = None,
    rows_a_second: float | None = None,
) -> Float[Tensor, " lines"]:
    """Calibrated logits of a row at each line of a song's first beats, twelve a beat.

    Args:
        scorer: in evaluation mode.
        curves: of the whole song (`mug.audio.flux`).
        axis: of the song.
        beats: from the beginning of the axis on; `axis.count_beats` of the song's length has all.
        stars: asked for, or None.
        rows_a_second: asked for, or None.
    """
    device = scorer.mean.device
    lines = torch.from_numpy(line_channels(curves, axis, 0, beats)).to(device)
    position = torch.from_numpy(position_channels(axis, 0, beats)).to(device)
    given = condition(stars, rows_a_second).to(device)
    logits: Tensor = scorer.calibrated(scorer(lines[None], position[None], given[None]))[0]
    return logits


def save_scorer(
    scorer: RhythmScorer, path: str | Path, about: dict[str, Any] | None = None
) -> None:
    """Write a scorer as one `.safetensors` file that holds its sizes; equal scorers, equal bytes.

    Args:
        scorer: to be written.
        path: of the file.
        about: further plain values for its metadata, such as data and figures.
    """
    from safetensors.torch import save

    plain = {k: v.detach().cpu().contiguous() for k, v in scorer.state_dict().items()}
    # One entry: several would stand in the file in any order.
    options = asdict(scorer.options)
    header = {"format": FORMAT, "options": options, "about": about or {}}
    header["sha256"] = _hash(options, plain)
    metadata = {FORMAT: json.dumps(header)}
    with atomic_write(Path(path)) as handle:
        handle.write(save(plain, metadata=metadata))


def _hash(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    sizes = json.dumps({name: options[name] for name in sorted(options)})
    return hashlib.sha256(f"{sizes} {hash_weights(weights)}".encode()).hexdigest()


def _check(header: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Compare sizes and weights with their hash; older files have none."""
    noted, found = header.get("sha256"), _hash(header["options"], weights)
    if noted not in (None, found):
        raise ValueError(f"its SHA-256 is {found}, not {noted}")


def is_scorer(path: Path) -> bool:
    """Tell a file that `save_scorer` wrote, by its header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return FORMAT in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def load_scorer(path: str | Path) -> RhythmScorer:
    """The scorer in a file that `save_scorer` wrote, in evaluation mode.

    Raises:
        CheckpointError: for a file that is missing, damaged or something else.
    """
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if not file.is_file():
        raise CheckpointError(
            "common.no_such_checkpoint", file=file, remedy="remedy.check_ckpt_path"
        )
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        header = json.loads(metadata[FORMAT])
        options = header["options"]
        _check(header, weights)
        options["dilations"] = tuple(options["dilations"])
        with SkipInit(2 * sum(value.numel() for value in weights.values())):
            RhythmScorer(ScorerOptions(**options))  # refuses sizes before they take memory
        scorer = RhythmScorer(ScorerOptions(**options))
        scorer.load_state_dict(weights)
    except (SafetensorError, ConfigError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            "rhythm.file_holds_no_scorer",
            file=file,
            value=str(error).splitlines()[0],
            remedy="remedy.train_scorer",
        ) from error
    return scorer.eval()
