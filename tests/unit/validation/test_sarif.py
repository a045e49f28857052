"""The SARIF report against the standard's schema.

``sarif-used.json`` has the parts that we write. The official one is tried where ``UNDERCLOUD_SARIF_SCHEMA``
names it (``sarif-2.1.0.json`` of the npm package ``@microsoft/sarif-multitool-linux``): reports have to be
valid, and ours may let nothing pass that it refuses.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.validation.reports import sarif
from undercloud.validation.reports.subject import Reported

USED = json.loads((Path(__file__).parent / "sarif-used.json").read_text())
OFFICIAL = os.environ.get("UNDERCLOUD_SARIF_SCHEMA", "")
FINDINGS = (
    Finding("VAL-001", "no template knows a parameter X"),
    Finding(
        "NET-001",
        "a VLAN id",
        "Mend it.",
        Severity.WARNING,
        (Location("/srv/a plan/nets.yaml", 3, 5),),
        ("vlan",),
    ),
    Finding(
        "HOT-012",
        "no value für Debug",
        "Write true.",
        Severity.INFO,
        (
            Location("env.yaml", 2),
            Location("a/ü [1].yaml"),
            Location("b.yaml", 7, 1),
            Location("b.yaml", 7, 1),
        ),
        ("Debug",),
        ("Chain", "2"),
    ),
    Finding("HOT-012", "another one", severity=Severity.ERROR, locations=(Location("env.yaml", 9, 0),)),
)
WRONG: tuple[Any, ...] = (None, -2, "", "a b", [], {}, {"unknown": 1}, True, 1.5, "verbose")


def _log() -> dict[str, Any]:
    titles, sources = {"NET-001": "VLAN ids", "HOT-012": "Types"}, {"NET-001": "IEEE 802.1Q"}
    log: dict[str, Any] = json.loads(
        sarif.render(Reported(FINDINGS, "a plan", titles=titles, sources=sources, version="1.2"))
    )
    return log


def _validator(schema: dict[str, Any]) -> Any:
    kind = jsonschema.validators.validator_for(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


@pytest.fixture
def official() -> Any:
    if not OFFICIAL:
        pytest.skip("UNDERCLOUD_SARIF_SCHEMA does not name the official schema")
    return _validator(json.loads(Path(OFFICIAL).read_text()))


def _broken(log: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The report with each of its values replaced by another one, or removed."""
    for path in list(_paths(log)):
        for value in WRONG:
            yield _with(log, path, value)
        yield _with(log, path, Ellipsis)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from _paths(child, (*path, key))


def _with(log: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(log)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    if value is Ellipsis:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


def test_a_report_is_valid_as_far_as_we_know_the_schema() -> None:
    assert list(_validator(USED).iter_errors(_log())) == []


def test_a_report_is_valid(official: Any) -> None:
    assert list(official.iter_errors(_log())) == []


def test_ours_lets_nothing_pass_that_the_official_schema_refuses(official: Any) -> None:
    ours, tried, loose = _validator(USED), 0, []
    for broken in _broken(_log()):
        if official.is_valid(broken):
            continue
        tried += 1
        if ours.is_valid(broken):
            loose.append(next(official.iter_errors(broken)).json_path)
    assert tried > len(FINDINGS)
    assert loose == []
