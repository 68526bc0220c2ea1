"""From the page's controls, by name, to a checked request and back."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.names import LN_CLASSES, SKILL_SETS
from mug.errors import GenerationError
from mug.features import FeatureSchema
from mug.files import atomic_write
from mug.pipeline.defaults import WINDOW_S
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.plain import changed, field_names, from_plain
from mug.pipeline.prompt import Prompt, load_prompt
from mug.timing.tempo_map import TempoMap

if TYPE_CHECKING:
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import GenerationRequest

# Stamina first, as in the models' feature files.
SKILLS = ("stamina", *(skill for skill in SKILL_SETS if skill != "stamina"))
NUMBERS = ("sr", "ett", "density", "ln_ratio", *(f"{skill}_ett" for skill in SKILLS))
KINDS = LN_CLASSES
FREE, MORE, LESS = "free", "more", "less"
MOST_CHARTS, MOST_STEPS = 8, 200
_MOST = {"count": MOST_CHARTS, "steps": MOST_STEPS, "batch_size": MOST_CHARTS}
_SEEDS = 100_000_000
_LONGEST_TEXT = 100_000

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
    _check_length(text)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "avoid.yaml"
        with atomic_write(path, "w", encoding="utf-8") as handle:
            handle.write(text)
        return load_prompt(path, schema).positive


def finish_options(values: Values) -> FinishOptions:
    """Names, timing, snapping and fixes; a control sets the field of its name.

    Raises:
        GenerationError: for half a timing or impossible divisors.
        BeatmapError: for a chart without timing.
    """
    plain = _fields(FinishOptions, values)
    plain["divisors"] = divisors(values.get("divisors") or "")
    timing = plain.pop("timing", "heard")  # here a choice, not yet a timing
    finish: FinishOptions = from_plain(FinishOptions, plain, "finish")
    if timing == "by_hand":
        given = FinishOptions.given_timing(values.get("bpm"), values.get("offset"))
        if given is None:
            raise GenerationError("ui.timing_by_hand_needs_tempo")
        return replace(finish, timing=given)
    if timing == "from_file":
        if not values.get("timing_file"):
            raise GenerationError("ui.no_chart_to_take_timing_from", remedy="remedy.drop_one")
        name, lines = values["timing_file"]
        return replace(finish, red_lines=lines, timing=None, timing_source=f"file {name}")
    return finish


def _fields(kind: Any, values: Values) -> dict[str, Any]:
    """Return the values of controls that are named as fields of a dataclass."""
    return {name: values[name] for name in field_names(kind) if values.get(name) not in (None, "")}


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
    """The request that the page's controls make; a control sets the field of its name.

    Args:
        values: of the controls, by name; `request` holds further fields as
            `GenerationRequest.to_plain` writes them, `timing_file` the name of a chart and its red
            lines.
        audio: the song.
        schema: of the model.

    Raises:
        MugError: for whatever cannot be.
    """
    from mug.pipeline.request import GenerationRequest

    plain = _fields(GenerationRequest, values)
    plain |= {"audio": audio, "seed": seed_of(values.get("seed"))}
    plain["prompt"] = values["prompt"] if "prompt" in values else prompt_of(values)
    plain["negative_prompt"] = avoided(values.get("negative") or "", schema)
    if values.get("guidance") is not None:
        plain["guidance_scale"] = values["guidance"]
    _check_limits(plain)
    request = replace(GenerationRequest.from_plain(plain), finish=finish_options(values))
    asked: GenerationRequest = changed(request, values.get("request") or {}, "request")
    _check_limits(asked.to_plain())
    if asked.window_s > WINDOW_S:
        raise GenerationError("ui.window_is_too_long", most=WINDOW_S, value=asked.window_s)
    prompt = Prompt.of(schema, asked.prompt, asked.negative_prompt)
    return replace(asked, audio=audio, prompt=prompt.positive, negative_prompt=prompt.negative)


def _check_limits(plain: Values) -> None:
    """Refuse what would keep the server from others for long.

    Raises:
        GenerationError: names the limit.
    """
    for name, most in _MOST.items():
        if name in plain:
            whole(name, plain[name], 1, most)


def plan_of(values: Values) -> Plan:
    """Candidates or a spread, as the controls have it; a control sets the field of its name.

    Args:
        values: of the controls, by name; `plan` holds further fields as `Plan.to_plain` writes
            them.

    Raises:
        GenerationError: for whatever cannot be.
    """
    from mug.pipeline.plan import TIERS, Plan, Search

    search = from_plain(Search, _fields(Search, values), "search")
    base = Plan(search, TIERS if values.get("spread") else ())
    plan: Plan = changed(base, values.get("plan") or {}, "plan")
    whole("candidates", plan.search.candidates, 0, 4 * MOST_CHARTS)
    whole("attempts", plan.search.attempts, 1, MOST_CHARTS)
    return plan


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
    _check_length(text)
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


def _check_length(text: str) -> None:
    """Refuse a text that nobody writes by hand.

    Raises:
        GenerationError: for more than 100,000 letters.
    """
    if len(text) > _LONGEST_TEXT:
        raise GenerationError("ui.text_is_too_long", most=_LONGEST_TEXT, value=len(text))


def _given(values: Values, name: str, default: float) -> float:
    value = values.get(name)
    return default if value is None else value
