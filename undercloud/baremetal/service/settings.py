"""What is decided about Ironic before it runs, and where its things lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

API_PORT = 6385
FILES_PORT = 8088
"""TripleO's ports of Ironic and of the HTTP server that machines boot from."""

AGENT = "ironic-python-agent"
"""The name of the ramdisk's image."""

USER = "undercloud"
"""Ironic's one user: whoever has the password may do everything."""

HARDWARE_TYPES = ("ipmi", "redfish", "idrac", "intel-ipmi", "manual-management", "fake-hardware")
"""The hardware types that this Ironic has; TripleO's undercloud.conf may name others."""


@dataclass(frozen=True)
class IronicSettings:
    """One Ironic: API and conductor in one process.

    ``directory`` holds all it keeps, ``files`` what it serves; ``address`` is this machine's on the
    provisioning network. ``certificate``, ``key`` and ``authority`` (PEM) are those of the API. ``database``
    is an SQLAlchemy URL, empty for SQLite in ``directory``; ``transport_url`` is oslo.messaging's, empty for
    no message bus. ``clean`` says whether a machine's partition tables are wiped before it is given out.
    ``lldp_seconds`` is how long inspection listens for switches, 0 not at all; ``ramdisk_timeout`` is how
    many seconds a ramdisk may be silent. ``network_boot`` says whether machines may boot over the network:
    somebody answers their DHCP.
    """

    directory: Path
    files: Path
    address: str
    certificate: Path
    key: Path
    authority: Path
    port: int = API_PORT
    files_port: int = FILES_PORT
    database: str = ""
    transport_url: str = ""
    hardware_types: tuple[str, ...] = ("redfish",)
    clean: bool = True
    fast_track: bool = True
    lldp_seconds: int = 0
    ramdisk_timeout: int = 1800
    kernel_arguments: str = "console=tty0 console=ttyS0,115200"
    debug: bool = False
    network_boot: bool = False

    @property
    def endpoint(self) -> str:
        """Where the API answers."""
        return f"https://{_host(self.address)}:{self.port}"

    @property
    def files_url(self) -> str:
        """Where ramdisk and images are fetched."""
        return files_url(self.address, self.files_port)

    @property
    def venv(self) -> Path:
        """Ironic's own virtual environment."""
        return self.directory / "venv"

    @property
    def configuration(self) -> Path:
        """ironic.conf."""
        return self.directory / "ironic.conf"

    @property
    def passwords(self) -> Path:
        """The file with the hash of the password."""
        return self.directory / "htpasswd"

    @property
    def client(self) -> Path:
        """The file that says how clients reach it: endpoint, username, password, ca_file (JSON)."""
        return self.directory / "client.json"

    @property
    def sqlite(self) -> Path:
        """The embedded database."""
        return self.directory / "ironic.sqlite"

    @property
    def connection(self) -> str:
        """The database's URL."""
        return self.database or f"sqlite:///{self.sqlite}"


def files_url(address: str, port: int = FILES_PORT) -> str:
    """Where the file server on that address answers; without TLS, as few BMCs can be told whom to trust."""
    return f"http://{_host(address)}:{port}"


def _host(address: str) -> str:
    """An address as URLs have it."""
    return f"[{address}]" if ":" in address else address


def files_directory(state_directory: Path) -> Path:
    """What the undercloud's file server serves: images, and the boot media that Ironic makes."""
    return state_directory / "files"


def ironic_directory(state_directory: Path) -> Path:
    """Where the undercloud's Ironic keeps its things, ``client.json`` among them."""
    return state_directory / "ironic"
