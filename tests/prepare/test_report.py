import json
import re
import sqlite3

import pytest
from html_page import Page
from PIL import Image
from tiny_songs import make_songs

from mug.beatmap.formats.osu import chart as osu
from mug.data.feature_db import FeatureDB, FeatureRow
from mug.errors import ConfigError, DataError
from mug.features import Feature, FeatureSchema
from mug.prepare.report import page as report_page
from mug.prepare.report.bins import feature_distribution, number_distribution
from mug.prepare.report.collect import collect_report
from mug.prepare.report.draw import bars_html, bars_png


@pytest.fixture(scope="module")
def schema():
    return FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")


@pytest.fixture
def dataset(tmp_path):
    make_songs(tmp_path / "set", songs=6, charts=2)
    return tmp_path / "set"


def test_bins_are_those_of_the_model():
    feature = Feature("sr", "numeric", 1, 8, 0.2)
    found = feature_distribution(feature, [0.3, 1.0, 1.2, 1.22, 7.9, 12, None, None])
    assert len(found.counts) == 35
    assert (found.counts[0], found.counts[1], found.counts[-1]) == (3, 1, 2)
    assert (found.known, found.unknown, found.labels[1]) == (6, 2, "1.2")
    assert found.note == "0.3 … 12, median 1.21"
    flags = feature_distribution(Feature("rc", "bool"), [1, 0, True, None])
    assert (flags.labels, flags.counts, flags.unknown) == (("no", "yes"), (1, 2), 1)
    kinds = Feature("rank_status", "category", choices=("ranked", "loved"))
    assert feature_distribution(kinds, ["loved"]).counts == (0, 1)
    with pytest.raises(ConfigError, match="rank_status"):
        feature_distribution(kinds, ["famous"])


@pytest.mark.parametrize(
    "values", [[1.0], [0.0, 0.0], [-3.5, 900.25], [0.001 * n for n in range(999)], [1e9, 1e9 + 1]]
)
def test_numbers_fall_into_round_bins(values):
    found = number_distribution("x", [*values, None, float("nan")])
    assert found.known == len(values)
    assert found.unknown == 2
    assert len(found.counts) <= 32
    edges = [float(label) for label in found.labels]
    width = edges[1] - edges[0] if len(edges) > 1 else 1.0
    first, last = min(values), max(values)
    assert edges[0] <= first + 1e-9
    assert first < edges[0] + width * (1 + 1e-6) + 1e-9
    assert edges[-1] <= last + 1e-9
    assert number_distribution("x", []).counts == ()


def test_whole_numbers_have_bins_of_whole_width():
    found = number_distribution("notes", [4.0, 5.0, 7.0], whole=True)
    assert (found.labels, found.counts) == (("4", "5", "6", "7"), (1, 1, 0, 1))


def test_columns_are_as_high_as_their_counts():
    found = number_distribution("x", [1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0], whole=True)
    page = bars_html(found)
    heights = [float(h) for h in re.findall(r'class="bar"[^>]*? height="([\d.]+)"', page)]
    assert heights == pytest.approx([46, 23, 92], abs=0.01)
    assert "<title>3: 4</title>" in page


def test_pictures_of_distributions(tmp_path):
    columns = number_distribution("x", [1.0, 2.0, 2.0], whole=True)
    rows = feature_distribution(Feature("rc", "bool"), [1, 1, 1, 0])
    for name, found in (("columns", columns), ("rows", rows)):
        bars_png(found, tmp_path / f"{name}.png", width=300)
        with Image.open(tmp_path / f"{name}.png") as opened:
            image = opened.convert("RGB")
        assert image.width == 300
        assert (tmp_path / f"{name}.png").stat().st_size < 12_000
        blue = sum(
            count
            for count, (r, g, b) in image.getcolors(1 << 16)
            if b > 200 and r < 120 and g < 140
        )
        assert blue > 500  # bars are there


def test_the_report_counts_what_is_there(dataset, schema):
    found = collect_report(dataset, schema, samples=3)
    assert {name: found.totals[name] for name in ("charts", "songs", "beatmapsets")} == {
        "charts": 12,
        "songs": 6,
        "beatmapsets": 6,
    }
    notes = sum(len(osu.read(path).hit_objects) for path in dataset.glob("*/*.osu"))
    assert found.totals["notes"] == notes
    assert found.features["sr"].known == 12
    assert found.features["ett"].unknown == 12
    assert found.features["rank_status"].counts == (12, 0, 0)
    assert [shape.title for shape in found.shapes][:2] == ["Keys", "Length"]
    assert found.shapes[0].counts == (12,)
    assert sum(found.split.charts.values()) == 12
    assert found.split.songs["train"] + found.split.songs["val"] == 6
    assert found.split.problem == ""
    assert [sample.features["sr"] for sample in found.samples] == [2.0, 3.0, 3.0]


