"""Custom constraints: those that can be decided without asking a cloud, and the names of those that cannot.

What counts as valid is Heat's (its common constraints, with Neutron's and croniter's rules behind them).
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Mapping

_MAC = re.compile(
    r"(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}|(?:[0-9a-f]{1,2}-){5}[0-9a-f]{1,2}"
    r"|[0-9a-f]{1,4}([:.-])[0-9a-f]{1,4}\1[0-9a-f]{1,4}"
    r"|[0-9a-f]{5,6}[:-][0-9a-f]{5,6}|[0-9a-f]{11,12}",
    re.IGNORECASE,
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LONGEST_NAME = 255
_LONGEST_RELATIVE_NAME = 252
"""A domain name of at least one letter, with its dots, must still fit behind it."""
_MOMENT = re.compile(
    r"(\d{4})(?:(?:-(\d{1,2})|(\d{2})(?!$))(?:(?:-(\d{1,2})|(\d{2}))"
    r"(?:[ T](\d{2})(?::?(\d{2}))?(?::?(\d{1,2})(?:[.,]\d+)?)?(?:Z|[-+]\d{2}:?(?:\d{2})?)?)?)?)?",
    re.ASCII,
)
"""ISO 8601 in the forms that the iso8601 library reads; the groups are the numbers of a datetime."""


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value


def _is_network(value: str) -> bool:
    """A range with the length of its prefix in digits; bits behind the prefix may be set."""
    address, _, length = value.partition("/")
    if not length.isdecimal() or "%" in address:
        return False
    try:
        network = ipaddress.ip_interface(value)
    except ValueError:
        return False
    return network.version == 6 or str(network) == value


def _is_address_or_network(value: str) -> bool:
    return _is_network(value) if "/" in value else _is_address(value)


def _is_mac(value: str) -> bool:
    return _MAC.fullmatch(value) is not None


def _is_domain(value: str) -> bool:
    if not value:
        return True
    name = value.removesuffix(".")
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    top_is_number = labels[-1].isdecimal() and len(labels) > 1
    return not (value.endswith(".") and top_is_number)


def _is_relative_domain(value: str) -> bool:
    return not value.endswith(".") and len(value) <= _LONGEST_RELATIVE_NAME and _is_domain(value)


def _is_absolute_domain(value: str) -> bool:
    return not value or (value.endswith(".") and _is_domain(value))


def _is_moment(value: str) -> bool:
    match = _MOMENT.fullmatch(value)
    if match is None:
        return False
    year, *rest, hour, minute, second = (None if text is None else int(text) for text in match.groups())
    month, day = (next((number for number in pair if number is not None), 1) for pair in (rest[:2], rest[2:]))
    try:
        datetime.datetime(year or 0, month, day, hour or 0, minute or 0, second or 0)
    except ValueError:
        return False
    return True


def _may_expire(value: str) -> bool:
    """Whether the moment is one; if it has passed already is not asked, as nothing here reads the clock."""
    return not value or _is_moment(value.strip())


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(name.lower() for name in zoneinfo.available_timezones())


def _is_timezone(value: str) -> bool:
    """Any name will do where the system has no time zones to compare with."""
    return not value or not _zones() or value.lower() in _zones()


_CRON_WORDS = frozenset(("@midnight", "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_FIELDS: tuple[tuple[int, int, Mapping[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {"l": 31}),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    (0, 7, {name: number for number, name in enumerate(_DAYS)}),
    (0, 59, {}),
)
"""Minute, hour, day, month, day of the week, and perhaps second: lowest, highest, names."""
_CRON_ITEM = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
_WEEKDAY = re.compile(r"(?P<day>\w+)#[1-5]|l[0-7]", re.ASCII)


def _is_cron(value: str) -> bool:
    text = value.lower()
    if not text or text in _CRON_WORDS:
        return True
    fields = text.split()
    return len(fields) in (5, 6) and all(
        _is_cron_item(item, number) for number, field in enumerate(fields) for item in field.split(",")
    )


def _is_cron_item(item: str, field: int) -> bool:
    lowest, highest, names = _CRON_FIELDS[field]
    weekday = _WEEKDAY.fullmatch(item) if field == 4 else None
    if weekday is not None:
        item = weekday["day"] or "0"
    match = _CRON_ITEM.fullmatch(item)
    if match is None or match["step"] == "0":
        return False
    low = _cron_number(match["low"] or str(lowest), names)
    high = _cron_number(match["high"] or str(highest), names)
    if low is None or high is None:
        return False
    if match["low"] and not match["high"] and not match["step"]:
        high = low
    # A week may end with Sunday, the day 0.
    last = highest if field == 4 and high == 0 else high
    return lowest <= low <= last <= highest


def _cron_number(text: str, names: Mapping[str, int]) -> int | None:
    return int(text) if text.isdecimal() else names.get(text)


DECIDED: Mapping[str, Callable[[str], bool]] = {
    "ip_addr": _is_address,
    "net_cidr": _is_network,
    "ip_or_cidr": _is_address_or_network,
    "mac_addr": _is_mac,
    "dns_name": _is_domain,
    "rel_dns_name": _is_relative_domain,
    "dns_domain": _is_absolute_domain,
    "iso_8601": _is_moment,
    "expiration": _may_expire,
    "timezone": _is_timezone,
    "cron_expression": _is_cron,
}
"""What can be decided here, for a value that is text."""

_ASKED = {
    "barbican": "container secret",
    "blazar": "reservation",
    "cinder": "backup qos_specs snapshot volume vtype",
    "designate": "zone",
    "glance": "image",
    "ironic": "node portgroup",
    "keystone": "domain group project region role service user",
    "magnum": "cluster_template",
    "manila": "share_network share_snapshot share_type",
    "mistral": "workflow",
    "monasca": "notification",
    "neutron": "address_scope flow_classifier lb.provider lbaas.listener lbaas.loadbalancer lbaas.pool "
    "lbaas.provider network port port_pair port_pair_group qos_policy router security_group segment subnet "
    "subnetpool taas.tap_flow taas.tap_service",
    "nova": "flavor host keypair network server",
    "octavia": "flavor flavorprofile l7policy listener loadbalancer pool",
    "sahara": "cluster cluster_template data_source image job_binary job_type plugin",
    "senlin": "cluster policy policy_type profile profile_type",
    "trove": "flavor",
    "zaqar": "queue",
}

ASKED = frozenset(f"{service}.{name}" for service, names in _ASKED.items() for name in names.split())
"""What only a cloud can decide: any value holds here."""
