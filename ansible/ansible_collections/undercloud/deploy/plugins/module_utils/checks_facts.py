"""Gathering what a node shows, for checks_judge: all at once, each part with an end. Nothing writes."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import (
    checks_network,
    checks_ports,
    checks_registry,
    commands,
)

PATIENCE = 12.0  # seconds for all parts together
NTP_WAIT = 1.5
MIB = 1 << 20
MANIFEST = "/var/lib/undercloud/manifest.json"
Part = Callable[[], Mapping[str, Any]]


def gather(demands: Mapping[str, Any], access: Mapping[str, Any]) -> dict[str, Any]:
    """All facts that the demands ask for; ``unfinished`` is part → why, where one failed or hung."""
    parts: dict[str, Part] = {
        "system": _system,
        "disk": lambda: _disk(demands.get("disk") or {}),
        "network": lambda: _network(demands),
        "ports": lambda: _ports(demands),
        "podman": _podman,
        "time servers": lambda: _time_servers(demands.get("time_servers") or ()),
        "names": lambda: _names(demands.get("names") or ()),
        "registry": lambda: _registry(demands.get("images") or (), access),
    }
    facts: dict[str, Any] = {}
    unfinished: dict[str, str] = {}

    def work(name: str, part: Part) -> None:
        try:
            facts.update(part())
        except Exception as error:  # noqa: BLE001 - one part's fault must not hide what the others found
            unfinished[name] = f"{type(error).__name__}: {error}"

    threads = {
        name: threading.Thread(target=work, args=(name, part), daemon=True) for name, part in parts.items()
    }
    deadline = time.monotonic() + PATIENCE
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            unfinished[name] = f"no end within {PATIENCE:g} s"
    return {**facts, "unfinished": unfinished}


def _system() -> dict[str, Any]:
    info = Path("/proc/meminfo").read_text(encoding="ascii")
    total = re.search(r"^MemTotal:\s+(\d+) kB", info, re.MULTILINE)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found: dict[str, Any] = {
        "python": list(sys.version_info[:3]),
        "kernel": platform.release(),
        "hostname": socket.gethostname(),
        "cgroup": _cgroup(),
        "selinux": _selinux(),
        "apparmor": "on" if _text("/sys/module/apparmor/parameters/enabled") == "Y" else "off",
        "cpus": os.cpu_count(),
        "memory": int(total[1]) // 1024 if total else 0,
        "virtualisation": {
            "cpu": bool(re.search(r"^(flags|Features)\s*:.*\b(vmx|svm)\b", flags, re.MULTILINE)),
            "kvm": Path("/dev/kvm").exists(),
        },
        "stack": "",
    }
    if Path(MANIFEST).exists():
        found["stack"] = json.loads(Path(MANIFEST).read_text(encoding="utf-8")).get("stack") or ""
    return found


def _cgroup() -> str:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return "v2"
    return "hybrid" if Path("/sys/fs/cgroup/unified").exists() else "v1"


def _selinux() -> str:
    enforcing = _text("/sys/fs/selinux/enforce")
    return {"1": "enforcing", "0": "permissive"}.get(enforcing, "off")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _disk(wanted: Mapping[str, int]) -> dict[str, Any]:
    found = {}
    for path in wanted:
        nearest = Path(path)
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        state = os.statvfs(nearest)
        mount = nearest
        while not os.path.ismount(mount):
            mount = mount.parent
        found[path] = {
            "mount": str(mount),
            "free": state.f_bavail * state.f_frsize // MIB,
            "inodes": state.f_favail if state.f_files else None,
        }
    return {"disk": found}


def _network(demands: Mapping[str, Any]) -> dict[str, Any]:
    links, addresses = checks_network.addresses()
    networks = demands.get("networks") or {}
    there = {name: net for name, net in networks.items() if net["address"] in addresses}
    own = {net["address"]: addresses[net["address"]]["link"] for net in there.values()}
    vips = {
        vip["address"]: own[networks[name]["address"]]
        for name, vip in (demands.get("vips") or {}).items()
        if name in there
    }
    asked: dict[str, Any] = {}
    asking = threading.Thread(target=lambda: asked.update(checks_network.echoes(there)), daemon=True)
    asking.start()
    answered = checks_network.claims({**own, **vips}, links)
    asking.join()
    claims = {address: macs for address, macs in answered.items() if address in own}
    for address in own:
        if addresses[address]["duplicate"]:
            claims.setdefault(address, ["seen by the kernel's duplicate address detection"])
    return {
        "links": links,
        "addresses": addresses,
        "echoes": asked,
        "claims": claims,
        "vip_claims": {address: macs for address, macs in answered.items() if address in vips},
        "neighbours": checks_network.neighbours() if vips else {},
    }


def _ports(demands: Mapping[str, Any]) -> dict[str, Any]:
    ports = {wanted["port"] for wanted in demands.get("ports") or ()}
    return {"listeners": checks_ports.listeners(ports, _own_containers)}


def _own_containers() -> dict[str, str]:
    arguments = ["podman", "ps", "--no-trunc", "--filter", "label=undercloud.stack"]
    done = commands.run([*arguments, "--format", "{{.ID}} {{.Names}}"], timeout=PATIENCE)
    return dict(line.partition(" ")[::2] for line in done.output.splitlines())


def _podman() -> dict[str, Any]:
    done = commands.run(["podman", "--version"], timeout=PATIENCE)
    version = re.search(r"\d+(\.\d+)+", done.output)
    return {"podman": version[0] if done.ok and version else ""}


def _time_servers(servers: Any) -> dict[str, Any]:
    """Which of them answer a question of RFC 4330; all are asked at once."""
    answers = dict.fromkeys(servers, False)

    def ask(name: str) -> None:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(name, 123, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, protocol) as door:
                door.settimeout(NTP_WAIT)
                door.sendto(struct.pack("!B47x", 0x23), address)
                answers[name] = len(door.recv(512)) >= 48
        except OSError:
            return

    _together(ask, servers, NTP_WAIT * 2)
    return {"time_servers": dict(answers)}


def _names(names: Any) -> dict[str, Any]:
    known = dict.fromkeys(names, False)

    def ask(name: str) -> None:
        try:
            known[name] = bool(socket.getaddrinfo(name, None))
        except OSError:
            return

    _together(ask, names, 6.0)
    return {"names": dict(known)}


def _together(ask: Callable[[str], None], names: Any, patience: float) -> None:
    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _registry(images: Any, access: Mapping[str, Any]) -> dict[str, Any]:
    registries: dict[str, Any] = {}

    def ask(registry: str) -> None:
        registries[registry] = checks_registry.ask(registry, listed[registry], access)

    listed = checks_registry.by_registry(images)
    _together(ask, listed, PATIENCE - 4)
    doubtful = []
    for registry, found in listed.items():
        known = registries.setdefault(registry, {"error": "it does not answer in time", "images": {}})
        doubtful += [image for image in found if known["error"] or known["images"].get(image)]
    here = {image: commands.run(["podman", "image", "exists", image], timeout=10).ok for image in doubtful}
    return {"registries": registries, "local_images": here}
