import subprocess
import sys

from tiny_songs import make_songs


def run(root, *arguments):
    command = [sys.executable, "scripts/dataset_report.py", *map(str, arguments)]
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
