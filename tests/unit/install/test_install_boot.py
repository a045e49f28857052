"""What starts an undercloud after a boot without systemd: which way a machine has, and what is written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.install.processes.boot import Boot, Way

STATE = Path("/var/lib/undercloud")
WAYS = {
    "sysvinit": ("/sbin/init", True, "", 0, "supervisor", Way.SYSVINIT),
    "sysvinit without update-rc.d, and cron": ("/sbin/init", False, "cron", 0, "supervisor", Way.CRON),
    "cron in a container": ("/usr/bin/tini", True, "cron", 0, "supervisor", Way.CRON),
    "an old number of cron's": ("/usr/bin/tini", True, "sleep", 0, "supervisor", Way.NONE),
    "a plain container": ("/bin/sleep", True, "", 0, "supervisor", Way.NONE),
    "Docker's --init": ("/sbin/docker-init", True, "", 0, "supervisor", Way.NONE),
    "not root": ("/sbin/init", True, "cron", 1000, "supervisor", Way.NONE),
    "systemd": ("/usr/lib/systemd/systemd", True, "cron", 0, "systemd", Way.SYSTEMD),
}


def machine(root: Path, first: str = "/bin/sleep", update_rc: bool = True, cron: str = "") -> Path:
    """A root directory; update-rc.d notes in a file beside it what it is told."""
    for name in ("proc/1", "proc/77", "etc/init.d", "etc/cron.d", "usr/sbin", "run"):
        (root / name).mkdir(parents=True)
    (root / "proc/1/exe").symlink_to(first)
    if update_rc:
        program = root / "usr/sbin/update-rc.d"
        program.write_text(f'#!/bin/sh\necho "$@" >>"{root}.told"\n')
        program.chmod(0o755)
    if cron:
        (root / "run/crond.pid").write_text("77\n")
        (root / "proc/77/comm").write_text(f"{cron}\n")
    return root


@pytest.fixture(autouse=True)
def root_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.parametrize(("first", "update_rc", "cron", "user", "manager", "way"), WAYS.values(), ids=WAYS)
def test_the_way_that_a_machine_has(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    update_rc: bool,
    cron: str,
    user: int,
    manager: str,
    way: Way,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    boot = Boot(STATE, manager, machine(tmp_path / "root", first, update_rc, cron))
    assert boot.way is way
    assert ("undercloud install" in boot.told) == (way is Way.NONE)
    assert boot.taken is (way if way is Way.SYSTEMD else Way.NONE), "nothing is written yet"


def test_an_init_script_comes_and_goes(tmp_path: Path) -> None:
    boot = Boot(STATE, "supervisor", machine(tmp_path / "root", "/sbin/init"))
    file, told = tmp_path / "root/etc/init.d/undercloud", tmp_path / "root.told"
    boot.ensure()
    boot.ensure()
    assert (boot.taken, file.stat().st_mode & 0o777) == (Way.SYSVINIT, 0o755)
    assert "\n# Provides:          undercloud\n" in file.read_text()
    subprocess.run(["sh", "-n", file], check=True)
    refused = subprocess.run(["sh", file, "enable"], capture_output=True, text=True, check=False)
    assert (refused.returncode, "Usage:" in refused.stderr) == (2, True)
    boot.remove()
    boot.remove()
    assert (boot.taken, list(file.parent.iterdir())) == (Way.NONE, [])
    assert told.read_text().splitlines() == [
        "undercloud defaults",
        "undercloud defaults",
        "undercloud remove",
    ]


def test_the_way_follows_the_machine(tmp_path: Path) -> None:
    root = machine(tmp_path / "root", cron="cron")
    state = Path("/srv/100% mine")
    boot = Boot(state, "supervisor", root)
    boot.ensure()
    (entry,) = (root / "etc/cron.d").iterdir()
    assert entry.name.replace("-", "").isalnum(), "cron reads no other names"
    last = entry.read_text().splitlines()[-1]
    assert last.startswith("@reboot root /usr/bin/env ")
    assert last.endswith(" '/srv/100\\% mine' start")
    Boot(STATE, "supervisor", root).ensure()
    assert len(list((root / "etc/cron.d").iterdir())) == 2, "an undercloud beside it"
    Boot(state, "systemd", root).ensure()
    assert [file.name for file in (root / "etc/cron.d").iterdir()] == ["undercloud"]


def test_a_script_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    boot = Boot(STATE, "supervisor", machine(tmp_path / "root", "/sbin/init"))
    file = tmp_path / "root/etc/init.d/undercloud"
    file.write_text("#!/bin/sh\nexec mine\n")
    with pytest.raises(UndercloudError, match="INST-020"):
        boot.ensure()
    boot.remove()
    assert file.read_text() == "#!/bin/sh\nexec mine\n"
    assert boot.taken is Way.NONE


def test_an_update_rc_d_that_fails_is_told(tmp_path: Path) -> None:
    root = machine(tmp_path / "root", "/sbin/init")
    (root / "usr/sbin/update-rc.d").write_text("#!/bin/sh\necho no runlevels >&2\nexit 1\n")
    with pytest.raises(UndercloudError, match="no runlevels"):
        Boot(STATE, "supervisor", root).ensure()
