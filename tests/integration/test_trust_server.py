"""The section `server` of `benchmarks/trust.py`, in short: each stranger once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from benchmarks._trust_server import FULL, Servers, kind


def test_strangers_reach_nothing(tmp_path: Path) -> None:
    with ExitStack() as held:
        servers = Servers(tmp_path, held)
        found = {}
        for seed in (1, 2, 14):
            what, function = kind(seed)
            found[what] = function(servers, seed)
    refused = ("refused", "")
    assert found == {
        "all routes without login": refused,
        "foreign host": refused,
        "foreign origin": refused,
    }


def test_a_full_run_makes_three_hundred_charts_and_meets_crowds() -> None:
    kinds = [kind(seed)[0] for seed in range(1, 1 + FULL)]
    assert kinds.count("generation, memory flat") >= 300
    assert kinds.count("30 users at once") == 4
    assert len(set(kinds)) == 8
