"""Booting over the network: dnsmasq, which answers the machines of one file and nobody else.

Every machine there has an address of its own, which the undercloud gave it. (Ironic could write dnsmasq's
files, but leaves the choice of addresses to dnsmasq, which knows nothing of those that boot media bring.)
Options: dnsmasq(8). Codes of processors that ask (RFC 4578 and IANA's list): 0 BIOS, 7 and 9 UEFI on x86-64.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from undercloud import durable

PORT = 67
TFTP_PORT = 69
PROGRAM = "dnsmasq"
UEFI_LOADER, BIOS_LOADER = "snponly.efi", "undionly.kpxe"
"""iPXE as Debian's package ipxe brings it: it uses the network card by its firmware's own driver."""
_UEFI = (7, 9)
_BIOS = 0
_LEASE = "1h"
"""What is known is always answered, so a lease is only as long as a change may take to be noticed."""


@dataclass(frozen=True)
class DhcpSettings:
    """One dnsmasq: it keeps all in ``directory`` and is there on ``interface`` with ``address`` only.

    ``cidr`` is the range of the network, ``gateway`` its router (empty: none), ``script`` the URL of what
    iPXE does first.
    """

    directory: Path
    interface: str
    address: str
    cidr: str
    gateway: str
    script: str

    @property
    def configuration(self) -> Path:
        """dnsmasq.conf."""
        return self.directory / "dnsmasq.conf"

    @property
    def loaders(self) -> Path:
        """What TFTP serves."""
        return self.directory / "tftp"


def dhcp_directory(state_directory: Path) -> Path:
    """Where the undercloud's dnsmasq keeps its things."""
    return state_directory / "dhcp"


def hosts_file(directory: Path) -> Path:
    """Which machines are answered: a line for each, with its ports and its address."""
    return directory / "hosts"


def configuration(settings: DhcpSettings) -> str:
    """The text of dnsmasq.conf."""
    network = ipaddress.IPv4Network(settings.cidr, strict=False)
    matches = [f"dhcp-match=set:uefi,option:client-arch,{code}" for code in _UEFI]
    router = f",{settings.gateway}" if settings.gateway else ""  # without a value dnsmasq names no router
    lines = [
        "port=0",  # no name server
        f"interface={settings.interface}",
        "except-interface=lo",
        "bind-interfaces",
        "user=root",  # its files are readable for nobody else
        "group=root",
        "log-facility=-",
        f"pid-file={_pid_file(settings.directory)}",
        f"dhcp-leasefile={settings.directory / 'leases'}",
        f"dhcp-hostsfile={hosts_file(settings.directory)}",
        f"dhcp-range={network.network_address},static,{network.netmask},{_LEASE}",
        f"dhcp-lease-max={network.num_addresses}",
        "dhcp-ignore=tag:!known",
        # Firmware, iPXE and the ramdisk call one port by three names: what counts is its MAC address.
        "dhcp-ignore-clid",
        "dhcp-authoritative",
        f"dhcp-option=option:router{router}",
        *matches,
        f"dhcp-match=set:bios,option:client-arch,{_BIOS}",
        "dhcp-match=set:ipxe,175",  # iPXE's own option
        f"dhcp-boot=tag:!ipxe,tag:uefi,{UEFI_LOADER}",
        f"dhcp-boot=tag:!ipxe,tag:bios,{BIOS_LOADER}",
        f"dhcp-boot=tag:ipxe,{settings.script}",
        "enable-tftp",
        f"tftp-root={settings.loaders}",
    ]
    return "\n".join(lines) + "\n"


def answer(directory: Path, machines: Mapping[str, Sequence[str]]) -> None:
    """Have dnsmasq answer these machines and no others: address → the MAC addresses of a machine's ports.

    Only one port of a machine asks at a time: firmware tries them one by one, and the ramdisk asks on the one
    that it was booted by. A dnsmasq that does not run reads the file when it starts.
    """
    lines = (f"{','.join((*macs, address))}\n" for address, macs in sorted(machines.items()))
    text = "".join(lines)
    if read_answered(directory) != text:
        durable.write(hosts_file(directory), text)
    _reload(directory)


def read_answered(directory: Path) -> str | None:
    """The text that says who is answered; None before it was ever said."""
    try:
        return hosts_file(directory).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def serves(address: str, name: str, seconds: float = 3.0) -> bool:
    """Whether TFTP gives the first block of a file there (RFC 1350)."""
    ask, data = 1, 3
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        try:
            asking.sendto(struct.pack("!H", ask) + name.encode() + b"\0octet\0", (address, TFTP_PORT))
            answered, server = asking.recvfrom(1024)
            enough = struct.pack("!HH", 5, 0) + b"enough\0"
            asking.sendto(enough, server)
        except OSError:
            return False
    return answered[:2] == struct.pack("!H", data)


def _pid_file(directory: Path) -> Path:
    return directory / "dnsmasq.pid"


def _reload(directory: Path) -> None:
    """SIGHUP: dnsmasq forgets who was in the file and reads it again."""
    with suppress(OSError, ValueError):  # it does not run
        pid = int(_pid_file(directory).read_text(encoding="ascii"))
        # A number is given again: only a dnsmasq with our configuration is meant.
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if os.fsencode(directory) in words:
            os.kill(pid, signal.SIGHUP)
