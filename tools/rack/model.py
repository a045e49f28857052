"""What a rack is: where its files lie, which network it has, which machines stand in it."""

import json
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from tools.lab.errors import LabError
from tools.lab.model import BELOW_FIRST_NODE, NETWORKS, Network, Place

MAX_MACHINES = 32
MAX_DISKS = 8
BMC_PORT = 8000
BEFORE_FIRST_IPMI_PORT = 6230
REDFISH, IPMI = "redfish", "ipmi"
"""How a rack's machines are registered: all BMCs speak Redfish, and IPMI where it is asked for."""
CTLPLANE = NETWORKS[0]
_NAMESPACE = uuid.UUID("8c6e1f0a-2a43-4e0e-9a4c-6d5b6f1c7e21")


@dataclass(frozen=True)
class Hardware:
    """What a machine is made of: MiB of memory, processors, GiB of each disk (sparse on the host), disks."""

    memory: int = 3072
    cpus: int = 2
    disk: int = 20
    disks: int = 1


@dataclass(frozen=True)
class Disk:
    """A disk of a machine: its device (`sda`), its serial number, its World Wide Name (16 hex digits)."""

    name: str
    serial: str
    wwn: str


@dataclass(frozen=True)
class Machine:
    """One machine. `number` counts from 1; `uuid` is its identity at the BMC, `mac` its one port's."""

    number: int
    uuid: str
    mac: str
    hardware: Hardware

    @property
    def name(self) -> str:
        """What it is called."""
        return f"node{self.number}"

    @property
    def disks(self) -> tuple[Disk, ...]:
        """Its disks; root device hints may name a serial number."""
        letters = ascii_lowercase[: self.hardware.disks]
        return tuple(
            Disk(
                f"sd{letter}",
                f"RACKDISK{self.number}{letter.upper() if index else ''}",
                f"500000000000{index:02x}{self.number:02x}",
            )
            for index, letter in enumerate(letters)
        )


@dataclass(frozen=True)
class Rack(Place):
    """A rack; `machines` are those that stand in it, by number; `protocol` is how they are registered."""

    networks: tuple[Network, ...] = (CTLPLANE,)
    machines: tuple[Machine, ...] = ()
    protocol: str = REDFISH

    @classmethod
    def at(cls, directory: Path) -> "Rack":
        """The rack of that directory, as it was last described."""
        empty = cls(directory)
        if not empty.file.exists():
            return empty
        described = json.loads(empty.file.read_text())
        networks = tuple(Network(**network) for network in described["networks"])
        machines = [{**one, "hardware": Hardware(**one["hardware"])} for one in described["machines"]]
        found = tuple(Machine(**one) for one in machines)
        return cls(directory, networks, found, described.get("protocol", REDFISH))

    def machine(self, number: int, hardware: Hardware) -> Machine:
        """Machine `number` of this rack: name, identity and MAC address follow from the number."""
        if not 1 <= number <= MAX_MACHINES:
            raise LabError(f"machine {number} is not in 1..{MAX_MACHINES}", f"ask for 1 to {MAX_MACHINES}")
        if not 1 <= hardware.disks <= MAX_DISKS:
            raise LabError(f"a machine has no {hardware.disks} disks", f"ask for 1 to {MAX_DISKS}")
        identity = uuid.uuid5(_NAMESPACE, f"{self.digest}/{number}")
        return Machine(number, str(identity), self.networks[0].mac(BELOW_FIRST_NODE + number), hardware)

    def find(self, name: str) -> Machine:
        """The machine of that name. Raises LabError."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        known = ", ".join(machine.name for machine in self.machines) or "none"
        raise LabError(f"there is no machine {name} in this rack", f"machines of this rack: {known}")

    def save(self) -> None:
        """Write the rack's description."""
        described = {
            "version": 1,
            "host_address": self.host_address,
            "networks": [asdict(network) for network in self.networks],
            "machines": [asdict(machine) for machine in self.machines],
            "protocol": self.protocol,
        }
        temporary = self.file.with_suffix(".new")
        temporary.write_text(json.dumps(described, indent=2) + "\n")
        temporary.rename(self.file)

    @property
    def file(self) -> Path:
        """rack.json: the rack described, for this tool and for other programs."""
        return self.directory / "rack.json"

    @property
    def instackenv(self) -> Path:
        """instackenv.json: the machines, for `openstack overcloud node import`."""
        return self.directory / "instackenv.json"

    @property
    def bmc_url(self) -> str:
        """Where all BMCs answer: one Redfish service with a system for every machine."""
        return f"https://{self.host_address}:{BMC_PORT}"

    def ipmi_port(self, machine: Machine) -> int:
        """The UDP port of a machine's BMC, where the rack has IPMI."""
        return BEFORE_FIRST_IPMI_PORT + machine.number

    def image(self, machine: Machine, disk: Disk) -> Path:
        """The file behind a machine's disk."""
        return self.directory / "disks" / f"{machine.name}-{disk.name}.qcow2"

    def variables(self, machine: Machine) -> Path:
        """The machine's UEFI variables."""
        return self.directory / "disks" / f"{machine.name}.nvram"

    def console(self, machine: Machine) -> Path:
        """What the machine wrote to its serial port."""
        return self.directory / "consoles" / f"{machine.name}.log"


def registration(rack: Rack, machine: Machine, bmc: dict[str, Any]) -> dict[str, Any]:
    """A machine as instackenv.json has it (TripleO's format); `bmc` is how it is reached."""
    return {
        "name": machine.name,
        "arch": "x86_64",
        "cpu": str(machine.hardware.cpus),
        "memory": str(machine.hardware.memory),
        "disk": str(machine.hardware.disk),
        "capabilities": "boot_mode:uefi",
        "root_device": {"serial": machine.disks[0].serial},
        "ports": [{"address": machine.mac, "physical_network": rack.networks[0].name}],
        **bmc,
    }


def by_redfish(rack: Rack, machine: Machine, user: str, password: str, authority: Path) -> dict[str, Any]:
    """How the BMC of a machine is reached; `authority` (PEM) signed its certificate."""
    return {
        "pm_type": "redfish",
        "pm_addr": rack.bmc_url,
        "pm_system_id": f"/redfish/v1/Systems/{machine.uuid}",
        "pm_user": user,
        "pm_password": password,
        "redfish_verify_ca": str(authority),
    }


def by_ipmi(rack: Rack, machine: Machine, user: str, password: str) -> dict[str, Any]:
    """How the BMC of a machine is reached; such a machine boots over the network."""
    return {
        "pm_type": "ipmi",
        "pm_addr": rack.host_address,
        "pm_port": str(rack.ipmi_port(machine)),
        "pm_user": user,
        "pm_password": password,
    }
