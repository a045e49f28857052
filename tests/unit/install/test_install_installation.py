"""The record of an installation, what it describes, and the order of parts."""

from __future__ import annotations

import graphlib
import json
from pathlib import Path
from typing import Any

import pytest

from undercloud.diagnostics import Report, UndercloudError
from undercloud.install import configuration, installation
from undercloud.install.installation import Record
from undercloud.install.parts import in_order
from undercloud.validation import undercloud_conf

CONF = "[DEFAULT]\nlocal_ip = 127.24.0.1/24\nundercloud_public_host = 127.24.0.2\n"


def record(tmp_path: Path, text: str = CONF) -> Record:
    return Record("/root/undercloud.conf", text, str(tmp_path / "etc"), "supervisor")


def test_what_is_recorded_is_what_is_read(tmp_path: Path) -> None:
    wanted = installation.intended(record(tmp_path), tmp_path)
    wanted.write_record()
    found = installation.needed(tmp_path)
    assert found.record == wanted.record
    assert (tmp_path / installation.RECORD).stat().st_mode & 0o777 == 0o600
    assert found.site.url == "https://127.24.0.1:13989"
    assert found.site.settings.registry.address == "127.24.0.1:8787"
    assert found.site.settings.paths.state_dir == tmp_path
    assert {"127.24.0.1", "127.24.0.2", "localhost"} <= set(found.site.names)
    assert list(tmp_path.iterdir()) == [tmp_path / installation.RECORD], "describing it writes nothing"


def test_the_operators_settings_win(tmp_path: Path) -> None:
    overrides = tmp_path / "etc/undercloud.conf.d"
    overrides.mkdir(parents=True)
    more = "[api]\nport = 14000\n[registry]\naddress = images.example.com:443\n"
    (overrides / "20-more.conf").write_text(more)
    (overrides / "10-first.conf").write_text("[api]\nport = 15000\n")
    (overrides / "note.txt").write_text("not read")
    site = installation.intended(record(tmp_path), tmp_path).site
    assert site.url == "https://127.24.0.1:14000"
    assert site.settings.registry.address == "images.example.com:443"
    (overrides / "30-wrong.conf").write_text("[api]\nport = many\n")
    with pytest.raises(UndercloudError, match="DEP-020"):
        installation.intended(record(tmp_path), tmp_path)


def test_a_certificate_of_the_operators_is_used(tmp_path: Path) -> None:
    text = f"{CONF}undercloud_service_certificate = /etc/pki/both.pem\n"
    site = installation.intended(record(tmp_path, text), tmp_path).site
    assert site.settings.api.certificate == site.settings.api.key == "/etc/pki/both.pem"
    assert site.cacert == "", "clients trust who signed it"


def test_machines_are_installed_on_the_local_subnet(tmp_path: Path) -> None:
    text = (
        "[DEFAULT]\nlocal_subnet = rack\nsubnets = rack\n[rack]\ncidr = 192.0.2.0/24\ngateway = 192.0.2.254\n"
    )
    text += "inspection_iprange = 192.0.2.100,192.0.2.120\ndhcp_start = 192.0.2.10\ndhcp_end = 192.0.2.50\n"
    text = text.replace(
        "[DEFAULT]", "[DEFAULT]\nlocal_ip = 192.0.2.1/24\nundercloud_public_host = 192.0.2.2", 1
    )
    conf = undercloud_conf.read(text, "x.conf", Report())
    options = configuration.site(conf, tmp_path, tmp_path, frozenset()).settings.baremetal
    assert (options.cidr, options.gateway) == ("192.0.2.0/24", "192.0.2.254")
    assert options.inspection_iprange == ("192.0.2.100", "192.0.2.120")
    assert options.node_iprange == ("192.0.2.10", "192.0.2.50")
    assert options.undercloud_addresses[:2] == ("192.0.2.1", "192.0.2.2")


def test_an_ipv6_undercloud_is_written_with_brackets(tmp_path: Path) -> None:
    conf = undercloud_conf.read("[DEFAULT]\nlocal_ip = fd00::1/64\n", "undercloud.conf", Report())
    text = configuration.rendered(conf, tmp_path)
    assert "host = fd00::1\n" in text
    assert "address = [fd00::1]:8787\n" in text


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", json.dumps({"format": 1}), json.dumps({"format": 2, "source": ""})],
)
def test_a_record_that_is_none_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / installation.RECORD).write_text(text)
    with pytest.raises(UndercloudError, match="INST-010") as caught:
        installation.needed(tmp_path)
    assert caught.value.findings[0].locations[0].file == str(tmp_path / installation.RECORD)


def test_where_nothing_is_installed(tmp_path: Path) -> None:
    assert installation.installed(tmp_path) is None
    with pytest.raises(UndercloudError, match="INST-011"):
        installation.needed(tmp_path)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    with (
        installation.alone(tmp_path),
        pytest.raises(UndercloudError, match="INST-012"),
        installation.alone(tmp_path),
    ):
        pass
    with installation.alone(tmp_path):
        pass


class Named:
    """As much of a part as its order needs."""

    def __init__(self, name: str, *needs: str) -> None:
        self.name, self.needs = name, needs


def test_parts_come_after_those_they_need() -> None:
    given = (("api", "registry", "ironic"), ("ironic", "files"), ("files",), ("registry",))
    parts: Any = [Named(*words) for words in given]
    names = [part.name for part in in_order(*parts)]
    assert names.index("files") < names.index("ironic") < names.index("api")
    assert names.index("registry") < names.index("api")
    cycle: Any = Named("files", "api")
    with pytest.raises(graphlib.CycleError):
        in_order(*parts, cycle)


def test_a_configuration_of_the_operators_goes_on_to_hold(tmp_path: Path) -> None:
    etc, said = tmp_path / "etc", list[str]()
    etc.mkdir()
    (etc / "undercloud.conf").write_text("[api]\nport = 14000\nthreads = 8\n")
    configuration.write(installation.intended(record(tmp_path), tmp_path).site, said.append)
    assert len(said) == 1
    site = installation.intended(record(tmp_path), tmp_path).site
    assert (site.url, site.settings.api.threads) == ("https://127.24.0.1:14000", 8)
    before = {file: file.read_bytes() for file in etc.rglob("*.conf")}
    configuration.write(site, said.append)
    assert {file: file.read_bytes() for file in etc.rglob("*.conf")} == before
    assert len(said) == 1, "done once"


@pytest.mark.parametrize(
    ("settings", "url", "codes"),
    [
        ("host = 0.0.0.0", "https://127.24.0.1:0", []),
        ("host = 127.24.0.9", "https://127.24.0.9:0", []),
        ("unix_socket = /run/undercloud/api.sock", "https://127.24.0.1:0", ["INST-007"]),
    ],
)
def test_where_the_api_is_reached(tmp_path: Path, settings: str, url: str, codes: list[str]) -> None:
    overrides = tmp_path / "etc/undercloud.conf.d"
    overrides.mkdir(parents=True)
    (overrides / "api.conf").write_text(f"[api]\nport = 0\n{settings}\n")
    found = installation.intended(record(tmp_path), tmp_path)
    assert found.site.url == url
    (api,) = [part for part in found.parts if part.name == "api"]
    assert [finding.code for finding in api.problems()] == codes
