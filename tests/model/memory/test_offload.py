"""Networks in memory one after the other."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from mug.model.memory.offload import OffloadedNetworks
from mug.model.memory.skip_init import SkipInit


class Made:
    """Two small networks, what they should hold, and what was read."""

    def __init__(self) -> None:
        self.full = {name: self.network() for name in ("ear", "hand")}
        with SkipInit():
            self.empty = {name: self.network() for name in self.full}
        self.read: list[str] = []
        self.offloaded = OffloadedNetworks(self.empty, self.weights)

    @staticmethod
    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LSTM(3, 2))

    def weights(self, name: str) -> Mapping[str, Tensor]:
        self.read.append(name)
        return self.full[name].state_dict()

    def held(self) -> list[str]:
        return [
            name
            for name, network in self.empty.items()
            if not any(parameter.is_meta for parameter in network.parameters())
        ]


@pytest.fixture
def made() -> Made:
    return Made()


def test_one_is_held_at_a_time_and_read_once_a_turn(made: Made) -> None:
    assert made.held() == []
    for name in ("ear", "ear", "hand", "ear"):
        with made.offloaded.in_memory(name):
            assert made.held() == [name]
        assert made.held() == [name]
    assert made.read == ["ear", "hand", "ear"]


def test_it_answers_as_the_network_that_is_always_there(made: Made) -> None:
    x = torch.randn(4, 2)
    for name in ("hand", "ear", "hand"):
        with made.offloaded.in_memory(name):
            ours, theirs = made.empty[name].eval()(x)[0], made.full[name].eval()(x)[0]
            assert torch.equal(ours, theirs)


def test_a_network_in_use_keeps_its_weights(made: Made) -> None:
    with made.offloaded.in_memory("ear"), made.offloaded.in_memory("hand"):
        assert made.held() == ["ear", "hand"]
    with made.offloaded.in_memory("hand"):
        assert made.held() == ["hand"]


def test_two_threads_share_what_was_read(made: Made) -> None:
    both = threading.Barrier(2, timeout=10)
    seen: list[list[str]] = []

    def work() -> None:
        with made.offloaded.in_memory("hand"):
            both.wait()
            seen.append(made.held())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [["hand"], ["hand"]]
    assert made.read == ["hand"]


def test_other_names_and_failures_change_nothing(made: Made) -> None:
    with made.offloaded.in_memory("somebody else"):
        assert made.held() == []
    with pytest.raises(ZeroDivisionError), made.offloaded.in_memory("ear"):
        raise ZeroDivisionError
    with made.offloaded.in_memory("hand"):
        assert made.held() == ["hand"]


def test_weights_read_in_inference_mode_are_plain(made: Made) -> None:
    with torch.inference_mode(), made.offloaded.in_memory("ear"):
        pass
    assert not any(parameter.is_inference() for parameter in made.empty["ear"].parameters())
