"""roles_data.yaml, network_data.yaml and vip_data.yaml."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.plan import plan_cases
from undercloud.diagnostics import Report, UndercloudError
from undercloud.plan.documents import Document, parse
from undercloud.plan.networks import read_networks, read_vips
from undercloud.plan.roles import parse_roles, primary, read_roles

Reader = Callable[[Document, Report], tuple[Any, ...]]


def _plain(value: Any) -> Any:
    """What of a value is not its default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name not in {"data", "location", "services_at"}
            and getattr(value, field.name) not in (field.default, {})
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _check(case: dict[str, Any], read: Reader) -> None:
    report = Report()
    values = read(parse(case["text"], "f.yaml"), report)
    assert _plain(values) == case["value"]
    assert plan_cases.shown(report) == case.get("findings", [])
    plan_cases.explained(report, case)


@pytest.mark.parametrize("case", plan_cases.load("roles"))
def test_roles(case: dict[str, Any]) -> None:
    _check(case, read_roles)


@pytest.mark.parametrize("case", plan_cases.load("networks"))
def test_networks(case: dict[str, Any]) -> None:
    _check(case, read_networks)


@pytest.mark.parametrize("case", plan_cases.load("vips"))
def test_vips(case: dict[str, Any]) -> None:
    _check(case, read_vips)


def test_parse_roles_raises_all_errors() -> None:
    with pytest.raises(UndercloudError) as raised:
        parse_roles(
            parse("- name: A\n  CountDefault: x\n- name: a\n- zebra\n- name: B\n  odd: 1\n", "f.yaml")
        )
    assert plan_cases.shown(raised.value.findings) == [
        "PLAN-014 f.yaml:2:3",
        "PLAN-012 f.yaml:3:3 f.yaml:1:3",
        "PLAN-010 f.yaml:4:3",
    ]


def test_templates_see_the_role_as_it_stands_with_its_tags() -> None:
    (role,) = parse_roles(parse("- name: Compute\n  own_key: [1]\n  networks:\n", "f.yaml"))
    assert role.data == {"name": "Compute", "own_key": [1], "networks": None, "tags": ["compute"]}


def test_hostname_format() -> None:
    one, two = parse_roles(
        parse("- name: Compute\n- name: B\n  HostnameFormatDefault: b-%index%\n", "f.yaml")
    )
    assert (one.hostname_format, two.hostname_format) == ("%stackname%-compute-%index%", "b-%index%")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "- name: A\n- {name: B, tags: [primary, controller]}\n- {name: C, tags: [primary, controller]}\n",
            "B",
        ),
        ("- name: A\n- {name: B, tags: [primary]}\n", "A"),
    ],
)
def test_primary(text: str, name: str) -> None:
    found = primary(parse_roles(parse(text, "f.yaml")))
    assert found is not None and found.name == name
    assert primary(()) is None


def test_templates_see_networks_with_index_and_lower_name() -> None:
    text = "- {name: A, enabled: false}\n- {name: Bc, own: 1}\n- {name: D, name_lower: dee}\n"
    networks = read_networks(parse(text, "f.yaml"), Report())
    assert [network.data for network in networks] == [
        {"name": "A", "enabled": False, "idx": 0},
        {"name": "Bc", "own": 1, "idx": 1, "name_lower": "bc"},
        {"name": "D", "name_lower": "dee", "idx": 2},
    ]
