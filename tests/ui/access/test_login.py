"""The login in a browser: what answers without it is enough for it."""

from __future__ import annotations

from typing import Any

import pytest
from page_visits import PATIENCE_MS
from pages import running

pytestmark = pytest.mark.browser


def test_a_browser_logs_in(chromium: Any, tmp_path: Any) -> None:
    flags = ("--auth", "me:secret", "--lang", "en")
    with running(tmp_path, tmp_path / "none.ckpt", *flags) as page:
        context = chromium.new_context()
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        refused: list[str] = []
        tab.on("response", lambda got: refused.append(got.url) if got.status >= 400 else None)
        tab.goto(page.address)
        tab.wait_for_selector("input[type=password]")
        assert tab.query_selector("#mug-generate") is None
        tab.get_by_label("username").fill("me")
        tab.get_by_label("password").fill("secret")
        assert refused == []
        tab.get_by_role("button", name="Login").click()
        tab.wait_for_selector("#mug-generate")
        context.close()
    assert refused == []
