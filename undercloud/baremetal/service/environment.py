"""Ironic's virtual environment: its own, as its requirements are not undercloud's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import resources
from pathlib import Path

from undercloud import durable
from undercloud.diagnostics import UndercloudError

_DRIVERS = {"postgresql": "psycopg[binary]>=3.2,<4", "mysql": "PyMySQL>=1.1,<2"}
"""What speaks to a database, by the dialect that its URL begins with."""

_TAIL = 12
_PATIENCE = 1800.0  # seconds for pip


def requirements(connection: str) -> tuple[str, ...]:
    """What is installed: Ironic, and the driver of its database (an SQLAlchemy URL)."""
    text = resources.files(__package__).joinpath("requirements.txt").read_text(encoding="utf-8")
    driver = _DRIVERS.get(connection.partition(":")[0].partition("+")[0])
    return (*text.split(), *([driver] if driver else []))


def ensure(venv: Path, wanted: tuple[str, ...]) -> bool:
    """Make the environment unless it is as wanted; whether something was done.

    Raises UndercloudError INST-070 with the last words of pip, whose log lies beside the environment.
    """
    stamp = venv / ".stamp"
    content = hashlib.sha256("\n".join((sys.version, *wanted)).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == content:
        return False
    stamp.unlink(missing_ok=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    log = venv.with_name("pip.log")
    _run([sys.executable, "-m", "venv", "--clear", str(venv)], log, "w")
    pip = [
        str(venv / "bin/python"),
        "-m",
        "pip",
        "install",
        "--progress-bar=off",
        "--disable-pip-version-check",
    ]
    _run([*pip, *wanted], log, "a")
    durable.write(stamp, content)
    return True


def _run(command: list[str], log: Path, mode: str) -> None:
    with log.open(mode, encoding="utf-8") as file:
        try:
            status = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=_PATIENCE,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = -1
    if status:
        said = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-_TAIL:])
        raise UndercloudError.of(
            "INST-070",
            f"Ironic cannot be installed (exit status {status}); pip's last words:\n{said}",
            fix=f"See that Python's package index can be reached and there is room; the log is {log}.",
        )
