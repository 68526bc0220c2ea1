"""A small model computes with one thread, unless the user chose a number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from mug.model.speed.thread_count import SMALL, suit_threads
from mug.threads import NUMBERS


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in NUMBERS:
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("weights", "threads"), [(SMALL, 1), (SMALL + 1, 2)])
def test_a_small_model_has_one_thread(weights: int, threads: int) -> None:
    suit_threads(weights)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", NUMBERS)
def test_the_users_number_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "2")
    suit_threads(SMALL)
    assert torch.get_num_threads() == 2
