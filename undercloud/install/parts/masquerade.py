"""Masquerading of the subnets whose section says ``masquerade = true``; there only where one does."""

from __future__ import annotations

import os
from collections.abc import Iterator

from undercloud.diagnostics import Finding, UndercloudError
from undercloud.install import masquerade
from undercloud.install.masquerade import Masquerade
from undercloud.install.part import Health, Kept, Package, Process, Say, own_environment, own_program
from undercloud.install.site import Site
from undercloud.validation.ranges import network
from undercloud.validation.undercloud_conf import UndercloudConf

_OPTION = "masquerade"


def masqueraded(conf: UndercloudConf) -> tuple[str, ...]:
    """The names of the subnets that ask for it."""
    return tuple(name for name in conf.subnets if conf.get(_OPTION, name))


class Masquerading:
    """Implements ``Part``. Between the subnets nothing is masqueraded, as TripleO has it."""

    name = "masquerade"
    title = "Masquerading of provisioning networks"
    needs = ("network",)
    packages = (Package("nftables"),)
    kept = Kept()

    def __init__(self, site: Site) -> None:
        self._conf = site.conf
        cidrs = {name: network(site.conf.get("cidr", name)) for name in site.conf.subnets}
        found = {name: cidr for name, cidr in cidrs.items() if cidr is not None and cidr.version == 4}
        self._wanted = Masquerade(
            tuple(str(found[name]) for name in masqueraded(site.conf) if name in found),
            tuple(map(str, found.values())),
            site.state_dir / self.name / "forwarding",
        )

    @property
    def began(self) -> bool:
        """Whether it was made here, and not taken back yet."""
        return self._wanted.record.exists()

    def problems(self) -> Iterator[Finding]:
        """Who is not root cannot; and IPv6 has routers for that."""
        conf = self._conf
        for name in masqueraded(conf):
            cidr = network(conf.get("cidr", name))
            if os.geteuid() != 0:
                text = f"the subnet {name}: only root can masquerade"
                fix = f"Run this as root, or set {_OPTION} = false."
                yield conf.finding("INST-008", text, fix, _OPTION, section=name)
            if cidr is not None and cidr.version != 4:
                text = f"the subnet {name} ({cidr}): only IPv4 is masqueraded"
                fix = f"Set {_OPTION} = false, and let a router route the network."
                yield conf.finding("INST-008", text, fix, _OPTION, section=name)

    def prepare(self, say: Say) -> None:
        """Its process makes it."""

    def processes(self) -> tuple[Process, ...]:
        """What keeps it."""
        program = own_program("undercloud.install.masquerade", *self._wanted.words)
        return (Process(self.name, self.title, program, environment=own_environment()),)

    def healthy(self) -> Health:
        """Whether the rules are there and the kernel forwards."""
        try:
            missing = masquerade.missing(self._wanted)
        except OSError as error:
            return Health(False, str(error))
        if missing:
            return Health(False, f"not as it shall be: {', '.join(missing)}")
        return Health(True, ", ".join(self._wanted.sources))

    def remove(self) -> None:
        """The rules; and the forwarding, if it was off before."""
        try:
            masquerade.remove(self._wanted.record)
        except OSError as error:
            raise UndercloudError.of(
                "INST-024",
                f"masquerading cannot be ended: {error}",
                fix=f"nft delete table ip {masquerade.TABLE}",
            ) from error
