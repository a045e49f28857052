"""The tasks of software deployments, read by Ansible itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from undercloud.playbooks.upstream import hooks


def test_ansible_takes_the_tasks(tmp_path: Path) -> None:
    (tmp_path / "deployments.yaml").write_text(hooks.tasks())
    play = {"hosts": "localhost", "tasks": [{"include_tasks": "deployments.yaml", "loop": ["x"]}]}
    imported = {"hosts": "localhost", "tasks": [{"import_tasks": "deployments.yaml"}]}
    (tmp_path / "play.yaml").write_text(yaml.safe_dump([play, imported]))
    done = subprocess.run(
        ["ansible-playbook", "--syntax-check", "play.yaml"],
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_nothing_runs_in_check_mode() -> None:
    tasks = yaml.safe_load(hooks.tasks())
    writing = [task for task in tasks if "copy" in task or "debug" in task]
    assert writing
    assert all("not ansible_check_mode|bool" in str(task["when"]) for task in writing)
