"""Sessions of Gradio, one for each tab and call: a few kilobytes instead of two thirds of a MiB.

By itself it keeps a copy of the settings of all components for each, also of calls that are over,
for 10,000 of them: a server grows with every request. It needs that for links that restore a page,
which this page does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradio import Blocks
from gradio.state_holder import SessionState, StateHolder

MOST, MOST_IDLE = 2000, 200


class Sessions(StateHolder):
    """Sessions of tabs and calls; those to which nobody listens go first.

    Args:
        listens: whether somebody listens for a session.
    """

    def __init__(self, listens: Callable[[str], bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._listens = listens

    def __getitem__(self, session_id: str) -> SessionState:
        """The state of a session; a new one where there is none."""
        if session_id not in self.session_data:
            self.session_data[session_id] = _LightState(self.blocks)
        return super().__getitem__(session_id)

    def update(self, session_id: str) -> None:
        """Make a session the latest, and forget those that are too many."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            others = [one for one in self.session_data if one != session_id]
            if len(others) < MOST_IDLE:
                return
            live = {one for one in others if self._listens(one)}
            idle = [one for one in others if one not in live]
            surplus = max(len(idle) - MOST_IDLE, len(others) + 1 - MOST)
            late = [*idle, *(one for one in others if one in live)]
            for one in late[: max(0, surplus)]:
                self._forget(one)

    def _forget(self, session_id: str) -> None:
        del self.session_data[session_id]
        self.time_last_used.pop(session_id, None)
        queue = self.blocks._queue
        if not queue.pending_event_ids_session.get(session_id):  # nothing of it runs
            queue.pending_messages_per_session.pop(session_id, None)
            queue.pending_event_ids_session.pop(session_id, None)


class _LightState(SessionState):
    """State without the settings of all components."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(_WithoutBlocks(blocks))  # type: ignore[arg-type]
        self.config_values = _Forgetful()


class _WithoutBlocks:
    """A page, as far as a session needs one."""

    def __init__(self, blocks: Blocks) -> None:
        self.default_config = blocks.default_config
        self.blocks: dict[int, Any] = {}


class _Forgetful(dict[int, dict[str, Any]]):
    """Settings that are not kept."""

    def __setitem__(self, key: int, value: dict[str, Any]) -> None:
        """Forget it."""

    def __missing__(self, key: int) -> dict[str, Any]:
        """Return no settings."""
        return {}
