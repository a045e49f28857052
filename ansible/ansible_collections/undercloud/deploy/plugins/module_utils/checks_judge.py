"""From what a node showed, and what the plan asks of it, to findings: pure.

``facts`` is what checks_facts gathers (docs/preflight.md has both forms); a part that is missing was not
asked for, and nothing is said of it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils.checks_catalogue import CATALOGUE, ERROR

OLDEST_PYTHON = (3, 9)
OLDEST_PODMAN = (4, 3)
LARGEST_SKEW = 5.0  # seconds
FEWEST_INODES = 1000
Facts = Mapping[str, Any]
Demands = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Found:
    """One finding about a node."""

    code: str
    message: str
    fix: str
    severity: str = ""

    def as_dict(self) -> dict[str, str]:
        """The JSON form, with the severity that its code has unless it says another."""
        severity = self.severity or CATALOGUE[self.code][1]
        return {"code": self.code, "severity": severity, "message": self.message, "fix": self.fix}


def judge(facts: Facts, demands: Demands) -> list[Found]:
    """All that is to be said of a node."""
    return [found for look in _LOOKS for found in look(facts, demands)]


def stops(found: Sequence[Mapping[str, str]]) -> bool:
    """Whether any of the findings stops a deployment."""
    return any(one["severity"] == ERROR for one in found)


def _stack(facts: Facts, demands: Demands) -> Iterator[Found]:
    other = facts.get("stack")
    if other and other != demands["stack"]:
        yield Found(
            "NODE-003",
            f"the node belongs to the stack '{other}'",
            f"Delete that stack first, or leave the node out of {demands['stack']}.",
        )


def _software(facts: Facts, _demands: Demands) -> Iterator[Found]:
    python = tuple(facts.get("python") or OLDEST_PYTHON)
    if python < OLDEST_PYTHON:
        yield Found(
            "NODE-101",
            f"Python is {_dotted(python)}, at least {_dotted(OLDEST_PYTHON)} is needed",
            "Install a newer python3 there, and name it with the variable ansible_python_interpreter.",
        )
    if "podman" in facts:
        version = _version(facts["podman"])
        if version < OLDEST_PODMAN:
            has = f"podman is {facts['podman']}" if version else "podman is not installed"
            yield Found(
                "NODE-120",
                f"{has}, at least {_dotted(OLDEST_PODMAN)} is needed",
                "Install it there: apt-get install podman, or dnf install podman.",
            )


def _time(facts: Facts, _demands: Demands) -> Iterator[Found]:
    clock = facts.get("clock")
    if clock:
        before, node, after = clock["before"], clock["node"], clock["after"]
        skew = node - before if node < before else max(0.0, node - after)
        if abs(skew) > LARGEST_SKEW:
            way = "ahead of" if skew > 0 else "behind"
            yield Found(
                "NODE-102",
                f"the clock is {_duration(abs(skew))} {way} the undercloud's",
                "Set both by the same time servers, and this one at once: chronyc makestep, or date --set.",
            )
    servers = facts.get("time_servers") or {}
    if servers and not any(servers.values()):
        yield Found(
            "NODE-103",
            f"no time server answers: {', '.join(sorted(servers))}",
            "Let UDP port 123 through, or set NtpServer to servers that the node reaches.",
        )


def _names(facts: Facts, _demands: Demands) -> Iterator[Found]:
    missing = sorted(name for name, known in (facts.get("names") or {}).items() if not known)
    if missing:
        yield Found(
            "NODE-104",
            f"the node cannot resolve {', '.join(missing)}",
            "Look at its /etc/resolv.conf and whether its name servers answer.",
        )


def _disk(facts: Facts, demands: Demands) -> Iterator[Found]:
    """Demands on one file system add up."""
    mounts: dict[str, tuple[int, int, list[str]]] = {}
    for path, wanted in sorted((demands.get("disk") or {}).items()):
        known = (facts.get("disk") or {}).get(path)
        if known:
            _, sum_wanted, paths = mounts.get(known["mount"], (0, 0, []))
            mounts[known["mount"]] = (known["free"], sum_wanted + wanted, [*paths, path])
            if known["inodes"] is not None and known["inodes"] < FEWEST_INODES:
                fix = f"Find what made so many files: du --inodes -x -d2 {known['mount']}"
                yield Found("NODE-106", f"{known['mount']} has {known['inodes']} inodes left for {path}", fix)
    for mount, (free, wanted, paths) in mounts.items():
        if free < wanted:
            yield Found(
                "NODE-105",
                f"{mount} has {free} MiB free, {wanted} MiB are needed ({', '.join(paths)})",
                f"Make room: du -xh -d2 {mount}, podman image prune, journalctl --vacuum-size=100M.",
            )


def _machine(facts: Facts, demands: Demands) -> Iterator[Found]:
    has, wanted = facts.get("memory"), demands.get("memory") or 0
    if has is not None and has < wanted:
        yield Found(
            "NODE-107",
            f"the node has {has} MiB of memory, the services of {demands.get('role')} need {wanted} MiB",
            "Give it more memory, or move services to another role.",
        )
    if demands.get("virtualisation") and facts.get("virtualisation") is not None:
        flags = facts["virtualisation"]
        if not (flags["cpu"] and flags["kvm"]):
            what = "has no /dev/kvm" if flags["cpu"] else "has neither vmx nor svm among the CPU's flags"
            yield Found(
                "NODE-108",
                f"the node {what}",
                "Switch virtualisation on in its firmware (or nested virtualisation on its host), or set "
                "NovaComputeLibvirtType to qemu.",
            )


def _addresses(facts: Facts, demands: Demands) -> Iterator[Found]:
    if "addresses" not in facts:
        return
    for network, planned in (demands.get("networks") or {}).items():
        address = planned["address"]
        known = facts["addresses"].get(address)
        if known is None:
            yield Found(
                "NODE-109",
                f"the address {address}/{planned['prefix']} of the network {network} is on no interface",
                "Configure it there before: nodes that the undercloud installs get the control plane alone, "
                "the rest (a VLAN, a second card) by config_drive: cloud_config of the deployment file. "
                "Or correct its address, take the network off its role, or go on with --force NODE-109.",
            )
            continue
        name, link = known["link"], facts["links"].get(known["link"], {})
        if known["prefix"] != planned["prefix"]:
            yield Found(
                "NODE-110",
                f"{address} of the network {network} has the prefix length {known['prefix']} on {name}, "
                f"planned is {planned['prefix']}",
                f"Correct it: ip address replace {address}/{planned['prefix']} dev {name}",
            )
        if not link.get("up", True):
            yield Found(
                "NODE-111",
                f"{name}, which carries {address} of the network {network}, is down",
                f"See to its cable and its switch port, and set it up: ip link set {name} up",
            )
        vlan = planned.get("vlan")
        if vlan is not None and link.get("vlan") not in (None, vlan):
            yield Found(
                "NODE-121",
                f"{name} carries VLAN {link['vlan']}, the network {network} is VLAN {vlan}",
                "Correct the interface, or the network's vlan.",
            )
        if link.get("mtu", planned["mtu"]) < planned["mtu"]:
            yield Found(
                "NODE-112",
                f"{name} has the MTU {link['mtu']}, the network {network} has {planned['mtu']}",
                f"Raise it: ip link set {name} mtu {planned['mtu']}; or lower the network's mtu.",
            )


def _peers(facts: Facts, demands: Demands) -> Iterator[Found]:
    for network, answers in (facts.get("echoes") or {}).items():
        planned = demands["networks"][network]
        small = sorted(address for address, how in answers.items() if how == "small")
        silent = sorted(address for address, how in answers.items() if how == "silent")
        if small:
            yield Found(
                "NODE-113",
                f"packets of {planned['mtu']} bytes do not get to {', '.join(small)} on the network {network}"
                " and back, small ones do",
                "Set the MTU of the switches and bridges between, and of the other node's interface, to "
                f"{planned['mtu']} at least; or lower the network's mtu.",
            )
        if silent:
            yield Found(
                "NODE-114",
                f"{', '.join(silent)} does not answer on the network {network}",
                "Look at cables, VLANs and firewalls of that network; ICMP echo must be let through.",
            )


def _duplicates(facts: Facts, demands: Demands) -> Iterator[Found]:
    for address, macs in (facts.get("claims") or {}).items():
        yield Found(
            "NODE-115",
            f"another machine has the address {address} too: {', '.join(macs)}",
            "Find it by that MAC address in the switches' tables, and give one of them another address.",
        )
    for network, planned in (demands.get("vips") or {}).items():
        answered = (facts.get("vip_claims") or {}).get(planned["address"], [])
        neighbours = facts.get("neighbours") or {}
        ours = {neighbours[address] for address in planned["holders"] if address in neighbours}
        strangers = [mac for mac in answered if mac not in ours]
        if strangers:
            yield Found(
                "NODE-116",
                f"a machine that is no load balancer of this cloud has the virtual address "
                f"{planned['address']} of the network {network}: {', '.join(strangers)}",
                "Take it off that machine, or give the cloud another virtual address.",
            )


def _ports(facts: Facts, demands: Demands) -> Iterator[Found]:
    """A listener is in the way on the same address, or where one of the two means all addresses."""
    own = {planned["address"] for planned in (demands.get("networks") or {}).values()}
    own |= {planned["address"] for planned in (demands.get("vips") or {}).values()}
    told = set()
    for wanted in demands.get("ports") or ():
        for there in facts.get("listeners") or ():
            if (there["port"], there["protocol"]) != (wanted["port"], wanted["protocol"]) or there["ours"]:
                continue
            if there.get("unit") and there["unit"] in (demands.get("stopped_units") or ()):
                continue
            address = there["address"]
            if not _is_any(address) and address not in ({wanted["address"]} if wanted["address"] else own):
                continue
            key = (there["port"], there["protocol"], address)
            if key not in told:
                told.add(key)
                yield _taken(wanted, there)


def _taken(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> Found:
    who = there.get("program") or "an unknown program"
    if there.get("pid"):
        who += f" (pid {there['pid']})"
    if there.get("container"):
        who += f" in the container {there['container'][:12]}"
        fix = f"Stop it, or give it another port: podman rm --force {there['container'][:12]}"
    elif there.get("unit"):
        who += f" of {there['unit']}"
        fix = f"Stop it, or give it another port: systemctl disable --now {there['unit']}"
    else:
        fix = "Stop it, or give it another port."
    what = f"{wanted['protocol']} port {wanted['port']} for {wanted['service']}"
    return Found("NODE-117", f"{what} is taken by {who}, listening on {there['address']}", fix)


def _registry(facts: Facts, demands: Demands) -> Iterator[Found]:
    local = facts.get("local_images") or {}
    for registry, known in (facts.get("registries") or {}).items():
        images = [image for image in demands.get("images") or () if image.startswith(f"{registry}/")]
        if known["error"]:
            needed = [image for image in images if not local.get(image)]
            yield Found(
                "NODE-118",
                f"the registry {registry} cannot be used: {known['error']}"
                + ("" if needed else "; all images are on the node already"),
                "See that it runs (openstack undercloud registry show), that the node reaches it, and its "
                "certificate and password.",
                "" if needed else "warning",
            )
            continue
        for image in images:
            problem = known["images"].get(image, "")
            if problem and not local.get(image):
                yield Found(
                    "NODE-119",
                    f"the registry {registry} does not give the image {image}: {problem}",
                    "Build and push it (openstack overcloud container image push), or correct its name in "
                    "the environment files.",
                )


def _system(facts: Facts, demands: Demands) -> Iterator[Found]:
    for name in facts.get("unfinished") or ():
        fix = "Run again; if it stays, look on the node why it hangs, or let it pass with --force NODE-132."
        yield Found(
            "NODE-132", f"the check '{name}' did not come to its end: {facts['unfinished'][name]}", fix
        )
    if "kernel" in facts:
        parts = [f"Linux {facts['kernel']}", f"cgroup {facts['cgroup']}", f"SELinux {facts['selinux']}"]
        parts += [f"AppArmor {facts['apparmor']}", f"Python {_dotted(facts['python'])}"]
        parts += [f"podman {facts['podman'] or 'missing'}"] if "podman" in facts else []
        parts += [f"{facts['cpus']} CPUs", f"{facts['memory']} MiB"] if "memory" in facts else []
        yield Found("NODE-130", ", ".join(parts), "")
    name = facts.get("hostname")
    if name and name.partition(".")[0] != demands["name"]:
        yield Found(
            "NODE-131",
            f"the node calls itself {name}",
            f"Nothing needs it; to change it: hostnamectl set-hostname {demands['name']}",
        )


_LOOKS = (
    _stack,
    _software,
    _time,
    _names,
    _disk,
    _machine,
    _addresses,
    _peers,
    _duplicates,
    _ports,
    _registry,
    _system,
)


def _is_any(address: str) -> bool:
    return ipaddress.ip_address(address).is_unspecified


def _version(text: str) -> tuple[int, ...]:
    parts = text.partition("-")[0].split(".")
    return tuple(int(part) for part in parts if part.isdecimal())


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
