"""The forms that values of parameters have: what is wrong with one entry, by the name of its form."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping

from undercloud.validation.ranges import Range, address, network

Form = Callable[[str], str]
"""From a value's text to what is wrong with it; empty if nothing is."""

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*\.?")
_PROTOCOLS = (
    r"(?i:all|tcp|udp|udplite|sctp|dccp|icmp|icmpv6|ipv6-icmp|igmp|esp|ah|gre|vrrp|ospf|ipip|ipv4|ipv6|\d+)"
)
_LARGEST_ASN = 2**32 - 1
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def _number(least: float, most: float | None, what: str, *, whole: bool = True) -> Form:
    pattern = re.compile(r"-?\d+" if whole else r"-?\d+(\.\d+)?")

    def wrong(text: str) -> str:
        if not pattern.fullmatch(text):
            return f"it is not {what}"
        value = float(text)
        return f"it is not {what}" if value < least or (most is not None and value > most) else ""

    return wrong


def _matching(pattern: str, what: str) -> Form:
    compiled = re.compile(pattern)
    return lambda text: "" if compiled.fullmatch(text) else f"it is not {what}"


def _address(text: str) -> str:
    if address(text) is not None:
        return ""
    return (
        "it holds several entries; separate them with commas" if len(text.split()) > 1 else "it is no address"
    )


def host(text: str) -> str:
    """What is wrong with the name or address of a host."""
    if len(text.split()) > 1:
        return "it holds several entries; separate them with commas"
    if address(text.strip("[]")) is not None:
        return ""
    if re.fullmatch(r"[\d.]+", text):
        return "it is no address"
    return "" if _DOMAIN.fullmatch(text) else "it is neither a name nor an address"


def _network(text: str) -> str:
    return "" if network(text) is not None else "it is no network, as 192.0.2.0/24"


def _url(text: str) -> str:
    match = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s]*)(/\S*)?", text)
    if not match:
        return "it is no address with a scheme, as https://HOST/PATH"
    return "" if match.group(2) or match.group(1) in ("file", "unix") else "it names no host"


def _nfs(text: str) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/]+):(/(?!/)\S*)(\s.*)?", text)
    return "" if match and not host(match.group(1)) else "it is not written as SERVER:/PATH"


def _mtu(text: str) -> str:
    return "" if text == "0" else _number(68, 65535, "a number from 68 to 65535")(text)


def _cron(first: int, last: int, names: list[str], offset: int = 0) -> Form:
    words = {name: str(index + offset) for index, name in enumerate(names)}

    def is_part(part: str) -> bool:
        span, _, step = part.partition("/")
        if step and not step.isdecimal():
            return False
        ends = [words.get(end.lower(), end) for end in span.split("-", 1)]
        if ends == ["*"]:
            return True
        return all(end.isdecimal() and first <= int(end) <= last for end in ends)

    def wrong(text: str) -> str:
        parts = text.split(",")
        return "" if all(map(is_part, parts)) else f"cron takes {first} to {last}, ranges, steps and *"

    return wrong


def _share(text: str) -> str:
    number = text.removesuffix("%")
    most = 100 if text.endswith("%") else None
    return _number(1, most, "a number of MiB, or 1% to 100%")(number)


def domain(text: str) -> str:
    """What is wrong with a domain name, or an address in the place of one."""
    if address(text) is not None:
        return ""
    return (
        "" if _DOMAIN.fullmatch(text) else "it is no domain name: letters, digits, hyphens, with dots between"
    )


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        return f"it cannot be compiled ({error})"
    return ""


def _hosts_entry(text: str) -> str:
    parts = text.split()
    if len(parts) < 2 or address(parts[0]) is None:
        return "it is not an address with names behind it"
    return next((wrong for part in parts[1:] if (wrong := domain(part))), "")


