"""Rules of access without a server: names, origins, numbers by address, paths, who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from mug.ui.access.hosts import Hosts
from mug.ui.access.limits import AddressBook, AddressLimits, address_of
from mug.ui.access.paths import Paths
from mug.ui.access.presence import Presence

HERE = "localhost:7860"


@pytest.mark.parametrize(
    "host", [HERE, "127.0.0.1", "[::1]:7860", "10.0.0.7:80", "LOCALHOST", "a.localhost", "8.8.8.8"]
)
def test_numbers_and_this_computers_names_are_known(host: str) -> None:
    assert Hosts().knows(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil@localhost",
     "localhost/evil.example", "evil.example#localhost", "[::1", "a b", "localhost:port",
     "2130706433.evil.example"],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not Hosts().knows(host)


def test_names_can_be_added() -> None:
    hosts = Hosts(["Charts.Example.org", "*.gradio.live"])
    for name in (
        "charts.example.org",
        "CHARTS.example.org.:443",
        "a.gradio.live",
        "a.b.gradio.live",
    ):
        assert hosts.knows(name), name
    for name in ("example.org", "a.charts.example.org", "gradio.live", "a.gradio.live.evil.org"):
        assert not hosts.knows(name), name
    hosts.allow("late.example.org")
    assert hosts.knows("late.example.org")


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),  # a program
        ({"origin": f"http://{HERE}"}, False),
        ({"origin": "http://localhost"}, True),  # another port is another site
        ({"origin": "http://127.0.0.1:7860"}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({"origin": f"http://{HERE}.evil.example"}, True),
        ({"origin": f"http://{HERE}@evil.example"}, True),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, True),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, True),  # another port
    ],
)
def test_pages_of_other_sites_are_told_apart(headers: dict[str, str], foreign: bool) -> None:
    assert Hosts().is_foreign({"host": HERE, **headers}) == foreign


def test_a_proxy_may_have_another_name_than_the_page() -> None:
    hosts = Hosts(["charts.example.org"])
    assert not hosts.is_foreign({"host": HERE, "origin": "https://charts.example.org"})
    same = {"host": "charts.example.org", "origin": "https://charts.example.org:443"}
    assert not Hosts().is_foreign(same)


def test_an_address_of_ipv6_is_its_network() -> None:
    assert address_of("2001:db8::1") == address_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert address_of("2001:db8:0:1::1") != address_of("2001:db8::1")
    assert address_of("::ffff:10.0.0.7") == address_of("10.0.0.7") == "10.0.0.7"
    assert address_of(None) == "unknown"


@pytest.fixture
def now() -> Iterator[list[float]]:
    return iter([[0.0]]).__next__()


def _book(now: list[float], **limits: int) -> AddressBook:
    return AddressBook(AddressLimits(**limits), clock=lambda: now[0])


def test_open_requests_are_counted_by_address(now: list[float]) -> None:
    book = _book(now, requests=2)
    assert [book.enter("a") for _ in range(3)] == [True, True, False]
    assert book.enter("b")
    book.leave("a")
    assert book.enter("a")


def test_uploads_have_a_number_a_size_and_an_hour(now: list[float]) -> None:
    book = _book(now, uploads=2, uploads_hour=3, upload_bytes_hour=100)
    assert [book.begin_upload("a", 10) for _ in range(3)] == [True, True, False]
    assert not book.begin_upload("b", 101)
    book.end_upload("a", 60)
    book.end_upload("a", 30)
    assert not book.begin_upload("a", 11)
    assert book.begin_upload("a", 10)
    book.end_upload("a", 0)  # the third of the hour
    assert not book.begin_upload("a", 0)
    now[0] += 3601
    assert book.begin_upload("a", 100)


def test_wrong_passwords_are_counted(now: list[float]) -> None:
    book = _book(now, failed_logins=2)
    for _ in range(2):
        assert book.may_log_in("a")
        book.failed_login("a")
    assert not book.may_log_in("a")
    assert book.may_log_in("b")
    now[0] += 61
    assert book.may_log_in("a")


def test_many_addresses_take_little_memory_and_do_not_free_who_is_limited(
    now: list[float],
) -> None:
    book = _book(now, requests=1)
    assert book.enter("busy")
    for number in range(12_000):
        book.enter(f"{number}")
        book.leave(f"{number}")
    assert len(book._held) <= 10_001
    assert not book.enter("busy")


def test_paths_of_the_login_are_few_and_lead_nowhere_else() -> None:
    paths = Paths(["/", "/zh"])
    assert paths.is_login("/gradio_api/startup-events")  # Gradio's own question, as it starts
    paths.starting = False
    assert not paths.is_login("/gradio_api/startup-events")
    assert all(paths.is_login(one) for one in ("/", "/zh", "/login", "/assets/a.js"))
    closed = ["/config", "/gradio_api/info", "/mug/jobs/a/0001/b", "/gradio_api/file=/a"]
    assert not any(paths.is_login(one) for one in closed)
    assert all(paths.is_served(one) for one in closed)
    for one in ("/monitoring", "/assets/../config", "/gradio_api/proxy=http://a", "/docs", "/zh/a",
                "/openapi.json", "/gradio_api/vibe-edit", "/gradio_api/dev/reload"):  # fmt: skip
        assert not paths.is_served(one), one


def _run(visit: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a browser's event loop may run in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, visit).result()


class _App:
    """As much of Gradio's app as knows which tab an event is for."""

    def get_blocks(self) -> SimpleNamespace:
        events = {"named": SimpleNamespace(session_hash="tab")}
        return SimpleNamespace(_queue=SimpleNamespace(event_ids_to_events=events))


def _scope(path: str, method: str = "GET", query: bytes = b"") -> dict[str, Any]:
    scope = {"path": f"/gradio_api/{path}", "method": method, "query_string": query}
    return {**scope, "app": _App()}


@pytest.mark.parametrize(
    ("scope", "tab"),
    [
        (_scope("queue/data", query=b"session_hash=tab"), "tab"),
        (_scope("heartbeat/tab"), "tab"),
        (_scope("call/generate/named"), "tab"),
        (_scope("call/generate/event"), "event"),
    ],
)
def test_who_listens_is_known_by_the_tab_until_the_client_hangs_up(
    scope: dict[str, Any], tab: str
) -> None:
    presence = Presence()

    async def visit() -> None:
        hangs_up = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not began:
                began.append(True)
                return {"type": "http.request"}
            await hangs_up.wait()
            return {"type": "http.disconnect"}

        began: list[bool] = []
        async with presence.listening(scope, receive, "a") as watched:
            assert (await watched())["type"] == "http.request"
            await asyncio.sleep(0)
            assert presence.listens(tab)
            assert presence.is_followed("elsewhere", tab)  # a phone that changed its network
            assert not presence.is_followed("a", "other")
            hangs_up.set()
            assert (await watched())["type"] == "http.disconnect"
            await asyncio.sleep(0)
            assert not presence.listens(tab)

    _run(visit())
    assert not presence._tabs


def test_a_call_without_a_queue_counts_for_its_address() -> None:
    presence = Presence()

    async def visit() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request"}

        async with presence.listening(_scope("run/generate", "POST"), receive, "a") as watched:
            assert watched is receive
            assert presence.is_followed("a", "anything")
            assert not presence.is_followed("b", "anything")
        async with presence.listening(_scope("call/generate", "POST"), receive, "a"):
            assert not presence.is_followed("a", "anything")

    _run(visit())
    assert not presence._unnamed
