"""What the Chinese page says of findings and errors: every sentence, with the same values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mug.errors
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError, GenerationError
from mug.lint.rules import RULES as LINT_RULES
from mug.lint.rules import lint
from mug.tiers import Tier
from mug.ui.page.sentences import finding, in_chinese, rule, sentence
from mug.ui.page.sentences_zh import ERRORS, FINDINGS, REMEDIES, RULES

ROOT = Path(mug.errors.__file__).parent
KINDS = {name for name in vars(mug.errors) if name.endswith("Error")}
RAISING = (
    "ui/asks.py", "ui/desk.py", "ui/folders.py", "ui/line.py", "ui/model.py", "ui/work.py",
    "audio/load.py", "audio/tags.py", "postprocess/tempo_map.py", "pipeline/prompt.py",
    "pipeline/edit.py", "pipeline/finish_options.py",
    "pipeline/candidates.py", "features.py",
)  # fmt: skip
OF_THE_PROGRAM = (  # no visitor can bring these about
    "unknown key in feature {}", "feature {} ", "no such feature", "expected a list of features",
    "a feature needs a name", "n_fft", "{} must have one entry",
)  # fmt: skip
HAN = re.compile(r"[\u4e00-\u9fff]")


def _template(node: ast.expr) -> str | None:
    """The text of a literal, with `{}` for each value; None for anything computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return None


def _calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            yield node


@pytest.mark.parametrize("table", [FINDINGS, ERRORS, REMEDIES, RULES])
def test_every_entry_is_chinese_and_has_the_same_values(table: dict[str, str]) -> None:
    for english, chinese in table.items():
        assert english.count("{}") == chinese.count("{}"), english
        assert HAN.search(chinese), english


@pytest.mark.parametrize("module", RAISING)
def test_every_error_that_a_visitor_may_meet_has_chinese(module: str) -> None:
    for call in _calls(ROOT / module, KINDS):
        what = _template(call.args[0]) if call.args else None
        if what and not what.startswith(OF_THE_PROGRAM):
            assert what in ERRORS, (module, call.lineno, what)
            remedy = next((k.value for k in call.keywords if k.arg == "remedy"), None)
            template = _template(remedy) if remedy is not None else None
            if template:
                filled = template.replace("{}", "7")
                assert HAN.search(in_chinese(filled, REMEDIES)), (module, template)


def test_every_rule_of_lint_has_a_chinese_name() -> None:
    assert {one.name for one in LINT_RULES} == set(RULES)
    assert rule("mini_jack", "en") == "mini jack"
    assert rule("mini_jack", "zh") == RULES["mini_jack"]


def test_findings_keep_their_values_and_unknown_ones_their_english() -> None:
    assert finding("repeated after 41 ms, least 90", "zh") == "相隔 41 毫秒就重复，至少应为 90"
    assert finding("repeated after 41 ms, least 90", "en") == "repeated after 41 ms, least 90"
    assert finding("a rule of tomorrow", "zh") == "a rule of tomorrow"


def _broken() -> list[list[HitObject]]:
    """Charts that break every rule between them."""
    trill: list[HitObject] = [Rice(i % 2, 300.0 + 60 * i) for i in range(80)]
    other_hand: list[HitObject] = [Rice(2 + i % 2, 300.0 + 60 * i) for i in range(80)]
    jacks = [Rice(0, 6000.0 + 50 * i) for i in range(20)]
    anchors = [Rice(c, 8000.0 + 160 * i + 80 * (c > 0)) for i in range(30) for c in (0, 1 + i % 3)]
    chords: list[HitObject] = [Rice(c, 14000.0) for c in range(4)]
    holds = [LongNote(2, 15000.0, 15020.0), LongNote(1, 16000.0, 17000.0), Rice(1, 16500.0)]
    gaps = [Rice(1, 17010.0), Rice(2, 18000.0), LongNote(2, 18200.0, 18900.0)]
    twice: list[HitObject] = [Rice(0, 17500.0), Rice(0, 17500.0)]
    late: list[HitObject] = [LongNote(0, 90000.0, 99000.0), Rice(1, 99500.0)]
    even: list[HitObject] = [Rice(i % 4, 1000.0 + 500 * i) for i in range(170)]
    spike: list[HitObject] = [Rice(i % 4, 70000.0 + 40 * i) for i in range(50)]
    return [
        [*trill, *jacks, *anchors, *chords, *holds, *gaps, *twice, *late],
        [*other_hand, *(Rice(3, 6000.0 + 300 * i) for i in range(200))],
        [*even, *spike],
        [],
    ]


def test_what_every_rule_finds_is_said_in_chinese_with_the_same_values() -> None:
    found = []
    for notes in _broken():
        chart = Beatmap(
            keys=4, hit_objects=tuple(notes), timing=(TimingPoint(500.0, 500.0),),
            difficulty={"CircleSize": "4"},
        )  # fmt: skip
        found += lint(chart, tier=Tier.EASY, audio_ms=95_000.0)
    assert {one.rule for one in found} == {one.name for one in LINT_RULES}
    for one in found:
        said = finding(one.message, "zh")
        assert HAN.search(said), one.message
        assert sorted(re.findall(r"\d+", said)) == sorted(re.findall(r"\d+", one.message))


def test_an_error_keeps_its_place_value_and_remedy() -> None:
    error = BeatmapError(
        "cannot read the chart", file="/srv/up/谱面.osu", line=3, value="x", remedy="Check the path"
    )
    assert sentence(error, "zh") == "谱面.osu，第 3 行：无法读取谱面：'x'。请检查路径"
    whole = GenerationError("count must be a whole number from 1 to 8", value=9.5)
    assert sentence(whole, "zh") == "count 必须是 1 到 8 的整数：9.5"
    error = GenerationError("not a value of feature sr", remedy="Did you mean 'a'? Accepted: a, b")
    assert sentence(error, "zh") == "不是特征 sr 的取值。是否想写 'a'？可用的有：a, b"
    assert sentence(GenerationError("unheard of"), "zh") == "unheard of"
