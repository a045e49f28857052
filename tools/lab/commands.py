"""Running a program: one door, so that every failure tells the command and its last words."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from tools.lab.errors import LabError

TAIL_LINES = 12


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = 600,
    fix: str = "",
) -> str:
    """Run `command` (no shell), return what it wrote to stdout, without the last newline.

    `env` is added to the environment; `timeout` is in seconds. Raises LabError, with the last lines of
    stderr, when the program is missing, takes too long or exits with another status than 0.
    """
    shown = shlex.join(command)
    try:
        done = subprocess.run(
            list(command),
            env={**os.environ, **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed", "run tools/bootstrap.sh --host") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no answer in {timeout:.0f} s from: {shown}", fix) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-TAIL_LINES:]
        raise LabError("\n    ".join([f"exit status {done.returncode} from: {shown}", *said]), fix)
    return done.stdout.decode(errors="replace").rstrip("\n")
