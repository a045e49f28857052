#!/usr/bin/python3
"""Sets up the network of the ramdisk from the virtual media, so that no DHCP server is needed.

Ironic puts the node's network data (OpenStack's network_data.json) on the medium labelled config-2. It
becomes files of systemd-networkd. Only removable media count, since a disk may still hold the config drive,
with the same label, of the system that the machine was before. A ramdisk that was booted over the network
(BOOTIF= names the port) asks DHCP there and looks at no medium. Without any of these every Ethernet port asks
DHCP, unless the kernel's argument ip= has settled it already.
"""

import ipaddress
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LABEL = "config-2"
MOUNTED = Path("/run/config-2")
NETWORK_DATA = "openstack/latest/network_data.json"
NETWORKD = Path("/run/systemd/network")
CMDLINE = Path("/proc/cmdline")
PORTS = ("phy", "ethernet", "physical", None)
PATIENCE = 10.0
"""Seconds until the kernel has shown a medium that is in the drive."""

BOOT_PORT = re.compile(r"\bBOOTIF=(?:01[-:])?((?:[0-9a-f]{2}[-:]){5}[0-9a-f]{2})\b", re.IGNORECASE)
"""The port that it was booted by, as iPXE writes it, or as PXELINUX does, behind the kind of hardware."""

DHCP = """\
[Match]
%s
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
[DHCPv4]
ClientIdentifier=mac
"""


class UnusableError(Exception):
    """The network data asks for what a ramdisk cannot do."""


def files(data: dict[str, Any]) -> dict[str, str]:
    """What network data (links, networks, services) is as systemd-networkd's files, by their names."""
    made: dict[str, str] = {}
    resolvers = [service["address"] for service in data.get("services", []) if service.get("type") == "dns"]
    for link in data["links"]:
        if link.get("type") not in PORTS:
            raise UnusableError(
                f"link {link['id']} is of type {link['type']}; only plain ports are known here"
            )
        mac = link["ethernet_mac_address"]
        networks = [network for network in data.get("networks", []) if network.get("link") == link["id"]]
        parts = [f"[Match]\nMACAddress={mac}\n"]
        parts += [f"[Link]\nMTUBytes={link['mtu']}\n"] if link.get("mtu") else []
        parts.append("[Network]\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n")
        parts += [f"DHCP={network['type'].partition('_')[0]}\n" for network in networks if _is_dhcp(network)]
        parts += [f"DNS={address}\n" for address in resolvers]
        parts += [section for network in networks if not _is_dhcp(network) for section in _static(network)]
        made[f"10-{mac.replace(':', '')}.network"] = "".join(parts)
    return made


def _is_dhcp(network: dict[str, Any]) -> bool:
    return network["type"] in ("ipv4_dhcp", "ipv6_dhcp")


def _static(network: dict[str, Any]) -> list[str]:
    """The sections of a network with a fixed address: the address, then the routes."""
    address = network["ip_address"]
    if network.get("netmask") and "/" not in address:
        address = f"{address}/{_prefix(network['netmask'])}"
    sections = [f"[Address]\nAddress={address}\n"]
    if network.get("gateway"):
        sections.append(f"[Route]\nGateway={network['gateway']}\n")
    for route in network.get("routes", []):
        destination = f"{route['network']}/{_prefix(route['netmask'])}"
        sections.append(f"[Route]\nDestination={destination}\nGateway={route['gateway']}\n")
    return sections


def _prefix(netmask: str) -> int:
    """Bits of a mask of either family: 255.255.255.0 and ffff:ffff:: and 24."""
    if netmask.isdigit():
        return int(netmask)
    return int(ipaddress.ip_address(netmask)).bit_count()


def listed_devices() -> list[dict[str, Any]]:
    """The block devices as lsblk lists them: path, label, rm (a partition has its disk's)."""
    command = ["lsblk", "--json", "--list", "--output", "PATH,LABEL,RM"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    devices: list[dict[str, Any]] = json.loads(said or '{"blockdevices": []}')["blockdevices"]
    return devices


def find_medium(devices: list[dict[str, Any]]) -> str | None:
    """The path of the medium among them."""
    return next((device["path"] for device in devices if device["label"] == LABEL and device["rm"]), None)


def read_medium(arguments: str) -> dict[str, Any] | None:
    """The network data of the medium, None if there is none; ``arguments`` are the kernel's."""
    until = time.monotonic() + (PATIENCE if "boot_method=vmedia" in arguments else 0.0)
    while (medium := find_medium(listed_devices())) is None:
        if time.monotonic() > until:
            return None
        time.sleep(0.2)
    MOUNTED.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "ro", medium, str(MOUNTED)], check=True)
    try:
        file = MOUNTED / NETWORK_DATA
        return json.loads(file.read_text()) if file.exists() else None
    finally:
        subprocess.run(["umount", str(MOUNTED)], check=True)


def boot_port(arguments: str) -> str:
    """The MAC address of the port that the kernel was booted by, empty if not over the network."""
    found = BOOT_PORT.search(arguments)
    return found.group(1).lower().replace("-", ":") if found else ""


def say(text: str) -> None:
    """Tell it on the console and in the journal."""
    sys.stdout.write(f"network: {text}\n")
    sys.stdout.flush()


def main() -> int:
    """Write the files; say on the console what was found."""
    arguments = CMDLINE.read_text()
    port = boot_port(arguments)
    data = None if port else read_medium(arguments)
    try:
        made = files(data) if data and data.get("links") else {}
    except (UnusableError, KeyError, ValueError) as error:
        say(f"the network data cannot be used ({error}); asking DHCP")
        made = {}
    if not made and " ip=" not in arguments:
        made = {"90-dhcp.network": DHCP % (f"MACAddress={port}" if port else "Type=ether")}
    NETWORKD.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (NETWORKD / name).write_text(text)
    say(f"{', '.join(made) or 'left as the kernel set it'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
