"""Marker `slow`: the tests that tests/slow.txt lists, and the option that writes the list."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from repository import ROOT

SLOW = ROOT / "tests" / "slow.txt"
LONGEST = ROOT / "tests" / "integration"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that measures which tests are slow."""
    parser.addoption(
        "--record-slow",
        type=float,
        metavar="SECONDS",
        help="list the tests of this run that take at least so long in tests/slow.txt",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the clock where the list is written."""
    seconds = config.getoption("--record-slow")
    if seconds is not None:
        config.pluginmanager.register(Recorder(seconds, worker=hasattr(config, "workerinput")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the listed tests, and begin with the longest: started last, one runs alone."""
    slow = set(read(SLOW))
    items.sort(key=lambda item: LONGEST not in item.path.parents)
    for item in items:
        if function(item.nodeid) in slow:
            item.add_marker("slow")


def read(path: Path) -> list[str]:
    """Return the listed tests, `file::function`."""
    return path.read_text(encoding="utf-8").splitlines()


def function(nodeid: str) -> str:
    """Return the test without its parameters: all of them are slow, or none."""
    return nodeid.partition("[")[0]


def renewed(listed: Iterable[str], took: dict[str, float], seconds: float) -> list[str]:
    """Return the list after a run; what did not run stays as it was."""
    kept = {name for name in listed if name not in took}
    return sorted(kept | {name for name, spent in took.items() if spent >= seconds})


class Recorder:
    """Seconds of each test function, all parameters together, as if it ran alone.

    The fixtures that a test shares with its module or package count for each of them: whichever
    comes first has to make them. Those of the whole session count for none.

    Args:
        seconds: Tests that take at least so long are slow.
        worker: True in a worker of pytest-xdist, which leaves writing to the main process.
    """

    def __init__(self, seconds: float, *, worker: bool) -> None:
        self.seconds, self.worker = seconds, worker
        self.fixtures: dict[tuple[str, str], float] = {}
        self.calls: dict[str, float] = defaultdict(float)
        self.shared: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        """Take the time of a fixture."""
        began = time.perf_counter()
        try:
            return (yield)
        finally:
            if fixturedef.scope != "session":
                key = (fixturedef.argname, fixturedef.baseid)
                self.fixtures[key] = time.perf_counter() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send the seconds of a test's fixtures along with its own."""
        report = yield
        names = getattr(item, "fixturenames", ())
        shared = sum(
            seconds
            for (name, base), seconds in self.fixtures.items()
            if name in names and item.nodeid.startswith(base)
        )
        report.user_properties = [*report.user_properties, ("fixture seconds", shared)]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the calls of a test function."""
        if report.when == "call":
            name = function(report.nodeid)
            self.calls[name] += report.duration
            found = dict(report.user_properties)["fixture seconds"]
            self.shared[name] = max(self.shared[name], float(str(found)))

    def pytest_sessionfinish(self) -> None:
        """Write the list."""
        if not self.worker:
            took = {name: spent + self.shared[name] for name, spent in self.calls.items()}
            lines = renewed(read(SLOW), took, self.seconds)
            SLOW.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
