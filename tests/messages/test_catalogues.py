"""Sentences by code: every code has a text, every text is used, languages have the same values."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from collections.abc import Iterator

import pytest
from repository import ROOT, syntax_tree

import mug.errors
from mug.errors import BeatmapError, MugError
from mug.messages.message import LANGUAGES, Message, catalogue, message_of, placeholders, plain

SOURCES = (*sorted((ROOT / "mug").rglob("*.py")), *ROOT.glob("scripts/*.py"), *ROOT.glob("*.py"))
HAN = re.compile(r"[\u4e00-\u9fff]")
OWN = {"file", "line", "value", "remedy"}  # of an error, not of its text


def _kinds() -> set[str]:
    """The names of all classes of errors, and of what carries a code like them."""
    own = {name for name, one in vars(mug.errors).items() if getattr(one, "__mro__", ())}
    return own - {"Path"} | {"LineError", "MinaCalcError", "NotFoundError"}


def _calls() -> Iterator[tuple[str, ast.Call]]:
    kinds = _kinds()
    for path in SOURCES:
        for node in ast.walk(syntax_tree(path)):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in kinds and node.args:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def _literals(node: ast.expr) -> list[ast.expr]:
    """An argument's possible values."""
    if isinstance(node, ast.IfExp):
        return [*_literals(node.body), *_literals(node.orelse)]
    return [node]


def _strings() -> tuple[set[str], re.Pattern[str]]:
    """All strings in the code, and the names of the page's texts that are put together."""
    strings: set[str] = set()
    names: set[str] = set()
    for template in (ROOT / "mug").rglob("templates/*.html"):
        strings |= set(re.findall(r'\bt\("(\w+)"', template.read_text(encoding="utf-8")))
    for path in SOURCES:
        for node in ast.walk(syntax_tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value)
            if (
                isinstance(node, ast.Call)
                and node.args
                and ast.unparse(node.func).endswith(("t", "self"))
            ):
                first = node.args[0]
                if isinstance(first, ast.JoinedStr):
                    parts = [getattr(part, "value", None) for part in first.values]
                    names.add("".join(p if isinstance(p, str) else r"\w+" for p in parts))
    return strings, re.compile("|".join(sorted(names)))


def test_every_error_is_raised_with_a_code_and_its_values() -> None:
    english, checked = catalogue("en"), 0
    for place, call in _calls():
        remedies = [word.value for word in call.keywords if word.arg == "remedy"]
        for node in [*_literals(call.args[0]), *(x for r in remedies for x in _literals(r))]:
            assert not isinstance(node, ast.JoinedStr | ast.BinOp), f"{place}: text made in place"
            if isinstance(node, ast.Constant) and node.value is not None:
                assert node.value in english, f"{place}: no text for {node.value!r}"
                checked += 1
        for node in _literals(call.args[0]):
            if isinstance(node, ast.Constant):
                given = {word.arg for word in call.keywords if word.arg} - (
                    set() if getattr(call.func, "id", "") in ("Message", "LineError") else OWN
                )
                assert given == placeholders(english[node.value]), f"{place}: {node.value}"
    assert checked > 500


def test_every_text_is_used() -> None:
    strings, put_together = _strings()
    unused = []
    for code in catalogue("en"):
        section, _, name = code.partition(".")
        asked = name if section == "page" else code  # the page asks without the section
        if section != "rule" and asked not in strings and not put_together.fullmatch(name):
            unused.append(code)
    assert unused == []


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_every_language_has_every_text_with_the_same_values(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert other.keys() == english.keys()
    for code, text in other.items():
        assert placeholders(text) == placeholders(english[code]), code


def test_the_chinese_texts_are_chinese() -> None:
    same = {"common.plain", "remedy.half_or_conjugate"}  # values alone
    same |= {f"page.{name}" for name in ("name", "other_language", "msd")}  # names
    same |= {f"page.kind_{name}" for name in ("sm", "qua", "mc")}
    texts = catalogue("zh").items()
    assert [c for c, text in texts if c not in same and not HAN.search(text)] == []


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        catalogue("xx")


def test_a_message_is_its_english_sentence_and_knows_the_others() -> None:
    inner = Message("remedy.did_you_mean", name="osu", names="osu, qua")
    message = Message("remedy.give_to", known=inner)
    assert message == "Give --to. Did you mean 'osu'? Accepted: osu, qua"
    assert (message.code, message.values) == ("remedy.give_to", {"known": inner})
    assert inner.text("zh") == "是否想写 'osu'？可用的有：osu, qua"
    for again in (pickle.loads(pickle.dumps(message)), copy.deepcopy(message)):
        assert (again, again.code, again.values) == (message, message.code, message.values)


def test_values_are_not_read_as_templates() -> None:
    assert Message("common.plain", text="{0} {code}").text("zh") == "{0} {code}"


def test_an_error_carries_its_code_and_values_between_processes() -> None:
    error = BeatmapError(
        "chart.file_holds_one_chart", suffix=".qua", count=2, file="a.qua", value=3,
        remedy="remedy.write_into_folder_or_package",
    )  # fmt: skip
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert str(error) == (
        "a.qua: a .qua file holds one chart, not 2: 3. Write into a folder or a package"
    )
    assert (again.what.code, again.what.values) == (
        "chart.file_holds_one_chart", {"suffix": ".qua", "count": 2},
    )  # fmt: skip
    assert again.remedy is not None
    assert again.remedy.code == "remedy.write_into_folder_or_package"


def test_texts_from_elsewhere_stand_for_themselves() -> None:
    assert MugError("a rule of an extension").what.text("zh") == "a rule of an extension"
    assert plain("no space left").text("zh") == "no space left"
    assert message_of(ValueError("odd")).code == "common.plain"
    kept = Message("remedy.check_path")
    assert message_of(ValueError(kept)) is kept
