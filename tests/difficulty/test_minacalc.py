"""A user's own minacalc: a real module on the path, good, slow, broken or deadly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_songs import make_songs

from mug.beatmap.formats.osu import chart as osu
from mug.data import skill_sources
from mug.data.feature_db import FeatureDB
from mug.data.skill_sources import source_in
from mug.difficulty import minacalc, minacalc_worker, msd, skills
from mug.difficulty.minacalc import MinaCalc, MinaCalcError, as_notes, is_installed
from mug.difficulty.names import MSD_VERSION, SKILL_NAMES, SKILL_SETS
from mug.difficulty.skills import ESTIMATE, SkillSource
from mug.errors import DataError
from mug.features import FeatureSchema
from mug.prepare.features import fill_features

GOOD = """
import os, sys, time
__version__ = "434"
print("loud when imported")

def calc_skill_set(rate, notes):
    print("loud when asked")
    assert type(notes) is list and all(type(note) is tuple for note in notes)
    if len(notes) == 13:
        os._exit(3)
    if len(notes) == 17:
        time.sleep(60)
    if len(notes) == 19:
        raise ValueError("nineteen")
    if len(notes) == 23:
        return [float("nan")] * 8
    nps = rate * 1000 * len(notes) / (notes[-1][0] - notes[0][0])
    return [nps] + [max(0.0, nps - 0.6 * skill) for skill in range(7)]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a module named minacalc on the path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(text=GOOD):
        (folder / "minacalc.py").write_text(text, encoding="utf-8")
        return folder / "minacalc.py"

    yield write
    minacalc.end_of_this_process()


@pytest.fixture
def module(install):
    install()
    with MinaCalc(timeout_s=1.0) as calc:
        yield calc


def notes(count):
    return [100.0 * n for n in range(count)], [n % 4 for n in range(count)]


def test_it_is_asked_in_another_process(module):
    assert is_installed()
    assert "minacalc" not in sys.modules
    values = module.values(*notes(11))
    assert values == pytest.approx([11.0 - 0.6 * n for n in (0, 0, 1, 2, 3, 4, 5, 6)])
    assert module.values(*notes(11), rate=1.5)[0] == pytest.approx(16.5)
    assert module.version.startswith("434-")


def test_the_version_changes_with_the_file(install):
    versions = set()
    for text in (GOOD, GOOD + "#", GOOD.replace('"434"', '"a b"')):
        install(text)
        with MinaCalc() as calc:
            versions.add(calc.version)
    assert len(versions) == 3
    assert all(" " not in version for version in versions)


@pytest.mark.parametrize(
    ("count", "match"),
    [(13, "exit code 3"), (17, "within 1 s"), (19, "nineteen"), (23, "8 numbers")],
)
def test_one_bad_chart_does_not_spoil_the_next(module, count, match):
    before = module.values(*notes(11))
    with pytest.raises(MinaCalcError, match=match):
        module.values(*notes(count))
    assert module.values(*notes(11)) == before


def test_a_process_that_was_killed_in_between_is_begun_again(module):
    before = module.values(*notes(11))
    os.kill(module._process.pid, signal.SIGKILL)
    module._process.wait()
    assert module.values(*notes(11)) == before


def test_a_module_that_changes_under_way_is_refused(install):
    install()
    with MinaCalc() as calc:
        calc.values(*notes(11))
        install(GOOD + "#")
        calc.close()
        with pytest.raises(DataError, match="changed"):
            calc.values(*notes(11))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("import os; os._exit(1)", "imported"),
        ("1 / 0", "ZeroDivisionError"),
        ("def calc_at_rate(): pass", "calc_skill_set"),
        ("def broken(", "SyntaxError"),
    ],
)
def test_modules_that_cannot_be_used(install, text, match):
    install(text)
    with MinaCalc() as calc, pytest.raises(DataError, match=match):
        calc.values(*notes(11))


def test_without_a_module():
    assert not is_installed()
    with pytest.raises(DataError, match="no Python module named minacalc"):
        skills.minacalc_source()
    with MinaCalc() as calc, pytest.raises(DataError, match="ModuleNotFoundError"):
        calc.values(*notes(11))


