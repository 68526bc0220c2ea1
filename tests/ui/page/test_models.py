"""The page's choice among models: every one in the box, by its columns."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from repository import ROOT

from mug.features import FeatureSchema
from mug.pipeline.model.names import FEATURES_NAME, PACKED_CONFIG_NAME
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.queue import JobQueue
from mug.ui.model import PageModel
from mug.ui.page.form import depending_on_model, prompt_updates
from mug.ui.page.texts import Texts
from mug.ui.requests import NUMBERS, SKILLS
from mug.ui.service import Service

OLD = ROOT / "configs/mug/mania_beatmap_features.yaml"
NEW = ROOT / "configs/mug/features_2.yaml"
ALL = depending_on_model(dict.fromkeys(NUMBERS))

PAGE = """
import json, sys
from pathlib import Path
import gradio as gr
from mug.ui.app import service_in
from mug.ui.handlers import Handlers
from mug.ui.page.make_tab import make_tab
from mug.ui.page.texts import Texts
out, first, *others = map(Path, sys.argv[1:])
service = service_in(out, first, "cpu", None, others)
with gr.Blocks(analytics_enabled=False) as page:
    form = make_tab(Handlers(service, Texts("en"), 50))
    sliders = sum(isinstance(block, gr.Slider) for block in page.blocks.values())
model = form["model"]
found = {"visible": model.visible, "value": model.value, "choices": model.choices}
found["interactive"] = form["ett"].interactive
found["stray"] = sliders - sum(isinstance(one, gr.Slider) for one in form.values())
print(json.dumps(found))
"""


def written(folder: Path, keys: int, features: Path = NEW) -> Path:
    """What a page reads of a packed model before it is loaded."""
    folder.mkdir(parents=True)
    shutil.copy(features, folder / FEATURES_NAME)
    text = yaml.safe_dump({"release": {"keys": keys, "sampling": {"steps": 10 + keys}}})
    (folder / PACKED_CONFIG_NAME).write_text(text, encoding="utf-8")
    return folder


def page_of(*folders: Path) -> dict[str, object]:
    """The page's controls, in a process of its own: Gradio leaves event loops behind."""
    command = [sys.executable, "-c", PAGE, *map(str, folders)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_models_are_offered_by_columns(tmp_path: Path) -> None:
    folders = [written(tmp_path / "models" / f"{keys}k", keys) for keys in (7, 4, 5)]
    found = page_of(tmp_path / "out", *folders)
    names = [f"models/{keys}k" for keys in (7, 4, 5)]
    assert found == {
        "visible": True,
        "value": names[0],
        "choices": [[f"{name[-2]} keys · {name}", name] for name in names],
        "interactive": False,
        "stray": 0,
    }
    alone = page_of(tmp_path / "alone", folders[1])
    assert alone["visible"] is False
    assert alone["interactive"] is True


def test_a_model_is_found_by_name_else_the_first(tmp_path: Path) -> None:
    first, *others = (PageModel(written(tmp_path / "m" / f"{k}k", k)) for k in (4, 5, 7))
    service = Service(first, JobFolders(tmp_path / "jobs"), JobQueue(), tuple(others))
    assert [service.named(f"m/{keys}k").keys for keys in (4, 5, 7)] == [4, 5, 7]
    assert service.named("gone") is service.named(None) is service.named("") is first
    assert [one.state for one in service.models] == ["loading"] * 3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_etternas_numbers_are_off_with_the_reason_where_charts_have_none(
    language: str, tmp_path: Path
) -> None:
    t = Texts(language)
    four, seven = (
        prompt_updates(t, PageModel(written(tmp_path / f"{keys}k", keys)), ALL) for keys in (4, 7)
    )
    assert set(four) == set(seven) == set(ALL)
    for name in ("ett", *(f"{skill}_ett" for skill in SKILLS)):
        assert seven[name].interactive is False
        assert seven[f"{name}_on"].value is False
        assert "7" in seven[f"{name}_on"].info
        assert four[name].interactive
    for skill in SKILLS:
        assert seven[f"{skill}_want"].interactive is False
        assert seven[f"{skill}_want"].value == "free"
        assert four[f"{skill}_want"].interactive
    assert seven["sr"].interactive
    assert seven["density"].interactive


def test_what_a_model_cannot_be_asked_for_is_off(tmp_path: Path) -> None:
    found = prompt_updates(Texts("en"), PageModel(written(tmp_path / "old", 4, OLD)), ALL)
    assert found["density"].interactive is False
    assert found["density_on"].info == "This model cannot be asked for it"
    assert found["sr"].maximum == FeatureSchema.from_yaml(OLD).describe("sr").maximum


def test_without_a_model_the_page_asks_for_what_the_shipped_ones_take() -> None:
    assert PageModel(None).schema.names == FeatureSchema.from_yaml(NEW).names
