"""The undercloud's own registry with what makes it safe: certificates and a password, made once and kept."""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from undercloud import durable
from undercloud.diagnostics import Location, UndercloudError
from undercloud.images import tls
from undercloud.images.registry import PORT, RegistrySettings, htpasswd_line
from undercloud.images.remote import Registry

USERNAME = "undercloud"


@dataclass(frozen=True, slots=True)
class Served:
    """The registry from both sides: how it is served, and how clients (push, nodes) reach it."""

    settings: RegistrySettings
    client: Registry


def ensure(
    directory: Path,
    address: str = "127.0.0.1",
    port: int = PORT,
    names: Sequence[str] = (),
    authority: Path | None = None,
) -> Served:
    """Settings for a registry on ``address``; certificates and password are made if ``directory`` has none.

    ``names`` are more names that the certificate is for, ``authority`` is the directory of the certificate
    authority where it is not one of its own. Another address is the same registry moved: password
    and authority stay. Raises UndercloudError: IMG-025 an address that cannot be served, IMG-034 a kept file
    that cannot be used, and what :func:`tls.ensure` raises.
    """
    _check_address(address)
    _make(directory)
    certificates = tls.ensure(directory / "tls", [address, *names], authority=authority)
    known = load(directory)
    password = known.password if known else secrets.token_urlsafe(32)
    settings = RegistrySettings(
        directory, address, port, certificates.certificate, certificates.key, directory / "htpasswd"
    )
    client = Registry(settings.endpoint, certificates.authority, username=USERNAME, password=password)
    if known != client or not settings.htpasswd or not settings.htpasswd.is_file():
        durable.write(directory / "htpasswd", htpasswd_line(USERNAME, password))
        durable.write(directory / "client.json", _to_json(client))
    return Served(settings, client)


def load(directory: Path) -> Registry | None:
    """How clients reach the registry of this directory, None if none was ever set up there.

    Raises UndercloudError IMG-034 if the file that says so cannot be used.
    """
    path = directory / "client.json"
    try:
        if not path.exists():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Registry(
            str(kept["endpoint"]),
            Path(kept["authority"]),
            username=str(kept["username"]),
            password=str(kept["password"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UndercloudError.of(
            "IMG-034",
            f"the file that says how the registry is reached cannot be used: {error}",
            fix="Put it back from a backup, or move it away for a new password (nodes must get it too).",
            location=Location(str(path)),
        ) from None


def settings_of(directory: Path) -> RegistrySettings | None:
    """How the registry of this directory is served, None if none was ever set up there.

    Raises UndercloudError IMG-034, as :func:`load`.
    """
    client = load(directory)
    if client is None:
        return None
    address, _, port = client.endpoint.rpartition(":")
    return RegistrySettings(
        directory,
        address.strip("[]"),
        int(port),
        certificate=directory / "tls/registry.crt",
        key=directory / "tls/registry.key",
        htpasswd=directory / "htpasswd",
    )


def _check_address(address: str) -> None:
    try:
        unspecified = ipaddress.ip_address(address).is_unspecified
    except ValueError:
        unspecified = True
    if unspecified:
        raise UndercloudError.of(
            "IMG-025",
            f"{address!r} is no address that a registry can be reached under",
            fix="Give one IPv4 or IPv6 address of this machine, as the control plane's.",
        )


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UndercloudError.of(
            "IMG-025",
            f"the registry's directory {directory} cannot be made: {error.strerror}",
            fix="Run the command with sudo, or choose another --undercloud-state-dir.",
        ) from None


def _to_json(client: Registry) -> str:
    kept = {"endpoint": client.endpoint, "authority": str(client.authority)}
    return json.dumps({**kept, "username": client.username, "password": client.password}, indent=2) + "\n"
