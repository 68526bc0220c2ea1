"""Distances against evaluations as a picture, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 900, 560, 80, 60, 40, 190
COLOURS = (
    *("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2"),
    "#7f7f7f",
)
Curve = Sequence[tuple[float, float]]


def plot(curves: Mapping[str, Curve], level: float, title: str) -> bytes:
    """A PNG of curves of (evaluations, distance).

    Args:
        curves: by name.
        level: the distance to reach, as a line across.
        title: over the picture.
    """
    points = [point for curve in curves.values() for point in curve]
    xs, ys = [x for x, _ in points], [y for _, y in points] + [level]
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)

    def at(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / min(xs)) / (math.log(max(xs) / min(xs)) or 1)
        up = math.log(y / min(ys)) / (math.log(max(ys) / min(ys)) or 1)
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - BOTTOM - TOP),
        )

    draw.text((LEFT, 12), title, "black", font=font)
    draw.text((LEFT + 200, HEIGHT - 26), "network evaluations", "black", font=font)
    for x in sorted(set(xs)):
        if x in (6, 8, 10, 12, 15, 20, 30, 50, 100):
            place = at(x, min(ys))
            draw.line([(place[0], TOP), place], "#e5e5e5")
            draw.text((place[0] - 8, place[1] + 8), f"{x:g}", "black", font=font)
    for y in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        if min(ys) <= y <= max(ys):
            place = at(min(xs), y)
            draw.line([place, (WIDTH - RIGHT, place[1])], "#e5e5e5")
            draw.text((20, place[1] - 8), f"{y:g}", "black", font=font)
    goal = at(min(xs), level)[1]
    draw.line([(LEFT, goal), (WIDTH - RIGHT, goal)], "black", 1)
    for i, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [at(*point) for point in curve]
        draw.line(places, colour, 2)
        for x, y in places:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], colour)
        draw.text((WIDTH - RIGHT + 12, TOP + 22 * i), name, colour, font=font)
    draw.text((WIDTH - RIGHT + 12, goal - 8), "DDIM, 100 steps", "black", font=font)
    content = BytesIO()
    image.save(content, "png", optimize=True)
    return content.getvalue()
