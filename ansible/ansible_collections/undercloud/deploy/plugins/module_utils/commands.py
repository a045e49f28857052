"""Running commands on the node: lists, never a shell; what they print comes back as text."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command ended; ``status`` is None when it did not end in time."""

    status: int | None
    output: str = ""
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.status == 0

    @property
    def last_error(self) -> str:
        """The line that says most about a failure: podman's ``Error:`` line, or the last one."""
        lines = [line.strip() for line in (self.error or self.output).splitlines() if line.strip()]
        marked = [line for line in lines if line.startswith("Error")]
        return (marked or lines or [f"exit status {self.status}"])[-1]


def run(
    arguments: Sequence[str],
    timeout: float | None = None,
    secret_environment: Mapping[str, str] | None = None,
) -> Result:
    """Run a command to its end, or for ``timeout`` seconds. One that is not there has the status 127."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(secret_environment or {})}
    try:
        done = subprocess.run(
            list(arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            env=environment,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Result(None, "", f"no end within {timeout:g} s")
    except FileNotFoundError as error:
        return Result(127, "", f"{error.filename or arguments[0]}: command not found")
    except PermissionError as error:
        return Result(126, "", str(error))
    return Result(done.returncode, done.stdout, done.stderr)
