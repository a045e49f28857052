"""The service's real programs, with a compiler that makes a small playbook for this machine.

``python -m tests.functional.service.simulated DIRECTORY api|engine [WORD …]`` runs `undercloud-api` or
`undercloud-engine`: HTTP, RPC, database, locks, the keeper and Ansible are real; compiler and SSH are the
simulated world's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.unit.deploy.test_deploy_ansible import world_with_ansible
from undercloud.api import main
from undercloud.conf import Settings
from undercloud.deploy.local import LocalEngine


def run(directory: Path, program: str, words: list[str]) -> int:
    """Run one of the programs on a directory's configuration; its exit status."""

    def open_engine(settings: Settings) -> LocalEngine:
        leaks, fenced = ((directory / name).exists() for name in ("leaks", "fenced"))
        world = world_with_ansible(directory, leaks=leaks, fenced=fenced)
        world.settings = settings
        return world.engine()

    setattr(main, "open_engine", open_engine)  # noqa: B010 - another compiler, and nothing else
    named = ["--config-file", str(directory / "service.conf"), *words]
    return main.api(named) if program == "api" else main.engine(named)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
