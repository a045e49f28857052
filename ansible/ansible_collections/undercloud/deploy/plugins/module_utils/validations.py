"""The checks of a step, run when its containers are healthy."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import commands, errors
from ansible_collections.undercloud.deploy.plugins.module_utils.desired import Validation
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError, Problem
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman

TIMEOUT = 120.0


Run = Callable[..., commands.Result]


def validate(
    validations: Iterable[Validation],
    podman: Podman,
    run: Run = commands.run,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run every check until it succeeds, or its retries are used up. Raises NodeError (NODE-015) for all."""
    problems = []
    for check in validations:
        result = _attempts(check, podman, run, sleep)
        if not result.ok:
            problems.append(_failed(check, result))
    if problems:
        raise NodeError(*problems)


def outcome(check: Validation, podman: Podman, retries: int, run: Run = commands.run) -> dict[str, Any]:
    """Run one check, with fewer retries than a deployment gives it; the finding, empty where it succeeded."""
    brief = dataclasses.replace(check, retries=min(check.retries, retries))
    result = _attempts(brief, podman, run, time.sleep)
    return {} if result.ok else {**_failed(brief, result).as_dict(), "severity": "error"}


def _attempts(check: Validation, podman: Podman, run: Run, sleep: Callable[[float], None]) -> commands.Result:
    left = check.retries
    while True:
        if check.container:
            result = podman.execute(check.container, check.command, TIMEOUT)
        else:
            result = run(check.command, timeout=TIMEOUT)
        if result.ok or left <= 0:
            return result
        left -= 1
        sleep(check.delay)


def _failed(check: Validation, result: commands.Result) -> Problem:
    where = f"in the container '{check.container}'" if check.container else "on the node"
    status = "it did not end in time" if result.status is None else f"exit status {result.status}"
    lines = (result.output + result.error).splitlines()[-20:]
    return Problem(
        check.code or errors.VALIDATION,
        f"the check '{check.name}' failed {where}, tried {check.retries + 1} times: {status}",
        check.fix or "What it printed and the logs of the service say why; mend that and deploy again.",
        check.container,
        tuple(lines),
    )