def test_what_it_cannot_rate_is_not_asked(module):
    zeros = (0.0,) * 8
    assert module.values([], []) == zeros
    assert module.values([5.0, 5.2], [0, 1]) == zeros
    assert module.values([0.0, 751_000.0], [0, 1]) == zeros  # it would say zeros, or worse
    assert module.values([0.0, 751_000.0], [0, 1], rate=1.5) != zeros
    assert module._process is not None
    for times, columns, rate in (
        ([0.0, 9.0], [0, 4], 1.0),
        ([0.0, 9.0], [0, -1], 1.0),
        ([0.0, float("nan")], [0, 1], 1.0),
        ([0.0, float("inf")], [0, 1], 1.0),
        ([0.0, 9.0], [0, 1], 0.0),
        ([0.0, 9.0], [0, 1], float("nan")),
    ):
        with pytest.raises(DataError):
            module.values(times, columns, rate)


TIMES = st.floats(-1e5, 1e5)


@given(st.lists(st.tuples(TIMES, st.integers(0, 3)), min_size=2), st.floats(0.1, 10))
def test_whatever_is_sent_passes_the_check(drawn, rate):
    sent = as_notes([time for time, _ in drawn], [column for _, column in drawn], rate)
    if len(sent) > 1 and sent[-1][0] / rate <= minacalc_worker.LONGEST_MS:
        assert minacalc_worker.problem(rate, json.loads(json.dumps(sent))) == ""
    shift = sent[0][0] - min(round(time) for time, _ in drawn)
    assert shift % 500 == 0
    assert sent == sorted({(round(time) + shift, column) for time, column in drawn})


@pytest.mark.parametrize(
    "notes",
    [
        None,
        [],
        [[0, 0]],
        [[0, 0], [1.5, 1]],
        [[0, 0], [1, 4]],
        [[-1, 0], [1, 1]],
        [[5, 0], [1, 1]],
        [[5, 0], [5, 0]],
        [[0, 0], [True, 1]],
        [[0, 0], [1]],
        [[0, 0], "ab"],
        [[0, 0], [800_000, 1]],
    ],
)
def test_the_process_checks_what_it_is_asked(notes):
    assert minacalc_worker.problem(1.0, notes)
    assert minacalc_worker.problem(0.0, [[0, 0], [9, 1]])
    assert not minacalc_worker.problem(1.0, [[0, 0], [9, 1]])
    assert "error" in minacalc_worker.answer(None, {"rate": 1.0, "notes": notes})


def test_a_process_without_a_parent_ends_by_itself(install):
    folder = install(GOOD).parent
    command = [sys.executable, "-m", "mug.difficulty.minacalc_worker", "0.5"]
    path = os.pathsep.join([str(folder), *sys.path])
    orphan = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert "version" in json.loads(orphan.stdout.readline())
    orphan.stdin.write(json.dumps({"rate": 1.0, "notes": notes_of(17)}).encode() + b"\n")
    orphan.stdin.flush()
    assert orphan.wait(timeout=30) == -signal.SIGALRM  # it would sleep for a minute
    orphan.communicate()


def notes_of(count):
    return [[100 * n, n % 4] for n in range(count)]


# -- in a data set ------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path):
    listing = make_songs(tmp_path / "songs", songs=2, charts=2, seconds=4.6)
    (listing.parent / "features.db").unlink()
    return listing, FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")


def sources(listing):
    with FeatureDB(listing.parent / "features.db") as db:
        return {row.path: source_in(row.tool_version) for row in db.rows()}


def ett(listing):
    with FeatureDB(listing.parent / "features.db") as db:
        return {row.path: row.features["ett"] for row in db.rows()}


def test_auto_takes_the_module_and_keeps_to_it(data, install, tmp_path, monkeypatch):
    listing, schema = data
    file = install()
    assert fill_features(listing, schema).computed == 4
    assert all(source.startswith("minacalc-434-") for source in sources(listing).values())
    chart = osu.read(listing.parent / next(iter(ett(listing))))
    heads = sorted({(round(n.start_ms), n.column) for n in chart.hit_objects})
    nps = 1000 * len(heads) / (heads[-1][0] - heads[0][0])
    assert next(iter(ett(listing).values())) == pytest.approx(nps, abs=1e-3)
    assert fill_features(listing, schema).unchanged == 4
    file.unlink()
    with pytest.raises(DataError, match="not mixed"):
        fill_features(listing, schema)
    assert fill_features(listing, schema, msd="estimate").computed == 4
    assert set(sources(listing).values()) == {ESTIMATE.version}
    install()
    assert fill_features(listing, schema).unchanged == 4  # auto stays with what there is
    assert fill_features(listing, schema, msd="minacalc", workers=2).computed == 4


