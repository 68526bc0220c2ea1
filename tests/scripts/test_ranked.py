import os
import subprocess
import sys

import pytest
from osu_server import SECRET, fill, serve

SCRIPTS = ("prepare_ranked_beatmap.py", "prepare_beatmap_from_ranking_mapper.py")


def run(root, *arguments, **environment):
    clean = {n: v for n, v in os.environ.items() if not n.startswith("OSU_")}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=root,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_credentials_there_is_a_sentence(root, tmp_path, script):
    result = run(root, f"scripts/{script}", "-o", tmp_path / "out")
    assert result.returncode == 1
    assert "OSU_CLIENT_ID and OSU_CLIENT_SECRET are not set" in result.stderr
    assert "New OAuth Application" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_mistakes_are_named(root, tmp_path):
    keys = {"OSU_CLIENT_ID": "1", "OSU_CLIENT_SECRET": "s"}
    out = ("-o", tmp_path / "out")
    result = run(root, f"scripts/{SCRIPTS[0]}", *out, "-m", "drums", **keys)
    assert result.returncode == 2
    assert "a mode is osu, taiko, fruits, mania" in result.stderr
    result = run(root, f"scripts/{SCRIPTS[0]}", *out, "--base_url", "http://example.org", **keys)
    assert result.returncode == 1
    assert "https only" in result.stderr


def test_both_scripts_against_a_server(root, tmp_path):
    keys = {"OSU_CLIENT_ID": "42", "OSU_CLIENT_SECRET": SECRET, "no_proxy": "127.0.0.1"}
    with serve() as osu:
        fill(osu)
        server = ("--base_url", osu.url, "--requests_per_minute", 1200)
        ranked, ids = tmp_path / "ranked.txt", tmp_path / "ids.txt"
        for script, out, options in (
            (SCRIPTS[0], ranked, ("-m", "3", "--statuses", "ranked")),
            (SCRIPTS[1], ids, ("--min_plays", 60)),
        ):
            result = run(root, f"scripts/{script}", "-o", out, *options, *server, **keys)
            assert result.returncode == 0, result.stderr
            assert "beatmapsets" in result.stdout
            assert SECRET not in result.stdout + result.stderr
    assert ranked.read_text().splitlines() == [f"{100 + i} ranked" for i in range(7)]
    assert ids.read_text().splitlines() == [str(900 + i) for i in range(5)]
