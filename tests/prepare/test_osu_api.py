import time
from email.utils import formatdate

import pytest
from osu_server import SECRET, beatmapset, fill, serve

from mug.difficulty.registry import RankedMap
from mug.errors import DataError
from mug.prepare.osu_api import Credentials, NotFoundError, OsuApi, Pace
from mug.prepare.ranked import Journal, fetch_graveyard_of_ranked_mappers, fetch_ranked

CREDENTIALS = Credentials(42, SECRET)


@pytest.fixture
def osu(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve() as world:
        yield world


class Time:
    """A clock that sleeping moves."""

    def __init__(self):
        self.at, self.slept = 1000.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds


def client(osu, time_=None, credentials=CREDENTIALS, **pace):
    clock = time_ or Time()
    return OsuApi(
        credentials,
        base_url=osu.url,
        pace=Pace(now=lambda: clock.at, sleep=clock.sleep, **pace),
    )


EXPECTED = "".join(
    [*(f"{50 + i} loved\n" for i in range(2)), *(f"{100 + i} ranked\n" for i in range(7))]
)


def test_pages_become_a_list_that_the_features_read(osu, tmp_path):
    fill(osu)
    seen = []
    found = fetch_ranked(client(osu), tmp_path / "ranked.txt", progress=seen.append)
    assert (tmp_path / "ranked.txt").read_text() == EXPECTED
    assert found.sets == seen[-1] == 9
    assert len(osu.seen) == 1 + 3 + 1  # a token, three pages of ranked, one of loved
    assert [path.name for path in tmp_path.iterdir()] == ["ranked.txt"]
    status = RankedMap.read(tmp_path / "ranked.txt")
    assert (status.of("50"), status.of("106"), status.of("1")) == ("loved", "ranked", None)


def test_graveyards_of_ranked_mappers(osu, tmp_path):
    fill(osu)
    out = tmp_path / "ids.txt"
    found = fetch_graveyard_of_ranked_mappers(client(osu), out)
    assert out.read_text() == "801\n900\n901\n902\n903\n904\n"
    assert (found.sets, found.mappers, found.gone) == (6, 3, 1)
    fetch_graveyard_of_ranked_mappers(client(osu), out, keys=7, min_plays=0)
    assert out.read_text() == "802\n"


def test_requests_keep_their_distance(osu, tmp_path):
    fill(osu)
    clock = Time()
    fetch_ranked(client(osu, clock), tmp_path / "out")
    assert clock.slept == [pytest.approx(1.0)] * 4
    clock = Time()
    fetch_ranked(client(osu, clock, per_minute=30), tmp_path / "out")
    assert clock.slept == [pytest.approx(2.0)] * 4


@pytest.mark.parametrize(
    "fault",
    [
        (500, {}, b"oops"),
        (503, {}, b""),
        (429, {}, b""),
        (200, {}, b'{"beatmapsets": [{"id'),  # broken JSON
        (200, {"Content-Length": "9999"}, b"{}"),  # cut off
        "drop",
    ],
)
def test_a_passing_fault_changes_nothing(osu, tmp_path, fault):
    fill(osu)
    osu.faults = {1: fault, 3: fault, 4: fault, 7: fault}
    clock = Time()
    fetch_ranked(client(osu, clock, timeout_s=2), tmp_path / "out")
    assert (tmp_path / "out").read_text() == EXPECTED
    assert len(osu.seen) == 5 + 4
    assert max(clock.slept) == pytest.approx(2.0)  # the second failure in a row waits longer


def test_the_server_says_how_long_to_wait(osu, tmp_path):
    fill(osu)
    osu.faults = {2: (429, {"Retry-After": "17"}, b"")}
    clock = Time()
    fetch_ranked(client(osu, clock), tmp_path / "out")
    assert clock.slept[1] == pytest.approx(17.0)
    date = formatdate(time.time() + 40, usegmt=True)
    osu.faults = {len(osu.seen) + 2: (503, {"Retry-After": date}, b"")}
    clock = Time()
    fetch_ranked(client(osu, clock), tmp_path / "out")
    assert 30 < clock.slept[1] <= 40
    osu.faults = {len(osu.seen) + 2: (429, {"Retry-After": "86400"}, b"")}
    with pytest.raises(DataError, match=r"24\.0 hours"):
        fetch_ranked(client(osu), tmp_path / "out")


def test_an_expired_token_is_renewed(osu, tmp_path):
    fill(osu)
    osu.token_lives_for = 2
    fetch_ranked(client(osu), tmp_path / "out")
    assert (tmp_path / "out").read_text() == EXPECTED
    assert osu.tokens == 2


def test_a_token_is_renewed_before_it_runs_out(osu):
    fill(osu)
    clock = Time()
    api = client(osu, clock)
    api.get("beatmapsets/search", {"m": 3, "s": "loved"})
    clock.at += 86400 - 30
    api.get("beatmapsets/search", {"m": 3, "s": "loved"})
    assert osu.tokens == 2
    assert len(osu.seen) == 4  # and none was refused


def test_a_server_that_is_down_ends_in_a_sentence(osu, tmp_path):
    osu.faults = {n: (502, {}, b"") for n in range(1, 99)}
    with pytest.raises(DataError, match=r"it says 502.*goes on from here"):
        fetch_ranked(client(osu, attempts=3), tmp_path / "out")
    assert len(osu.seen) == 3
    assert not (tmp_path / "out").exists()


def test_refusals_are_not_repeated(osu, tmp_path):
    fill(osu)
    osu.faults = {2: (403, {}, b"no entry")}
    with pytest.raises(DataError, match=r"403.*no entry"):
        fetch_ranked(client(osu), tmp_path / "out")
    assert len(osu.seen) == 2
    osu.token_lives_for = 0  # every token is refused at once: twice is enough
    with pytest.raises(DataError, match="401"):
        fetch_ranked(client(osu), tmp_path / "out")
    assert len(osu.seen) == 2 + 4


def test_redirects_would_carry_the_token_elsewhere(osu):
    osu.faults = {2: (302, {"Location": f"{osu.url}/elsewhere"}, b"")}
    with pytest.raises(DataError, match="302"):
        client(osu).get("beatmapsets/search")
    assert len(osu.seen) == 2


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"beatmapsets": 3}, {"beatmapsets": [{"id": "5"}]}, {"beatmapsets": [1]}],
)
def test_answers_of_another_kind_are_refused(osu, tmp_path, answer):
    osu.faults = {2: (200, {}, answer)}
    with pytest.raises(DataError, match="beatmapset"):
        fetch_ranked(client(osu), tmp_path / "out")


