"""The provisioning network's bridge with the undercloud's address, unless the address is here already."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Iterator

from undercloud.diagnostics import Finding, Severity, UndercloudError
from undercloud.install import bridge
from undercloud.install.bridge import Bridge
from undercloud.install.part import Health, Kept, Package, Process, Say, own_environment, own_program
from undercloud.install.site import Site

NAME = "br-ctlplane"
"""TripleO's name of the bridge."""


class Network:
    """Implements ``Part``. An address that somebody else gave to an interface is left to them."""

    name = "network"
    title = "Provisioning network"
    needs = ()
    packages = (Package("iproute2"),)
    kept = Kept()

    def __init__(self, site: Site) -> None:
        self._site = site
        get = site.conf.get
        self._bridge = Bridge(NAME, get("local_interface"), get("local_ip"), get("local_mtu"))

    @property
    def interface(self) -> str:
        """The interface that has the address, or will have it; empty where none lists it, as on loopback."""
        if self._is_ours_to_make():
            return NAME
        mine = ipaddress.ip_interface(self._bridge.address).ip
        listed = (
            link["ifname"]
            for link in self._links()
            if mine in {ipaddress.ip_interface(each).ip for each in bridge.addresses(link)}
        )
        return next(listed, "")

    def problems(self) -> Iterator[Finding]:
        """What keeps the address from being here."""
        why, fix = self._impossible() if self._is_ours_to_make() else ("", "")
        if why:
            conf = self._site.conf
            yield Finding(
                "INST-002",
                f"local_ip {self._site.address} is on no interface of this machine, and {why}",
                fix,
                locations=(conf.locate("local_ip"), conf.locate("local_interface")),
                parameters=("local_ip", "local_interface"),
            )
        yield from self._override()

    def prepare(self, say: Say) -> None:
        """The bridge."""
        if not self._is_ours_to_make():
            return
        wanted = self._bridge
        say(f"{wanted.name} with {wanted.address} on {wanted.interface}")
        try:
            bridge.ensure(wanted)
        except OSError as error:
            raise UndercloudError.of(
                "INST-024",
                f"the bridge {wanted.name} cannot be made: {error}",
                fix="Mend what it says, or give local_ip to an interface yourself, and run it again.",
            ) from error

    def processes(self) -> tuple[Process, ...]:
        """What keeps the bridge, if it is ours."""
        if not self._is_ours_to_make():
            return ()
        wanted = self._bridge
        words = (wanted.name, wanted.interface, wanted.address, str(wanted.mtu))
        program = own_program("undercloud.install.bridge", *words)
        title = "Bridge of the provisioning network"
        return (Process(self.name, title, program, environment=own_environment()),)

    def healthy(self) -> Health:
        """Whether the address is here."""
        address = self._site.address
        return Health(True, address) if _is_here(address) else Health(False, f"{address} is on no interface")

    def remove(self) -> None:
        """The bridge, if it is ours."""
        try:
            bridge.remove(NAME)
        except OSError as error:
            raise UndercloudError.of(
                "INST-024", f"the bridge {NAME} cannot be removed: {error}", fix=f"ip link delete {NAME}"
            ) from error

    def _override(self) -> Iterator[Finding]:
        """INST-009: nobody applies net_config_override; that matters where the address is not here yet."""
        conf = self._site.conf
        file = conf.get("net_config_override")
        if not file:
            return
        ours = self._is_ours_to_make()
        why = f"only {NAME} is made, of local_interface, local_ip and local_mtu"
        if not ours:
            why = f"local_ip {self._site.address} is here already, and its interface is left as it is"
        yield conf.finding(
            "INST-009",
            f"nothing of net_config_override = {file} is applied, no interface, bond, VLAN or route: {why}",
            "Configure the interfaces yourself, one of them with local_ip; then remove the option.",
            "net_config_override",
            severity=Severity.ERROR if ours else Severity.WARNING,
        )

    def _is_ours_to_make(self) -> bool:
        """Whether the address is on our bridge, or nowhere."""
        if not _is_here(self._site.address):
            return True
        found = bridge.named(self._links(), NAME)
        return found is not None and bridge.is_ours(found) and self._bridge.address in bridge.addresses(found)

    def _impossible(self) -> tuple[str, str]:
        """Why the bridge cannot be made, and what to do; empty where it can."""
        wanted, found = self._bridge, self._links()
        by_hand = f"ip address add {wanted.address} dev {wanted.interface}"
        fix = f"Give it to an interface, in /etc/network/interfaces, and now: {by_hand}"
        port, there = bridge.named(found, wanted.interface), bridge.named(found, wanted.name)
        if os.geteuid() != 0:
            return "only root can make it", f"Run this as root. Or: {fix}"
        if port is None:
            return (
                f"local_interface {wanted.interface} is not here either",
                "Name an interface of this machine.",
            )
        if there is not None and not bridge.is_ours(there):
            why = f"a bridge {wanted.name} is there that somebody else made"
            return why, f"ip address add {wanted.address} dev {wanted.name}"
        if taken := bridge.addresses(port):
            why = f"local_interface {wanted.interface} has {', '.join(taken)}, which a bridge would cut off"
            return why, fix
        return "", ""

    def _links(self) -> bridge.Links:
        try:
            return bridge.links()
        except OSError:
            return ()  # without the program ip there is nothing to be seen; the package is installed first


def _is_here(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True
