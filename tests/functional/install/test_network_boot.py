"""dnsmasq as the undercloud runs it, asked as a network card's firmware asks, in a network of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.functional.install.dhcp_client import ACK, BIOS, UEFI, lease
from undercloud.baremetal.service import dhcp
from undercloud.install.parts.network_boot import POWERS

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root"),
    pytest.mark.skipif(shutil.which(dhcp.PROGRAM) is None, reason="Debian's dnsmasq-base is not installed"),
]
_SPACE = f"uc-dhcp-{os.getpid()}"
ADDRESS, CIDR, SCRIPT = "192.0.2.1", "192.0.2.0/24", "http://192.0.2.1:8088/boot.ipxe"
PROVISIONING, ELSEWHERE = f"ucp{os.getpid()}", f"uce{os.getpid()}"
FIRST, SECOND, STRANGER = "52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """An undercloud's namespace with two cards; what is plugged into them is here."""
    ip("netns", "add", _SPACE)
    try:
        for outside, inside, address in (
            (PROVISIONING, "eth1", ADDRESS),
            (ELSEWHERE, "eth2", "198.51.100.1"),
        ):
            ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", _SPACE)
            ip("link", "set", outside, "up")
            ip("-n", _SPACE, "address", "add", f"{address}/24", "dev", inside)
            ip("-n", _SPACE, "link", "set", inside, "up")
        ip("-n", _SPACE, "link", "set", "lo", "up")
        yield
    finally:
        ip("netns", "delete", _SPACE)


class Dnsmasq:
    """The process, with as few of root's powers as systemd leaves it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settings = dhcp.DhcpSettings(directory, "eth1", ADDRESS, CIDR, "192.0.2.254", SCRIPT)
        self.settings.loaders.mkdir()
        (self.settings.loaders / dhcp.UEFI_LOADER).write_bytes(b"loader" * 1000)
        self.settings.configuration.write_text(dhcp.configuration(self.settings))
        self.log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        powers = ",".join(power.lower().replace("cap_", "+") for power in POWERS)
        words = [
            "ip",
            "netns",
            "exec",
            _SPACE,
            "setpriv",
            "--bounding-set",
            f"-all,{powers}",
            "--no-new-privs",
        ]
        words += [dhcp.PROGRAM, "--keep-in-foreground", f"--conf-file={self.settings.configuration}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        until = time.monotonic() + 20
        while not self.serves(dhcp.UEFI_LOADER):
            assert self._process.poll() is None and time.monotonic() < until, self.log.read_text()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def serves(self, name: str) -> bool:
        code = f"from undercloud.baremetal.service import dhcp; assert dhcp.serves('{ADDRESS}', '{name}', 1)"
        words = ["ip", "netns", "exec", _SPACE, shutil.which("python3") or "", "-c", code]
        root = str(Path(__file__).resolve().parents[3])
        return (
            subprocess.run(words, env={"PYTHONPATH": root}, capture_output=True, check=False).returncode == 0
        )

    def answers(self, machines: dict[str, Sequence[str]]) -> None:
        dhcp.answer(self.directory, machines)
        time.sleep(0.3)  # a signal is not waited for


@pytest.fixture
def dnsmasq(network: None, tmp_path: Path) -> Iterator[Dnsmasq]:
    made = Dnsmasq(tmp_path)
    made.start()
    yield made
    made.stop()


def test_nobody_is_answered_who_is_not_known(dnsmasq: Dnsmasq) -> None:
    assert lease(PROVISIONING, STRANGER, seconds=2) is None
    dnsmasq.answers({"192.0.2.100": [FIRST]})
    given = lease(PROVISIONING, FIRST)
    assert given is not None and (given.kind, given.address, given.router) == (
        ACK,
        "192.0.2.100",
        "192.0.2.254",
    )
    assert lease(PROVISIONING, STRANGER, seconds=2) is None
    assert lease(ELSEWHERE, FIRST, seconds=2) is None, "it is on one interface alone"


def test_every_firmware_gets_what_it_can_run_and_ipxe_its_script(dnsmasq: Dnsmasq) -> None:
    dnsmasq.answers({"192.0.2.100": [FIRST]})
    told = [
        lease(PROVISIONING, FIRST, UEFI),
        lease(PROVISIONING, FIRST, BIOS),
        lease(PROVISIONING, FIRST, ipxe=True),
    ]
    assert [one.loader for one in told if one] == [dhcp.UEFI_LOADER, dhcp.BIOS_LOADER, SCRIPT]
    assert {one.address for one in told if one} == {"192.0.2.100"}
    assert dnsmasq.serves(dhcp.UEFI_LOADER)
    assert not dnsmasq.serves("../dnsmasq.conf")


def test_who_is_answered_changes_while_it_runs(dnsmasq: Dnsmasq) -> None:
    dnsmasq.answers({"192.0.2.100": [FIRST]})
    assert lease(PROVISIONING, FIRST)
    dnsmasq.answers({"192.0.2.100": [FIRST, SECOND], "192.0.2.101": [STRANGER]})
    given = lease(PROVISIONING, SECOND)
    assert given is not None and given.address == "192.0.2.100", "two ports of one machine"
    dnsmasq.answers({"192.0.2.102": [SECOND]})
    assert lease(PROVISIONING, FIRST, seconds=2) is None
    assert lease(PROVISIONING, STRANGER, seconds=2) is None
    given = lease(PROVISIONING, SECOND)
    assert given is not None and given.address == "192.0.2.102"


def test_started_anew_it_knows_the_same(dnsmasq: Dnsmasq) -> None:
    dnsmasq.answers({"192.0.2.100": [FIRST]})
    dnsmasq.stop()
    dhcp.answer(dnsmasq.directory, {"192.0.2.100": [FIRST], "192.0.2.101": [SECOND]})
    dnsmasq.start()
    given = lease(PROVISIONING, SECOND)
    assert given is not None and given.address == "192.0.2.101"
    assert dhcp.hosts_file(dnsmasq.directory).stat().st_mode & 0o077 == 0
