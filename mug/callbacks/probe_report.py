"""Report of a probe (`mug.diffusion.probe`), as a table and as a picture."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.diffusion.probe import Probe
from mug.files import atomic_write
from mug.render.csv_text import csv_text

if TYPE_CHECKING:
    import PIL.Image

_LABELS = {
    "audio": "another song's sound",
    "silence": "silence",
    "features": "no features",
    "beat": "no beat",
}
_COLOURS = {
    "loss": (20, 20, 20),
    "constant": (150, 150, 150),
    "audio": (204, 51, 17),
    "silence": (238, 153, 51),
    "features": (0, 119, 187),
    "beat": (0, 136, 85),
}
_SIZE, _LEFT, _RIGHT, _TOP, _MIDDLE, _FOOT = (900, 660), 70, 20, 66, 390, 605
_GRID, _TEXT, _PAPER = (225, 225, 225), (60, 60, 60), (255, 255, 255)


def write_probe(probe: Probe, stem: Path, title: str) -> list[Path]:
    """Write `<stem>.csv`, `.json` and `.png`; their paths.

    Args:
        probe: with at least one tenth.
        stem: path without an ending.
        title: above the picture.
    """
    table = csv_text(list(probe.rows()[0]), probe.rows())
    content = {"title": title, "tenths": probe.rows(), "scalars": probe.scalars()}
    # NaN (the error of a single item) is no JSON
    plain = json.dumps(content, indent=1).replace("NaN", "null")
    paths = [stem.with_suffix(ending) for ending in (".csv", ".json", ".png")]
    for path, written in zip(paths[:2], (table, plain), strict=True):
        with atomic_write(path, "w", encoding="utf-8") as handle:
            handle.write(written)
    with atomic_write(paths[2]) as handle:
        draw_probe(probe, title).save(handle, format="PNG")
    return paths


def probe_table(probe: Probe) -> str:
    """The same as Markdown, with the standard errors of the gains."""
    names = probe.left_out
    titles = ["tenth", "log SNR", "loss", "best constant", "ratio"]
    titles += [f"gain: {_LABELS[name]}" for name in names]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row in probe.rows():
        cells = [f"{row['tenth']:.0f}", f"{row['log_snr']:+.1f}"]
        cells += [f"{row[key]:.4f}" for key in ("loss", "constant", "ratio")]
        cells += [f"{row[f'gain_{n}']:+.4f} ± {row[f'gain_{n}_error']:.4f}" for n in names]
        lines.append("| " + " | ".join(cells) + " |")
    found = probe.scalars()
    means = [f"{found['ratio']:.4f}", *(f"{found[f'gain_{name}']:+.4f}" for name in names)]
    lines.append("| all | | | | " + " | ".join(means) + " |")
    return "\n".join(lines) + "\n"


def draw_probe(probe: Probe, title: str) -> PIL.Image.Image:
    """Loss by tenth with and without each condition above, what each is worth below."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((_LEFT, 10), title, fill=_TEXT, font=_font(15))
    names = ["constant", *probe.left_out, "loss"]
    losses = {name: [probe.mean(name, tenth) for tenth in probe.tenths] for name in names}
    _curves(draw, (_TOP, _MIDDLE - 30), losses, probe.tenths, "loss")
    _legend(draw, names)
    gains = {
        name: [100 * probe.gain(name, t)[0] / probe.mean("loss", t) for t in probe.tenths]
        for name in probe.left_out
    }
    _curves(draw, (_MIDDLE, _FOOT), gains, probe.tenths, "gain, % of the loss")
    for tenth in probe.tenths:
        label = f"{tenth}\n{probe.log_snr[tenth]:+.1f}"
        at = (_x(tenth, probe.tenths), _FOOT + 8)
        draw.text(at, label, _TEXT, _font(12), "ma", align="center")
    draw.text((_LEFT - 8, _FOOT + 8), "tenth\nlog SNR", _TEXT, _font(12), "ra", align="right")
    return image


def _x(tenth: int, tenths: Sequence[int]) -> float:
    room = _SIZE[0] - _LEFT - _RIGHT
    return _LEFT + room * (tenths.index(tenth) + 0.5) / len(tenths)


def _curves(
    draw: Any,
    place: tuple[int, int],
    curves: dict[str, list[float]],
    tenths: Sequence[int],
    what: str,
) -> None:
    """Lines with points over the tenths, and an axis that holds 0."""
    top, foot = place
    values = [0.0, *(value for curve in curves.values() for value in curve if math.isfinite(value))]
    step = _nice((max(values) - min(values)) or 1.0)
    low, high = math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step
    high = max(high, low + step)

    def y(value: float) -> float:
        return foot - (foot - top) * (value - low) / (high - low)

    for index in range(round((high - low) / step) + 1):
        at = low + index * step
        shade = _TEXT if abs(at) < step / 2 else _GRID
        draw.line([(_LEFT, y(at)), (_SIZE[0] - _RIGHT, y(at))], fill=shade)
        draw.text((_LEFT - 8, y(at)), f"{at:.3g}", _TEXT, _font(12), "rm")
    draw.text((_LEFT + 4, top - 2), what, _TEXT, _font(12), "ld")
    for name, curve in curves.items():
        points = [
            (_x(tenth, tenths), y(value))
            for tenth, value in zip(tenths, curve, strict=True)
            if math.isfinite(value)
        ]
        draw.line(points, fill=_COLOURS[name], width=3 if name == "loss" else 2)
        for x, at in points:
            draw.ellipse([x - 3, at - 3, x + 3, at + 3], fill=_COLOURS[name])


def _nice(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts a span into four to ten."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next((power * factor for factor in (5, 2) if span / (power * factor) >= 4), power)


def _legend(draw: Any, names: Sequence[str]) -> None:
    x = _LEFT + 40.0
    labels = {"loss": "with everything", "constant": "best constant", **_LABELS}
    for name in names:
        draw.line([(x, _TOP - 16), (x + 22, _TOP - 16)], fill=_COLOURS[name], width=3)
        draw.text((x + 27, _TOP - 16), labels[name], _TEXT, _font(12), "lm")
        x += 45 + draw.textlength(labels[name], font=_font(12))


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
