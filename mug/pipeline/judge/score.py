"""Score of a candidate: a number from 0 to 1, made of parts that each explain themselves.

`docs/prompts.md` has the formula. Every part is 1 at its best; the total is their mean, weighted
by `WEIGHTS` among the parts that apply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.timing_points import TimingPoint
from mug.errors import DataError
from mug.lint.findings import Finding
from mug.pipeline.judge.measures import (
    DIVISORS,
    ON_GRID_MS,
    Measured,
    measurable,
    measure,
    note_times,
    snaps,
)
from mug.pipeline.prompt import Prompt
from mug.util import nearest

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"on_grid": 0.15, "lint": 0.3, "difficulty": 0.4, "patterns": 0.15, "listens": 0.3}
)

SEVERITY_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"error": 1.0, "warning": 0.3, "note": 0.1}
)

# Errors at which half of a part is lost.
HALF_STARS = 0.5
HALF_LN_RATIO = 0.1
HALF_MSD = 2.0
HALF_FINDINGS = 5.0  # weighted findings in 100 notes
HALF_LISTENING = 0.05  # nats a line below what the scorer's own rows have

_MAIN_SKILL_MSD = 1.0  # within so much of the highest skill set another one is a main skill, too


@dataclass(frozen=True)
class Listening:
    """Likelihood of a chart's rows under a rhythm scorer.

    Args:
        likelihood: mean log-probability of having, or not having, a row at each line, nats.
        expected: the same for rows that the scorer itself would draw.
    """

    likelihood: float
    expected: float


@dataclass(frozen=True)
class ScorePart:
    """One part of a score.

    Args:
        name: `on_grid`, `lint`, `difficulty`, `patterns` or, with a rhythm scorer, `listens`.
        value: 0 ... 1; None where the part does not apply.
        weight: share of the total, 0 where the part does not apply; all weights make 1.
        sentence: why it is what it is.
    """

    name: str
    value: float | None
    weight: float
    sentence: str


@dataclass(frozen=True)
class Score:
    """Score of a chart.

    Args:
        total: 0 ... 1.
        parts: what it is made of.
    """

    total: float
    parts: tuple[ScorePart, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, rounded for people."""
        return {
            "total": round(self.total, 4),
            "parts": [
                {
                    "name": part.name,
                    "value": None if part.value is None else round(part.value, 4),
                    "weight": round(part.weight, 4),
                    "sentence": part.sentence,
                }
                for part in self.parts
            ],
        }


def score_chart(
    beatmap: Beatmap,
    prompt: Prompt | Mapping[str, object],
    red_lines: Sequence[TimingPoint],
    findings: Sequence[Finding] | None = None,
    *,
    measured: Measured | None = None,
    listening: Listening | None = None,
) -> Score:
    """Scores a finished chart; the same chart always gets the same score.

    Args:
        beatmap: the chart.
        prompt: what was asked for; of a `Prompt` the positive half.
        red_lines: the tempo to judge note times by, e.g. that of the song.
        findings: what lint found; None where it was not asked.
        measured: the chart's features, where they are known already.
        listening: fit of the rows to the sound, for a model with a rhythm scorer.

    Raises:
        DataError: for a finding of unknown severity.
    """
    asked = asked_features(prompt)
    known = measure(beatmap) if measured is None else measured
    judged = {
        "on_grid": _on_grid(beatmap, red_lines),
        "lint": _lint(len(beatmap.hit_objects), findings),
        "difficulty": _difficulty(asked, known),
        "patterns": _patterns(asked, known),
    }
    if listening is not None:
        judged["listens"] = _listens(listening)
    total_weight = sum(WEIGHTS[name] for name, (value, _) in judged.items() if value is not None)
    parts = tuple(
        ScorePart(name, value, 0.0 if value is None else WEIGHTS[name] / total_weight, sentence)
        for name, (value, sentence) in judged.items()
    )
    return Score(sum((part.value or 0.0) * part.weight for part in parts), parts)


def rank(scores: Sequence[Score]) -> tuple[int, ...]:
    """Indices of the scores, the best first; of equal ones the earlier first."""
    return tuple(sorted(range(len(scores)), key=lambda index: (-scores[index].total, index)))


