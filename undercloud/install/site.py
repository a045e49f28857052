"""What all parts of an undercloud are told: undercloud.conf, the service's settings, names, certificates."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from undercloud import durable
from undercloud.conf import Settings
from undercloud.images import tls
from undercloud.validation.undercloud_conf import UndercloudConf

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Site:
    """One undercloud on this machine.

    ``conf`` is the operator's file in TripleO's format, already validated; ``settings`` those of our own
    service; ``config_dir`` is where they are written (/etc/undercloud). ``running`` names the processes that
    are kept running already.
    """

    conf: UndercloudConf
    settings: Settings
    config_dir: Path
    running: frozenset[str] = frozenset()

    @property
    def state_dir(self) -> Path:
        """Where everything lies that lasts."""
        return self.settings.paths.state_dir

    @property
    def address(self) -> str:
        """See :func:`address_of`."""
        return address_of(self.conf)

    @property
    def names(self) -> tuple[str, ...]:
        """See :func:`names_of`."""
        return names_of(self.conf)

    @property
    def authority(self) -> Path:
        """The directory of the one certificate authority of this undercloud: ca.crt and ca.key."""
        return self.state_dir / "tls"

    @property
    def url(self) -> str:
        """Where the API is reached."""
        host, port = self.settings.api.host, self.settings.api.port
        host = self.address if host in _EVERYWHERE else host
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

    @property
    def cacert(self) -> str:
        """What clients check the API's certificate by: our authority; empty for one of the operator's own."""
        own = str(certificate_file(self.state_dir, "api"))
        return str(self.authority / "ca.crt") if self.settings.api.certificate == own else ""

    def directory(self, part: str) -> Path:
        """The directory of a part, made with mode 0700 where it is not there."""
        path = self.state_dir / part
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def certificate(self, part: str, names: Sequence[str] = ()) -> tls.Certificates:
        """A server certificate of our authority for a part, kept in its ``tls`` and renewed when it must be.

        It is for ``names`` and for all names of the site. Raises UndercloudError as :func:`tls.ensure`.
        """
        wanted = tuple(dict.fromkeys((*self.names, *names)))
        self.directory(part)
        file = certificate_file(self.state_dir, part)
        return tls.ensure(file.parent, wanted, server=file.stem, authority=self.authority)

    def secret(self, name: str) -> str:
        """A random password, made when it is first asked for; kept in ``secrets/NAME``, mode 0600."""
        path = self.directory("secrets") / name
        if not path.exists():
            durable.write(path, secrets.token_urlsafe(32))
        return path.read_text(encoding="utf-8").strip()


def address_of(conf: UndercloudConf) -> str:
    """The address on the provisioning network that everything listens on: ``local_ip`` without its prefix."""
    return str(ipaddress.ip_interface(conf.get("local_ip")).ip)


def names_of(conf: UndercloudConf) -> tuple[str, ...]:
    """Every name and address that clients may know the undercloud by, each once."""
    given = [conf.get(name) for name in ("undercloud_hostname", *_HOSTS)]
    known = (address_of(conf), *(str(name) for name in given if name), socket.gethostname(), *LOOPBACK)
    return tuple(dict.fromkeys(known))


def certificate_file(state_dir: Path, part: str) -> Path:
    """Where the certificate of a part lies; its key is beside it, with the suffix ``.key``."""
    return state_dir / part / "tls" / f"{part}.crt"


_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound to
_HOSTS = ("undercloud_public_host", "undercloud_admin_host")
