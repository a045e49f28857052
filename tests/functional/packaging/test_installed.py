"""The package as installed: from a clone, into a virtual environment of its own, used from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHARED = ("heat-templates", "environments", "roles_data", "ansible", "container-images")
NODES = """
- name: Standalone
  count: 1
  defaults: {managed: false}
  instances:
    - {hostname: one, networks: [{network: ctlplane, fixed_ip: 192.168.24.11}]}
"""


def _run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; without our own import path, which would find the checkout."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment into which a clone was installed, and that lost the clone."""
    base = tmp_path_factory.mktemp("installed")
    _run("git", "clone", "-q", ROOT, base / "clone", cwd=base)
    _run(sys.executable, "-m", "venv", base / "venv", cwd=base)
    _run(base / "venv/bin/pip", "install", "-q", base / "clone", cwd=base)
    (base / "clone").rename(base / "gone")
    return base / "venv"


def _files(directory: Path, *parts: str) -> set[str]:
    found = (path for part in parts for path in (directory / part).rglob("*") if path.is_file())
    return {str(path.relative_to(directory)) for path in found if path.suffix != ".pyc"}


def test_every_file_is_installed(environment: Path) -> None:
    listed = _run("git", "ls-files", "undercloud", *SHARED, cwd=environment.parent / "gone").splitlines()
    (packages,) = environment.glob("lib/python3.*/site-packages")
    installed = _files(packages, "undercloud") | _files(environment / "share/undercloud", *SHARED)
    assert set(listed) == installed


def test_a_cloud_is_compiled_from_what_is_installed(environment: Path, tmp_path: Path) -> None:
    openstack = environment / "bin/openstack"
    (tmp_path / "nodes.yaml").write_text(NODES)
    (tmp_path / "env.yaml").write_text(
        "parameter_defaults: {ControlPlaneSubnetCidr: '24', ControlFixedIPs: [{ip_address: 192.168.24.3}]}\n"
    )
    _run(openstack, "overcloud", "roles", "generate", "-o", "roles.yaml", "Standalone", cwd=tmp_path)
    given = ["-r", "roles.yaml", "-b", "nodes.yaml", "-e", "env.yaml"]
    _run(openstack, "overcloud", "plan", "compile", *given, "--output-dir", "out", cwd=tmp_path)
    assert (tmp_path / "out/config-download/desired_state/one.json").is_file()
    assert (tmp_path / "out/rendered/overcloud.yaml").is_file()
