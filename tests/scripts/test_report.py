import re
import subprocess
import sys

from tiny_songs import make_songs

from mug.features import BOOL, NUMERIC, FeatureSchema


def run(root, *arguments, script="dataset_report.py"):
    command = [sys.executable, f"scripts/{script}", *map(str, arguments)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)


def test_a_page_and_a_sentence(root, tmp_path):
    make_songs(tmp_path / "set", songs=3)
    result = run(root, tmp_path / "set", "--out", tmp_path / "page.html", "--samples", 2)
    assert result.returncode == 0, result.stderr
    assert "6 charts of 3 songs, 0 left out" in result.stdout
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count("<img ") == 2


def test_mistakes_are_one_line(root, tmp_path):
    result = run(root, tmp_path / "no", "--out", tmp_path / "page.html")
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "no such folder" in result.stderr
    assert not (tmp_path / "page.html").exists()


def test_a_picture_for_each_feature(root, tmp_path):
    result = run(root, "--out", tmp_path, "--songs", 1, script="feature_figures.py")
    assert result.returncode == 0, result.stderr
    assert "21 pictures of 4 charts" in result.stdout
    schema = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
    assert {path.stem for path in tmp_path.glob("*.png")} == set(schema.names)


def test_the_documentation_says_what_the_schema_says(root):
    schema = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
    text = (root / "docs/features.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \[`(\w+)`\]\(#(\w+)\) \| .* \| (\w+) \| (.*) \| (\d+) \| (\d+) \|$", text, re.M
    )
    expected, first = [], 0
    for feature in schema.features:
        span = ", ".join(feature.choices)
        if feature.kind == NUMERIC:
            span = f"{feature.minimum:g} … {feature.maximum:g}, bins of {feature.step:g}"
        elif feature.kind == BOOL:
            span = "no, yes"
        expected.append((feature.name, feature.kind, span, str(feature.bins), str(first)))
        first += feature.bins + 1
    assert [(row[0], *row[2:]) for row in rows] == expected
    headings = set(re.findall(r"^#+ (\w+)$", text, re.M))
    assert {row[1] for row in rows} <= headings
    assert f"table of {schema.table_size} rows" in text
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert {name.rpartition("/")[2] for name in pictures} == {f"{n}.png" for n in schema.names}
    for name in pictures:
        assert 0 < (root / "docs" / name).stat().st_size < 20_000
