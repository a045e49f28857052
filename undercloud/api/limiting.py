"""How much one client may ask, and how many streams of events there may be at once."""

from __future__ import annotations

import threading

import limits
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from undercloud.diagnostics import UndercloudError


class Limits:
    """Counts in this process; every API process has its own share."""

    def __init__(self, requests: str, logins: str, streams: int) -> None:
        storage = MemoryStorage()
        self._requests = _parsed("rate_limit", requests)
        self._logins = _parsed("login_limit", logins)
        self._request_counter = SlidingWindowCounterRateLimiter(storage)
        self._login_counter = MovingWindowRateLimiter(storage)
        self._streams = threading.BoundedSemaphore(streams)

    def request(self, client: str) -> None:
        """Count a request; API-007 when it is one too many."""
        if not self._request_counter.hit(self._requests, "request", client):
            raise _too_many("requests")

    def may_login(self, address: str) -> None:
        """API-007 when too many logins from there were wrong."""
        if not self._login_counter.test(self._logins, "login", address):
            raise _too_many("wrong passwords or tokens")

    def failed_login(self, address: str) -> None:
        """Count a wrong one."""
        self._login_counter.hit(self._logins, "login", address)

    def stream(self) -> Stream:
        """A place for a stream of events; API-007 when all are taken. It is to be closed."""
        if not self._streams.acquire(blocking=False):
            raise _too_many("streams of events")
        return Stream(self._streams)


class Stream:
    """A taken place; giving it back twice does nothing."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places: threading.BoundedSemaphore | None = places

    def close(self) -> None:
        """Give the place back."""
        places, self._places = self._places, None
        if places is not None:
            places.release()


def _parsed(option: str, text: str) -> limits.RateLimitItem:
    try:
        return limits.parse(text)
    except ValueError as error:
        raise UndercloudError.of(
            "API-025",
            f"[api] {option} = {text} is no limit",
            fix="Write a number and a time, such as 600/minute.",
        ) from error


def _too_many(what: str) -> UndercloudError:
    return UndercloudError.of("API-007", f"too many {what}", fix="Wait a minute and try again.")