def test_a_stored_split_is_shown_and_checked(dataset, schema):
    charts = sorted(path.relative_to(dataset).as_posix() for path in dataset.glob("*/*.osu"))
    (dataset / "train.txt").write_text("\n".join(charts[:8]))
    (dataset / "val.txt").write_text("\n".join(charts[8:]))
    found = collect_report(dataset, schema).split
    assert found.charts == {"train": 8, "val": 4, "test": 0}
    assert "train.txt" in found.origin
    assert not found.problem
    assert found.outside == 0
    (dataset / "val.txt").write_text("\n".join(charts[8:10]))
    report = collect_report(dataset, schema)
    assert report.split.outside == 2
    assert "In no part 2 charts" in Page(report_page.page(report)).text
    (dataset / "test.txt").write_text(charts[0])  # leaks from train
    leaky = collect_report(dataset, schema)
    assert "lies in train and in test" in leaky.split.problem
    assert "lies in train and in test" in Page(report_page.page(leaky)).text


def test_after_cleaning_only_what_is_left_counts(dataset, schema):
    charts = sorted(path.relative_to(dataset).as_posix() for path in dataset.glob("*/*.osu"))
    (dataset / "clean.txt").write_text("# kept\n" + "\n".join(charts[:5]))
    found = collect_report(dataset, schema)
    assert found.totals["charts"] == found.features["sr"].known == 5
    assert found.totals["songs"] == 3
    assert "5 of 12 measured charts" in found.about
    assert found.about in Page(report_page.page(found)).text


def test_reasons_are_grouped(dataset, schema):
    entries = [
        {"file": f"{n}.osu", "reason": f"no such thing: {n}. Mend it", "stage": "collect"}
        for n in range(50)
    ]
    entries.append({"file": "x.osu", "reason": "broken", "stage": "features"})
    (dataset / "quarantine.jsonl").write_text("\n".join(json.dumps(e) for e in entries))
    found = collect_report(dataset, schema)
    assert [(g.rule, len(g.items)) for g in found.rejected] == [
        ("no such thing", 50),
        ("broken", 1),
    ]
    text = Page(report_page.page(found)).text
    assert "and 10 more" in text
    assert "50 No such thing" in text


def test_decisions_of_the_database_come_first(dataset, schema):
    (dataset / "quarantine.jsonl").write_text(
        json.dumps({"file": "a", "reason": "of old", "stage": "collect"})
    )
    with sqlite3.connect(dataset / "features.db") as connection:
        connection.execute("DROP TABLE IF EXISTS decisions")
        connection.execute("CREATE TABLE decisions (stage, item, rule, detail)")
        connection.execute("INSERT INTO decisions VALUES ('clean', 'a.osu', 'too_short', '3 s')")
    connection.close()
    found = collect_report(dataset, schema).rejected
    assert [(g.stage, g.rule, g.items) for g in found] == [
        ("clean", "too_short", (("a.osu", "3 s"),))
    ]


def test_the_page_stands_alone(dataset, schema):
    evil = '<script>alert("x")</script><img src="https://evil.example/x.png">'
    row = FeatureRow(f"{evil}/x.osu", evil, features={"sr": 2.5})
    with FeatureDB(dataset / "features.db", schema.names) as database:
        database.upsert([row])  # its chart does not exist
    (dataset / "quarantine.jsonl").write_text(
        json.dumps({"file": evil, "reason": evil, "stage": evil})
    )
    path = next(dataset.glob("*/chart0.osu"))
    path.write_text(path.read_text().replace("Title:", f"Title:{evil}"))
    found = collect_report(dataset, schema, samples=12)
    assert any("could not be read" in note for note in found.notes)
    text = report_page.page(found)
    page = Page(text)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert all(a.startswith(("#", "data:image/png;base64,")) for a in page.addresses), (
        page.addresses
    )
    assert page.tags.count("img") == len(found.samples) >= 11
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text
    assert "url(" not in text
    assert "@import" not in text
    assert text == report_page.page(collect_report(dataset, schema, samples=12))


def test_pages_of_small_and_odd_sets(tmp_path, schema):
    make_songs(tmp_path / "one", songs=1, charts=1)
    found = collect_report(tmp_path / "one", schema, samples=0)
    assert "cannot be shared out" in found.split.problem
    page = Page(report_page.page(found))
    assert "No split" in page.text
    assert "Nothing was left out" in page.text
    assert "img" not in page.tags
    with sqlite3.connect(tmp_path / "feature.db") as connection:  # the original's
        connection.execute("CREATE TABLE Feature (name, set_name, sr)")
        connection.execute("INSERT INTO Feature VALUES ('a.osu', 's', 3.5)")
    connection.close()
    old = collect_report(tmp_path, schema)
    assert old.features["sr"].known == 1
    assert any("no column for" in note for note in old.notes)
    assert "1 chart " in Page(report_page.page(old)).text


def test_what_is_no_data_set_is_refused(tmp_path, dataset, schema):
    with pytest.raises(DataError, match="no such folder"):
        collect_report(tmp_path / "no", schema)
    with pytest.raises(DataError, match=r"no feature database.*prepare_beatmap_features"):
        collect_report(tmp_path, schema)
    with pytest.raises(DataError, match="less than none"):
        collect_report(dataset, schema, samples=-1)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "features.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match="not a feature database"):
        collect_report(tmp_path / "bad", schema)
    (tmp_path / "bad" / "features.db").unlink()
    FeatureDB(tmp_path / "bad" / "features.db", ["sr"]).close()
    with pytest.raises(DataError, match="holds no charts"):
        collect_report(tmp_path / "bad", schema)
