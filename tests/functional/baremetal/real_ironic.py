"""A real Ironic in one process, with machines that are not there: fake hardware and fake BMCs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import bcrypt
import requests

from tests.functional.baremetal.ironic_environment import VENV
from tools.rack.bmc import EMULATOR
from undercloud.baremetal.ironic import Access
from undercloud.baremetal.service.ironic import write_ahead
from undercloud.images.tls import ensure

USER, PASSWORD = "undercloud", "not to be seen"
BMC_USER, BMC_PASSWORD = "admin", "of the bmc"
_CONF = """\
[DEFAULT]
auth_strategy = http_basic
http_basic_auth_user_file = {root}/htpasswd
rpc_transport = none
host = test
my_ip = 127.0.0.1
tempdir = {root}
state_path = {root}
enabled_hardware_types = fake-hardware,redfish,ipmi
enabled_bios_interfaces = fake,no-bios,redfish
enabled_boot_interfaces = fake,redfish-virtual-media,ipxe
enabled_console_interfaces = fake,no-console
enabled_deploy_interfaces = fake,direct
enabled_firmware_interfaces = fake,no-firmware
enabled_inspect_interfaces = fake,agent,redfish,no-inspect
enabled_management_interfaces = fake,redfish,ipmitool
enabled_network_interfaces = noop
enabled_power_interfaces = fake,redfish,ipmitool
enabled_raid_interfaces = fake,no-raid
enabled_rescue_interfaces = no-rescue
enabled_storage_interfaces = noop
enabled_vendor_interfaces = fake,no-vendor
[api]
host_ip = 127.0.0.1
port = {port}
public_endpoint = {endpoint}
max_limit = 2000
[database]
connection = sqlite:///{root}/ironic.sqlite
[conductor]
automated_clean = false
sync_power_state_interval = 0
power_state_change_timeout = 15
workers_pool_size = 100
[inspector]
hooks = $default_hooks,root-device
add_ports = all
require_managed_boot = false
[deploy]
http_root = {root}/http
[pxe]
tftp_root = {root}/tftp
[ipmi]
command_retry_timeout = 4
min_command_interval = 1
[redfish]
connection_attempts = 1
connection_retry_interval = 1
read_timeout = 5
firmware_update_status_interval = 5
[service_catalog]
auth_type = none
endpoint_override = {endpoint}
[dhcp]
dhcp_provider = none
"""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealIronic:
    """An Ironic in ``root``; it may be stopped and started again, and goes on with its database.

    ``more`` are lines after those of its configuration, which they override.
    """

    def __init__(self, root: Path, more: str = "") -> None:
        self.root = root
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        (root / "htpasswd").write_text(f"{USER}:{hashed}\n")
        text = _CONF.format(root=root, port=self.port, endpoint=self.endpoint)
        (root / "ironic.conf").write_text(text + more)
        for name in ("http", "tftp"):  # for iPXE
            (root / name).mkdir()
        programs = root / "bin"
        programs.mkdir()
        (programs / "mkisofs").symlink_to("/usr/bin/xorrisofs")  # config drives; Debian has no other
        self._environment = {**_environment(), "PATH": f"{programs}:{_environment()['PATH']}"}
        self._tool("ironic-dbsync", "create_schema")
        write_ahead(root / "ironic.sqlite")

    @property
    def access(self) -> Access:
        """How to use it."""
        return Access(self.endpoint, USER, PASSWORD)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.root / "ironic.log").open("ab") as log:
            command = [str(VENV / "bin" / "ironic"), "--config-file", str(self.root / "ironic.conf")]
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )
        _wait(lambda: requests.get(self.endpoint, timeout=2).ok, self.root / "ironic.log")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it."""
        if self._process is not None:
            if how is signal.SIGKILL:
                os.killpg(self._process.pid, how)  # the worker too, which is a process of its own
            else:
                self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def used(self) -> tuple[int, int]:
        """MiB that its processes hold in memory, and seconds of processor time that they have had."""
        assert self._process
        told = subprocess.run(
            ["ps", "-o", "rss=,times=", "-g", str(os.getsid(self._process.pid))],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        rows = [tuple(map(int, line.split())) for line in told.splitlines()]
        return sum(memory for memory, _ in rows) // 1024, sum(seconds for _, seconds in rows)

    def call_back(
        self, inventory: dict[str, Any], plugins: dict[str, Any] | None = None
    ) -> requests.Response:
        """What a ramdisk does when it has looked at the machine."""
        body = {"inventory": inventory, **(plugins or {})}
        headers = {"X-OpenStack-Ironic-API-Version": "1.84"}
        return requests.post(
            f"{self.endpoint}/v1/continue_inspection", json=body, headers=headers, timeout=30
        )

    def _tool(self, *command: str) -> None:
        subprocess.run(
            [VENV / "bin" / command[0], "--config-file", self.root / "ironic.conf", *command[1:]],
            check=True,
            capture_output=True,
            env=_environment(),
        )


@contextlib.contextmanager
def bmcs(
    root: Path,
    systems: Sequence[dict[str, Any]],
    address: str = "127.0.0.1",
    port: int = 0,
    *,
    tls: bool = False,
) -> Iterator[str]:
    """BMCs that speak Redfish and have nothing behind them; their URL. ``port`` 0 is a free one."""
    port = port or free_port()
    root.mkdir(exist_ok=True)
    secure = ""
    if tls:
        made = ensure(root / "tls", [address], server="bmc")
        secure = f"SUSHY_EMULATOR_SSL_CERT = '{made.certificate}'\nSUSHY_EMULATOR_SSL_KEY = '{made.key}'\n"
    hashed = bcrypt.hashpw(BMC_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (root / "bmc.htpasswd").write_text(f"{BMC_USER}:{hashed}\n")
    storage = {
        one["uuid"]: [{"Id": "1", "Name": "c", "Drives": ["D"], "StorageControllers": []}] for one in systems
    }
    drives = {
        (one["uuid"], "1"): [{"Id": "D", "Name": "sda", "CapacityBytes": 64 << 30, "Protocol": "SAS"}]
        for one in systems
    }
    (root / "sushy.conf").write_text(
        f"{secure}SUSHY_EMULATOR_LISTEN_IP = '{address}'\nSUSHY_EMULATOR_LISTEN_PORT = {port}\n"
        f"SUSHY_EMULATOR_AUTH_FILE = '{root}/bmc.htpasswd'\nSUSHY_EMULATOR_FAKE_DRIVER = True\n"
        f"SUSHY_EMULATOR_FAKE_SYSTEMS = {list(systems)!r}\nSUSHY_EMULATOR_STATE_DIR = '{root}'\n"
        f"SUSHY_EMULATOR_STORAGE = {storage!r}\nSUSHY_EMULATOR_DRIVES = {drives!r}\n"
        f"SUSHY_EMULATOR_VOLUMES = { {key: [] for key in drives}!r}\n"
    )
    log = root / "sushy.log"
    with log.open("ab") as output:
        command = [str(EMULATOR), "--fake", "--config", str(root / "sushy.conf")]
        process = subprocess.Popen(command, stdout=output, stderr=output, env=_environment())
    try:
        url = f"http{'s' if tls else ''}://{address}:{port}"
        authority = str(root / "tls/ca.crt") if tls else True
        _wait(lambda: requests.get(f"{url}/redfish/v1/", timeout=2, verify=authority).ok, log)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(ready: Any, log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if ready():
                return
        time.sleep(0.2)
    raise AssertionError(f"it does not answer after {seconds:.0f} s:\n{log.read_text()[-3000:]}")


def _environment() -> dict[str, str]:
    return {"PATH": f"{VENV / 'bin'}:{os.environ['PATH']}", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
