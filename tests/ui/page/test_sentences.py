"""What the Chinese page says of findings and errors: every sentence, with the same values."""

from __future__ import annotations

import re

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.errors import BeatmapError, GenerationError
from mug.lint.rules import RULES as LINT_RULES
from mug.lint.rules import lint
from mug.messages.message import Message, catalogue
from mug.tiers import Tier
from mug.ui.page.sentences import rule, sentence

HAN = re.compile(r"[\u4e00-\u9fff]")


def test_every_rule_of_lint_has_a_chinese_name() -> None:
    for language in ("en", "zh"):
        named = {code for code in catalogue(language) if code.startswith("rule.")}
        assert named == {f"rule.{one.name}" for one in LINT_RULES}
    assert rule("mini_jack", "en") == "mini jack"
    assert rule("mini_jack", "zh") == "小叠键"
    assert rule("a_rule_of_tomorrow", "zh") == "a rule of tomorrow"


def test_a_finding_keeps_its_values_in_another_language() -> None:
    found = Message("finding.repeated_after", gap=41.0, least=90.0)
    assert found == "repeated after 41 ms, least 90"
    assert found.text("zh") == "相隔 41 毫秒就重复，至少应为 90"


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
        said = one.message.text("zh")
        assert HAN.search(said), one.message
        assert sorted(re.findall(r"\d+", said)) == sorted(re.findall(r"\d+", one.message))


def test_an_error_keeps_its_place_value_and_remedy() -> None:
    error = BeatmapError(
        "chart.cannot_read_chart", file="/srv/up/谱面.osu", line=3, value="x",
        remedy="remedy.check_path",
    )  # fmt: skip
    assert sentence(error, "zh") == "谱面.osu，第 3 行：无法读取谱面：'x'。请检查路径"
    assert sentence(error) == "谱面.osu:3: cannot read the chart: 'x'. Check the path"
    whole = GenerationError("ui.must_be_whole_number", name="count", least=1, most=8, value=9.5)
    assert sentence(whole, "zh") == "count 必须是 1 到 8 的整数：9.5"
    reworded = GenerationError(
        "common.not_value_of_feature", name="sr",
        remedy=Message("remedy.did_you_mean", name="a", names="a, b"),
    )  # fmt: skip
    assert sentence(reworded, "zh") == "不是特征 sr 的取值。是否想写 'a'？可用的有：a, b"
    assert sentence(GenerationError("unheard of"), "zh") == "unheard of"
