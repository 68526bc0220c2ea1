"""Draw the packages of `mug` by layer, with the imports between them.

    python benchmarks/draw_structure.py                # writes docs/figures/architecture.svg

Layers come from `pyproject.toml`, descriptions from the packages' docstrings, arrows from the code.
An arrow that follows from two others is left out, and so are those to the two lowest layers; one
that passes over a layer is written in its box.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections.abc import Mapping, Sequence
from html import escape
from itertools import chain
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mug.files import atomic_write  # noqa: E402

FIGURE = ROOT / "docs" / "figures" / "architecture.svg"
UNDRAWN = 2  # lowest layers that everything may import
_BOX, _ROW, _GAP, _HIGH, _MARGIN = 158, 152, 14, 114, 16
_COLOURS = ("#dfe9fb", "#e3f3e6", "#fdf0d8", "#f6e2ec", "#e8e4f7", "#dff1f3")

Layers = Sequence[Sequence[str]]
Arrows = Mapping[str, set[str]]


def main() -> int:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FIGURE)
    out: Path = parser.parse_args().out
    with atomic_write(out, "w", encoding="utf-8") as handle:
        handle.write(draw(ROOT))
    print(out)
    return 0


def draw(root: Path) -> str:
    """Return the drawing of a checkout as SVG."""
    layers = read_layers(root / "pyproject.toml")
    shown = layers[: len(layers) - UNDRAWN]
    arrows = reduce_arrows(read_arrows(root / "mug", layers), shown)
    width = max(len(row) for row in layers) * (_BOX + _GAP) + 2 * _MARGIN
    places = _place(layers, width)
    height = len(layers) * _ROW + _MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#7a8194"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for depth, row in enumerate(layers):
        colour, below = _COLOURS[depth % len(_COLOURS)], {*chain(*layers[depth + 1 : depth + 2])}
        for name in row:
            found = arrows.get(name, set())
            lines += [_arrow(places[name], places[other]) for other in sorted(found & below)]
            lines += _box(root, name, places[name], colour, sorted(found - below))
    return "\n".join([*lines, "</svg>"]) + "\n"


def read_layers(project: Path) -> list[list[str]]:
    """Return the layers of the import contract, the highest first."""
    settings = tomllib.loads(project.read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return [[name.strip(" ()") for name in layer.split("|")] for layer in layers]


def read_arrows(package: Path, layers: Layers) -> dict[str, set[str]]:
    """Return, for each part of the package, the parts that it imports."""
    parts = {name for row in layers for name in row}
    arrows: dict[str, set[str]] = {name: set() for name in parts}
    for file in sorted(package.rglob("*.py")):
        own = file.relative_to(package).with_suffix("").parts[0]
        if own not in parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            arrows[own] |= {name for name in _imported(node) if name in parts} - {own}
    return arrows


def reduce_arrows(arrows: Arrows, layers: Layers) -> dict[str, set[str]]:
    """Leave out parts that are not drawn with arrows, and arrows that follow from two others."""
    kept = {name for row in layers for name in row}
    direct = {name: arrows[name] & kept for name in kept}

    def reach(name: str) -> set[str]:
        return direct[name].union(*(reach(other) for other in direct[name]))

    return {
        name: others - {far for other in others for far in reach(other)}
        for name, others in direct.items()
    }


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.ImportFrom) and node.module == "mug":
        return {alias.name for alias in node.names}
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return {name.split(".")[1] for name in names if name.startswith("mug.")}


def _place(layers: Layers, width: int) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    for depth, row in enumerate(layers):
        left = (width - len(row) * (_BOX + _GAP) + _GAP) / 2
        for column, name in enumerate(row):
            places[name] = left + column * (_BOX + _GAP), _MARGIN + depth * _ROW
    return places


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x0, y0, x1, y1 = start[0] + _BOX / 2, start[1] + _HIGH, end[0] + _BOX / 2, end[1] - 1
    bend = (y1 - y0) / 2
    path = f"M{x0:g} {y0:g}C{x0:g} {y0 + bend:g} {x1:g} {y1 - bend:g} {x1:g} {y1:g}"
    return f'<path d="{path}" fill="none" stroke="#7a8194" marker-end="url(#head)"/>'


def _box(
    root: Path, name: str, place: tuple[float, float], colour: str, others: Sequence[str]
) -> list[str]:
    x, y = place
    folder = root / "mug" / name
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    about = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()[0]
    also = wrap(f"→ {', '.join(others)}", 27) if others else []
    lines = [
        f'<rect x="{x:g}" y="{y:g}" width="{_BOX}" height="{_HIGH}" rx="6" fill="{colour}" '
        'stroke="#9aa1b5"/>',
        f'<text x="{x + 8:g}" y="{y + 17:g}" font-size="13" font-weight="bold">{name}</text>',
    ]
    for index, text in enumerate([*wrap(about, 27)[: 6 - len(also)], *also]):
        ink = "#6a4a1c" if text in also else "#3c4256"
        lines.append(
            f'<text x="{x + 8:g}" y="{y + 34 + 14 * index:g}" fill="{ink}">{escape(text)}</text>'
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
