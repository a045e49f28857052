"""Where the service keeps its things."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg

GROUP = "paths"
STATE_DIR = "/var/lib/undercloud"
OPTIONS = [
    cfg.StrOpt(
        "state_dir",
        default="",
        help=f"Directory of the database, the key and the stacks; empty: {STATE_DIR} for root, "
        "~/.local/state/undercloud for others.",
    ),
    cfg.StrOpt(
        "secure_tmp",
        default="/dev/shm",  # noqa: S108 - a tmpfs of the system, where files are made with mode 0600
        help="Directory in memory where the secrets of a running deployment lie in a private file.",
    ),
]


@dataclass(frozen=True)
class Paths:
    """Absolute paths; everything below ``state_dir`` is made by the service, mode 0700."""

    state_dir: Path
    secure_tmp: Path

    @property
    def database(self) -> Path:
        """The embedded SQLite file."""
        return self.state_dir / "undercloud.db"

    @property
    def key_file(self) -> Path:
        """The key (or, newest first, the keys) of the secrets in the database."""
        return self.state_dir / "secret.key"

    def stack_dir(self, stack: str) -> Path:
        """What belongs to one stack: playbook directory, runner artifacts, credentials."""
        return self.state_dir / "stacks" / stack

    def artifacts(self, stack: str) -> Path:
        """What Ansible printed in a stack's deployments, a directory each by their ids."""
        return self.stack_dir(stack) / "runner" / "artifacts"

    def backups_dir(self, stack: str) -> Path:
        """Backups of a stack's cloud, which outlive it."""
        return self.state_dir / "backups" / stack

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Paths:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(
            Path(area.state_dir or _default()).expanduser().absolute(),
            Path(area.secure_tmp),
        )


def _default() -> str:
    """Where the state lies unless said: the system's place for root, XDG's for everybody else."""
    if os.geteuid() == 0:
        return STATE_DIR
    return str(Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "undercloud")
