"""`undercloud install` and its companions, as far as they change nothing; the rest is a functional test."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from undercloud.cli import undercloud_options
from undercloud.client.settings import find
from undercloud.install import installation
from undercloud.install.installation import Record

CONF = """\
[DEFAULT]
local_ip = 127.24.7.1/24
undercloud_public_host = 127.24.7.2
undercloud_admin_host = 127.24.7.3
enable_ironic = false
[ctlplane-subnet]
cidr = 127.24.7.0/24
dhcp_start = 127.24.7.5
dhcp_end = 127.24.7.24
inspection_iprange = 127.24.7.100,127.24.7.120
gateway = 127.24.7.1
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNDERCLOUD_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "undercloud.conf").write_text(CONF)
    return tmp_path


def install(openstack: Openstack, here: Path, *words: str) -> tuple[int, str, str]:
    done = openstack("undercloud", "install", "--config-dir", here / "etc", "--dry-run", *words)
    return done.status, done.out, done.err


def test_a_dry_run_tells_what_would_be_and_writes_nothing(openstack: Openstack, here: Path) -> None:
    before = sorted(here.rglob("*"))
    status, out, err = install(openstack, here, "-f", "json", "--processes", "supervisor", "--no-validations")
    assert status == 0, out + err
    told = json.loads(out)
    assert told["api"] == "https://127.24.7.1:13989"
    assert told["parts"] == "network, registry, api"
    assert told["processes"] == "supervisor"
    assert "note: --no-validations changes nothing" in err
    assert sorted(here.rglob("*")) == before


def test_the_file_in_the_home_is_found_and_without_one_tripleos_defaults_hold(
    openstack: Openstack, here: Path
) -> None:
    (here / "home").mkdir()
    (here / "undercloud.conf").rename(here / "home/undercloud.conf")
    assert install(openstack, here)[0] == 0
    (here / "home/undercloud.conf").unlink()
    # Whether that address is here is this machine's business.
    assert "192.168.24.1" in install(openstack, here)[1]


def test_all_that_is_wrong_with_the_file_is_said_at_once(openstack: Openstack, here: Path) -> None:
    text = CONF.replace("dhcp_end = 127.24.7.24", "dhcp_end = 127.24.8.24\nlocal_mtu = 9000")
    (here / "undercloud.conf").write_text(text.replace("enable_ironic = false", "enable_ironik = false"))
    status, out, _ = install(openstack, here)
    assert status == 1
    assert {"UC-002", "UC-021"} <= set(out.split())
    assert "undercloud.conf:" in out
    status, out, err = install(openstack, here, "--config", "nowhere.conf")
    assert (status, "CLI-032" in out + err) == (2, True)


@pytest.mark.parametrize(
    "words", [("status",), ("backup",), ("uninstall", "--yes"), ("uninstall", "--yes", "--no-backup")]
)
def test_where_nothing_is_installed(openstack: Openstack, here: Path, words: tuple[str, ...]) -> None:
    refused = openstack("undercloud", *words)
    assert (refused.status, "INST-011" in refused.err) == (2, True)
    assert sorted(path.name for path in here.iterdir()) == ["undercloud.conf"]


def test_options_of_tripleos_backup_that_would_not_happen_are_refused(
    openstack: Openstack, here: Path
) -> None:
    refused = openstack("undercloud", "backup", "--cron", "--add-path", "/root", "--db-only")
    assert refused.status == 2
    assert refused.err.count("CLI-006") == 2


def test_nothing_is_removed_without_an_answer(openstack: Openstack, here: Path) -> None:
    record = Record(str(here / "undercloud.conf"), CONF, str(here / "etc"), "supervisor")
    (here / "state").mkdir(mode=0o700)
    installation.intended(record, here / "state").write_record()
    before = sorted(here.rglob("*"))
    assert "CLI-007" in openstack("undercloud", "uninstall").err
    asked = openstack("undercloud", "uninstall", answer="n\n")
    assert asked.status == 2
    assert "0 clouds (none), after a backup?" in asked.out
    assert "Nothing was done." in asked.out
    shown = openstack("undercloud", "status", "-f", "json")
    assert shown.status == 1
    assert {row["State"] for row in json.loads(shown.out)} == {"stopped"}
    assert sorted(here.rglob("*")) == before
    (here / "state/undercloud.db").write_text("no database")
    assert "cannot be read" in openstack("undercloud", "uninstall", answer="n\n").out


def test_a_registry_that_is_part_of_an_undercloud_is_not_started_by_hand(
    openstack: Openstack, here: Path
) -> None:
    record = Record(str(here / "undercloud.conf"), CONF, str(here / "etc"), "supervisor")
    (here / "state").mkdir(mode=0o700)
    installation.intended(record, here / "state").write_record()
    for verb in ("start", "stop"):
        refused = openstack("--undercloud-state-dir", here / "state", "undercloud", "registry", verb)
        assert (refused.status, "undercloud status" in refused.err) == (2, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_who_installs_with_sudo_can_use_it_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = here / "anna"
    home.mkdir()
    person = pwd.struct_passwd(("anna", "x", 12345, 23456, "", str(home), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", {"anna": person}.__getitem__)
    monkeypatch.setenv("SUDO_USER", "anna")
    record = Record(str(here / "undercloud.conf"), CONF, str(here / "etc"), "supervisor")
    site = installation.intended(record, here / "state").site
    file = home / ".config/undercloud/underclouds.yaml"
    assert file in undercloud_options.put_entry(site)
    for path, mode in ((file, 0o600), (file.parent, 0o700), (home / ".config", 0o700)):
        found = path.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 23456, mode), path
    assert home.stat().st_uid == 0, "what was there is left alone"
    remote = find("undercloud", {}, (file.parent,))
    assert (remote.url, remote.username) == ("https://127.24.7.1:13989", "admin")
    undercloud_options.drop_entry(site)
    assert not file.exists()
    file.write_text("underclouds:\n  other: {url: https://192.0.2.9}\n")
    undercloud_options.put_entry(site)
    undercloud_options.drop_entry(site)
    assert (file.stat().st_uid, "other" in file.read_text()) == (12345, True)
    monkeypatch.setenv("SUDO_USER", "nobody-there")
    assert file not in undercloud_options.put_entry(site)
