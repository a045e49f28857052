"""From the deployed plan to this one: what cannot be changed, and what would be lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.roles import primary
from undercloud.topology.names import Naming
from undercloud.validation.checks import check
from undercloud.validation.checks.networks import cidrs, enabled
from undercloud.validation.checks.neutron import entries, physical_networks
from undercloud.validation.composition import SERVICE, Composition
from undercloud.validation.previous import BACKEND_NAMES, BACKEND_SWITCHES, KEYS, comparable, compared, digest
from undercloud.validation.subject import Previous, Subject

# Parameters whose value names what data are kept in or by: another value leaves the data behind.
_KEPT: Mapping[str, str] = {
    "CephClusterFSID": "it is the id of the cluster that holds the data",
    "GlanceBackend": "the images that are there stay in the store of before, which is no longer configured",
    "GlanceBackendID": "the images that are there name the store of before",
    "GlanceRbdPoolName": "the images that are there stay in the pool of before",
    "CinderRbdPoolName": "the volumes that are there stay in the pool of before",
    "NovaRbdPoolName": "the disks of instances stay in the pool of before",
    "GnocchiBackend": "the measures that are there stay in the store of before",
    "CinderBackupBackend": "the backups that are there stay in the store of before",
    "NovaEnableRbdBackend": "the disks of instances that are there stay where they are",
    "NovaNfsEnabled": "the disks of instances that are there stay where they are",
    "CloudDomain": "the nodes that are there have names in the domain of before",
    "KeystoneRegion": "endpoints and everything that names them are of the region of before",
    "SwiftPartPower": "objects that are there would no longer be found",
    "CephClusterName": "it is the name of the cluster that holds the data",
    "CinderBackupRbdPoolName": "the backups that are there stay in the pool of before",
    "CinderBackupNfsShare": "the backups that are there stay on the share of before",
    "CinderBackupS3Bucket": "the backups that are there stay in the bucket of before",
    "CinderVolumeCluster": "the volumes that are there belong to the service of before",
    "GlanceNfsShare": "the images that are there stay on the share of before",
    "GnocchiRbdPoolName": "the measures that are there stay in the pool of before",
    "InstanceNameTemplate": "the instances that are there are known to libvirt by the name of before",
    "ManilaCephFSBackendName": "the shares that are there belong to the back end of before",
    "ManilaCephFSDataPoolName": "the shares that are there stay in the pool of before",
    "ManilaCephFSMetadataPoolName": "the shares that are there stay in the pool of before",
    "NovaNfsShare": "the disks of instances stay on the share of before",
}
_STAYS_ON = "EnableInternalTLS"
_KEY_TEXTS = {"MysqlRootPassword": "the database that is there keeps the one of before"}
_EMPTY: tuple[object, ...] = (None, "", [], {})
_HOLDERS = re.compile(
    r"MySQL|CephOSD|CephMon|SwiftStorage|Keystone|GlanceApi|CinderVolume|BarbicanApi|(Cinder|Manila)Backend\w+"
)
"""Services that something is kept by, on their nodes or elsewhere."""
_OFTEN_UNUSED = ("SwiftStorage",)
"""Those that run in every plan, used or not."""
_DATA = ("MySQL", "CephMon", "CephOSD", "SwiftStorage", "Etcd")
"""Services that keep data on the nodes they run on."""
_MEMBERS = ("MySQL", "OsloMessagingRpc", "Pacemaker", "CephMon", "Etcd")
"""Services whose nodes form a cluster that needs a majority."""


def _finding(code: str, text: str, fix: str, places: tuple[Location, ...], *names: str) -> Finding:
    return Finding(code, text, fix, Severity.ERROR, places, names)


@check(
    {
        "CHG-001": "What data are kept by does not change",
        "CHG-012": "Keys that data were encrypted with do not change",
        "CHG-013": "Stores of images do not go",
        "CHG-016": "What others rely on stays on",
    },
    reads=(*_KEPT, _STAYS_ON, "Cinder*BackendName", "CinderEnable*Backend", "GlanceMultistoreConfig", *KEYS),
    source="TripleO's client: check_ceph_fsid_matches_env_files; documentation of the services",
)
def kept(subject: Subject) -> Iterator[Finding]:
    """Parameters that hold for the life of a cloud."""
    before = subject.previous
    if before is None:
        return
    composition = subject.composition
    backends = dict.fromkeys(
        compared(composition), "the volumes that are there belong to the back end of before"
    )
    backends = {name: why for name, why in backends.items() if BACKEND_NAMES.fullmatch(name)}
    for name, why in {**_KEPT, **backends}.items():
        old, new = before.values.get(name), comparable(composition, name)
        if old in _EMPTY or new is None or old == new or _is_grown(old, new):
            continue
        if name == "GlanceBackend" and _still_there(
            old, composition.value("GlanceMultistoreConfig"), "GlanceBackend"
        ):
            continue
        text = f"{name} changes from {old} to {new}"
        fix = (
            f"Keep {name}; move the data first, if that is meant."
            if name != "CephClusterFSID"
            else f"Keep {name}."
        )
        yield _finding("CHG-001", f"{text}: {why}", fix, composition.locate(name), name)
    yield from _switched_off(composition, before)
    for name, old in before.keys.items():
        if (new := digest(composition, name)) and new != old:
            why = _KEY_TEXTS.get(name, "what was encrypted or placed with it can no longer be read")
            yield _finding(
                "CHG-012", f"{name} changes: {why}", f"Keep {name}.", composition.locate(name), name
            )
    stores, now = before.values.get("GlanceMultistoreConfig"), composition.value("GlanceMultistoreConfig")
    for store in stores if isinstance(stores, Mapping) else ():
        if store not in (now if isinstance(now, Mapping) else {}) and store != composition.value(
            "GlanceBackendID"
        ):
            text = f"GlanceMultistoreConfig no longer has the store {store}: the images that are in it would be out of reach"
            places = composition.locate("GlanceMultistoreConfig")
            yield _finding(
                "CHG-013", text, "Keep it until it is empty.", places, "GlanceMultistoreConfig", str(store)
            )


def _switched_off(composition: Composition, before: Previous) -> Iterator[Finding]:
    for name, old in before.values.items():
        if old is not True or composition.value(name) is not False:
            continue
        if BACKEND_SWITCHES.fullmatch(name):
            text = f"{name} is switched off: the volumes of this back end would be out of reach"
        elif name == _STAYS_ON:
            text = f"{name} is switched off: what runs knows the others by https and their certificates"
        else:
            continue
        fix = f"Keep {name}: true, or move what relies on it first."
        yield _finding("CHG-016", text, fix, composition.locate(name), name)


def _is_grown(old: Any, new: Any) -> bool:
    """Whether a list has everything that it had, and more."""
    return isinstance(old, list) and isinstance(new, list) and set(map(str, old)) <= set(map(str, new))


def _still_there(store: Any, stores: Any, key: str) -> bool:
    """Whether the store of before is among the further stores of now."""
    listed = stores.values() if isinstance(stores, Mapping) else ()
    return any(isinstance(entry, Mapping) and entry.get(key) == store for entry in listed)


@check(
    {
        "CHG-002": "Nodes of a cluster are not taken away below a majority",
        "CHG-003": "Nodes that go are named",
        "CHG-004": "Names of nodes that are there do not change",
        "CHG-005": "Roles with nodes do not go",
    },
    reads=("ROLECount", "ROLERemovalPolicies", "ROLEHostnameFormat", "roles"),
    source="Galera documentation: quorum; TripleO documentation: scaling",
)
def nodes(subject: Subject) -> Iterator[Finding]:
    """Counts and names of roles, before and now."""
    before = subject.previous
    if before is None:
        return
    composition = subject.composition
    leader = primary(subject.plan.roles)
    for role, data in before.roles.items():
        old = int(data.get("count") or 0)
        name = f"{role}Count"
        described = composition.role(role)
        places = composition.locate(name)
        if described is None:
            if old:
                text = f"the role {role} is gone, and had {old} nodes"
                yield _finding(
                    "CHG-005", text, f"Keep the role with {name}: 0 until they are gone.", places, role, name
                )
            continue
        new = composition.counts[role]
        form = str(composition.given.get(f"{role}HostnameFormat") or described.hostname_format)
        was = str(data.get("hostname_format") or "")
        if (
            old
            and new
            and was
            and Naming(subject.plan.name, form).name(0) != Naming(subject.plan.name, was).name(0)
        ):
            parameter = f"{role}HostnameFormat"
            text = f"{parameter} changes from {was} to {form}: the {old} nodes that are there would get other names"
            fix = f"Keep {was}, or name the nodes in HostnameMap."
            yield _finding("CHG-004", text, fix, composition.locate(parameter), parameter, role)
        if new < old:
            yield from _fewer(subject, role, old, new, is_leader=bool(leader and leader.name == role))
    yield from _renamed(subject, before)


def _renamed(subject: Subject, before: Previous) -> Iterator[Finding]:
    """Nodes that HostnameMap named, and now names otherwise; a deployment file names them itself."""
    name, old = "HostnameMap", before.values.get("HostnameMap")
    if subject.plan.baremetal is not None or not isinstance(old, Mapping):
        return
    given = subject.composition.value(name)
    now = given if isinstance(given, Mapping) else {}
    for made, called in old.items():
        if now.get(made, made) != called:
            text = f"{name} called {made} {called}, and now it would be {now.get(made, made)}"
            fix = f"Keep {made}: {called} in {name}."
            yield _finding(
                "CHG-004", text, fix, subject.composition.locate(name), name, str(made), str(called)
            )


def _fewer(subject: Subject, role: str, old: int, new: int, *, is_leader: bool) -> Iterator[Finding]:
    composition = subject.composition
    name, policies = f"{role}Count", f"{role}RemovalPolicies"
    members = [each for each in _MEMBERS if role in composition.running.get(each, ())]
    if (members or is_leader) and old > 1 and new < old:
        text = f"{name} goes from {old} to {new}: the cluster of {', '.join(members) or role} loses members"
        fix = f"Replace a node and keep {name} at {old}; do not take it away."
        yield _finding("CHG-002", text, fix, composition.locate(name), name, role)
    elif (held := [each for each in _DATA if role in composition.running.get(each, ())]) and not (
        composition.given.get(policies)
    ):
        text = f"{name} goes from {old} to {new}: the data of {', '.join(held)} on the nodes that go would be lost"
        fix = f"Empty the nodes first, and name them in {policies}."
        yield _finding("CHG-002", text, fix, composition.locate(name), name, role, policies)
    elif subject.plan.baremetal is None and not composition.given.get(policies):
        text = f"{name} goes from {old} to {new}, and nothing says which nodes go: it would be the last ones"
        fix = f"Name them in {policies}."
        finding = _finding("CHG-003", text, fix, composition.locate(name), name, policies)
        yield Finding(finding.code, text, fix, Severity.WARNING, finding.locations, finding.parameters)


@check(
    {
        "CHG-006": "Networks that are there do not go or change their name",
        "CHG-007": "Virtual addresses that are there do not go",
        "CHG-008": "Subnets that are there keep their range",
        "CHG-009": "Fixed virtual addresses do not change",
    },
    reads=("networks", "vips"),
    source="TripleO deployment guide: custom networks; Neutron API reference: subnets",
)
def networks(subject: Subject) -> Iterator[Finding]:
    """Networks, subnets and virtual addresses, before and now."""
    before = subject.previous
    if before is None:
        return
    now = {net.name_lower: net for net in enabled(subject)}
    for name, data in before.networks.items():
        net = now.get(name)
        title = str(data.get("name") or name)
        if net is None:
            text = f"the network {title} ({name}) is gone: its ports and addresses would be dropped"
            fix = "Keep its name and name_lower; a renamed network is a new one."
            places = tuple(each.location for each in now.values() if each.name_lower not in before.networks)
            added = [each for each in now.values() if each.name_lower not in before.networks]
            names = (title, name, "name_lower", *(each.name for each in added))
            yield _finding("CHG-006", text, fix, places[:3], *names)
            continue
        for subnet, ranges in (data.get("subnets") or {}).items():
            there = net.subnets.get(subnet)
            new = [str(each) for each in cidrs(there)] if there else []
            if ranges and ranges != new:
                what = f"changes its range from {', '.join(ranges)} to {', '.join(new)}" if new else "is gone"
                text = f"the subnet {subnet} of {net.name} {what}: nodes have addresses of it"
                place = there.location if there else net.location
                yield _finding(
                    "CHG-008",
                    text,
                    "Keep it; a pool may grow, another subnet may be added.",
                    (place,),
                    net.name,
                    subnet,
                )
    yield from _vips(subject, before, set(now))


def _vips(subject: Subject, before: Previous, now: set[str]) -> Iterator[Finding]:
    current = {vip.network: vip for vip in subject.plan.vips}
    file = subject.plan.bundle.named.get("vips", "")
    place = (Location(subject.plan.tree.shown(file)),) if file else ()
    for name, fixed in before.vips.items():
        vip = current.get(name)
        if vip is None and (name in now or name == "ctlplane"):
            text = f"the virtual address on {name} is gone, and endpoints that are registered use it (vip)"
            yield _finding("CHG-007", text, "Keep the entry.", place, name, "vip", "network")
        elif vip is not None and fixed and vip.ip_address and vip.ip_address != fixed:
            text = f"the virtual address on {name} changes from {fixed} to {vip.ip_address}"
            yield _finding("CHG-009", text, "Keep it.", (vip.location,), name, "ip_address")


@check(
    {
        "CHG-010": "The network back end stays",
        "CHG-011": "Services with data do not go",
        "CHG-014": "Services with data stay on their nodes",
    },
    reads=("NeutronMechanismDrivers", "resource_registry"),
    source="TripleO's client: check_network_plugin; Neutron documentation: OVN migration",
)
def services(subject: Subject) -> Iterator[Finding]:
    """Services, before and now."""
    before = subject.previous
    if before is None:
        return
    composition = subject.composition
    old, now = before.services, set(composition.running)
    drivers = "NeutronMechanismDrivers"
    for had, has, what in (
        ("OVNController", "NeutronOvsAgent", "from OVN to Open vSwitch"),
        ("NeutronOvsAgent", "OVNController", "from Open vSwitch to OVN"),
        ("NeutronLinuxbridgeAgent", "OVNController", "from Linux bridge to OVN"),
    ):
        if had in old and had not in now and has in now:
            text = f"the network back end changes {what} by exchanging services ({drivers}); instances would lose their network"
            fix = "Keep it; from Open vSwitch to OVN there is a migration of its own."
            places = composition.locate(drivers)
            yield _finding("CHG-010", text, fix, places, drivers, SERVICE + had, SERVICE + has)
    for name in _DATA:
        was, there = set(before.placement.get(name, ())), set(composition.running.get(name, ()))
        if was and there and not was & there:
            text = f"{SERVICE}{name} moves from {', '.join(sorted(was))} to {', '.join(sorted(there))}: its data do not move with it"
            fix = "Keep it on a role that has its data, or move the data first."
            places = tuple(each.location for role in sorted(there) if (each := composition.role(role)))
            yield _finding("CHG-014", text, fix, places, SERVICE + name, *sorted(was), *sorted(there))
    for name in sorted(filter(_HOLDERS.fullmatch, old - now)) if now else ():
        text = f"{SERVICE}{name} no longer runs on any node; what it holds would be out of reach"
        history = composition.environment.registry_history(SERVICE + name)
        places = tuple(one.location for one in history[-1:])
        fix = "Keep the service, or move its data first."
        severity = Severity.WARNING if name in _OFTEN_UNUSED else Severity.ERROR
        yield Finding("CHG-011", text, fix, severity, places, (SERVICE + name,))


@check(
    {"CHG-015": "Networks that are there keep their type and their physical network"},
    reads=("NeutronNetworkType", "NeutronTypeDrivers", "NeutronBridgeMappings", "NeutronPhysicalDevMappings"),
    source="Neutron documentation: ML2, type drivers; provider networks",
)
def tenants(subject: Subject) -> Iterator[Finding]:
    """What the networks of tenants and providers are made of, before and now."""
    before, composition = subject.previous, subject.composition
    if before is None or not composition.has("NeutronApi"):
        return
    drivers = entries(composition.value("NeutronTypeDrivers"))
    for kind in entries(before.values.get("NeutronNetworkType")):
        if drivers and kind not in drivers:
            text = f"NeutronTypeDrivers no longer has {kind}, which tenants have networks of"
            names = ("NeutronTypeDrivers", "NeutronNetworkType")
            yield _finding("CHG-015", text, f"Keep {kind}.", composition.locate(names[0]), *names)
    mappings = ("NeutronBridgeMappings", "NeutronPhysicalDevMappings")
    mapped = {each for name in mappings for each in physical_networks(composition, name)}
    for name in mappings:
        for entry in entries(before.values.get(name)):
            network = entry.partition(":")[0]
            if mapped and network not in mapped:
                text = f"{name} no longer maps the physical network {network}: its networks would be cut off"
                fix = f"Keep {entry}, or remove the networks first."
                yield _finding("CHG-015", text, fix, composition.locate(name), name, network)
