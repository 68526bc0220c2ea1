"""From the page's controls, by name, to a checked request and back."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.names import LN_CLASSES, SKILL_SETS
from mug.errors import GenerationError
from mug.features import FeatureSchema
from mug.pipeline.defaults import SAMPLER, STEPS
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.prompt import Prompt, load_prompt
from mug.timing.tempo_map import TempoMap, timing_from_file

if TYPE_CHECKING:
    from mug.pipeline.package import Plan
    from mug.pipeline.request import GenerationRequest

# Stamina first, as in the models' feature files.
SKILLS = ("stamina", *(skill for skill in SKILL_SETS if skill != "stamina"))
NUMBERS = ("sr", "ett", "ln_ratio", *(f"{skill}_ett" for skill in SKILLS))
KINDS = LN_CLASSES
FREE, MORE, LESS = "free", "more", "less"
MOST_CHARTS, MOST_STEPS = 8, 200
_SEEDS = 100_000_000

Values = Mapping[str, Any]


def prompt_of(values: Values) -> dict[str, Any]:
    """The prompt that is ticked on the page; what is free is absent.

    Args:
        values: of the controls, by name: `sr_on` and `sr`, `kind`, `stream_want` and so on.
    """
    found: dict[str, Any] = {
        name: values[name]
        for name in NUMBERS
        if values.get(f"{name}_on") and values[name] is not None
    }
    if values.get("rank_status", FREE) != FREE:
        found["rank_status"] = values["rank_status"]
    if values.get("kind", FREE) != FREE:
        found[values["kind"]] = True
    for skill in SKILLS:
        if values.get(f"{skill}_want", FREE) != FREE:
            found[skill] = values[f"{skill}_want"] == MORE
    return found


def controls_of(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the controls that ask for a prompt; the opposite of `prompt_of`."""
    found: dict[str, Any] = {
        "rank_status": prompt.get("rank_status", FREE),
        "kind": next((kind for kind in KINDS if prompt.get(kind) is True), FREE),
    }
    for name in NUMBERS:
        found[f"{name}_on"] = name in prompt
        if name in prompt:
            found[name] = prompt[name]
    for skill in SKILLS:
        wanted = prompt.get(skill)
        found[f"{skill}_want"] = FREE if wanted is None else MORE if wanted else LESS
    return found


def avoided(text: str, schema: FeatureSchema) -> Mapping[str, Any]:
    """The negative prompt from its `name: value` lines.

    Raises:
        ConfigError: names the line and the nearest feature.
    """
    if not text.strip():
        return {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "avoid.yaml"
        path.write_text(text, encoding="utf-8")
        return load_prompt(path, schema).positive


def finish_options(values: Values) -> FinishOptions:
    """Names, timing, snapping and fixes.

    Raises:
        GenerationError: for half a timing or impossible divisors.
        BeatmapError: for a chart without timing.
    """
    options: dict[str, Any] = {
        "title": values.get("title") or "",
        "artist": values.get("artist") or "",
        "snapping": values.get("snapping", "voice"),
        "divisors": divisors(values.get("divisors") or ""),
        "fixes": values.get("fixes", "tier"),
        "minijack_ms": float(_given(values, "minijack_ms", 90.0)),
    }
    timing = values.get("timing", "heard")
    if timing == "by_hand":
        options["timing"] = FinishOptions.given_timing(values.get("bpm"), values.get("offset"))
        if options["timing"] is None:
            raise GenerationError("ui.timing_by_hand_needs_tempo")
    elif timing == "from_file":
        if not values.get("timing_file"):
            raise GenerationError("ui.no_chart_to_take_timing_from", remedy="remedy.drop_one")
        path = Path(values["timing_file"])
        options["red_lines"] = timing_from_file(path).red_lines
        options["timing_source"] = "file"
    return FinishOptions(**options)


def divisors(text: str) -> tuple[int, ...] | None:
    """Parts of a beat from `1,2,4`; None for an empty text.

    Raises:
        GenerationError: for anything that is not a list of whole numbers.
    """
    if not text.strip():
        return None
    try:
        return tuple(int(part) for part in text.replace("，", ",").split(","))
    except ValueError as error:
        raise GenerationError(
            "ui.parts_of_beat_are_whole_numbers", value=text, remedy="remedy.divisors_for_example"
        ) from error


def request_of(values: Values, audio: Path, schema: FeatureSchema) -> GenerationRequest:
    """The request that the page's controls make.

    Args:
        values: of the controls, by name.
        audio: the song.
        schema: of the model.

    Raises:
        MugError: for whatever cannot be.
    """
    from mug.pipeline.request import GenerationRequest

    count = whole("count", _given(values, "count", 1), 1, MOST_CHARTS)
    return GenerationRequest(
        audio=audio,
        prompt=Prompt.of(
            schema, values["prompt"] if "prompt" in values else prompt_of(values)
        ).positive,
        negative_prompt=avoided(values.get("negative") or "", schema),
        count=count,
        steps=whole("steps", _given(values, "steps", STEPS), 1, MOST_STEPS),
        sampler=values.get("sampler") or SAMPLER,
        guidance_scale=float(_given(values, "guidance", 5.0)),
        seed=seed_of(values.get("seed")),
        batch_size=min(count, 4),
        finish=finish_options(values),
    )


def plan_of(values: Values) -> Plan:
    """Candidates or a spread, as the controls have it."""
    from mug.pipeline.judge.candidates import Search
    from mug.pipeline.package import Plan
    from mug.pipeline.spread import TIERS

    if values.get("spread"):
        return Plan(tiers=TIERS)
    candidates = whole("candidates", _given(values, "candidates", 0), 0, 4 * MOST_CHARTS)
    return Plan(Search(candidates=candidates, reach_stars=bool(values.get("reach_stars"))))


def seed_of(value: float | None) -> int:
    """The seed that was asked for; a new one for -1 and nothing."""
    if value is None or value == -1:
        return secrets.randbelow(_SEEDS) + 1
    return whole("seed", value, 0, 2**53)


def whole(name: str, value: float, least: int, most: int) -> int:
    """A whole number within a range.

    Raises:
        GenerationError: for anything else.
    """
    if not (math.isfinite(value) and value == int(value) and least <= value <= most):
        raise GenerationError(
            "ui.must_be_whole_number", name=name, least=least, most=most, value=value
        )
    return int(value)


def tempo_of(text: str) -> TempoMap:
    """Red lines from text, one a line: begin in ms, beats a minute, beats a bar (4 if left out).

    Raises:
        GenerationError: for a line that is not two or three numbers.
        DataError: for lines that make no tempo map.
    """
    points = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.replace(",", " ").replace("，", " ").split()
        if not parts:
            continue
        try:
            start, bpm = float(parts[0]), float(parts[1])
            meter = int(parts[2]) if len(parts) > 2 else 4
        except (IndexError, ValueError) as error:
            raise GenerationError("ui.tempo_has_three_parts", line=number, value=line) from error
        if not 10 <= bpm <= 1000:
            raise GenerationError("ui.tempo_out_of_range", value=bpm)
        points.append(TimingPoint(start, 60000.0 / bpm, meter))
    return TempoMap(tuple(sorted(points, key=lambda point: point.time_ms)))


def tempo_text(tempo: TempoMap) -> str:
    """The text that `tempo_of` reads."""
    return "\n".join(
        f"{line.time_ms:.3f}".rstrip("0").rstrip(".") + f" {line.bpm:.9g} {line.meter}"
        for line in tempo.red_lines
    )


def _given(values: Values, name: str, default: float) -> float:
    value = values.get(name)
    return default if value is None else value