def test_a_cursor_that_stands_still_is_no_endless_loop(osu, tmp_path):
    same = (200, {}, {"beatmapsets": [beatmapset(1)], "cursor_string": "again"})
    osu.faults = dict.fromkeys(range(2, 99), same)
    with pytest.raises(DataError, match="same page"):
        fetch_ranked(client(osu), tmp_path / "out")
    assert len(osu.seen) == 3


@pytest.mark.parametrize("stop_at", range(1, 12))
def test_a_stopped_run_goes_on_where_it_was(osu, tmp_path, stop_at):
    fill(osu)
    out = tmp_path / "ids.txt"
    osu.faults = {stop_at: (403, {}, b"")}
    with pytest.raises(DataError):
        fetch_graveyard_of_ranked_mappers(client(osu), out)
    assert not out.exists()
    journal = tmp_path / "ids.txt.journal"
    with journal.open("a") as handle:
        handle.write('{"stream": "search ran')  # and it was killed while writing
    found = fetch_graveyard_of_ranked_mappers(client(osu), out)
    assert out.read_text() == "801\n900\n901\n902\n903\n904\n"
    assert found.gone == 1
    assert not journal.exists()
    pages = [target for target in osu.seen if "/api/" in target]
    assert len(pages) == 3 + 4 + 3 + 1 + (stop_at > 1)  # only the one that failed came twice


def test_a_journal_of_another_question_is_refused(osu, tmp_path):
    fill(osu)
    osu.faults = {3: (403, {}, b"")}
    with pytest.raises(DataError):
        fetch_ranked(client(osu), tmp_path / "out")
    with pytest.raises(DataError, match=r"another command.*delete the file"):
        fetch_ranked(client(osu), tmp_path / "out", statuses=("loved",))
    for text in ("{}\n", "[1]\n", "nonsense\n", '{"query": {}}\n{"stream": "x"}\n'):
        (tmp_path / "out.journal").write_text(text)
        with pytest.raises(DataError, match="journal"):
            Journal(tmp_path / "out.journal", {})


def test_wrong_credentials_are_said_without_the_secret(osu, tmp_path):
    api = client(osu, credentials=Credentials(42, "wrong-secret"))
    with pytest.raises(DataError, match=r"refuses these credentials.*OSU_CLIENT_SECRET") as caught:
        fetch_ranked(api, tmp_path / "out")
    assert "wrong-secret" not in str(caught.value)
    assert "wrong-secret" not in repr(Credentials(42, "wrong-secret"))


def test_missing_credentials_say_how_to_get_them():
    with pytest.raises(DataError, match=r"OSU_CLIENT_ID and OSU_CLIENT_SECRET are.*oauth"):
        Credentials.from_environment({})
    with pytest.raises(DataError, match="SECRET is not set"):
        Credentials.from_environment({"OSU_CLIENT_ID": "5"})
    with pytest.raises(DataError, match="not a number"):
        Credentials.from_environment({"OSU_CLIENT_ID": "x", "OSU_CLIENT_SECRET": "y"})
    found = Credentials.from_environment({"OSU_CLIENT_ID": " 5 ", "OSU_CLIENT_SECRET": "y"})
    assert found == Credentials(5, "y")


@pytest.mark.parametrize(
    "address", ["http://osu.ppy.sh", "ftp://127.0.0.1", "osu.ppy.sh", "http://127.0.0.1.evil.net"]
)
def test_credentials_are_not_sent_in_the_clear(address):
    with pytest.raises(DataError, match="https only"):
        OsuApi(CREDENTIALS, base_url=address)


def test_unknown_states_and_modes_are_refused(osu, tmp_path):
    with pytest.raises(DataError, match="Did you mean 'ranked'"):
        fetch_ranked(client(osu), tmp_path / "out", statuses=("rankd",))
    with pytest.raises(DataError, match="mode"):
        fetch_ranked(client(osu), tmp_path / "out", mode=4)
    for pace in ({"per_minute": 0}, {"per_minute": 5000}, {"attempts": 0}):
        with pytest.raises(DataError):
            Pace(**pace)


def test_closed_accounts_have_an_error_of_their_own(osu):
    fill(osu)
    with pytest.raises(NotFoundError):
        client(osu).get("users/3/beatmapsets/graveyard", {"offset": 0, "limit": 1})
