"""A registry seen from outside: its HTTP API, and the files that container tools want for it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from undercloud.diagnostics import UndercloudError

_TIMEOUT = 10.0
_PAGE = 1000  # the most that docker-registry gives
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
)


@dataclass(frozen=True, slots=True)
class Described:
    """An image in a registry: ``digest`` is that of its manifest, ``size`` the bytes of its packed layers."""

    repository: str
    tag: str
    digest: str
    created: str
    size: int
    layers: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry at ``HOST:PORT``; ``authority`` is the file of the CA it is checked by (None: the system's).

    ``plain`` is http without TLS. The API: https://distribution.github.io/distribution/spec/api/. Its methods
    raise UndercloudError: IMG-020 out of reach or not to be trusted, IMG-021 name and password refused,
    IMG-022 an answer that no registry gives.
    """

    endpoint: str
    authority: Path | None = None
    plain: bool = False
    username: str = ""
    password: str = field(default="", repr=False)

    def check(self) -> None:
        """Ask for nothing but that the registry answers and takes our name and password."""
        if self._get("/v2/") is None:
            raise self._odd("it knows no /v2/")

    def repositories(self) -> tuple[str, ...]:
        """The names of all repositories."""
        found: list[str] = []
        while True:
            after = f"&last={urllib.parse.quote(found[-1], safe='')}" if found else ""
            page = self._member(self._get(f"/v2/_catalog?n={_PAGE}{after}"), "repositories")
            found += map(str, page)
            if len(page) < _PAGE:
                return tuple(found)

    def tags(self, repository: str) -> tuple[str, ...]:
        """The tags of a repository, sorted; none if there is no such repository."""
        answer = self._get(f"/v2/{repository}/tags/list")
        return tuple(sorted(map(str, self._member(answer, "tags") or ()))) if answer is not None else ()

    def has(self, repository: str, tag: str) -> bool:
        """Whether the image ``REPOSITORY:TAG`` is there."""
        return self._request("HEAD", f"/v2/{repository}/manifests/{tag}", _MANIFESTS)[0] == http.client.OK

    def describe(self, repository: str, tag: str) -> Described | None:
        """What the image ``REPOSITORY:TAG`` is; None if there is none.

        The formats: https://github.com/opencontainers/image-spec (manifest.md, config.md); Docker's has the
        same fields.
        """
        status, body = self._request("GET", f"/v2/{repository}/manifests/{tag}", _MANIFESTS)
        if status == http.client.NOT_FOUND:
            return None
        manifest = self._read(body)
        layers = self._member(manifest, "layers")
        config = self._member(manifest, "config")["digest"]
        image = self._get(f"/v2/{repository}/blobs/{config}") or {}
        return Described(
            repository,
            tag,
            f"sha256:{hashlib.sha256(body).hexdigest()}",
            str(image.get("created", "")),
            sum(int(layer["size"]) for layer in layers),
            len(layers),
            {str(name): str(value) for name, value in (image.get("config", {}).get("Labels") or {}).items()},
        )

    def delete(self, image: Described) -> None:
        """Take an image out, with all tags that it has; what it is made of goes with a later clean-up."""
        self._request("DELETE", f"/v2/{image.repository}/manifests/{image.digest}", "application/json")

    def auth_file(self) -> str:
        """What podman and buildah read as ``auth.json``; see containers-auth.json(5)."""
        return json.dumps(
            {"auths": {self.endpoint: {"auth": self._credentials()}}} if self.username else {"auths": {}}
        )

    def _get(self, path: str) -> Any:
        status, body = self._request("GET", path, "application/json")
        if status == http.client.NOT_FOUND:
            return None
        return self._read(body)

    def _read(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise self._odd("what it says is not JSON") from None

    def _request(self, method: str, path: str, accept: str) -> tuple[int, bytes]:
        headers = {"Accept": accept}
        if self.username:
            headers["Authorization"] = f"Basic {self._credentials()}"
        connection = self._connection()
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()
        if answer.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            what = (
                f"refused the user {self.username!r}"
                if self.username
                else "asks for a user name and password"
            )
            raise UndercloudError.of(
                "IMG-021",
                f"the registry {self.endpoint} {what}",
                fix="Give --username and --password-file as its htpasswd file has them.",
            )
        if answer.status not in (http.client.OK, http.client.ACCEPTED, http.client.NOT_FOUND):
            said = body.decode("utf-8", "replace").partition("\n")[0][:200]
            raise self._odd(f"HTTP status {answer.status} {said}".rstrip())
        return answer.status, body

    def _connection(self) -> http.client.HTTPConnection:
        if self.plain:
            return http.client.HTTPConnection(self.endpoint, timeout=_TIMEOUT)
        try:
            context = ssl.create_default_context(cafile=str(self.authority) if self.authority else None)
        except (OSError, ssl.SSLError) as error:
            raise UndercloudError.of(
                "IMG-020",
                f"the certificate authority {self.authority} cannot be used: {error}",
                fix="Name the PEM file of the authority that signed the registry's certificate.",
            ) from None
        return http.client.HTTPSConnection(self.endpoint, timeout=_TIMEOUT, context=context)

    def _credentials(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def _member(self, answer: Any, name: str) -> Any:
        if not isinstance(answer, dict) or name not in answer:
            raise self._odd(f"no {name!r} in its answer")
        return answer[name]

    def _odd(self, what: str) -> UndercloudError:
        return UndercloudError.of(
            "IMG-022",
            f"{self.endpoint} does not answer as a registry: {what}",
            fix="See whether address and port are a registry's, and whether it speaks TLS.",
        )

    def _unreachable(self, error: Exception) -> UndercloudError:
        fix = "See whether the registry runs and the address is right."
        if isinstance(error, ssl.SSLCertVerificationError):
            fix = "Name the authority that signed its certificate (--ca); it must be made for this address."
        elif isinstance(error, (ssl.SSLError, http.client.BadStatusLine)):
            fix = "See whether it speaks TLS; --plain-http is for one that does not."
        return UndercloudError.of(
            "IMG-020", f"the registry {self.endpoint} cannot be reached: {error}", fix=fix
        )
