"""Owner of a request, from what Gradio knows of it."""

from __future__ import annotations

import gradio as gr

from mug.ui.access.limits import address_of
from mug.ui.jobs.owner import Owner


def owner_of(request: gr.Request) -> Owner:
    """Owner of a request: its address, who has logged in, and the tab that it names itself."""
    host = request.client.host if request.client else None
    return Owner(address_of(host), str(request.session_hash), str(request.username or ""))
