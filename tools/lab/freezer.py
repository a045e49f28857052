"""Frozen processes of a node whose power is cut.

With cgroups of version 1 a frozen process cannot be killed (the kernel's freezer-subsystem.rst), and runc
freezes a container for a moment when it sets its limits. A node that is killed in that moment would keep its
processes, and could not be started again.
"""

import time
from pathlib import Path

HIERARCHY = Path("/sys/fs/cgroup/freezer")
_PATIENCE = 10.0  # seconds


def directory_of(pid: int) -> Path | None:
    """The freezer's directory of a process; None with cgroups of version 2, which kill what is frozen."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "freezer" in controllers.split(",") and HIERARCHY.is_dir():
            return HIERARCHY / path.lstrip("/")
    return None


def let_die(pid: int, directory: Path) -> None:
    """Thaw everything in a directory of the freezer until a process that was killed is gone."""
    until = time.monotonic() + _PATIENCE
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        for state in directory.rglob("freezer.state"):
            _thaw(state)
        time.sleep(0.05)


def _thaw(state: Path) -> None:
    try:
        if state.read_text().strip() != "THAWED":
            state.write_text("THAWED")
    except OSError:  # it ended meanwhile
        return
