"""The state value and its JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.plan.secrets import Secret
from undercloud.plan.state import State, from_json

FULL = (
    State()
    .with_passwords({"AdminPassword": "a", "KeystoneFernetKeys": {"/0": {"content": "k"}}})
    .with_random_strings({"overcloud/Random": "r"})
    .with_certificate("public", {"certificate": "c", "key": "s", "authority_key": "s"})
    .with_addresses("internal_api", {"overcloud-controller-0": "172.16.2.10"})
    .with_node_indexes("Controller", {"overcloud-controller-0": 0, "overcloud-controller-2": 2})
    .with_removals("Controller", (3, 1))
)


def test_a_change_makes_a_new_state() -> None:
    empty = State()
    assert empty.with_passwords({"a": "b"}) != empty == State()
    more = FULL.with_passwords({"NovaPassword": "n"}).with_addresses("tenant", {"x": "1.2.3.4"})
    assert sorted(more.passwords) == ["AdminPassword", "KeystoneFernetKeys", "NovaPassword"]
    assert sorted(more.addresses) == ["internal_api", "tenant"]
    assert FULL.with_addresses("internal_api", {}).addresses == {"internal_api": {}}
    assert FULL.removals == {"Controller": (1, 3)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.passwords = {}  # type: ignore[misc]


def test_json_and_back() -> None:
    again = from_json(FULL.to_json())
    assert again == FULL and again.to_json() == FULL.to_json()
    assert isinstance(again.passwords["AdminPassword"], Secret)
    assert isinstance(again.passwords["KeystoneFernetKeys"]["/0"]["content"], Secret)
    assert isinstance(again.random_strings["overcloud/Random"], Secret)
    secret = {name: isinstance(text, Secret) for name, text in again.certificates["public"].items()}
    assert secret == {"certificate": False, "key": True, "authority_key": True}
    assert json.loads(FULL.to_json())["version"] == 1
    assert from_json('{"version": 1}') == State()


def test_secrets_do_not_print() -> None:
    assert "AdminPassword" not in repr(FULL)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["PLAN-060"]),
        ("{", ["PLAN-060"]),
        ("[" * 100_000, ["PLAN-060"]),
        ("[]", ["PLAN-061"]),
        ("{}", ["PLAN-061"]),
        ('{"version": 2}', ["PLAN-061"]),
        ('{"version": true}', ["PLAN-061"]),
        ('{"version": 1, "passwords": [], "addresses": {"a": 1}, "odd": 1}', ["PLAN-062"] * 3),
        ('{"version": 1, "certificates": {"public": {"key": 1}}}', ["PLAN-062"]),
        ('{"version": 1, "random_strings": {"a": 1}, "node_indexes": {"a": {"b": -1}}}', ["PLAN-062"] * 2),
        ('{"version": 1, "removals": {"a": [true]}}', ["PLAN-062"]),
    ],
)
def test_what_is_no_state(text: str, codes: list[str]) -> None:
    with pytest.raises(UndercloudError) as raised:
        from_json(text, "s.json")
    assert [finding.code for finding in raised.value.findings] == codes
    assert all(finding.fix and finding.locations[0].file == "s.json" for finding in raised.value.findings)
