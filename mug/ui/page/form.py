"""The controls of a request, grouped for a person; each is named as `mug.ui.requests` reads it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import gradio as gr

from mug.beatmap.formats.registry import CHARTS, PACKAGES
from mug.difficulty.names import SKILL_NAMES
from mug.diffusion.samplers.registry import SAMPLERS
from mug.features import FeatureSchema
from mug.pipeline.model.release import has_msd
from mug.ui.handlers import Handlers
from mug.ui.model import PageModel
from mug.ui.page.fragments import hint, legend
from mug.ui.page.texts import Texts
from mug.ui.requests import FREE, KINDS, LESS, MORE, MOST_CHARTS, MOST_STEPS, NUMBERS, SKILLS

Form = dict[str, Any]
"""Components by name."""

CHART_FILES = [*CHARTS, *PACKAGES]
SOUNDS = [".mp3", ".ogg", ".flac", ".wav", ".opus", ".m4a", ".aac", ".wma", ".aiff"]
_DEFAULTS = {"sr": 4.0, "ett": 20.0, "density": 4.0, "ln_ratio": 0.0}
_STEPS = {"sr": 0.1, "density": 0.1, "ln_ratio": 0.05}
_SKILL_MSD = 17.0


def file_field(handlers: Handlers, what: str, label: str, zone: str, height: int = 148) -> gr.File:
    """A place for a file, and below it what is said of files that it cannot take.

    Args:
        handlers: knows the limit.
        what: `song` or `chart`.
        label: of the place.
        zone: its id.
        height: in pixels.
    """
    kinds = SOUNDS if what == "song" else CHART_FILES
    field = gr.File(
        label=label,
        file_types=kinds,
        type="filepath",
        height=height,
        elem_id=zone,
        elem_classes="mug-upload",
    )
    handlers.refused(zone, what, kinds)
    return field


def model_form(handlers: Handlers) -> Form:
    """Form of the choice among models; hidden where there is one."""
    t, models = handlers.t, handlers.service.models
    choices = [(_title(one, t), one.name) for one in models]
    return {
        "model": gr.Radio(
            choices,
            value=models[0].name,
            label=t("model"),
            info=t("model_hint"),
            visible=len(models) > 1,
            elem_id="mug-models",
        )
    }


def _title(model: PageModel, t: Texts) -> str:
    return t("model_of_keys", keys=model.keys, name=model.name) if model.keys else model.name


def prompt_form(t: Texts, model: PageModel, *others: PageModel) -> Form:
    """Form of the prompt: difficulty, long notes, skills.

    Args:
        t: the language.
        model: ranges of its numbers, and what its charts do not have.
        others: models that may be chosen later; what only they take is there, but off.
    """
    form: Form = {}
    with gr.Group(elem_classes="mug-group"):
        gr.HTML(legend(t("difficulty")))
        _number(form, "sr", t, model, on=True)
        _number(form, "ett", t, model)
        if any("density" in one.schema.names for one in (model, *others)):
            _number(form, "density", t, model)
        form["spread"] = gr.Checkbox(label=t("spread"), info=t("spread_hint"))
        form["rank_status"] = gr.Radio(
            t.choices("ranked", "loved", "graveyard", FREE),
            value="ranked",
            label=t("rank_status"),
            info=t("rank_status_hint"),
        )
    with gr.Group(elem_classes="mug-group"):
        gr.HTML(legend(t("holds")))
        form["kind"] = gr.Radio(
            t.choices(*KINDS, FREE), value=FREE, label=t("kind"), info=t("kind_hint")
        )
        _number(form, "ln_ratio", t, model)
    with gr.Accordion(t("skills"), open=False, elem_classes="mug-fold"):
        gr.HTML(hint(t("skills_hint")))
        for skill in SKILLS:
            with gr.Row(elem_classes="mug-skill"):
                form[f"{skill}_want"] = gr.Radio(
                    t.choices(FREE, MORE, LESS),
                    value=FREE,
                    label=t(skill),
                    info=_why_off(skill, model, t) or t(f"{skill}_hint"),
                    interactive=_why_off(skill, model, t) is None,
                    min_width=250,
                )
                _number(form, f"{skill}_ett", t, model)
    return form


def depending_on_model(form: Form) -> list[str]:
    """Names of the prompt's controls that depend on the model."""
    numbers = [name for name in NUMBERS if name in form]
    ticks = [f"{name}_on" for name in numbers]
    return [*numbers, *ticks, *(f"{skill}_want" for skill in SKILLS)]


def prompt_updates(t: Texts, model: PageModel, names: Container[str]) -> dict[str, Any]:
    """Updates of the prompt's controls for another model, by name.

    Args:
        t: the language.
        model: that was chosen.
        names: of the controls that there are.
    """
    found: dict[str, Any] = {}
    for name in (one for one in NUMBERS if one in names):
        off = _why_off(name, model, t)
        if off is not None:
            found[name] = gr.Slider(interactive=False)
            found[f"{name}_on"] = gr.Checkbox(value=False, interactive=False, info=off)
            continue
        low, high = _range(name, model.schema)
        found[name] = gr.Slider(low, high, interactive=True)
        found[f"{name}_on"] = gr.Checkbox(interactive=True, info=_info(name, t))
    for skill in SKILLS:
        off = _why_off(skill, model, t)
        found[f"{skill}_want"] = (
            gr.Radio(interactive=True, info=t(f"{skill}_hint"))
            if off is None
            else gr.Radio(value=FREE, interactive=False, info=off)
        )
    return found


