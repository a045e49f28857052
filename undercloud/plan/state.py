"""What a plan keeps between runs: everything that is generated or allocated once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, UndercloudError
from undercloud.plan.secrets import Secret, conceal

VERSION = 1


def _empty() -> dict[str, Any]:
    return {}


@dataclasses.dataclass(frozen=True)
class State:
    """The state value; a change makes a new one (``with_*``). Its maps are not to be changed in place.

    ``passwords``: generated parameter → value (text, or a map such as a key pair), all secret.
    ``random_strings``: path of an OS::Heat::RandomString in the stack → text, secret.
    ``certificates``: purpose → PEM texts (:func:`undercloud.plan.certificates.ensure`), the keys secret.
    ``addresses``: network → port name → address.
    ``node_indexes``: role → host name → index, so that a node keeps its index for life.
    ``removals``: role → indexes that were removed and are never used again.
    """

    passwords: Mapping[str, Any] = dataclasses.field(default_factory=_empty, repr=False)
    random_strings: Mapping[str, str] = dataclasses.field(default_factory=_empty, repr=False)
    certificates: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=_empty, repr=False)
    addresses: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=_empty)
    node_indexes: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=_empty)
    removals: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=_empty)

    def with_passwords(self, passwords: Mapping[str, Any]) -> State:
        """A state that has these passwords too."""
        return dataclasses.replace(self, passwords={**self.passwords, **_secrets(passwords)})

    def with_random_strings(self, strings: Mapping[str, str]) -> State:
        """A state that has these random strings too."""
        return dataclasses.replace(self, random_strings={**self.random_strings, **_secrets(strings)})

    def with_certificate(self, purpose: str, texts: Mapping[str, str]) -> State:
        """A state in which the certificate for this purpose is this."""
        return dataclasses.replace(self, certificates={**self.certificates, purpose: _pems(texts)})

    def with_addresses(self, network: str, addresses: Mapping[str, str]) -> State:
        """A state in which the network's addresses are these."""
        return dataclasses.replace(self, addresses={**self.addresses, network: dict(addresses)})

    def with_node_indexes(self, role: str, indexes: Mapping[str, int]) -> State:
        """A state in which the role's nodes have these indexes."""
        return dataclasses.replace(self, node_indexes={**self.node_indexes, role: dict(indexes)})

    def with_removals(self, role: str, indexes: tuple[int, ...]) -> State:
        """A state in which these indexes of the role are removed."""
        return dataclasses.replace(self, removals={**self.removals, role: tuple(sorted(indexes))})

    def to_json(self) -> str:
        """The state as JSON text, secrets in the clear: it belongs in a file of mode 0600."""
        data = {
            "version": VERSION,
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
        }
        return json.dumps(data, indent=2, sort_keys=True) + "\n"


def from_json(text: str, file: str = "state.json") -> State:
    """The state that ``to_json`` wrote.

    Raises UndercloudError: PLAN-060 no JSON, PLAN-061 a version we do not know, PLAN-062 (each) a part that
    has not the right shape.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (0, 0)
        raise UndercloudError.of(
            "PLAN-060",
            f"the state is not valid JSON: {getattr(error, 'msg', error)}",
            fix="Bring the file back from a backup: the passwords of the running cloud are in it.",
            location=Location(file, line, column),
        ) from None
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION or isinstance(version, bool):
        raise UndercloudError.of(
            "PLAN-061",
            f"the state has version {version!r:.40}, this release reads version {VERSION}",
            fix="Use the release that wrote the file, or a newer one.",
            location=Location(file),
        )
    findings = []
    parts: dict[str, Any] = {}
    for name, (check, shape) in _SHAPES.items():
        value = data.get(name, {})
        if not check(value):
            findings.append(_misshapen(name, shape, file))
        parts[name] = value
    findings += [_misshapen(name, "", file) for name in data if name not in _SHAPES and name != "version"]
    if findings:
        raise UndercloudError(*findings)
    return State(
        passwords=_secrets(parts["passwords"]),
        random_strings=_secrets(parts["random_strings"]),
        certificates={purpose: _pems(texts) for purpose, texts in parts["certificates"].items()},
        addresses=parts["addresses"],
        node_indexes=parts["node_indexes"],
        removals={role: tuple(indexes) for role, indexes in parts["removals"].items()},
    )


def _misshapen(name: str, shape: str, file: str) -> Finding:
    what = f"the state's {name!r} is not {shape}" if shape else f"the state has an unknown part {name!r}"
    return Finding("PLAN-062", what, "Bring the file back from a backup.", locations=(Location(file),))


def _secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: conceal(value) for name, value in values.items()}


def _pems(texts: Mapping[str, str]) -> dict[str, str]:
    """PEM texts by name, of which keys are secret and certificates are for everyone."""
    return {name: Secret(text) if name.endswith("key") else text for name, text in texts.items()}


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _map_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "passwords": (_map_of(lambda value: isinstance(value, str | dict | int)), "a map of texts and maps"),
    "random_strings": (_map_of(_is_text), "a map of texts"),
    "certificates": (_map_of(_map_of(_is_text)), "a map of purposes to maps of texts"),
    "addresses": (_map_of(_map_of(_is_text)), "a map of networks to maps of addresses"),
    "node_indexes": (_map_of(_map_of(_is_index)), "a map of roles to maps of indexes"),
    "removals": (
        _map_of(lambda value: isinstance(value, list) and all(map(_is_index, value))),
        "a map of roles to lists of indexes",
    ),
}
