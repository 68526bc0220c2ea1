"""Requirements: floors above known vulnerabilities, and lock files that hold to them."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from repository import ROOT

FLOORS = {
    "aiohttp": "3.13.3",  # CVE-2025-69223 to 69230
    "distributed": "2026.1.0",
    "filelock": "3.20.3",
    "gradio": "6.6.0",
    "h11": "0.16.0",  # CVE-2025-43859
    "jinja2": "3.1.6",  # CVE-2025-27516
    "orjson": "3.11.6",
    "pillow": "12.1.1",
    "protobuf": "6.33.5",
    "pytest": "9.0.3",
    "python-multipart": "0.0.22",
    "requests": "2.32.4",  # CVE-2024-47081
    "setuptools": "78.1.1",  # CVE-2025-47273
    "starlette": "0.49.1",  # CVE-2025-62727
    "torch": "2.6.0",  # CVE-2025-32434
    "tqdm": "4.66.3",  # CVE-2024-34062
    "urllib3": "2.6.3",  # CVE-2026-21441
    "werkzeug": "3.1.5",  # CVE-2026-21860
}
"""The first version without the vulnerabilities that were known when it was raised."""

LOCKS = {"requirements.txt": "requirements.lock", "requirements-dev.txt": "requirements-dev.lock"}


def _wanted(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]
    return found + (_wanted("requirements.txt") if name != "requirements.txt" else [])


def _locked(name: str) -> dict[str, tuple[Version, list[str]]]:
    """Version and hashes by name."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            pin, *hashes = line.split()
            package, _, version = pin.partition("==")
            found[package] = Version(version), hashes
    return found


def test_no_version_with_a_known_vulnerability_is_allowed() -> None:
    wanted = {one.name: one for one in _wanted("requirements-dev.txt")}
    for name, floor in FLOORS.items():
        specifier = wanted[name].specifier
        below = [one for one in specifier if one.operator == ">="]
        assert below, name
        assert min(Version(one.version) for one in below) >= Version(floor), name


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_file_has_a_version_and_hashes_of_everything(name: str) -> None:
    locked = _locked(LOCKS[name])
    for wanted in _wanted(name):
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)][0]), wanted
    for package, (_, hashes) in locked.items():
        assert hashes, package
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), package


def test_both_lock_files_agree_and_name_no_place() -> None:
    needed, everything = (_locked(name) for name in LOCKS.values())
    assert needed == {name: everything[name] for name in needed}
    for name in LOCKS.values():
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert "index" not in text


def test_an_audit_that_could_not_look_a_package_up_says_so() -> None:
    audit = runpy.run_path(str(ROOT / ".ci/audit"))["found"]
    flaw = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}
    answer = {"dependencies": [
        {"name": "a", "version": "1", "vulns": [flaw]},
        {"name": "b", "version": "1", "vulns": [{**flaw, "fix_versions": []}]},
        {"name": "c", "version": "1", "vulns": []},
        {"name": "d", "skip_reason": "not found"},
    ]}  # fmt: skip
    lines, urgent, unknown = audit(answer)
    assert [line.partition(":")[0] for line in lines] == ["a 1", "b 1"]
    assert (urgent, unknown) == (1, 1)


def test_an_audit_without_the_network_says_so_and_passes(tmp_path: Path) -> None:
    lock = tmp_path / "one.lock"
    lock.write_text(f"anyascii==0.3.3 --hash=sha256:{'0' * 64}\n")
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    command = [sys.executable, str(ROOT / ".ci/audit"), str(lock)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**nowhere, "PATH": "/usr/bin"}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Vulnerabilities were not asked for")
