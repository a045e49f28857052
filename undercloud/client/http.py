"""Requests to an undercloud's API: its problems become our errors, and so does a connection that fails."""

from __future__ import annotations

from typing import IO, Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.util import Retry

from undercloud.client.settings import Remote
from undercloud.deploy import wire
from undercloud.diagnostics import Finding, UndercloudError

_TIMEOUT = (10, 120)  # seconds to connect, and between two bytes
_PAGE = 1000
T = TypeVar("T")


class Http:
    """A session with one undercloud. What only reads is tried ``retries`` times again: it may be starting."""

    def __init__(self, remote: Remote, retries: int = 4) -> None:
        self._remote = remote
        self._session = requests.Session()
        # Nothing of the operator's environment may send a password elsewhere: no proxy, no .netrc.
        self._session.trust_env = False
        self._session.verify = remote.cacert or True
        if remote.token:
            self._session.headers["X-Auth-Token"] = remote.token
        elif remote.cloud:
            from undercloud.client.tokens import Token  # noqa: PLC0415  (heavy; most underclouds need none)

            self._session.auth = Token(remote.cloud)
        elif remote.username:
            self._session.auth = HTTPBasicAuth(remote.username.encode(), remote.password.encode())
        retry = Retry(
            retries,
            backoff_factor=0.2,
            status_forcelist=(503,),
            allowed_methods={"GET"},
            raise_on_status=False,
            respect_retry_after_header=False,  # who asked too much is told so, instead of a minute's silence
        )
        self._session.mount("https://", HTTPAdapter(max_retries=retry))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, kind: type[T], path: str, key: str = "", **query: Any) -> T:
        """What is at a path, as a value of the Engine's; ``key`` names it in the answer."""
        told = self.ask("GET", path, params=query).json()
        return wire.from_plain(kind, told[key] if key else told)

    def named(self, kind: type[T], path: str, key: str, name: str) -> tuple[T, ...]:
        """All pages of a list whose pages go on after a name."""
        return tuple(self._pages(kind, path, key, lambda found, _count: {"marker": getattr(found, name)}))

    def numbered(self, kind: type[T], path: str, key: str) -> tuple[T, ...]:
        """All pages of a list whose pages go on at a number."""
        return tuple(self._pages(kind, path, key, lambda _found, count: {"offset": count}))

    def _pages(self, kind: type[T], path: str, key: str, onward: Any) -> list[T]:
        found: list[T] = []
        query: dict[str, Any] = {}
        while True:
            page = self.get(tuple[kind, ...], path, key, limit=_PAGE, **query)  # type: ignore[valid-type]
            found += page
            if len(page) < _PAGE:
                return found
            query = onward(found[-1], len(found))

    def post(self, kind: type[T], path: str, body: Any = None) -> T:
        """Send a JSON body; the answer as a value of the Engine's."""
        return wire.from_plain(kind, self.ask("POST", path, json={} if body is None else body).json())

    def send(self, path: str, stream: IO[bytes], content_type: str) -> dict[str, Any]:
        """Send a stream; the answer."""
        headers = {"Content-Type": content_type}
        told: dict[str, Any] = self.ask("POST", path, data=stream, headers=headers).json()
        return told

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request; UndercloudError with the findings of a problem, CLI-043 where nobody answers.

        CLI-044 is an answer that no undercloud gives.
        """
        try:
            answer = self._session.request(
                method, self._remote.url + path, timeout=_TIMEOUT, allow_redirects=False, **options
            )
        except requests.exceptions.SSLError as error:
            raise self._unreachable(
                f"its certificate is not trusted: {error}",
                "Name the authority's file with cacert; the undercloud keeps it as api/tls/ca.crt.",
            ) from error
        except (requests.exceptions.RequestException, OSError) as error:
            why = "Check the url, and that undercloud-api runs there."
            raise self._unreachable(str(error), why) from error
        if answer.ok and answer.status_code < 300:
            return answer
        raise UndercloudError(*self._findings(answer))

    def _findings(self, answer: requests.Response) -> tuple[Finding, ...]:
        try:
            found = wire.from_plain(tuple[Finding, ...], answer.json()["findings"])
        except (ValueError, KeyError, TypeError):
            found = ()
        return found or (
            Finding(
                "CLI-044",
                f"{self._remote.url} answered {answer.status_code}, and not as an undercloud does",
                "Check the url.",
            ),
        )

    def _unreachable(self, why: str, fix: str) -> UndercloudError:
        return UndercloudError.of(
            "CLI-043",
            f"the undercloud {self._remote.name} ({self._remote.url}) was not reached: {why}",
            fix=fix,
        )
