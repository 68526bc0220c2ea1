"""The table of bars: its rows, its columns side by side, and no verdict."""

from __future__ import annotations

from typing import Any

import pytest

from mug.compose.collection import beatmapset_id
from mug.compose.held_out import HELD_OUT_KINDS, held_out_number
from mug.evaluation.listening import with_gains
from mug.evaluation.markdown.bars import BARS, bars_table
from mug.evaluation.rows import ResultRow

COLUMNS = (("raw", ""), ("post-processed", "given"), ("scorer alone", ""), ("metre only", ""))


def rows(songs: list[str], columns: tuple[tuple[str, str], ...] = COLUMNS) -> list[ResultRow]:
    found = []
    for number, song in enumerate(songs):
        for place, (column, timing) in enumerate(columns):
            f1 = 0.8 - 0.1 * place + 0.02 * number
            blind = {
                f"blind_{kind}_{mode}": 0.74
                for kind in ("metre", "stars")
                for mode in ("matched", "delivered")
            }
            named = {bar.figure: 0.25 for bar in BARS if not bar.figure.startswith("gain")}
            figures = {**named, "f1_20_matched": f1, "f1_20": f1, **blind, "failed": 0.0}
            found.append(ResultRow(song, "d", column, timing, figures=figures))
    return found


def results(**command: Any) -> dict[str, Any]:
    spearman = {"mean": 0.93, "low": 0.9, "high": 0.96, "charts": 5, "failed": 0}
    seconds = {"mean": 5.2, "low": None, "high": None, "charts": 1, "failed": 0}
    cost = {"cold_seconds": seconds, "cold_peak_mib": {**seconds, "mean": 640.0}}
    return {"command": command, "sweep": {"raw": {"spearman": spearman}}, "cost": cost}


def cells(text: str, label: str) -> list[str]:
    (found,) = (line for line in text.splitlines() if line.startswith(f"| {label}"))
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


def test_values_stand_beside_bars_and_targets_without_a_verdict() -> None:
    text = bars_table(rows(["a", "b", "c"]), results())
    assert cells(text, "figure") == [
        *("as sampled", "as delivered", "scorer alone", "beside", "bar", "target")
    ]
    assert cells(text, "F1 ±20 ms, matched")[0].startswith("0.820 [0.770, 0.870]")
    assert cells(text, "F1 ±20 ms, matched")[3:] == ["metre only 0.520", "≥ .79", "≥ .81"]
    assert cells(text, "listening gain at")[0].startswith("0.080 [")
    assert cells(text, "songs whose")[:3] == ["3 of 3", "1 of 3", "0 of 3"]
    assert cells(text, "sweep")[:2] == ["0.930 [0.900, 0.960]", "–"]
    assert cells(text, "sweep")[4] == "≥ .9 as sampled"
    assert cells(text, "4 charts")[1] == "5.2 s; 640 MiB"
    assert "Fewer than 10 songs" in text
    assert not set("✓≈✗") & set(text)
    for bar in BARS:
        assert bar.label in text


def test_gains_of_the_rows_are_the_same_when_they_are_there_already() -> None:
    given = rows(["a", "b"])
    assert bars_table(with_gains(given), results()) == bars_table(given, results())


def test_another_program_and_the_rules_alone_have_their_columns() -> None:
    program = bars_table(rows(["a"], (("theirs", ""), ("metre only", ""))), results())
    assert cells(program, "figure")[0] == "theirs"
    rules = bars_table(rows(["a"], COLUMNS[3:]), results())
    assert cells(rules, "figure")[0] == "metre only"
    assert cells(rules, "F1 ±20 ms, matched")[1] == "–"  # not beside itself


def test_the_composed_set_has_bars_of_its_own_and_a_line_a_kind() -> None:
    songs = [f"{beatmapset_id(held_out_number(kind, 3))} a - b" for kind in HELD_OUT_KINDS]
    text = bars_table(rows(songs), results(held_out=1))
    assert cells(text, "listening gain, composed")[4:] == ["≥ +.10", "≥ +.20"]
    assert "listening gain at matched rows" not in text
    gains = [float(cells(text, f"– {kind} |")[0]) for kind in HELD_OUT_KINDS]
    assert gains == pytest.approx([0.06 + 0.02 * n for n in range(len(HELD_OUT_KINDS))], abs=0.001)
