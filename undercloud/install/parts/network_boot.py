"""DHCP and TFTP for machines that boot over the network; there only where undercloud.conf asks for it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from undercloud import durable
from undercloud.baremetal.service import dhcp, ipxe
from undercloud.baremetal.service.settings import files_url
from undercloud.diagnostics import Finding
from undercloud.install.part import Health, Kept, Package, Process, Say
from undercloud.install.parts.network import Network
from undercloud.install.ports import unusable
from undercloud.install.site import Site

_OPTION = "inspection_interface"
LOADERS = Path("/usr/lib/ipxe")
"""Where Debian's package ipxe has them."""
POWERS = ("CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETGID")
"""Without the last dnsmasq does not start, though it stays in its group."""


class NetworkBoot:
    """Implements ``Part``. The engine says which machines are answered (``dhcp.answer``)."""

    name = "dhcp"
    title = "DHCP and TFTP of machines that boot over the network"
    needs = ("network", "files")
    packages = (Package("dnsmasq-base"), Package("ipxe"))

    def __init__(self, site: Site) -> None:
        self._site = site
        self._directory = dhcp.dhcp_directory(site.state_dir)
        area = site.settings.baremetal
        script = f"{files_url(site.address)}/{ipxe.BOOT_SCRIPT}"
        self._interface = Network(site).interface
        self.settings = dhcp.DhcpSettings(
            self._directory, self._interface, site.address, area.cidr, area.gateway, script
        )

    @property
    def kept(self) -> Kept:
        """Which machines are answered."""
        return Kept((dhcp.hosts_file(self._directory),))

    def problems(self) -> Iterator[Finding]:
        """Its ports; that there is an interface for it, and only that one."""
        site, interface, address = self._site, self._interface, self._site.address
        asked = site.conf.get(_OPTION) if site.conf.is_set(_OPTION) else interface
        if not interface:
            message = f"machines cannot boot over the network: no interface has local_ip {address}"
            fix = "Give local_ip to the interface that the machines are on, or set ipxe_enabled = false."
            yield site.conf.finding("INST-074", message, fix, "local_ip", "ipxe_enabled")
        elif asked != interface:
            message = f"{_OPTION} is {asked}; DHCP is answered on {interface}, which has local_ip {address}"
            fix = f"Write {_OPTION} = {interface}."
            yield site.conf.finding("INST-074", message, fix, _OPTION, "local_ip")
        if self.name not in site.running:
            for port in (dhcp.PORT, dhcp.TFTP_PORT):
                yield from unusable(site.address, port, self.title, socket.SOCK_DGRAM)

    def prepare(self, say: Say) -> None:
        """Boot loaders, configuration, and a file of machines that has none yet."""
        settings = self.settings
        self._site.directory(self.name)
        settings.loaders.mkdir(mode=0o755, exist_ok=True)
        for name in (dhcp.UEFI_LOADER, dhcp.BIOS_LOADER):
            content, target = (LOADERS / name).read_bytes(), settings.loaders / name
            if not target.exists() or target.read_bytes() != content:
                say(f"boot loader {name}")
                durable.write(target, content, 0o644)
        durable.write(settings.configuration, dhcp.configuration(settings))
        if dhcp.read_answered(self._directory) is None:
            dhcp.answer(self._directory, {})

    def processes(self) -> tuple[Process, ...]:
        """dnsmasq."""
        settings = self.settings
        program = shutil.which(dhcp.PROGRAM) or f"/usr/sbin/{dhcp.PROGRAM}"
        command = (program, "--keep-in-foreground", f"--conf-file={settings.configuration}")
        return (
            Process(
                self.name,
                f"{self.title} of the undercloud",
                command,
                reads=(settings.configuration,),
                after=("network",),
                writes=(self._directory,),
                capabilities=POWERS,
            ),
        )

    def healthy(self) -> Health:
        """Whether it gives the boot loader away, and whom it answers."""
        address = self._site.address
        if not dhcp.serves(address, dhcp.UEFI_LOADER):
            return Health(False, f"TFTP on {address} does not serve {dhcp.UEFI_LOADER}")
        count = (dhcp.read_answered(self._directory) or "").count("\n")
        return Health(True, f"{self._interface}; {count} machine{'s' if count != 1 else ''} known")

    def remove(self) -> None:
        """Everything lies in the state directory."""
