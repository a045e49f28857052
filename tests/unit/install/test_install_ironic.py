"""Ironic and its file server as parts of the undercloud: what undercloud.conf makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.baremetal.service.configuration import configuration
from undercloud.conf import load
from undercloud.diagnostics import Report
from undercloud.install.parts import all_parts
from undercloud.install.parts.files import Files
from undercloud.install.parts.ironic import Ironic
from undercloud.install.site import Site
from undercloud.validation.undercloud_conf import read

LOCAL = "local_ip = 127.0.0.1/8\n"


def site(directory: Path, text: str = "", own: str = "") -> Site:
    file = directory / "own.conf"
    file.write_text(own)
    conf = read(f"[DEFAULT]\n{LOCAL}{text}", "undercloud.conf", Report())
    return Site(
        conf, load(str(directory / "state"), str(file)), directory / "etc", frozenset({"ironic", "files"})
    )


@pytest.mark.parametrize(("text", "there"), [("", True), ("enable_ironic = false\n", False)])
def test_it_is_a_part_unless_the_operator_says_no(tmp_path: Path, text: str, there: bool) -> None:
    names = [part.name for part in all_parts(site(tmp_path, text))]
    assert ({"files", "ironic"} <= set(names)) == there
    if there:
        assert names.index("files") < names.index("ironic")


PROBLEMS = {
    "the defaults": ("", []),
    "what it has": ("enabled_hardware_types = redfish,fake-hardware\n", []),
    "one it has no more": ("enabled_hardware_types = redfish,ilo\n", ["INST-073 warning 3"]),
    "nothing it has": ("enabled_hardware_types = ilo\n", ["INST-072 error 3"]),
}


@pytest.mark.parametrize(("text", "expected"), PROBLEMS.values(), ids=PROBLEMS)
def test_hardware_types_that_are_not_there_are_told(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = Ironic(site(tmp_path, text)).problems()
    assert [f"{one.code} {one.severity} {one.locations[0].line}" for one in found] == expected


def test_it_is_as_the_operator_wants(tmp_path: Path) -> None:
    text = "clean_nodes = true\nenabled_hardware_types = redfish\n"
    own = "[ironic]\nconnection = postgresql://db/ironic\ntransport_url = rabbit://bus/\nlldp_seconds = 45\n"
    here = site(tmp_path, text, own)
    said = configuration(Ironic(here).settings)
    for line in (
        "enabled_hardware_types = redfish",
        "automated_clean = true",
        "connection = postgresql://db/ironic",
        "rpc_transport = oslo",
        "host_ip = 127.0.0.1",
    ):
        assert f"{line}\n" in said
    assert "ipa-lldp-timeout=45" in said
    assert Ironic(here).kept.databases == ()
    assert Ironic(site(tmp_path)).kept.databases == (tmp_path / "state/ironic/ironic.sqlite",)


def test_processes_name_what_they_read(tmp_path: Path) -> None:
    here = site(tmp_path)
    (files,), (ironic,) = Files(here).processes(), Ironic(here).processes()
    assert ironic.after == (files.name,)
    assert Path(ironic.command[0]).is_absolute() and Path(files.command[0]).is_absolute()
    assert {"ironic.conf", "htpasswd", "ironic.crt", "ironic.key"} <= {path.name for path in ironic.reads}
    assert str(tmp_path / "state/ironic/bin") in ironic.environment["PATH"]


def test_health_is_told_without_a_traceback(tmp_path: Path) -> None:
    for part in (Files(site(tmp_path)), Ironic(site(tmp_path))):
        health = part.healthy()
        assert not health.ok and "does not answer" in health.message