def _address_range(text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    found = Range.of(*parts) if len(parts) == 2 else None
    if found is None:
        return "it is not two addresses with a comma between them"
    return "" if found.first < found.last else "its first address does not come before its last"


def _firewall_ports(text: str) -> str:
    ends = re.split(r"[-:]", text)
    if len(ends) > 2 or not all(end.isdecimal() and 1 <= int(end) <= 65535 for end in ends):
        return "it is no port from 1 to 65535, and no range of them"
    return "" if int(ends[0]) <= int(ends[-1]) else "the range ends before it begins"


def _registry(text: str) -> str:
    name, colon, port = text.rpartition(":")
    if "/" in text:
        return "it is not HOST or HOST:PORT, without a scheme and a path"
    if colon and port.isdecimal():
        return host(name) or FORMS["port"](port)
    return host(text)


def _host_port(text: str) -> str:
    name, colon, port = text.rpartition(":")
    return (host(name) or FORMS["port"](port)) if colon else "it is not written as HOST:PORT"


def _resolver(text: str) -> str:
    place, _, port = text.partition("@")
    return _address(place) or (FORMS["port"](port) if port else "")


def _networks(text: str) -> str:
    return "" if address(text) is not None or network(text) is not None else "it is no network"


def _network_mtu(text: str) -> str:
    name, colon, mtu = text.partition(":")
    if not name or not colon:
        return "it is not written as NAME:MTU"
    return _number(68, 65535, "a number from 68 to 65535")(mtu)


_KERNEL = {
    "hugepages": re.compile(r"(\d+:)?\d+(,\d+:\d+)*"),
    "hugepagesz": re.compile(r"\d+[KMGkmg]B?"),
    "default_hugepagesz": re.compile(r"\d+[KMGkmg]B?"),
    "isolcpus": re.compile(r"([a-z_]+,)*\d+(-\d+)?(,\d+(-\d+)?)*"),
    "nohz_full": re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*"),
    "rcu_nocbs": re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*"),
    "intel_iommu": re.compile(r"(on|off|sm_on|sm_off|igfx_off|forcedac|strict|sp_off)(,\w+)*"),
}
"""Arguments whose values the kernel ignores where they have another form."""


def _kernel_arguments(text: str) -> str:
    for part in text.split():
        key, equals, value = part.partition("=")
        if equals and key in _KERNEL and not _KERNEL[key].fullmatch(value):
            return f"{key}={value} is not what the kernel reads"
        if not equals and key.upper() in ("GB", "MB", "KB", "G", "M", "K"):
            return f"a space stands before {key}"
    return ""


def _allowed_host(text: str) -> str:
    if text == "*" or (":" in text and address(text.strip("[]")) is not None):
        return ""
    return host(text.removeprefix("."))


_BONDS = {
    "bond_mode": ("active-backup", "balance-slb", "balance-tcp"),
    "lacp": ("active", "passive", "off"),
    "mode": (
        *map(str, range(7)),
        "balance-rr",
        "active-backup",
        "balance-xor",
        "broadcast",
        "802.3ad",
        "balance-tlb",
        "balance-alb",
    ),
}
"""Options of bonds, with what they may be: the first two are those of Open vSwitch, the last is Linux's."""


def _bond(text: str) -> str:
    for part in text.split():
        key, _, value = part.partition("=")
        if key in _BONDS and value not in _BONDS[key]:
            return f"{key} is one of {', '.join(_BONDS[key])}"
    return ""


def _timezone(text: str) -> str:
    wrong = _matching(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}", "a time zone, as Europe/Berlin")(text)
    try:
        zoneinfo.ZoneInfo("UTC")
    except zoneinfo.ZoneInfoNotFoundError:
        return wrong  # This machine has no database of time zones.
    try:
        return wrong or ("" if zoneinfo.ZoneInfo(text) else wrong)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        return "the database of time zones does not have it"


FORMS: Mapping[str, Form] = {
    "address": _address,
    "allowed_host": _allowed_host,
    "address_range": _address_range,
    "asn": _number(1, _LARGEST_ASN, f"a number from 1 to {_LARGEST_ASN}"),
    "bond": _bond,
    "domain": domain,
    "email": _matching(r"[^@\s]+@[^@\s]+", "an e-mail address"),
    "firewall_ports": _firewall_ports,
    "host": host,
    "host_port": _host_port,
    "hosts_entry": _hosts_entry,
    "hour": _cron(0, 23, []),
    "interface": _matching(r"[^\s/]{1,15}", "a name of at most 15 characters, without spaces and slashes"),
    "kernel_arguments": _kernel_arguments,
    "machine": _matching(r"[^=:\s]+=\S+", "written as ARCHITECTURE=TYPE"),
    "minute": _cron(0, 59, []),
    "month": _cron(1, 12, _MONTHS, 1),
    "monthday": _cron(1, 31, []),
    "mtu": _mtu,
    "natural": _number(0, None, "a number from 0 on", whole=False),
    "network": _network,
    "network_mtu": _network_mtu,
    "networks": _networks,
    "nfs": _nfs,
    "origin": lambda text: "" if text == "*" else _url(text),
    "path": _matching(r"/.*", "an absolute path"),
    "pattern": _pattern,
    "percent": _number(0, 100, "a number from 0 to 100", whole=False),
    "positive": _number(1, None, "a number from 1 on"),
    "port": _number(1, 65535, "a port from 1 to 65535"),
    "protocol": _matching(_PROTOCOLS, "a protocol"),
    "registry": _registry,
    "resolver": _resolver,
    "share": _share,
    "size": _matching(r"\d+[KkMmGgTt]?[Bb]?", "a number with K, M, G or T behind it"),
    "socket_memory": _matching(r"\d+(\s*,\s*\d+)*", "numbers with commas"),
    "timezone": _timezone,
    "ulimit": _matching(r"[a-z]+=-?\d+(:-?\d+)?", "written as NAME=VALUE"),
    "url": _url,
    "uuid": _matching(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID"),
    "weekday": _cron(0, 7, _DAYS),
    "whole": _number(0, None, "a whole number from 0 on"),
}
"""Every form by its name."""
