"""What every test may use: where the recorded numbers and the real songs lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser import REMEDY, find_chromium
from hypothesis import HealthCheck, settings
from repository import ROOT

pytest_plugins = ["typecheck", "slow_tests", "tiny_models", "forks"]

# How long an example takes depends on what else the machine does.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

_EXTERNAL = {"real_data": "MUG_REAL_DATA", "golden_dir": "MUG_GOLDEN"}


def pytest_report_header() -> list[str]:
    """Says which outside data this run has."""
    chromium = find_chromium()
    browser = (
        f"chromium: {chromium}" if chromium else f"tests marked browser are left out: {REMEDY}"
    )
    return [browser, *_external_header()]


def _external_header() -> list[str]:
    return [
        f"{variable}: {os.environ[variable]}"
        if os.environ.get(variable)
        else f"{variable} is not set: tests marked {marker} are left out of this run"
        for marker, variable in _EXTERNAL.items()
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what needs outside data where there is none."""
    missing = [m for m, variable in _EXTERNAL.items() if not os.environ.get(variable)]
    if find_chromium() is None:
        missing.append("browser")
    left_out = [item for item in items if any(item.get_closest_marker(m) for m in missing)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Folder of the large recordings (tests marked golden_dir)."""
    return Path(os.environ["MUG_GOLDEN"])


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real songs (tests marked real_data)."""
    return Path(os.environ["MUG_REAL_DATA"])
