"""The machines' BMCs: sushy-tools' Redfish emulator over the rack's libvirt, with TLS and a password."""

import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from tools.lab.errors import LabError
from tools.rack import hypervisor, ipmi
from tools.rack.daemons import Daemon
from tools.rack.machines import FIRMWARE, VARIABLES
from tools.rack.model import BMC_PORT, IPMI, Rack, by_ipmi, by_redfish, registration
from undercloud import durable
from undercloud.images import tls
from undercloud.images.registry import htpasswd_line

USER = "admin"
EMULATOR = Path(sys.executable).with_name("sushy-emulator")
"""The program, which tools/rack/requirements.txt brings."""
_LIBVIRT_PYTHON = Path("/usr/lib/python3/dist-packages")
"""Where Debian's python3-libvirt lies, which undercloud's virtual environment does not look into."""
_SECURE_VARIABLES = VARIABLES.with_name("OVMF_VARS_4M.ms.fd")


def settings(rack: Rack, home: Path, certificates: tls.Certificates) -> dict[str, Any]:
    """The emulator's settings (sushy-tools: user guide, Configuration).

    Storage is told for every machine: asked for what is not configured, the emulator answers 500, and
    Ironic's inspection through Redfish fails.
    """
    prefix = "SUSHY_EMULATOR_"
    machines = rack.machines
    drives = {
        (machine.uuid, "1"): [
            {
                "Id": disk.serial,
                "Name": disk.name,
                "CapacityBytes": machine.hardware.disk * 1024**3,
                "Protocol": "SAS",
            }
            for disk in machine.disks
        ]
        for machine in machines
    }
    controller = {"MemberId": "0", "Name": "virtio-scsi", "SpeedGbps": 12}
    storage = {
        machine.uuid: [
            {
                "Id": "1",
                "Name": "disks",
                "StorageControllers": [controller],
                "Drives": [disk.serial for disk in machine.disks],
            }
        ]
        for machine in machines
    }
    named: Mapping[str, Any] = {
        "LISTEN_IP": rack.host_address,
        "LISTEN_PORT": BMC_PORT,
        "SSL_CERT": str(certificates.certificate),
        "SSL_KEY": str(certificates.key),
        "AUTH_FILE": str(home / "htpasswd"),
        "LIBVIRT_URI": hypervisor.uri(rack),
        "STATE_DIR": str(home / "state"),
        "BOOT_LOADER_MAP": {"UEFI": {"x86_64": str(FIRMWARE)}, "Legacy": {"x86_64": None}},
        "SECURE_BOOT_DISABLED_NVRAM": str(VARIABLES),
        "SECURE_BOOT_ENABLED_NVRAM": str(_SECURE_VARIABLES),
        "STORAGE": storage,
        "DRIVES": drives,
        "VOLUMES": {(machine.uuid, "1"): [] for machine in machines},
    }
    return {f"{prefix}{name}": value for name, value in named.items()}


def start(rack: Rack) -> None:
    """Serve the BMCs of all machines and write instackenv.json; started anew if machines were added."""
    home = rack.directory / "bmc"
    (home / "state").mkdir(parents=True, exist_ok=True, mode=0o700)
    certificates = tls.ensure(home / "tls", [rack.host_address], server="bmc")
    password = _password(home)
    text = "".join(f"{name} = {value!r}\n" for name, value in settings(rack, home, certificates).items())
    file = home / "emulator.conf"
    server = daemon(rack)
    if not file.exists() or file.read_text() != text:
        server.stop()
        file.write_text(text)
    _link_libvirt(home / "python")
    server.start(lambda: _answers(rack, password, certificates.authority))
    if rack.protocol == IPMI:
        ipmi.start(rack, USER, password, home / "python")
        bmcs = [by_ipmi(rack, machine, USER, ipmi.ipmi_password(password)) for machine in rack.machines]
    else:
        bmcs = [
            by_redfish(rack, machine, USER, password, certificates.authority) for machine in rack.machines
        ]
    nodes = [registration(rack, machine, bmc) for machine, bmc in zip(rack.machines, bmcs, strict=True)]
    durable.write(rack.instackenv, json.dumps({"nodes": nodes}, indent=2) + "\n")


def stop(rack: Rack) -> None:
    """End the BMCs."""
    daemon(rack).stop()
    ipmi.daemon(rack).stop()


def daemon(rack: Rack) -> Daemon:
    """The emulator."""
    home = rack.directory / "bmc"
    return Daemon(
        "bmc",
        home,
        [str(EMULATOR), "--config", str(home / "emulator.conf")],
        {"PYTHONPATH": str(home / "python")},
    )


def answering(rack: Rack) -> set[str]:
    """The identities of the machines whose BMC answers, by the protocol that they are registered with."""
    home = rack.directory / "bmc"
    if rack.protocol == IPMI:
        return ipmi.answering(rack, USER, _password(home))
    try:
        listed = _get(rack, _password(home), home / "tls/ca.crt")
    except (requests.RequestException, OSError):
        return set()
    return {member["@odata.id"].rpartition("/")[2] for member in listed["Members"]}


def _answers(rack: Rack, password: str, authority: Path) -> bool:
    try:
        _get(rack, password, authority)
    except requests.RequestException:
        return False
    return True


def _get(rack: Rack, password: str, authority: Path) -> dict[str, Any]:
    url = f"{rack.bmc_url}/redfish/v1/Systems"
    with requests.Session() as session:
        session.trust_env = False  # no proxy stands between a rack and its host
        answer = session.get(url, auth=(USER, password), verify=str(authority), timeout=5)
    answer.raise_for_status()
    listed: dict[str, Any] = answer.json()
    return listed


def _password(home: Path) -> str:
    """The BMCs' password, made once."""
    kept = home / "password"
    if not kept.exists():
        password = secrets.token_urlsafe(16)
        for path, text in ((home / "htpasswd", htpasswd_line(USER, password)), (kept, password)):
            path.touch(mode=0o600)
            path.write_text(text)
    return kept.read_text()


def _link_libvirt(directory: Path) -> None:
    """A directory with libvirt's Python module and nothing else of Debian's Python."""
    files = sorted(_LIBVIRT_PYTHON.glob("libvirt*"))
    if not files:
        raise LabError("libvirt's Python module is not installed", "run tools/bootstrap.sh --rack")
    directory.mkdir(exist_ok=True)
    for file in files:
        link = directory / file.name
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(file)
