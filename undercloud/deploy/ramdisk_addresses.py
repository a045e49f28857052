"""The address of each machine's ramdisk: one of its own, which it keeps; on its boot medium, or by DHCP."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from sqlalchemy.orm import Session

from undercloud.baremetal import network_data
from undercloud.baremetal.ironic import Ironic, Machine, provisioning_port
from undercloud.baremetal.network_data import Attachment
from undercloud.baremetal.service import dhcp
from undercloud.conf import Settings
from undercloud.conf.baremetal import Baremetal
from undercloud.db import machines as records
from undercloud.db.database import Database
from undercloud.deploy import machine_records
from undercloud.deploy.provisioning_plane import ramdisk_range
from undercloud.diagnostics import Finding, Severity, UndercloudError
from undercloud.topology.model import CTLPLANE

_ANSWERED = "ipxe"
_OVER_NETWORK = (_ANSWERED, "pxe", "http-ipxe", "http")
"""Ironic's boot interfaces that need DHCP, and the one that ours is for."""


def on_media(database: Database, settings: Settings, ironic: Ironic, machines: Iterable[Machine]) -> None:
    """Have the boot media of machines bring an address; a machine without a port has to wait for its.

    Nothing where no range is configured. Raises BM-122 where the range is wrong or used up.
    """
    area = settings.baremetal
    ports = ironic.ports()
    chosen = [one for one in machines if ports.get(one.uuid) and one.boot_interface not in _OVER_NETWORK]
    with database.write() as session:
        addresses = _allocated(session, area, [one.uuid for one in chosen])
        made_of = machine_records.facts(session)
    for uuid, address in addresses.items():
        plane = Attachment(CTLPLANE, address, area.cidr, area.gateway)
        value = network_data.static(provisioning_port(ports[uuid], made_of.get(uuid)), [plane])
        ironic.update(uuid, [{"op": "add", "path": "/network_data", "value": value}])


def by_dhcp(database: Database, settings: Settings, ironic: Ironic) -> None:
    """Have the undercloud's DHCP answer the machines that boot over the network, and nobody else.

    Nothing where it answers nobody at all. Raises BM-122 where the range is wrong or used up.
    """
    if not settings.baremetal.network_boot:
        return
    known, ports = ironic.machines(), ironic.macs()
    chosen = [one.uuid for one in known if one.boot_interface == _ANSWERED and ports.get(one.uuid)]
    with database.write() as session:  # in which nobody else writes the file
        addresses = _allocated(session, settings.baremetal, chosen)
        answered = {address: ports[uuid] for uuid, address in addresses.items()}
        dhcp.answer(dhcp.dhcp_directory(settings.paths.state_dir), answered)


def unanswered(settings: Settings, machines: Iterable[Machine]) -> Iterator[tuple[str, Finding]]:
    """Machine → BM-128, for those that boot over the network without a DHCP of ours to answer them."""
    if settings.baremetal.endpoint:
        return  # an Ironic elsewhere has its own
    for one in machines:
        if one.boot_interface not in _OVER_NETWORK or (
            one.boot_interface == _ANSWERED and settings.baremetal.network_boot
        ):
            continue
        text = f"{one.title} boots by {one.boot_interface}, and the undercloud does not answer its DHCP"
        fix = "Set ipxe_enabled = true in undercloud.conf, install again, and let it boot by ipxe."
        yield one.title, Finding("BM-128", text, fix, Severity.WARNING)


def _allocated(session: Session, area: Baremetal, uuids: Collection[str]) -> Mapping[str, str]:
    """Machine's UUID → its address; those that we do not know (yet) are left out."""
    free = dict.fromkeys(ramdisk_range(area))
    if not free:
        return {}
    rows = {row.uuid: row for row in records.all_machines(session)}
    taken = {row.address for row in rows.values()}
    fresh = (address for address in free if address not in taken)
    given = {}
    for uuid in uuids:
        row = rows.get(uuid)
        if row is None:
            continue
        if row.address not in free:
            row.address = next(fresh, "")
        if not row.address:
            raise _exhausted(area, len(free))
        given[uuid] = row.address
    return given


def _exhausted(area: Baremetal, size: int) -> UndercloudError:
    span = ",".join(area.inspection_iprange)
    text = f"[baremetal] inspection_iprange {span} has {size} addresses, and there are more machines"
    return UndercloudError.of("BM-122", text, fix="Make it larger; every machine keeps its address.")
