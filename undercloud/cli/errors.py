"""Where an error becomes what the operator reads, and an exit status."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TextIO

from undercloud.cli import rendering
from undercloud.diagnostics import Finding, Severity, UndercloudError

CLEAN = 0
FOUND = 1
"""Errors were found in what the operator gave, or by what was done; the report is on stdout."""
FAILED = 2
"""The command could not run: usage, or a fault that is not the plan's."""
INTERRUPTED = 130
"""Ctrl-C, as a shell reports it."""

_COULD_NOT_RUN = (
    *("CLI-", "INT-"),  # usage; defects of ours
    *("API-", "DEP-00", "DEP-02", "DEP-03"),  # what the API and the engine refuse; its configuration
    *("DB-", "VAULT-"),  # the undercloud's database and its key
    *("BM-100", "BM-101", "BM-102", "BM-106"),  # no Ironic, or none that carries it out
    *("INST-01", "INST-02", "INST-03"),  # no undercloud; its processes; its backups
)


def status(findings: Iterable[Finding]) -> int:
    """The exit status that findings stand for."""
    codes = [finding.code for finding in findings if finding.severity is Severity.ERROR]
    if any(code.startswith(_COULD_NOT_RUN) for code in codes):
        return FAILED
    return FOUND if codes else CLEAN


def usage(message: str, fix: str = "") -> UndercloudError:
    """A command line that cannot be carried out (CLI-002)."""
    return UndercloudError.of("CLI-002", message, fix=fix)


def show(error: UndercloudError, *, as_json: bool, stdout: TextIO, stderr: TextIO) -> int:
    """Print an error and return the exit status.

    As JSON it is an object with ``findings`` on stdout. As text, a report about the plan goes to stdout,
    a command that could not run speaks on stderr.
    """
    code = status(error.findings)
    if as_json:
        stdout.write(report_json(error.findings))
    else:
        stream = stderr if code == FAILED else stdout
        stream.write(rendering.report_text(error.findings, width=rendering.width_of(stream)))
    return code


def report_json(findings: Iterable[Finding]) -> str:
    """The report that ``-f json`` prints when there is nothing but findings."""
    return json.dumps({"findings": [finding.as_dict() for finding in findings]}, indent=2) + "\n"
