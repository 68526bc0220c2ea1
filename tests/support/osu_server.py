"""A server on this machine that behaves like osu!'s API, with faults to order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRET = "hush-hush-1234"


def beatmapset(number, mapper=7, status="ranked", plays=100, cs=4, mode=3):
    charts = [{"mode_int": mode, "cs": cs}, {"mode_int": 0, "cs": 5}]
    return {
        "id": number,
        "user_id": mapper,
        "status": status,
        "play_count": plays,
        "beatmaps": charts,
    }


class Osu:
    """A server that behaves like osu!'s, with faults to order."""

    def __init__(self):
        self.searches = {"ranked": [], "loved": []}  # sets by status
        self.graveyards = {}  # sets by mapper; None: closed account
        self.page = 3
        self.faults = {}  # number of the request (from 1) -> (status, headers, body) or "drop"
        self.token_lives_for = None  # requests
        self.seen, self.tokens, self.token_age = [], 0, 0

    def answer(self, method, target, headers, body):
        self.seen.append(target)
        fault = self.faults.get(len(self.seen))
        if fault is not None:
            return fault
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/oauth/token":
            wanted = json.loads(body)
            assert method == "POST"
            assert wanted["grant_type"] == "client_credentials"
            if (wanted["client_id"], wanted["client_secret"]) != (42, SECRET):
                return 401, {}, {"error": "invalid_client"}
            self.tokens, self.token_age = self.tokens + 1, 0
            return 200, {}, {"access_token": f"token{self.tokens}", "expires_in": 86400}
        self.token_age += 1
        late = self.token_lives_for is not None and self.token_age > self.token_lives_for
        if headers["Authorization"] != f"Bearer token{self.tokens}" or late:
            return 401, {}, {"authentication": "basic"}
        if parts.path == "/api/v2/beatmapsets/search":
            assert query["m"] == "3"
            found, first = self.searches[query["s"]], int(query.get("cursor_string", "c0")[1:])
            more = first + self.page < len(found)
            cursor = f"c{first + self.page}" if more else None
            page = found[first : first + self.page]
            return 200, {}, {"beatmapsets": page, "cursor_string": cursor}
        mapper = int(parts.path.split("/")[4])
        assert parts.path == f"/api/v2/users/{mapper}/beatmapsets/graveyard"
        if self.graveyards.get(mapper) is None:
            return 404, {}, {"error": "not found"}
        first = int(query["offset"])  # fewer than the limit, as a server may
        return 200, {}, self.graveyards[mapper][first : first + min(2, int(query["limit"]))]


@contextmanager
def serve() -> Iterator[Osu]:
    """Runs a server while the block lasts; its address is `url`."""
    world = Osu()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = world.answer(self.command, self.path, self.headers, body)
            if found == "drop":
                self.close_connection = True
                return
            status, headers, value = found
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    world.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fill(osu):
    osu.searches["ranked"] = [beatmapset(100 + i, mapper=1 + i % 3) for i in range(7)]
    osu.searches["loved"] = [beatmapset(50 + i, status="loved") for i in range(2)]
    osu.graveyards = {
        1: [beatmapset(900 + i, 1, "graveyard") for i in range(5)],
        2: [
            beatmapset(800, 2, "graveyard", plays=49),
            beatmapset(801, 2, "graveyard", plays=50),
            beatmapset(802, 2, "graveyard", cs=7),
            beatmapset(803, 2, "graveyard", mode=0),
        ],
        3: None,
    }
