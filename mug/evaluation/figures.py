"""The figures of one chart against a human one; `docs/benchmark.md` defines every figure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.msd import SKILL_SETS, Msd, estimate_msd
from mug.difficulty.stars import ln_ratio, star_rating
from mug.errors import MugError
from mug.evaluation.failed import with_worst
from mug.evaluation.listening import line_figures, row_figures
from mug.evaluation.rows import FAILED, Figures
from mug.evaluation.songs import Against
from mug.lint.rules import RULES, count_by_severity, lint
from mug.lint.text_report import played_minutes
from mug.metrics.grid import grid_sync
from mug.metrics.matched_rows import LineScores
from mug.metrics.memory import shared_run
from mug.metrics.onsets import column_score, onset_score, tail_score
from mug.metrics.patterns import (
    beyond_band,
    divergences,
    hand_imbalance,
    pattern_counts,
    row_information,
)
from mug.metrics.self_similarity import self_similarity
from mug.metrics.structure import LEAST_BARS, density_energy
from mug.metrics.tempo import tempo_score
from mug.metrics.validity import violations


def figures_of(
    chart: Beatmap,
    against: Against,
    found: Sequence[TimingPoint] | None = None,
    lines: LineScores | None = None,
) -> Figures:
    """All figures of one chart.

    Args:
        chart: by anyone.
        against: the human chart, its song and other people's charts.
        found: red lines that were estimated from the sound, where they are to be judged.
        lines: scores of the song's lines, of a model that has them: its matched rows are those
            with the highest scores.
    """
    figures: Figures = {FAILED: 0.0}
    for measure in MEASURES:
        figures |= measure(chart, against)
    figures["violations"] += figures["unreadable"]
    if lines is not None:
        figures |= line_figures(lines, against)
    if figures["unreadable"]:
        figures = with_worst(figures, against, empty=not chart.hit_objects)
    if found:
        figures |= tempo_figures(found, against)
    return figures


def sync_figures(chart: Beatmap, against: Against) -> Figures:
    """Figures of a chart on the human grid."""
    human = against.human
    sync = grid_sync(chart.hit_objects, human.red_lines, human.hit_objects)
    return {
        "clean_rate": sync.clean_rate,
        "clean_rate_chance": sync.chance,
        "phase_ms": abs(sync.phase_ms),
        "mean_ms": sync.mean_ms,
    }


def onset_figures(chart: Beatmap, against: Against) -> Figures:
    """Onsets, ends and columns matched with the human chart's."""
    human, notes = against.human, chart.hit_objects
    reference = human.hit_objects
    return {
        "notes_ratio": len(notes) / len(reference),
        **{f"f1_{ms}": onset_score(notes, reference, ms).f1 for ms in (10, 20, 50)},
        **{
            f"tail_f1_{ms}": tail_score(notes, reference, ms).f1 if human.long_notes else math.nan
            for ms in (20, 50)
        },
        "column_f1_20": column_score(notes, reference, 20.0).f1,
    }


def column_figures(chart: Beatmap, against: Against) -> Figures:
    """Balance of the hands, and how predictable the rows are."""
    bits = row_information(chart.hit_objects, chart.keys)
    return {
        "hand_imbalance": hand_imbalance(chart.hit_objects, chart.keys),
        "information_bits": bits,
        "information_away": beyond_band(bits, against.human_bits),
    }


def structure_figures(chart: Beatmap, against: Against) -> Figures:
    """Agreement of the chart with the shape of its song, bar by bar."""
    notes, (edges, energy) = chart.hit_objects, against.bars
    if len(energy) < LEAST_BARS:
        return {"density_energy": math.nan, "self_similarity": math.nan}
    return {
        "density_energy": density_energy(notes, edges, energy),
        "self_similarity": self_similarity(notes, chart.keys, edges, against.sound_by_bar),
    }


def copy_figures(chart: Beatmap, against: Against) -> Figures:
    """Longest run of rows shared with a chart of the training songs."""
    own = replace(chart, timing=chart.red_lines or against.human.red_lines)
    known = [c for song in against.others for c in song.charts]
    return {"shared_run": float(max((shared_run(own, c) for c in known), default=math.nan))}


