"""A patient client of the osu! API v2: tokens, a rate limit, and retries, on the standard library.

The user's own credentials come from the environment. They are sent to the token address alone,
over an encrypted connection, and appear in no message.
Source: the public documentation of the osu! web API, version 2.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import logging
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mug.errors import DataError
from mug.messages.message import Message

log = logging.getLogger(__name__)

BASE_URL = "https://osu.ppy.sh"
ID_VARIABLE, SECRET_VARIABLE = "OSU_CLIENT_ID", "OSU_CLIENT_SECRET"
HOW_TO_GET_ONE = Message(
    "remedy.make_an_oauth_application", address=BASE_URL, id=ID_VARIABLE, secret=SECRET_VARIABLE
)
_MOST_BYTES = 64 << 20  # of an answer; a page of a search has about 0.3 MB
_LONGEST_WAIT_S = 3600.0  # a server that asks for more is not waited for
_LONGEST_BACKOFF_S = 60.0
_EARLY_S = 60.0  # a token is renewed so long before it runs out
_LOCAL = ("127.0.0.1", "localhost", "::1")


class NotFoundError(DataError):
    """The server knows no such user or beatmapset (any more)."""


@dataclass(frozen=True)
class Credentials:
    """Of a user's OAuth application; the secret stays out of messages and logs."""

    client_id: int
    client_secret: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Credentials:
        """Read `OSU_CLIENT_ID` and `OSU_CLIENT_SECRET`.

        Raises:
            DataError: says which is missing or malformed, and how to get one.
        """
        number = environment.get(ID_VARIABLE, "").strip()
        secret = environment.get(SECRET_VARIABLE, "").strip()
        missing = [n for n, v in ((ID_VARIABLE, number), (SECRET_VARIABLE, secret)) if not v]
        if missing:
            raise DataError(
                "prepare.no_credentials"
                if len(missing) == 2
                else "prepare.half_of_the_credentials",
                missing=" and ".join(missing),
                remedy=HOW_TO_GET_ONE,
            )
        if not number.isascii() or not number.isdigit():
            raise DataError(
                "prepare.variable_is_not_number", name=ID_VARIABLE, remedy=HOW_TO_GET_ONE
            )
        return cls(int(number), secret)


@dataclass(frozen=True)
class Pace:
    """Rate limit of requests to a server, and the clock.

    Args:
        per_minute: requests at most.
        attempts: for one request, before it counts as failed.
        timeout_s: for one answer.
        backoff_s: wait before the second attempt; it doubles with each further one.
        now: a clock in seconds.
        sleep: waits so many seconds.
    """

    per_minute: float = 60.0
    attempts: int = 7
    timeout_s: float = 60.0
    backoff_s: float = 1.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not 0 < self.per_minute <= 1200:
            raise DataError(
                "prepare.requests_minute_must_be_above_0",
                value=self.per_minute,
                remedy="remedy.osu_asks_for_60_at_most",
            )
        if self.attempts < 1 or self.timeout_s <= 0:
            raise DataError("prepare.attempts_or_timeout_out_of_range")


