"""Whether a value fits an option: oslo.config's types, as its documentation has them."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from undercloud.validation.options.definitions import Option

_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PORTS = 65535


class Kind(enum.Enum):
    """What is wrong with a value: its type, or its size."""

    TYPE = "type"
    RANGE = "range"


@dataclasses.dataclass(frozen=True)
class Misfit:
    """Why a value does not fit; ``text`` goes on after the value, ``better`` is how it was meant, if that is sure."""

    kind: Kind
    text: str
    better: str = ""


def plain(value: object) -> str:
    """A value as it stands in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(plain(item) for item in value)
    if isinstance(value, Mapping):
        return ",".join(f"{key}:{plain(item)}" for key, item in value.items())
    return str(value)


def misfit(option: Option, value: Any) -> Misfit | None:
    """What is wrong with a value for an option, None if nothing is.

    None, and text that another option's value is put into (``$name``), fit everything. A list is the option
    several times, one value after the other.
    """
    if value is None:
        return None
    if isinstance(value, list | tuple):
        if len(value) > 1 and not option.multi:
            text = "is a list: the option would stand several times, and the last one alone count"
            return Misfit(Kind.TYPE, text, plain(value) if option.type == "list" else "")
        return next((wrong for item in value if (wrong := misfit(option, item))), None)
    text = plain(value).strip()
    if "$" in text:
        return None
    with contextlib.suppress(KeyError):
        return _CHECKS[option.type](option, text)
    return None


def _string(option: Option, text: str) -> Misfit | None:
    if option.choices:
        folded = text.lower() if option.ignore_case else text
        known = [each.lower() for each in option.choices] if option.ignore_case else list(option.choices)
        if folded not in known:
            return Misfit(
                Kind.RANGE, f"is not among {', '.join(each or repr('') for each in option.choices)}"
            )
        return None
    if option.regex:
        flags = re.IGNORECASE if option.ignore_case else 0
        if not re.search(option.regex, text, flags):
            return Misfit(Kind.RANGE, f"does not match {option.regex}")
    if option.max_length and len(text) > option.max_length:
        return Misfit(Kind.RANGE, f"is longer than {option.max_length} characters")
    return None


def _boolean(_option: Option, text: str) -> Misfit | None:
    if text.lower() in (*_TRUE, *_FALSE):
        return None
    return Misfit(Kind.TYPE, "is neither true nor false")


def _number(option: Option, text: str, convert: Callable[[str], float], what: str) -> Misfit | None:
    if not text:
        return None
    try:
        number = convert(text)
    except ValueError:
        return Misfit(Kind.TYPE, f"is no {what}")
    if option.choices:
        known = option.choices
        return None if str(number) in known else Misfit(Kind.RANGE, f"is not among {', '.join(known)}")
    if option.min is not None and number < option.min:
        return Misfit(Kind.RANGE, f"is less than {option.min}")
    if option.max is not None and number > option.max:
        return Misfit(Kind.RANGE, f"is more than {option.max}")
    return None


def _integer(option: Option, text: str) -> Misfit | None:
    return _number(option, text, int, "whole number")


def _float(option: Option, text: str) -> Misfit | None:
    return _number(option, text, float, "number")


def _port(option: Option, text: str) -> Misfit | None:
    limits = dataclasses.replace(
        option,
        min=0 if option.min is None else option.min,
        max=_PORTS if option.max is None else option.max,
    )
    return _number(limits, text, int, "port")


def _list(option: Option, text: str) -> Misfit | None:
    if option.bounds:
        if not (text.startswith("[") and text.endswith("]")):
            return Misfit(Kind.TYPE, "is no list in brackets")
        text = text[1:-1]
    if option.item is None or not text or '"' in text or "'" in text:
        return None
    for part in text.split(","):
        wrong = misfit(option.item, part.strip())
        if wrong:
            return Misfit(wrong.kind, f"has an item that does not fit: {part.strip()!r} {wrong.text}")
    return None


def _dict(option: Option, text: str) -> Misfit | None:
    if option.bounds or not text or '"' in text or "'" in text:
        return None
    for part in text.split(","):
        key, colon, item = part.strip().partition(":")
        if part.strip() and (not colon or not key):
            return Misfit(Kind.TYPE, f"is no list of KEY:VALUE: {part.strip()!r} has no colon")
        wrong = misfit(option.item, item) if option.item and part.strip() else None
        if wrong:
            return Misfit(wrong.kind, f"has a value that does not fit: {item!r} {wrong.text}")
    return None


def _range(option: Option, text: str) -> Misfit | None:
    first, _, last = text.partition("-") if not text.startswith("-") else (text, "", "")
    for part in (first, last):
        if part and not part.strip().isdecimal():
            return Misfit(Kind.TYPE, "is neither a number nor a range FIRST-LAST")
    if last and int(first) > int(last):
        return Misfit(Kind.RANGE, "begins above its end")
    return _integer(option, first) or _integer(option, last)


def _ip(option: Option, text: str) -> Misfit | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return Misfit(Kind.TYPE, "is no IP address")
    if option.version and address.version != option.version:
        return Misfit(Kind.TYPE, f"is no IPv{option.version} address")
    return None


def _hostname(_option: Option, text: str) -> Misfit | None:
    return None if _is_host(text, _LABEL) else Misfit(Kind.TYPE, "is no host name")


def _host(option: Option, text: str) -> Misfit | None:
    if _ip(option, text) is None or _is_host(text, _HOST_LABEL):
        return None
    return Misfit(Kind.TYPE, "is neither an IP address nor a host name")


def _is_host(text: str, label: re.Pattern[str]) -> bool:
    labels = text.removesuffix(".").split(".")
    if not text or len(text) > 253 or all(part.isdecimal() for part in labels):
        return False
    return all(label.fullmatch(part) for part in labels)


def _uri(option: Option, text: str) -> Misfit | None:
    try:
        parts = urlsplit(text)
    except ValueError:
        return Misfit(Kind.TYPE, "is no URI")
    if not parts.scheme or not (parts.netloc or parts.path):
        return Misfit(Kind.TYPE, "is no URI: it begins with SCHEME://")
    if option.schemes and parts.scheme not in option.schemes:
        return Misfit(Kind.RANGE, f"has a scheme that is not among {', '.join(option.schemes)}")
    if option.max_length and len(text) > option.max_length:
        return Misfit(Kind.RANGE, f"is longer than {option.max_length} characters")
    return None


_CHECKS: Mapping[str, Callable[[Option, str], Misfit | None]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "float": _float,
    "port": _port,
    "list": _list,
    "dict": _dict,
    "range": _range,
    "ip": _ip,
    "host": _host,
    "hostname": _hostname,
    "uri": _uri,
}
