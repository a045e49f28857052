"""The exit status that tells what was given wrong (1) from what could not run (2), as docs/cli.md says."""

from __future__ import annotations

import pytest

from undercloud.cli import errors
from undercloud.diagnostics import Finding, Severity


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ((), 0),
        (("PLAN-001",), 1),
        (("NODE-004", "UC-012"), 1),
        (("BM-001",), 1),
        (("BM-107",), 1),
        (("INST-002", "INST-040"), 1),
        (("DEP-010",), 1),
        (("CLI-002",), 2),
        (("DEP-001",), 2),
        (("VAULT-001",), 2),
        (("DB-004",), 2),
        (("BM-100",), 2),
        (("BM-101",), 2),
        (("BM-102",), 2),
        (("BM-106",), 2),
        (("INST-011",), 2),
        (("INST-020",), 2),
        (("INST-033",), 2),
        (("PLAN-001", "DB-003"), 2),
    ],
)
def test_exit_status(codes: tuple[str, ...], status: int) -> None:
    assert errors.status(Finding(code, "why") for code in codes) == status


def test_a_warning_is_no_error() -> None:
    assert errors.status([Finding("DB-004", "why", severity=Severity.WARNING)]) == 0
