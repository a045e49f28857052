"""Finding and ending the processes of a run by a mark in their environment.

Ansible's workers are sessions of their own, and what a killed engine started lives on without it; the mark
goes to all of them, whoever their parent is. Only ansible-playbook, its keeper and ssh are ever touched, and
only with the whole mark: what a task started on this machine (a container's monitor) has it too and is to
stay.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "UNDERCLOUD_RUN"
_PROC = Path("/proc")
_OURS = frozenset({"ansible-playbook", "ssh"})
_KEEPER = [b"-m", b"undercloud.deploy.keeper"]
_PATIENCE = 5.0  # seconds between asking a process to end and ending it
_KILLED = 5.0  # seconds that one which was killed may take, on a busy machine


def marked(value: str, *, whole: bool = True) -> list[int]:
    """Ansible's processes on this machine whose environment says ``UNDERCLOUD_RUN=value``.

    Unless the mark is to be ``whole``, those too whose mark begins with it.
    """
    wanted, found = f"{MARK}={value}".encode(), []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            entries = (entry / "environ").read_bytes().split(b"\0")
            named = wanted in entries if whole else any(each.startswith(wanted) for each in entries)
            if named and _is_ansible(entry):
                found.append(int(entry.name))
    return found


def _is_ansible(entry: Path) -> bool:
    """Whether it is ansible-playbook (a script's name follows its interpreter's), an ssh client, a keeper."""
    words = (entry / "cmdline").read_bytes().split(b"\0")
    # A connection that outlives its command calls itself "ssh: SOCKET [mux]".
    if words[0].startswith(b"ssh: ") or words[1:3] == _KEEPER:
        return True
    return any(Path(os.fsdecode(word)).name in _OURS for word in words[:2])


def ask_to_end(value: str) -> None:
    """SIGTERM to those that we started ourselves; ansible-playbook passes it on to its workers."""
    for pid in marked(value):
        if _parent(pid) == os.getpid():
            _signal(pid, signal.SIGTERM)


def end_all(value: str, patience: float = _PATIENCE, *, whole: bool = True) -> int:
    """End every process that ``marked`` finds: asked first, killed after ``patience`` seconds.

    How many there were. One that the kernel holds is waited for as long again, and no longer.
    """
    pids = marked(value, whole=whole)
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    begun = time.monotonic()
    while pids and (left := marked(value, whole=whole)):
        waited = time.monotonic() - begun
        if waited > 2 * patience + _KILLED:
            break
        if waited > patience:
            for pid in left:
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(pids)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _parent(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
