"""Networks that lie in memory one after the other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mug.model.memory.malloc import trim


class OffloadedNetworks:
    """Networks of which one is at work at a time: its weights are read when its turn comes.

    They stay until another network's turn comes, so that working twice reads once. Where threads
    use several at the same time, all of those are held.

    Args:
        networks: by name; what they hold is let go.
        read: the state of a network by its name.
    """

    def __init__(
        self, networks: Mapping[str, nn.Module], read: Callable[[str], Mapping[str, Tensor]]
    ) -> None:
        self._networks, self._read = dict(networks), read
        self._users: Counter[str] = Counter()
        self._held: set[str] = set()
        self._lock = threading.Lock()
        for network in self._networks.values():
            _empty(network)

    @contextmanager
    def in_memory(self, name: str) -> Iterator[None]:
        """Hold the weights of a network inside the block; nothing happens for other names."""
        if name not in self._networks:
            yield
            return
        with self._lock:
            # Under one lock: two threads must not read a network twice, nor empty one that is about
            # to be used.
            self._make_way(name)
            self._hold(name)
            self._users[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._users[name] -= 1

    def _make_way(self, name: str) -> None:
        # What another thread uses stays, even if both are then in memory.
        leaving = [held for held in self._held if held != name and not self._users[held]]
        for other in leaving:
            _empty(self._networks[other])
            self._held.remove(other)
        if leaving:
            trim()

    def _hold(self, name: str) -> None:
        if name in self._held:
            return
        with torch.inference_mode(mode=False):  # weights that any later call may use
            self._networks[name].load_state_dict(dict(self._read(name)), assign=True)
        self._held.add(name)


def _empty(network: nn.Module) -> None:
    """Put the parameters on `meta`; buffers, which are small, stay."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.is_meta:
                continue
            meta = torch.empty_like(parameter, device="meta")
            setattr(module, name, nn.Parameter(meta, requires_grad=False))