def asked_features(prompt: Prompt | Mapping[str, object]) -> dict[str, object]:
    """Requested values, by feature name."""
    values = prompt.positive if isinstance(prompt, Prompt) else prompt
    return {name: value for name, value in values.items() if value is not None}


def closeness(error: float, half: float) -> float:
    """1 without an error, a half at `half`, falling ever slower towards 0."""
    return 1.0 / (1.0 + abs(error) / half)


Judged = tuple[float | None, str]


def _on_grid(beatmap: Beatmap, red_lines: Sequence[TimingPoint]) -> Judged:
    times = note_times(beatmap)
    if not len(times):
        return 0.0, "the chart has no notes"
    share = float((snaps(times, red_lines) > 0).mean())
    return share, (
        f"{100 * share:.1f} % of {len(times)} starts and ends lie on the beat grid"
        f" (down to 1/{DIVISORS[-1]}, within {ON_GRID_MS:g} ms)"
    )


def _lint(notes: int, findings: Sequence[Finding] | None) -> Judged:
    if findings is None:
        return None, "lint was not asked"
    counts = Counter(str(finding.severity) for finding in findings)
    for severity in counts:
        if severity not in SEVERITY_WEIGHTS:
            raise DataError(
                "pipeline.unknown_severity_of_finding",
                value=severity,
                remedy=nearest(severity, SEVERITY_WEIGHTS),
            )
    weighted = sum(SEVERITY_WEIGHTS[severity] * count for severity, count in counts.items())
    rate = 100 * weighted / max(notes, 1)
    listed = ", ".join(f"{counts[s]} {s}{'s' * (counts[s] != 1)}" for s in SEVERITY_WEIGHTS)
    return closeness(rate, HALF_FINDINGS), f"{listed}: {rate:.2f} weighted findings in 100 notes"


def _difficulty(asked: Mapping[str, object], measured: Measured) -> Judged:
    if "sr" not in asked:
        return None, "no star rating was asked for"
    wanted = float(str(asked["sr"]))
    if "sr" not in measured.features:
        return 0.0, f"asked for {wanted:.2f} stars; {measured.unknown['sr']}"
    reached = float(measured.features["sr"])
    return closeness(reached - wanted, HALF_STARS), (
        f"asked for {wanted:.2f} stars, reached {reached:.2f}"
    )


def _listens(listening: Listening) -> Judged:
    missing = max(listening.expected - listening.likelihood, 0.0)
    return closeness(missing, HALF_LISTENING), (
        f"rows have a log-likelihood of {listening.likelihood:.3f} nats a line under the rhythm"
        f" scorer, whose own have {listening.expected:.3f}"
    )


def _patterns(asked: Mapping[str, object], measured: Measured) -> Judged:
    """Mean over all features asked for that can be measured, the star rating aside."""
    names = [name for name in measurable() if name in asked and name != "sr"]
    if not names:
        return None, "nothing was asked for that can be measured, the star rating aside"
    values, said = [], []
    for name in names:
        if name not in measured.features:
            values.append(0.0)
            said.append(f"{name} unknown")
            continue
        reached = measured.features[name]
        values.append(_fit(name, asked[name], measured.features))
        said.append(f"{name} {_shown(asked[name])}, reached {_shown(reached)}")
    return sum(values) / len(values), f"asked for {'; '.join(said)}"


def _fit(name: str, wanted: object, features: Mapping[str, object]) -> float:
    """Fit of one feature."""
    reached = features[name]
    if not isinstance(reached, bool):
        half = HALF_LN_RATIO if name == "ln_ratio" else HALF_MSD
        return closeness(float(str(reached)) - float(str(wanted)), half)
    if reached == bool(wanted):
        return 1.0
    if f"{name}_ett" not in features:
        return 0.0
    top = max(float(str(v)) for n, v in features.items() if n.endswith("_ett"))
    return closeness(float(str(features[f"{name}_ett"])) - (top - _MAIN_SKILL_MSD), HALF_MSD)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
