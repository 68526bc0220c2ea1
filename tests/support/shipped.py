"""A place of one's own for shipped and chosen models."""

from __future__ import annotations

from pathlib import Path

import pytest

from mug.pipeline.model import choice


def ship_from(
    monkeypatch: pytest.MonkeyPatch, shipped: Path, workplace: Path | None = None
) -> None:
    """Let a folder hold the shipped models, and another one the user's own."""
    monkeypatch.setattr(choice, "SHIPPED", shipped)
    monkeypatch.setattr(choice, "workplace", lambda: workplace or shipped.parent)
