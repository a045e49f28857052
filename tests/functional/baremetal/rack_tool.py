"""`python -m tools.rack` as tests use it; without QEMU or libvirt they are skipped."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.functional.tool import Tool
from tools.rack.bmc import EMULATOR
from tools.rack.machines import FIRMWARE

SUBNET = os.environ.get("UNDERCLOUD_RACK_SUBNET", "192.168.25.0/24")
HOST = SUBNET.partition("/")[0].rpartition(".")[0]  # its first three numbers

_PROGRAMS = ("qemu-system-x86_64", "libvirtd", "virsh", str(EMULATOR))

needs_rack = pytest.mark.skipif(
    os.geteuid() != 0 or not FIRMWARE.exists() or not all(map(shutil.which, _PROGRAMS)),
    reason="machines are made by root, with what tools/bootstrap.sh --rack installs",
)


@dataclass(frozen=True)
class RackTool(Tool):
    """The rack of one directory."""

    NAME = "rack"
    LONGEST = 300

    def rows(self) -> list[dict[str, Any]]:
        """What `status` says."""
        rows: list[dict[str, Any]] = json.loads(self("status", "-f", "json", check=False).stdout)
        return rows

    @property
    def registrations(self) -> list[dict[str, Any]]:
        """The machines of instackenv.json."""
        nodes: list[dict[str, Any]] = json.loads((self.directory / "instackenv.json").read_text())["nodes"]
        return nodes

    def bmc(self, method: str, path: str, body: Any = None, **changed: Any) -> requests.Response:
        """Ask the first machine's BMC by Redfish, past Ironic; ``path`` is below its system."""
        node = self.registrations[0]
        known = {"auth": (node["pm_user"], node["pm_password"]), "verify": node["redfish_verify_ca"]}
        url = f"{node['pm_addr']}{node['pm_system_id']}/{path}".rstrip("/")
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, url, json=body, timeout=30, **{**known, **changed})