def tempo_figures(found: Sequence[TimingPoint], against: Against) -> Figures:
    """Accuracy of red lines that were estimated from the sound, over the whole song.

    Those of songs that the detector was made with have names of their own.
    """
    end = max(against.sound.duration_ms, against.human.last_ms)
    tempo = tempo_score(found, against.human.red_lines, 0.0, end)
    figures = {
        "tempo_exact": float(tempo.exact),
        "tempo_octave": float(tempo.octave),
        "beats_5": tempo.beats_5,
        "beats_10": tempo.beats_10,
        "offset_ms": abs(tempo.offset_ms),
        "tempo_error": tempo.integrated,
    }
    seen = against.song.timing_seen
    return {f"fitted_{name}": value for name, value in figures.items()} if seen else figures


def violation_figures(chart: Beatmap, against: Against) -> Figures:
    """Violations by kind and together."""
    human = against.human
    broken = violations(chart, human.red_lines, keys=human.keys, audio_ms=against.sound.duration_ms)
    kinds = {f"violations_{name}": float(n) for name, n in asdict(broken).items()}
    return {**kinds, "violations": float(broken.total)}


def control_figures(chart: Beatmap, against: Against) -> Figures:
    """Star rating, share of long notes and MSD, reached and against the human chart's."""
    nan = math.nan
    names = ("sr", "sr_error", "sr_abs_error", "ln_ratio", "ln_abs_error", "msd_error")
    figures = dict.fromkeys(names, nan)
    try:
        stars = star_rating(chart)
    except MugError:  # the independent reader refuses the chart: that is the figure
        return {**figures, "unreadable": 1.0}
    share = ln_ratio(chart.hit_objects)
    figures |= {
        "sr": stars,
        "sr_error": stars - against.stars,
        "sr_abs_error": abs(stars - against.stars),
        "ln_ratio": share,
        "ln_abs_error": abs(share - ln_ratio(against.human.hit_objects)),
        "unreadable": 0.0,
    }
    return figures | (_skill_figures(chart, against) if chart.keys == 4 else {})


def _skill_figures(chart: Beatmap, against: Against) -> Figures:
    ours, theirs = msd_of(chart), against.human_msd
    figures = {"msd": ours.overall, "msd_error": abs(ours.overall - theirs.overall)}
    for name in SKILL_SETS:
        reached, wanted = getattr(ours, name), getattr(theirs, name)
        figures |= {f"msd_{name}": reached, f"msd_{name}_error": abs(reached - wanted)}
    return figures


def msd_of(chart: Beatmap) -> Msd:
    """Etterna's numbers of a 4K chart, estimated."""
    notes = chart.hit_objects
    return estimate_msd([n.start_ms for n in notes], [n.column for n in notes])


def playability_figures(chart: Beatmap, against: Against) -> Figures:
    """Findings of lint a minute of the song, by severity and by rule, at the reference's tier.

    By the song's length: a chart of one note has no rate of its own.
    """
    findings = lint(chart, star_rating=against.stars, audio_ms=against.sound.duration_ms)
    minutes = played_minutes(against.sound.duration_ms)
    by_rule = Counter(finding.rule for finding in findings)
    counts = {f"{name}s": count for name, count in count_by_severity(findings).items()}
    counts |= {rule.name: by_rule[rule.name] for rule in RULES}
    return {f"lint_{name}_a_minute": count / minutes for name, count in counts.items()}


def pattern_figures(chart: Beatmap, against: Against) -> Figures:
    """Jensen–Shannon divergences from human charts of the tier."""
    own = pattern_counts(chart.hit_objects, chart.keys, against.human.red_lines)
    found = divergences(own, against.human_patterns)
    return {
        **{f"js_{name}": value for name, value in found.items()},
        "js_mean": float(np.mean(list(found.values()))),
    }


MEASURES: tuple[Callable[[Beatmap, Against], Figures], ...] = (
    sync_figures,
    onset_figures,
    row_figures,
    column_figures,
    control_figures,
    playability_figures,
    pattern_figures,
    violation_figures,
    structure_figures,
    copy_figures,
)
"""All that is measured on a chart alone: the only list. `mug.evaluation.markdown.tables.FIGURES`
has the titles of those that the tables show."""