def test_two_sources_never_meet_in_a_database(data, install):
    listing, schema = data
    fill_features(listing, schema)
    install()
    some = listing.parent / "some.txt"
    some.write_text("\n".join(listing.read_text().splitlines()[1:]))
    with pytest.raises(DataError, match="not in this list were measured by other versions"):
        fill_features(some, schema, msd="minacalc")
    assert fill_features(listing, schema).computed == 0
    assert set(sources(listing).values()) == {ESTIMATE.version}


def test_a_chart_that_kills_it_has_a_row_without_numbers(data, install):
    listing, schema = data
    first = listing.parent / listing.read_text().splitlines()[0]
    chart = osu.read(first)
    osu.write(chart.with_objects(chart.hit_objects[:13]), first)
    install()
    filled = fill_features(listing, schema)
    assert (filled.computed, filled.rejected) == (4, 0)
    assert [value is None for value in ett(listing).values()].count(True) == 1
    with FeatureDB(listing.parent / "features.db") as db:
        found = db.select("SELECT stage, rule, detail FROM decisions").fetchall()
        assert [tuple(row)[:2] for row in found] == [("msd", "no_msd")]
        assert "exit code 3" in found[0]["detail"]
        broken = db.row(first)
    assert broken["sr"] > 0
    assert all(broken[name] is None for name in SKILL_NAMES)


def test_a_module_that_does_not_work(data, install, caplog):
    listing, schema = data
    install("import os; os._exit(1)")
    with pytest.raises(DataError, match="imported"):
        fill_features(listing, schema, msd="minacalc")
    assert fill_features(listing, schema).computed == 4
    assert "MSD is estimated" in caplog.text
    assert set(sources(listing).values()) == {ESTIMATE.version}


def test_a_worker_with_another_module_stops_the_run(install):
    install()
    source = skills.minacalc_source()
    source.check()
    with pytest.raises(DataError, match="another tool"):
        SkillSource("minacalc-434-other").check()
    with pytest.raises(DataError, match="another tool"):
        SkillSource("mug-msd-0").check()


def test_another_run_with_another_source_is_noticed(data):
    listing, schema = data
    fill_features(listing, schema)
    with FeatureDB(listing.parent / "features.db") as db:
        skill_sources.refuse_another_run(db, ESTIMATE)
        with pytest.raises(DataError, match="another run"):
            skill_sources.refuse_another_run(db, SkillSource("minacalc-434-x"))


def test_unknown_choices_are_refused(data):
    with pytest.raises(DataError, match="unknown source"):
        fill_features(*data, msd="guess")


def test_rows_of_two_sources_are_refused_together():
    ours, theirs = f"ett,stream@{ESTIMATE.version} facts-1", "ett,stream@minacalc-434-x facts-1"
    skill_sources.refuse_a_mixture([("a", ours, {"ett": 1.0}), ("b", ours, {"ett": 2.0})])
    skill_sources.refuse_a_mixture([("a", ours, {"ett": 1.0}), ("b", theirs, {"ett": None})])
    for other in (theirs, ""):  # the original's feature.db names nothing
        with pytest.raises(DataError, match="different sources"):
            skill_sources.refuse_a_mixture(
                [("a", ours, {"ett": 1.0}), ("b", other, {"stream_ett": 2.0})]
            )


def test_the_source_in_a_row():
    assert source_in("sr@1 ett,stream_ett@x-2 facts-1") == "x-2"
    assert source_in("sr@1 stream@y") == "y"
    assert source_in("") == source_in("sr@1 facts-1") == ""
    assert len(SKILL_NAMES) == 1 + 2 * len(SKILL_SETS)


def test_our_version_is_the_estimators():
    assert msd.MSD_VERSION == MSD_VERSION
    assert ESTIMATE.version == MSD_VERSION.replace(" ", "_")
