"""Where a run's private things lie: a directory in memory, gone when the run ends.

It holds the secrets that the nodes' module reads, the known_hosts file, SSH's control sockets and Ansible's
temporary files, and what the engine and the keepers of its playbooks tell each other. What a killed engine
left is taken up or removed by the next holder of the stack's lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from undercloud import durable
from undercloud.deploy import kept
from undercloud.diagnostics import UndercloudError

_SOCKET_PATH = 108  # bytes of a Unix socket's path, see unix(7)
_RUNS, _DEPLOYMENT = "runs", "deployment"
_SOCKET_NAME = 1 + 40 + 17  # a slash, OpenSSH's hash of the connection (%C), what it adds while connecting


class LeftError(Exception):
    """The engine ends and leaves its work to a successor: nothing is recorded, what runs goes on."""


@dataclass(frozen=True)
class Workspace:
    """A private directory (mode 0700) and what lies in it; ``found`` when a dead engine left runs there."""

    root: Path
    found: bool = False

    @property
    def secrets_file(self) -> Path:
        """Reference name → value, JSON, mode 0600."""
        return self.root / "secrets.json"

    def run_directory(self, purpose: str) -> Path:
        """What a run of a playbook and the engine tell each other."""
        return self.root / _RUNS / purpose

    @property
    def known_hosts(self) -> Path:
        """Host keys in OpenSSH's format."""
        return self.root / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        """SSH's configuration, where nodes are entered in more than one way."""
        return self.root / "ssh_config"

    @property
    def control_dir(self) -> Path:
        """SSH's control sockets."""
        return self.root / "cp"

    @property
    def shares_connections(self) -> bool:
        """Whether sockets of ``control_dir`` have paths that are short enough for the system."""
        return len(str(self.control_dir)) + _SOCKET_NAME < _SOCKET_PATH

    @property
    def temporary(self) -> Path:
        """Ansible's temporary files."""
        return self.root / "tmp"

    def write_secrets(self, secrets: Mapping[str, str]) -> None:
        """Write the secrets file."""
        durable.write(self.secrets_file, json.dumps(dict(secrets)).encode())


@contextmanager
def opened(
    memory: Path, state_dir: Path, stack: str, deployment: str, *, anew: bool = True
) -> Iterator[Workspace]:
    """The workspace of a stack's deployment; call it only while holding the stack's lock.

    Unless it is to be made ``anew`` it is the one that a dead engine left of the same deployment, with runs
    that go on or have ended since. It is removed at the end, but not by a LeftError. Raises DEP-021 when
    ``memory`` (a tmpfs such as /dev/shm) cannot be used.
    """
    owner = hashlib.sha256(f"{state_dir}|{stack}".encode()).hexdigest()[:12]
    prefix = f"uc-{owner}-"
    left = None if anew else _left_by(memory, prefix, deployment)
    _remove_leftovers(memory, prefix, left)
    try:
        root = left or _made(memory, prefix, deployment)
    except OSError as error:
        raise UndercloudError.of(
            "DEP-021",
            f"no private directory can be made in {memory}: {error.strerror}",
            fix="Name a directory in memory (a tmpfs) with [paths] secure_tmp in the configuration.",
        ) from error
    try:
        yield Workspace(root, found=left is not None)
    except LeftError:
        raise
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    shutil.rmtree(root, ignore_errors=True)


def _made(memory: Path, prefix: str, deployment: str) -> Path:
    root = Path(tempfile.mkdtemp(prefix=prefix, dir=memory))
    workspace = Workspace(root)
    for directory in (workspace.control_dir, workspace.temporary, root / _RUNS):
        directory.mkdir(mode=0o700)
    (root / _DEPLOYMENT).write_text(deployment)
    return root


def _left_by(memory: Path, prefix: str, deployment: str) -> Path | None:
    """What a dead engine left of that deployment, if all its runs go on or have ended by themselves."""
    for left in _ours(memory, prefix):
        file = left / _DEPLOYMENT
        if file.exists() and file.read_text() == deployment:
            runs = list((left / _RUNS).iterdir())
            return left if runs and all(map(kept.whole, runs)) else None
    return None


def _remove_leftovers(memory: Path, prefix: str, but: Path | None) -> None:
    for left in _ours(memory, prefix):
        if left != but:
            shutil.rmtree(left, ignore_errors=True)


def _ours(memory: Path, prefix: str) -> list[Path]:
    return [left for left in memory.glob(f"{prefix}*") if left.lstat().st_uid == os.getuid()]


def make_private(path: Path) -> None:
    """Make a directory and those above it that are missing, all with mode 0700."""
    for directory in reversed((path, *path.parents)):
        if not directory.exists():
            directory.mkdir(mode=0o700, exist_ok=True)


def write_tree(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a directory of private files (0700, 0600) and put it in the place of the old one.

    Paths that lead out of the directory are refused (INT-001): the compiler never makes any.
    """
    fresh = path.with_name(f".{path.name}.new")
    old = path.with_name(f".{path.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    make_private(fresh)
    for name, content in files.items():
        target = fresh / name
        if not target.resolve().is_relative_to(fresh.resolve()):
            raise UndercloudError.of("INT-001", f"{name} leads out of the playbook directory")
        make_private(target.parent)
        target.touch(mode=0o600)
        target.write_bytes(content)
        if name.endswith(".sh"):
            target.chmod(0o700)
    if path.exists():
        path.rename(old)
    fresh.rename(path)
    shutil.rmtree(old, ignore_errors=True)
