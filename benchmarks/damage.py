"""Table of damage: figures of charts that were spoilt on purpose, and which figure sees which.

    python benchmarks/damage.py

Composed songs and their charts by rules stand for the human ones, so that no data is needed. Each
cell is the mean over songs. ● marks what a figure sees: it is worse than that of the whole chart,
by a twentieth of its range where it has one, else by a tenth of the whole chart's value and more
than 0.1.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.compose.charts import TIERS, make_chart
from mug.compose.composer import compose_song
from mug.compose.sound import render
from mug.compose.style import SongStyle
from mug.difficulty.stars import star_rating
from mug.evaluation.figures import figures_of
from mug.evaluation.listening import with_gains
from mug.evaluation.rows import CHARTS, Figures, ResultRow
from mug.evaluation.songs import Against, HumanSong, SongSound, rng_for
from mug.metrics import damage
from mug.render.markdown import header, row

STYLE = SongStyle(seconds=(40.0, 50.0), wide_tempo_p=0.0, tempo_change_p=0.0)
FIRST_SEED = 910

Damage = Callable[[Against, np.random.Generator, Beatmap], Sequence[HitObject]]

DAMAGES: Mapping[str, Damage] = {
    "none": lambda a, rng, other: a.human.hit_objects,
    "every note twice": lambda a, rng, other: damage.double(a.human.hit_objects, 1.0, rng),
    "a tap in every gap": lambda a, rng, other: damage.bursts(a.human.hit_objects, 1.0, rng),
    "half of the rows": lambda a, rng, other: damage.drop_notes(a.human.hit_objects, 0.5, rng),
    "one bar copied": lambda a, rng, other: damage.loop_bar(
        a.human.hit_objects, a.bars[0], len(a.bars[0]) // 2, 1.0
    ),
    "reversed": lambda a, rng, other: damage.reverse(a.human.hit_objects),
    "every quarter filled": lambda a, rng, other: damage.fill_lines(
        a.human.hit_objects, a.lines.time_ms[a.lines.level <= 3], a.human.keys, 1.0, rng
    ),
    "columns shuffled": lambda a, rng, other: damage.shuffle_columns(
        a.human.hit_objects, a.human.keys, 1.0, rng
    ),
    "another song's": lambda a, rng, other: other.hit_objects,
    "empty": lambda a, rng, other: [],
}

# Name, label, whether more is better, range of the figure (0 for none).
FIGURES: tuple[tuple[str, str, bool, float], ...] = (
    ("f1_20_matched", "F1 ±20 ms, matched rows", True, 1.0),
    ("gain_matched", "listening gain, matched rows", True, 1.0),
    ("f1_20", "F1 ±20 ms", True, 1.0),
    ("gain_delivered", "listening gain as it is", True, 1.0),
    ("slot_correlation", "slots, Matthews correlation", True, 1.0),
    ("column_f1_20", "F1 by column", True, 1.0),
    ("tail_f1_50", "tail F1 ±50 ms", True, 1.0),
    ("rows_ratio", "rows / human rows, off 1", False, 0.0),
    ("notes_ratio", "notes / human notes, off 1", False, 0.0),
    ("clean_rate", "clean rate", True, 1.0),
    ("phase_ms", "abs. phase, ms", False, 0.0),
    ("sr_abs_error", "abs. star rating − reference's", False, 0.0),
    ("ln_abs_error", "abs. LN ratio − reference's", False, 1.0),
    ("js_transition", "row transitions, JS", False, 1.0),
    ("js_interval", "intervals, JS", False, 1.0),
    ("js_chord", "chord sizes, JS", False, 1.0),
    ("density_energy", "density × energy", True, 1.0),
    ("self_similarity", "self-similarity × the sound's", True, 1.0),
    ("violations", "violations a chart", False, 0.0),
    ("lint_errors_a_minute", "lint errors a minute", False, 0.0),
    ("failed", "charts that cannot be measured", False, 1.0),
)
_OFF_ONE = ("rows_ratio", "notes_ratio")


def songs(count: int) -> list[tuple[Against, Beatmap]]:
    """Composed songs with their chart, and a chart of another song."""
    composed = [compose_song(FIRST_SEED + index, STYLE) for index in range(count + 1)]
    charts = [
        make_chart(song, TIERS[3], keys=4, audio_filename="a.ogg", beatmapset_id=1)
        for song in composed
    ]
    found = []
    for index in range(count):
        chart = charts[index]
        human = HumanSong(f"song {index}", Path("a.ogg"), (chart,), (star_rating(chart),))
        sound = SongSound(render(composed[index]))
        found.append((Against(human, 0, sound), charts[index + 1]))
    return found


def figures(pieces: Sequence[tuple[Against, Beatmap]]) -> dict[str, Figures]:
    """Mean figures by damage."""
    rows: list[ResultRow] = []
    for against, other in pieces:
        for name, hurt in DAMAGES.items():
            notes = hurt(against, rng_for(against.song.name, name), other)
            chart = against.human.with_objects(list(notes))
            rows.append(
                ResultRow(
                    against.song.name,
                    against.human.version,
                    name,
                    figures=figures_of(chart, against),
                    part=CHARTS,
                )
            )
    gained = with_gains(rows)
    return {
        name: {
            figure: _mean([_value(r.figures, figure) for r in gained if r.column == name])
            for figure, *_ in FIGURES
        }
        for name in DAMAGES
    }


def _value(found: Figures, name: str) -> float:
    value = found.get(name, math.nan)
    return abs(value - 1.0) if name in _OFF_ONE else value


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def sees(whole: float, hurt: float, *, more_is_better: bool, span: float) -> bool:
    """Return whether a figure is worse for a damaged chart by more than a trifle."""
    if not math.isfinite(hurt):
        return math.isfinite(whole)  # it cannot be said, and the tables count it as failed
    worse = whole - hurt if more_is_better else hurt - whole
    return worse > (0.05 * span if span else max(0.1 * abs(whole), 0.1))


def table(found: Mapping[str, Figures]) -> str:
    """The table as Markdown."""
    lines = header(["figure", *found])
    for name, label, better, span in FIGURES:
        whole = found["none"][name]
        cells = []
        for hurt in found.values():
            value = hurt[name]
            seen = sees(whole, value, more_is_better=better, span=span)
            shown = f"{value:.2f}" if math.isfinite(value) else "failed"
            cells.append(f"{shown} ●" if seen else shown)
        lines.append(row([label, *cells]))
    return "\n".join(lines)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=4, help="composed songs (default 4)")
    print(table(figures(songs(parser.parse_args().songs))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
