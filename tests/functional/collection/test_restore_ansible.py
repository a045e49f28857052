"""What the playbook of restores refuses, with real Ansible: damaged backups, and those of other clouds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.functional.collection import real_ansible
from tests.functional.collection.conftest import CHECKOUT
from undercloud.deploy import failures
from undercloud.deploy.backup import MANIFEST, SUMS

pytestmark = pytest.mark.functional

PLAYBOOK = CHECKOUT / "ansible/ansible_collections/undercloud/deploy/playbooks/restore.yaml"
FILES = "node-0/files.tar.gz"


def seal(backup: Path) -> None:
    """Write its sums anew, as the backup's playbook does."""
    names = sorted(str(file.relative_to(backup)) for file in backup.rglob("*") if file.is_file())
    names = [name for name in names if name != SUMS]
    sums = subprocess.run(["sha256sum", *names], cwd=backup, check=True, capture_output=True)
    (backup / SUMS).write_bytes(sums.stdout)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """One of the stack overcloud, which has one node."""
    directory = tmp_path / "backup"
    (directory / FILES).parent.mkdir(parents=True)
    (directory / FILES).write_bytes(b"packed")
    about = {"stack": "overcloud", "hosts": ["node-0"], "databases": ""}
    (directory / MANIFEST).write_text(json.dumps(about))
    seal(directory)
    return directory


def restored(backup: Path, cloud: str = "overcloud") -> str:
    """What Ansible says; it has to refuse before it touches the node."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    node = {"node-0": {**local, "ansible_become": False}}
    inventory = {"undercloud": {"hosts": {"undercloud": local}}, "overcloud": {"hosts": node}}
    (backup.parent / "inventory.yaml").write_text(yaml.safe_dump(inventory))
    (backup.parent / "global_vars.yaml").write_text(yaml.safe_dump({"cloud": {"name": cloud}}))
    words = ("-i", "inventory.yaml", str(PLAYBOOK), "-e", f"undercloud_backup={backup}")
    ran = real_ansible.play(*words, cwd=backup.parent)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "Make a place on the node" not in ran.stdout
    said = next(line for line in ran.stdout.splitlines() if "the backup " in line and "fatal:" in line)
    assert failures.explain("undercloud", said).code == "DEP-035"
    return said


def unlisted(backup: Path) -> None:
    (backup / MANIFEST).unlink()
    seal(backup)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda backup: (backup / FILES).write_bytes(b"other"), f"{FILES}: FAILED;"),
        (lambda backup: (backup / FILES).unlink(), f"{FILES}: FAILED open or read;"),
        (lambda backup: (backup / MANIFEST).unlink(), f"{MANIFEST}: FAILED open or read;"),
        (unlisted, f"without {MANIFEST} nobody knows its cloud; nothing was touched"),
        (lambda backup: (backup / SUMS).unlink(), f"{SUMS}: No such file or directory;"),
    ],
)
def test_a_backup_that_is_not_whole(backup: Path, harm: Callable[[Path], object], told: str) -> None:
    harm(backup)
    said = restored(backup)
    assert f"the backup in {backup} is not whole: " in said
    assert told in said


def test_a_backup_of_another_cloud(backup: Path) -> None:
    assert "it is of the stack overcloud, not of edge" in restored(backup, "edge")
