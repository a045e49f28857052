"""Ironic's virtual environment: its own, as its requirements are not undercloud's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from undercloud import durable
from undercloud.diagnostics import UndercloudError

_TAIL = 12
_HEARTBEAT = 10.0  # seconds after which it is told again what pip says


def requirements() -> tuple[str, ...]:
    """What is installed: Ironic, and what speaks to each database that it may be given."""
    text = resources.files(__package__).joinpath("requirements.txt").read_text(encoding="utf-8")
    return tuple(text.split())


def ensure(venv: Path, wanted: tuple[str, ...], say: Callable[[str], None]) -> bool:
    """Make the environment unless it is as wanted; whether something was done. ``say`` hears how it gets on.

    Raises UndercloudError INST-070 with the last words of pip, whose log lies beside the environment.
    """
    stamp = venv / ".stamp"
    content = hashlib.sha256("\n".join((sys.version, *wanted)).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == content:
        return False
    if venv.is_symlink():
        venv.unlink()  # what it leads to is shared with others: not ours to clear
    stamp.unlink(missing_ok=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    log = venv.with_name("pip.log")
    log.unlink(missing_ok=True)
    _run([sys.executable, "-m", "venv", "--clear", str(venv)], log, say)
    pip = [str(venv / "bin/python"), "-m", "pip", "install", "--progress-bar=off"]
    _run([*pip, "--disable-pip-version-check", *wanted], log, say)
    durable.write(stamp, content)
    return True


def _run(command: list[str], log: Path, say: Callable[[str], None]) -> None:
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file) as process,
    ):
        try:
            status = _followed(process, log, say)
        except BaseException:
            process.kill()
            raise
    if status:
        said = "\n".join(f"    {line}" for line in _lines(log)[-_TAIL:])
        raise UndercloudError.of(
            "INST-070",
            f"Ironic cannot be installed (exit status {status}); pip's last words:\n{said}",
            fix=f"See that Python's package index can be reached and there is room; the log is {log}.",
        )


def _followed(process: subprocess.Popen[bytes], log: Path, say: Callable[[str], None]) -> int:
    while True:
        try:
            return process.wait(_HEARTBEAT)
        except subprocess.TimeoutExpired:
            say(next(iter(_lines(log)[-1:]), "")[:100])


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()