def _why_off(name: str, model: PageModel, t: Texts) -> str | None:
    """Return the reason why a model cannot be asked for a feature."""
    if name in SKILL_NAMES and not has_msd(model.keys):
        return t("msd_of_four_keys", keys=model.keys)
    return None if name in model.schema.names else t("not_of_this_model")


def _range(name: str, schema: FeatureSchema) -> tuple[float, float]:
    feature = schema.describe(name)
    return feature.minimum, feature.maximum


def _info(name: str, t: Texts) -> str | None:
    return None if name.removesuffix("_ett") in SKILLS else t(f"{name}_hint")


def _number(form: Form, name: str, t: Texts, model: PageModel, *, on: bool = False) -> None:
    """A tick and a slider; moving the slider ticks."""
    off = _why_off(name, model, t)
    known = name in model.schema.names
    low, high = _range(name, model.schema) if known else (0.0, _DEFAULTS.get(name, _SKILL_MSD))
    skill = name.removesuffix("_ett")
    label = t("msd") if skill in SKILLS else t(name)
    with gr.Row(elem_classes="mug-number"):
        tick = gr.Checkbox(
            value=on and off is None,
            label=label,
            info=off or _info(name, t),
            interactive=off is None,
            min_width=110,
            container=False,
        )
        slider = gr.Slider(
            low,
            high,
            value=_DEFAULTS.get(name, _SKILL_MSD),
            step=_STEPS.get(name, 0.5),
            label=f"{t(skill) + ' ' if skill in SKILLS else ''}{label}",
            interactive=off is None,
            show_label=False,
            container=False,
            min_width=150,
        )
    slider.input(None, outputs=tick, js="() => true", api_visibility="private")
    form[f"{name}_on"], form[name] = tick, slider


def sampling_form(t: Texts, usual: Mapping[str, Any]) -> Form:
    """Form of sampling, folded.

    Args:
        t: the language.
        usual: defaults that suit the model.
    """
    form: Form = {}
    with gr.Accordion(t("how"), open=False, elem_classes="mug-fold"):
        with gr.Row():
            form["candidates"] = gr.Slider(
                0, 4 * MOST_CHARTS, 0, step=1, label=t("candidates"), info=t("candidates_hint")
            )
            form["steps"] = gr.Slider(
                1, MOST_STEPS, usual["steps"], step=1, label=t("steps"), info=t("steps_hint")
            )
        with gr.Row():
            form["guidance"] = gr.Slider(
                1,
                30,
                usual["guidance_scale"],
                step=0.5,
                label=t("guidance"),
                info=t("guidance_hint"),
            )
            form["sampler"] = gr.Dropdown(
                list(SAMPLERS), value=usual["sampler"], label=t("sampler")
            )
        form["reach_stars"] = gr.Checkbox(True, label=t("reach_stars"), info=t("reach_stars_hint"))
        with gr.Row():
            form["seed"] = gr.Number(-1, precision=0, label=t("seed"), info=t("seed_hint"))
            form["negative"] = gr.Textbox(
                label=t("negative"), info=t("negative_hint"), lines=2, max_lines=8
            )
    return form


def sampling_updates(usual: Mapping[str, Any]) -> dict[str, Any]:
    """Values of sampling that suit another model, by control."""
    return {
        "steps": usual["steps"],
        "guidance": usual["guidance_scale"],
        "sampler": usual["sampler"],
    }


def cleanup_form(handlers: Handlers) -> Form:
    """Timing, snapping and fixes, folded."""
    t, form = handlers.t, Form()
    with gr.Accordion(t("cleanup"), open=False, elem_classes="mug-fold"):
        form["timing"] = timing = gr.Radio(
            t.choices("heard", "by_hand", "from_file"),
            value="heard",
            label=t("timing"),
            info=t("timing_hint"),
        )
        with gr.Row(visible=False) as by_hand:
            form["bpm"] = gr.Number(label=t("bpm"), value=None)
            form["offset"] = gr.Number(label=t("offset"), value=None)
        with gr.Column(visible=False) as from_file:
            form["timing_file"] = file_field(
                handlers, "chart", t("timing_file"), "mug-timing-file", 110
            )
        timing.change(
            lambda kind: (
                gr.Row(visible=kind == "by_hand"),
                gr.Column(visible=kind == "from_file"),
            ),
            timing,
            [by_hand, from_file],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        with gr.Row():
            form["snapping"] = gr.Radio(
                t.choices("voice", "nearest", "none"),
                value="voice",
                label=t("snapping"),
                info=t("snapping_hint"),
            )
            form["divisors"] = gr.Textbox(label=t("divisors"), info=t("divisors_hint"))
        with gr.Row():
            form["fixes"] = gr.Radio(
                t.choices("tier", "minijacks", "none"),
                value="tier",
                label=t("fixes"),
                info=t("fixes_hint"),
            )
            form["minijack_ms"] = gr.Slider(0, 200, 90, step=5, label=t("minijack_ms"))
    return form
