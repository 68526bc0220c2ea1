"""Report of what was asked for and reached, as plain containers with units, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.errors import ConfigError
from mug.features import FeatureValue
from mug.lint.findings import Finding
from mug.messages.message import Message
from mug.pipeline.judge.measures import (
    DIVISORS,
    Measured,
    density,
    hand_shares,
    measurable,
    measure,
    note_times,
    snaps,
)
from mug.pipeline.judge.score import asked_features
from mug.pipeline.prompt import Prompt
from mug.render.markdown import cell, header, row
from mug.util import nearest

TOLERANCES: Mapping[str, float] = MappingProxyType({"sr": 0.25, "ln_ratio": 0.05, "ett": 1.0})
"""Default tolerances, by feature: largest distance from what was asked for."""

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "sr": "stars",
        "ln_ratio": "share of the notes",
        "ett": "MSD",
        "*_ett": "MSD",
        "hand_balance": "share of the notes",
        "snaps": "starts and ends by part of a beat",
        "notes_per_second": "notes/s",
        "first_s": "s",
        "last_s": "s",
    }
)

_FURTHER_TOLERANCES: Mapping[str, float] = MappingProxyType({"density": 0.5})
"""Those of numbers whose miss is said and makes nobody try again."""

_DIGITS = 4
_LISTED = 500  # findings that are written out
_BARS = "▁▂▃▄▅▆▇█"
_CURVE = 60  # characters
_SHOWN = 20  # findings in words
_GRAVITY = ("error", "warning", "note")


def reached(
    beatmap: Beatmap,
    prompt: Prompt | Mapping[str, object],
    findings: Sequence[Finding] | None = None,
    *,
    changes: Mapping[str, int] | None = None,
    measured: Measured | None = None,
) -> dict[str, Any]:
    """The report on a chart, ready for JSON.

    Args:
        beatmap: the finished chart.
        prompt: what was asked for.
        findings: what lint found; None where it was not asked.
        changes: counts of what was changed on the way.
        measured: the chart's features, where they are known already.

    Returns:
        `difficulty`; `asked` and `avoided`, the prompt; `reached`, the numbers; `unknown`, why some
        could not be measured; `compared`, one entry for each feature that was asked for;
        `findings`; `changes`; `units` of what has one.
    """
    known = measure(beatmap) if measured is None else measured
    asked = asked_features(prompt)
    return {
        "difficulty": beatmap.version,
        "asked": asked,
        "avoided": dict(prompt.negative) if isinstance(prompt, Prompt) else {},
        "reached": _numbers(beatmap, known),
        "unknown": dict(known.unknown),
        "compared": [_compared(name, value, known.features) for name, value in asked.items()],
        "findings": None if findings is None else _findings(findings),
        "changes": dict(changes or {}),
        "units": dict(UNITS),
    }


def _numbers(beatmap: Beatmap, known: Measured) -> dict[str, Any]:
    notes = beatmap.hit_objects
    columns = Counter(note.column for note in notes)
    found = snaps(note_times(beatmap), beatmap.red_lines)
    used = {f"1/{divisor}": int((found == divisor).sum()) for divisor in DIVISORS}
    from_s, step_s, curve = density(beatmap)
    features = {name: _rounded(known.features.get(name)) for name in measurable()}
    return {
        "notes": len(notes),
        "long_notes": len(beatmap.long_notes),
        "keys": beatmap.keys,
        "first_s": round(min((n.start_ms for n in notes), default=0.0) / 1000, 3),
        "last_s": round(beatmap.last_ms / 1000, 3),
        **features,
        "skill_sets": [
            n for n, v in known.features.items() if v is True and f"{n}_ett" in features
        ],
        "per_column": [columns[column] for column in range(beatmap.keys)],
        "hand_balance": {side: round(v, _DIGITS) for side, v in hand_shares(beatmap).items()},
        "snaps": {part: count for part, count in used.items() if count},
        "off_grid": int((found == 0).sum()),
        "notes_per_second": {
            "from_s": from_s,
            "step_s": step_s,
            "values": [round(value, 3) for value in curve],
            "mean": round(sum(curve) / len(curve), 3) if curve else 0.0,
            "peak": round(max(curve, default=0.0), 3),
        },
    }


def _rounded(value: FeatureValue | None) -> FeatureValue | None:
    return round(value, _DIGITS) if isinstance(value, float) else value


def _compared(name: str, asked: object, features: Mapping[str, FeatureValue]) -> dict[str, Any]:
    """Asked and reached side by side; the difference of numbers is reached less asked."""
    value = _rounded(features.get(name))
    entry: dict[str, Any] = {"feature": name, "asked": asked, "reached": value}
    if isinstance(value, bool) or isinstance(asked, bool):
        entry["agrees"] = None if value is None else bool(asked) == bool(value)
    elif value is not None:
        entry["difference"] = round(float(value) - float(str(asked)), _DIGITS)
    return entry


def _findings(findings: Sequence[Finding]) -> dict[str, Any]:
    listed = []
    for finding in findings[:_LISTED]:
        entry: dict[str, Any] = {"rule": str(finding.rule), "severity": str(finding.severity)}
        for name in ("time_ms", "message"):
            if hasattr(finding, name):
                entry[name] = getattr(finding, name)
        if hasattr(finding, "columns"):
            entry["columns"] = list(finding.columns)
        listed.append(entry)
    return {
        "total": len(findings),
        "by_severity": dict(Counter(str(finding.severity) for finding in findings)),
        "by_rule": dict(Counter(str(finding.rule) for finding in findings)),
        "list": listed,
        "not_listed": max(len(findings) - _LISTED, 0),
    }


# ----------------------------------------------------------------------------- retries


def misses(
    report: Mapping[str, Any], tolerances: Mapping[str, float] = TOLERANCES
) -> tuple[str, ...]:
    """A sentence for each feature that was asked for and not reached within its tolerance.

    Only numbers with a tolerance count. One that cannot be measured on the chart is a miss.

    Raises:
        ConfigError: for a tolerance below 0, or of something that is not a measured number.
    """
    numbers = ["sr", "ln_ratio", *(n for n in measurable() if n == "ett" or n.endswith("_ett"))]
    for name, tolerance in tolerances.items():
        if name not in numbers:
            raise ConfigError(
                "pipeline.no_tolerance_for_this", value=name, remedy=nearest(name, numbers)
            )
        if not tolerance >= 0:
            raise ConfigError("pipeline.tolerance_must_not_be_negative", name=name, value=tolerance)
    said = []
    for entry in report["compared"]:
        name = entry["feature"]
        if name not in tolerances:
            continue
        if "difference" not in entry:
            said.append(f"{name} cannot be known: {report['unknown'].get(name, 'not measured')}")
        elif abs(entry["difference"]) > tolerances[name] + 1e-9:
            said.append(
                f"{name}: asked {entry['asked']:g}, reached {entry['reached']:g},"
                f" more than {tolerances[name]:g} off"
            )
    return tuple(said)


def missed_stars(
    report: Mapping[str, Any], tolerances: Mapping[str, float] = TOLERANCES
) -> Message | None:
    """Return a sentence on a star rating that was asked for and missed by more than its tolerance.

    Args:
        report: of a chart, see `reached`.
        tolerances: by feature; without one for the star rating its default holds. A chart whose
            star rating is unknown, such as one without notes, has 0 stars.
    """
    tolerance = tolerances.get("sr", TOLERANCES["sr"])
    for entry in report["compared"]:
        if entry["feature"] == "sr":
            asked, reached_stars = float(entry["asked"]), float(entry["reached"] or 0.0)
            if abs(reached_stars - asked) > tolerance + 1e-9:
                return Message("pipeline.stars_are_missed", asked=asked, reached=reached_stars)
    return None


def other_misses(
    report: Mapping[str, Any], tolerances: Mapping[str, float] = TOLERANCES
) -> list[Message]:
    """Return a sentence for everything but the stars that was asked for and not reached.

    Numbers count with their tolerance, of Etterna's the overall one; yes and no count as they are.
    What cannot be measured is not judged.

    Args:
        report: of a chart, see `reached`.
        tolerances: by feature, over the defaults.
    """
    widest = {**TOLERANCES, **_FURTHER_TOLERANCES, **tolerances}
    said = []
    for entry in report["compared"]:
        name, asked, value = entry["feature"], entry["asked"], entry["reached"]
        if name == "sr" or value is None:
            continue
        if entry.get("agrees") is False:
            code = "pipeline.feature_is_missed" if asked else "pipeline.feature_is_there"
            said.append(Message(code, feature=name))
        elif name in widest and abs(entry.get("difference", 0.0)) > widest[name] + 1e-9:
            wanted, found = float(asked), float(value)
            said.append(
                Message("pipeline.number_is_missed", feature=name, asked=wanted, reached=found)
            )
    return said


def within_tolerance(
    report: Mapping[str, Any], tolerances: Mapping[str, float] = TOLERANCES
) -> bool:
    """Return whether a chart is close enough to what was asked for; `misses` says where not."""
    return not misses(report, tolerances)


# ---------------------------------------------------------------------------- in words


def render_report_markdown(report: Mapping[str, Any]) -> str:
    """The report on a chart as a section of Markdown, ending in a line break."""
    numbers = report["reached"]
    lines = [f"## {cell(report['difficulty']) or 'chart'}", ""]
    lines += _asked_table(report) or ["Nothing was asked for."]
    if report.get("missed_stars"):
        lines += ["", f"**Stars missed: {cell(report['missed_stars'])}.**"]
    for missed in report.get("missed", ()):
        lines += ["", f"**Missed: {cell(missed['text'])}.**"]
    if report.get("given"):
        given = ", ".join(f"{cell(n)} {cell(_shown(n, v))}" for n, v in report["given"].items())
        lines += ["", f"Told to the model in place of what the user asked for: {given}."]
    if report["avoided"]:
        avoided = ", ".join(f"{cell(n)} {cell(_shown(n, v))}" for n, v in report["avoided"].items())
        lines += ["", f"To be avoided: {avoided}."]
    hands = ", ".join(f"{s} {100 * v:.1f} %" for s, v in numbers["hand_balance"].items() if v)
    used = ", ".join(f"{part}: {count}" for part, count in numbers["snaps"].items())
    curve = numbers["notes_per_second"]
    entries = {
        "star rating": _shown("sr", numbers["sr"]),
        "MSD": _shown("ett", numbers["ett"]),
        "main skills": ", ".join(numbers["skill_sets"]) or "-",
        "long notes": f"{numbers['long_notes']} of {numbers['notes']} notes",
        "from … to": f"{numbers['first_s']:g} s … {numbers['last_s']:g} s",
        "notes by column": ", ".join(map(str, numbers["per_column"])),
        "hands": hands or "-",
        "snaps": f"{used or '-'}; off the grid: {numbers['off_grid']}",
        "density": f"mean {curve['mean']:g}, peak {curve['peak']:g} notes/s",
        "findings": _finding_text(report["findings"]),
        "changed": ", ".join(f"{n}: {c}" for n, c in report["changes"].items()) or "-",
    }
    lines += ["", *(f"- {name}: {cell(text)}" for name, text in entries.items())]
    if "score" in report:
        lines += ["", f"Score {report['score']['total']:.2f}:", "", *_score_lines(report["score"])]
    if report["findings"] and report["findings"]["list"]:
        lines += ["", "To look at:", "", *_finding_lines(report["findings"])]
    if curve["values"]:
        lines += ["", f"`{_sparkline(curve['values'])}` notes a second over time"]
    for reason in dict.fromkeys(report["unknown"].values()):
        names = ", ".join(n for n, why in report["unknown"].items() if why == reason)
        lines += ["", f"Unknown: {cell(names)}: {cell(reason)}."]
    return "\n".join(lines) + "\n"


def _asked_table(report: Mapping[str, Any]) -> list[str]:
    rows = []
    for entry in report["compared"]:
        name = entry["feature"]
        apart = f"{entry['difference']:+.3g}" if "difference" in entry else ""
        if entry.get("agrees") is not None:
            apart = "as asked" if entry["agrees"] else "not as asked"
        shown = [_shown(name, entry[half]) for half in ("asked", "reached")]
        rows.append(row([name, *shown, apart]))
    return [*header(["feature", "asked", "reached", "difference"]), *rows] if rows else []


def _shown(name: str, value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    unit = {"sr": " stars"}.get(name, " MSD" if name == "ett" or name.endswith("_ett") else "")
    return f"{value:.2f}{unit}"


def _score_lines(score: Mapping[str, Any]) -> list[str]:
    """The parts of a score that apply, a line each."""
    return [
        f"- {part['name']} {part['value']:.2f}: {cell(part['sentence'])}"
        for part in score["parts"]
        if part["value"] is not None
    ]


def _finding_lines(findings: Mapping[str, Any]) -> list[str]:
    """The gravest findings with the times that osu!'s editor shows, a line each."""
    gravest = sorted(findings["list"], key=lambda entry: _GRAVITY.index(entry["severity"]))
    shown = sorted(gravest[:_SHOWN], key=lambda entry: entry.get("time_ms", 0.0))
    lines = [
        f"- {_clock(entry.get('time_ms', 0.0))} {entry['severity']}, {entry['rule']}:"
        f" {cell(entry.get('message', ''))}"
        for entry in shown
    ]
    more = findings["total"] - len(lines)
    return [*lines, f"- and {more} more"] if more else lines


def _clock(time_ms: float) -> str:
    minutes, ms = divmod(max(round(time_ms), 0), 60_000)
    return f"{minutes:02d}:{ms // 1000:02d}:{ms % 1000:03d}"


def _finding_text(findings: Mapping[str, Any] | None) -> str:
    if findings is None:
        return "not looked for"
    if not findings["total"]:
        return "none"
    severities = ", ".join(f"{count} {name}" for name, count in findings["by_severity"].items())
    rules = ", ".join(f"{name} {count}" for name, count in findings["by_rule"].items())
    return f"{severities} ({rules})"


def _sparkline(values: Sequence[float]) -> str:
    """A bar for each stretch of the curve, as high as its highest value."""
    width = -(-len(values) // _CURVE)
    peaks = [max(values[at : at + width]) for at in range(0, len(values), width)]
    top = max(peaks) or 1.0
    return "".join(_BARS[min(int(len(_BARS) * peak / top), len(_BARS) - 1)] for peak in peaks)