class _RetryError(Exception):
    """The request may work later; the argument says why, `wait_s` what the server asks for."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another host."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


class OsuApi:
    """Reads from the API, one request after the other.

    Args:
        credentials: of the user.
        base_url: of the server; `http` only for this machine.
        pace: rate limit, retries and clock.

    Raises:
        DataError: for an address that would send credentials in the clear.
    """

    def __init__(
        self, credentials: Credentials, *, base_url: str = BASE_URL, pace: Pace | None = None
    ) -> None:
        parts = urllib.parse.urlsplit(base_url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        if not safe or not parts.hostname:
            raise DataError(
                "prepare.credentials_are_sent_by_https_only",
                value=base_url,
                remedy=Message("remedy.use_address", address=BASE_URL),
            )
        self._credentials, self._base = credentials, base_url.rstrip("/")
        self._pace = pace or Pace()
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._token, self._token_ends = "", 0.0
        self._next_at = float("-inf")
        self.requests = 0

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """The JSON value at `/api/v2/PATH`.

        Raises:
            NotFoundError: where there is none.
            DataError: when the server refuses, or has failed at every attempt.
        """
        query = f"?{urllib.parse.urlencode(params)}" if params else ""
        address = f"{self._base}/api/v2/{path}{query}"
        refused = False
        while True:
            token = self._fresh_token()
            headers = {"Authorization": f"Bearer {token}"}
            try:
                return self._patiently(urllib.request.Request(address, headers=headers))
            except urllib.error.HTTPError as error:
                if error.code == 401 and not refused:
                    error.close()
                    refused, self._token = True, ""  # it ran out, or was revoked: once again
                    continue
                raise self._refusal(error, address) from error

    def _fresh_token(self) -> str:
        if self._token and self._pace.now() < self._token_ends:
            return self._token
        wanted = {
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
            "grant_type": "client_credentials",
            "scope": "public",
        }
        request = urllib.request.Request(
            f"{self._base}/oauth/token",
            data=json.dumps(wanted).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            answer = self._patiently(request)
        except urllib.error.HTTPError as error:
            if error.code in (400, 401, 403):
                error.close()
                raise DataError(
                    "prepare.osu_refuses_these_credentials",
                    code=error.code,
                    remedy=Message(
                        "remedy.check_credentials",
                        id=ID_VARIABLE,
                        secret=SECRET_VARIABLE,
                        how=HOW_TO_GET_ONE,
                    ),
                ) from None
            raise self._refusal(error, request.full_url) from error
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise DataError("prepare.server_answer_holds_no_token", value=request.full_url)
        lifetime = answer.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 3600.0
        self._token = answer["access_token"]
        self._token_ends = self._pace.now() + max(seconds - _EARLY_S, seconds / 2)
        return self._token

    def _patiently(self, request: urllib.request.Request) -> Any:
        """The answer of the first attempt that works; HTTPError where another cannot help."""
        why = ""
        for attempt in range(self._pace.attempts):
            if attempt:
                log.info("%s; trying again", why)
            self._wait_for_turn()
            try:
                return self._once(request)
            except _RetryError as error:
                why = str(error)
                backoff = min(self._pace.backoff_s * 2.0**attempt, _LONGEST_BACKOFF_S)
                wait = backoff if error.wait_s is None else error.wait_s
                if wait > _LONGEST_WAIT_S:
                    why += f", and asks to wait for {wait / 3600:.1f} hours"
                    break
                self._next_at = max(self._next_at, self._pace.now() + wait)
        raise DataError(
            "prepare.server_did_not_answer",
            reason=why,
            value=request.full_url,
            remedy="remedy.try_again_later_same_command_goes",
        )

    def _wait_for_turn(self) -> None:
        wait = self._next_at - self._pace.now()
        if wait > 0:
            self._pace.sleep(wait)
        self._next_at = self._pace.now() + 60.0 / self._pace.per_minute

    def _once(self, request: urllib.request.Request) -> Any:
        self.requests += 1
        request.add_header("Accept", "application/json")
        request.add_header("User-Agent", "mug-diffusion data preparation")
        try:
            with self._opener.open(request, timeout=self._pace.timeout_s) as answer:
                body = answer.read(_MOST_BYTES + 1)
                missing = answer.length or 0  # a read of so many bytes does not complain itself
        except urllib.error.HTTPError as error:
            if error.code == 429 or error.code >= 500:
                error.close()
                raise _RetryError(f"it says {error.code}", _retry_after(error)) from error
            raise
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
            raise _RetryError(str(error) or type(error).__name__) from error
        if len(body) > _MOST_BYTES:
            raise DataError("prepare.answer_is_too_large", value=request.full_url)
        if missing:
            raise _RetryError("its answer is cut off")
        try:
            return json.loads(body)
        except ValueError as error:
            raise _RetryError("its answer is no JSON") from error

    def _refusal(self, error: urllib.error.HTTPError, address: str) -> DataError:
        kind = NotFoundError if error.code == 404 else DataError
        with error:
            body = error.read(200).decode("utf-8", errors="replace").strip()
        return kind(f"the server refuses with {error.code} {error.reason} {body}", value=address)


def _retry_after(error: urllib.error.HTTPError) -> float | None:
    """Seconds to wait for, from a number or a date; None where the server does not say."""
    text = (error.headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    if not text:
        return None
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
