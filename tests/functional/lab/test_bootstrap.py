"""A newcomer's first command on a bare Debian 12, which has git and make and nothing else."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.tool import CHECKOUT
from undercloud.images import recipe, sources

pytestmark = [pytest.mark.functional, pytest.mark.long]

# What leads out of this machine (name servers, authorities, pip's index) leads out of a new one.
SHARED = ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")


@pytest.fixture(scope="module")
def debian(root: None) -> Iterator[Path]:
    """The root directory of a Debian 12 with a clean clone in /root/undercloud."""
    with tempfile.TemporaryDirectory(prefix="debian-", dir="/var/tmp") as directory:
        place, archives = Path(directory) / "root", Path(directory) / "debian.sources"
        archives.write_text(sources.debian_sources())
        command = [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            "--mode=root",
            "--include=git,make,ca-certificates",
        ]
        subprocess.run([*command, recipe.SUITE, str(place), str(archives)], check=True, timeout=900)
        for file in filter(Path.exists, map(Path, SHARED)):
            shutil.copy(file, place / file.relative_to("/"))
        subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(place / "root/undercloud")], check=True)
        yield place


def run(place: Path, command: str) -> str:
    """Run a shell command in the new Debian, in the clone, with processes and mounts of its own."""
    script = f"mount -t proc proc /proc; mount -t tmpfs tmpfs /run; cd /root/undercloud; {command}"
    environment = ["/usr/bin/env", "-i", "HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    done = subprocess.run(
        ["unshare", "-m", "-p", "-f", "chroot", str(place), *environment, "sh", "-ec", script],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_bootstrap_makes_a_bare_debian_ready(debian: Path) -> None:
    assert not (debian / "usr/bin/python3").exists(), "it is bare"
    said = run(debian, "tools/bootstrap.sh --host; ps ax")
    assert "ready:" in said
    assert "docker-registry serve" not in said, "what is installed is not started"
    assert (debian / "etc/systemd/system/docker-registry.service").readlink() == Path("/dev/null")
    assert not (debian / "usr/sbin/policy-rc.d").exists(), "other packages start their services as ever"
    listed = run(debian, "cd /; /root/undercloud/.venv/bin/openstack overcloud container image list -f value")
    assert "keystone" in listed


def test_the_second_time_it_has_nothing_to_do(debian: Path) -> None:
    said = run(debian, "make bootstrap")
    assert [line for line in said.splitlines() if line.startswith("bootstrap:") and "ready" not in line] == []
