"""Asking registries for images, as the node that will pull them (OCI distribution specification 1.1)."""

from __future__ import annotations

import base64
import glob
import http.client
import json
import re
import ssl
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

TIMEOUT = 5.0
CERTIFICATES = "/etc/containers/certs.d"
_KINDS = ("oci.image.index.v1", "oci.image.manifest.v1")
_OLDER_KINDS = ("docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2")
_ACCEPTED = ", ".join(f"application/vnd.{kind}+json" for kind in (*_KINDS, *_OLDER_KINDS))
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def by_registry(images: Iterable[str]) -> dict[str, list[str]]:
    """Images by the registry that their names begin with; names without one are left out."""
    found: dict[str, list[str]] = {}
    for image in images:
        host, slash, _ = image.partition("/")
        if slash and ("." in host or ":" in host or host == "localhost"):
            found.setdefault(host, []).append(image)
    return found


def ask(registry: str, images: Iterable[str], access: Mapping[str, Any]) -> dict[str, Any]:
    """``error`` (empty where the registry can be used) and ``images``: name → what is wrong with it, or ''.

    ``access``: ``auth`` (text of a registries' auth.json), ``certificates`` (registry → PEM), ``insecure``.
    """
    try:
        speaker = _Speaker(registry, access)
        problem = speaker.hello()
        if problem:
            return {"error": problem, "images": {}}
        return {"error": "", "images": {image: speaker.problem(image) for image in images}}
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"error": _reason(error), "images": {}}


class _Speaker:
    """One connection to a registry, kept over all questions."""

    def __init__(self, registry: str, access: Mapping[str, Any]) -> None:
        self._registry = registry
        self._basic = _credentials(registry, str(access.get("auth") or ""))
        self._authorization = f"Basic {self._basic}" if self._basic else ""
        insecure = registry in (access.get("insecure") or ())
        self._connection = self._connect(
            str((access.get("certificates") or {}).get(registry) or ""), insecure
        )

    def _connect(self, authority: str, insecure: bool) -> http.client.HTTPConnection:
        if insecure:
            return http.client.HTTPConnection(self._registry, timeout=TIMEOUT)
        context = ssl.create_default_context(cadata=authority or None)
        for file in glob.glob(f"{CERTIFICATES}/{self._registry}/*.crt"):
            context.load_verify_locations(cafile=file)
        return http.client.HTTPSConnection(self._registry, timeout=TIMEOUT, context=context)

    def hello(self) -> str:
        """What keeps the registry from being used; empty for nothing."""
        status, _ = self._get("GET", "/v2/")
        if status in (401, 403) and not self._basic:
            return ""  # a public registry: each image is asked for with a token of its own
        return "" if status == 200 else _of_status(status)

    def problem(self, image: str) -> str:
        """What is wrong with an image; empty for nothing."""
        name, reference = _split(image)
        path = f"/v2/{name}/manifests/{reference}"
        status, headers = self._get("HEAD", path)
        challenge = headers.get("www-authenticate") or ""
        if status == 401 and challenge.lower().startswith("bearer "):
            self._authorization = f"Bearer {self._token(dict(_PARAMETER.findall(challenge)))}"
            status, headers = self._get("HEAD", path)
        digest = headers.get("docker-content-digest") or reference
        if status == 200 and reference.startswith("sha256:") and digest != reference:
            return f"it has the digest {digest}"
        return "" if status == 200 else _of_status(status)

    def _get(self, method: str, path: str) -> tuple[int, Mapping[str, str]]:
        headers = {"Accept": _ACCEPTED}
        if self._authorization:
            headers["Authorization"] = self._authorization
        self._connection.request(method, path, headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}

    def _token(self, challenge: Mapping[str, str]) -> str:
        wanted = {key: challenge[key] for key in ("service", "scope") if key in challenge}
        realm = challenge.get("realm", "")
        if not realm.startswith("https://"):
            raise ValueError(f"it sends us for a token to {realm or 'nowhere'}")
        address = f"{realm}?{urllib.parse.urlencode(wanted)}"
        request = urllib.request.Request(address)  # noqa: S310 - https alone, see above
        if self._basic:
            request.add_header("Authorization", f"Basic {self._basic}")
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            told = json.loads(answer.read(65536))
        return str(told.get("token") or told.get("access_token") or "")


def _split(image: str) -> tuple[str, str]:
    """``reg:5000/a/b:tag`` → ``a/b``, ``tag``; a digest wins over a tag."""
    rest = image.partition("/")[2]
    name, _, digest = rest.partition("@")
    plain, colon, tag = name.rpartition(":")
    if not colon:
        plain, tag = name, "latest"
    return plain, digest or tag


def _credentials(registry: str, auth: str) -> str:
    try:
        known = json.loads(auth).get("auths") or {} if auth else {}
        basic = str((known.get(registry) or {}).get("auth") or "")
        base64.b64decode(basic, validate=True)
    except (ValueError, AttributeError):
        return ""
    return basic


def _of_status(status: int) -> str:
    words = {401: "it refuses our password", 403: "it refuses us", 404: "it is not there"}
    return words.get(status, f"it answers with status {status}")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return str(getattr(error, "strerror", "") or error) or type(error).__name__
