"""The commands of a recording: what is asked of the fixed model, and of the tools for charts."""

from __future__ import annotations

from pathlib import Path

Calls = dict[str, list[object]]

QUICK_REQUESTS = ("default", "search", "interval", "spread")
SAMPLERS = ("angular", "plms", "ddim", "dpm_solver", "adams", "ancestral")
FEW = ["--steps", "4"]
HARD = ["--sr", "5"]


def requests(fixture: Path, out: Path) -> Calls:
    """Calls of scripts/generate.py; each writes into a folder of its name below `out`."""
    song = fixture / "song"
    asked: dict[str, list[object]] = {
        "default": ["--picture", out / "default" / "chart.png"],
        "search": ["--count", "2", "--candidates", "3", *HARD, *FEW],
        "spread": ["--spread", "all", *FEW],
        "spread_search": ["--spread", "easy,my own=3", "--candidates", "2", *FEW],
        "stars": ["--reach_stars", "--sr", "2.2", "--candidates", "2", *FEW],
        "stars_below": ["--reach_stars", "--sr", "1", "--count", "2", *FEW],
        "tolerance": ["--tolerance", "sr=0.1", "--attempts", "2", "--candidates", "2", "--sr", "2"],
        "interval": ["--guidance_interval", "0.2", "0.8", *HARD, *FEW],
        "negative": ["--negative", "jackspeed=true", "--sr", "2", *FEW],
        "prompt": ["--prompt", fixture / "prompt.yaml", *FEW],
        "raw": ["--snapping", "none", "--fixes", "none", *HARD, *FEW],
        "nearest": ["--snapping", "nearest", "--fixes", "minijacks", *HARD, *FEW],
        "divisors": ["--divisors", "1,2,4", "--unfit", "drop", *HARD, *FEW],
        "kept": ["--unfit", "keep", "--fixes", "none", *HARD, *FEW],
        "given_timing": ["--bpm", "150", "--offset_ms", "321.5", *FEW],
        "timing_file": ["--timing_from", song / "hard.osu", *FEW],
        "other_timing": ["--timing_candidate", "2", *FEW],
        "windows": ["--window_s", "25", *FEW],
        "bf16": ["--precision", "bf16", *FEW],
        "unguided": ["--guidance_scale", "1", "--title", "A title", "--artist", "An artist", *FEW],
        "seed": ["--seed", "7", "--count", "3", "--batch_size", "2", *HARD, *FEW],
    }
    for sampler in SAMPLERS:
        asked[f"sampler_{sampler}"] = ["--sampler", sampler, "--steps", "5", "--sr", "3"]
    begin = ["scripts/generate.py", "--ckpt", fixture / "model", "--device", "cpu"]
    calls = {
        name: [*begin, "--audio", song / "audio.flac", "--out", out / name / "made.osz", *options]
        for name, options in asked.items()
    }
    calls["folder"] = [*begin, "--audio", fixture / "held_out", "--out", out / "folder", *FEW]
    return calls


def edits(fixture: Path, out: Path) -> Calls:
    """Calls of scripts/edit_beatmap.py."""
    asked: dict[str, list[object]] = {
        "edit": ["--from_ms", "10000", "--to_ms", "20000"],
        "edit_bars": ["--from_bar", "4", "--to_bar", "9", "--lock_holds", "--own_prompt"],
        "edit_columns": ["--columns", "1,3", "--strength", "0.5", "--count", "2"],
        "edit_on": ["--from_ms", "25000", "--seam_ms", "100", "--no-mark", "--sampler", "ddim"],
    }
    begin = ["scripts/edit_beatmap.py", fixture / "song" / "hard.osu", "--device", "cpu"]
    begin += ["--ckpt", fixture / "model", *FEW]
    return {
        name: [*begin, "--out", out / name / "made.osu", *options]
        for name, options in asked.items()
    }


def tools(fixture: Path, out: Path) -> Calls:
    """Calls of the tools that need no model."""
    chart, package = fixture / "song" / "hard.osu", fixture / "made" / "made.osz"
    calls: Calls = {}
    for ending in ("sm", "ssc", "qua", "mc"):
        there, back = out / f"to.{ending}", out / f"from_{ending}.osu"
        calls[f"to_{ending}"] = ["scripts/convert_beatmap.py", chart, there]
        calls[f"from_{ending}"] = ["scripts/convert_beatmap.py", there, back]
    for ending in ("qp", "mcz"):
        calls[f"to_{ending}"] = ["scripts/convert_beatmap.py", package, out / f"to.{ending}"]
    for name, file in (("chart", chart), ("package", package), ("folder", fixture / "held_out")):
        calls[f"lint_{name}"] = ["scripts/lint_beatmap.py", file]
        calls[f"lint_json_{name}"] = ["scripts/lint_beatmap.py", file, "--json", "--audio"]
    calls["lint_tier"] = ["scripts/lint_beatmap.py", chart, "--tier", "Easy"]
    calls["rates"] = ["scripts/lint_beatmap.py", fixture / "songs", "--rates"]
    calls["prompt"] = ["scripts/beatmap_to_prompt.py", chart, "--out", out / "prompt.yaml"]
    rate = ["--chart", "1", "--rate", "1.2"]
    calls["prompt_rate"] = ["scripts/beatmap_to_prompt.py", package, *rate]
    calls["inspect"] = ["scripts/inspect_beatmap.py", package, chart]
    calls["inspect_json"] = ["scripts/inspect_beatmap.py", package, chart, "--json"]
    return calls
