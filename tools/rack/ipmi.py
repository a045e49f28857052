"""The machines' BMCs by IPMI: virtualbmc over the rack's libvirt, a UDP port for each machine."""

import configparser
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

from tools.rack import hypervisor
from tools.rack.daemons import Daemon
from tools.rack.model import Machine, Rack
from undercloud import durable

_LONGEST_PASSWORD = 16
"""What every version of IPMI takes, in bytes."""


def start(rack: Rack, user: str, password: str, python: Path) -> None:
    """Serve IPMI for all machines; ``python`` is a directory with libvirt's module."""
    home = _home(rack)
    for machine in rack.machines:
        directory = home / "machines" / machine.name
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = {
            "username": user,
            "password": ipmi_password(password).replace("%", "%%"),
            "address": rack.host_address,
            "port": str(rack.ipmi_port(machine)),
            "domain_name": machine.name,
            "libvirt_uri": hypervisor.uri(rack).replace("%", "%%"),
            "active": "True",
        }
        durable.write(directory / "config", _ini("VirtualBMC", settings))
    server = daemon(rack, python)
    if server.pid() is None:
        with socket.socket() as probe:  # where its own command line would reach it: nobody uses that
            probe.bind(("127.0.0.1", 0))
            control = str(probe.getsockname()[1])
        places = {"config_dir": str(home / "machines"), "pid_file": str(home / "vbmcd.pid")}
        durable.write(home / "virtualbmc.conf", _ini("default", {**places, "server_port": control}))
    server.start(lambda: answering(rack, user, password) == {machine.uuid for machine in rack.machines})


def daemon(rack: Rack, python: Path = Path()) -> Daemon:
    """virtualbmc's server; it looks for new machines by itself."""
    home = _home(rack)
    program = Path(sys.executable).with_name("vbmcd")
    environment = {"PYTHONPATH": str(python), "VIRTUALBMC_CONFIG": str(home / "virtualbmc.conf")}
    return Daemon("ipmi", home, [str(program), "--foreground"], environment)


def answering(rack: Rack, user: str, password: str) -> set[str]:
    """The identities of the machines whose BMC tells of their power."""
    return {machine.uuid for machine in rack.machines if _power(rack, machine, user, password)}


def ipmi_password(password: str) -> str:
    """As much of a password as IPMI takes."""
    return password[:_LONGEST_PASSWORD]


def _home(rack: Rack) -> Path:
    return rack.directory / "ipmi"


def _power(rack: Rack, machine: Machine, user: str, password: str) -> str:
    """What `ipmitool` says of the power; empty where the BMC does not answer."""
    address, port = rack.host_address, str(rack.ipmi_port(machine))
    words = ["ipmitool", "-I", "lanplus", "-N", "1", "-R", "1"]
    words += ["-H", address, "-p", port, "-U", user, "-E", "chassis", "power", "status"]
    environment = {**os.environ, "IPMI_PASSWORD": ipmi_password(password)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _ini(section: str, values: dict[str, str]) -> str:
    config = configparser.RawConfigParser()
    config[section] = values
    text = io.StringIO()
    config.write(text)
    return text.getvalue()
