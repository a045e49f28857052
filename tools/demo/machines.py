"""The demo on virtual machines: turn on a rack, get a cloud."""

from pathlib import Path

import yaml

from tools.demo.cloud import GIB, ROLES, Demo, Needs
from tools.demo.stages import Stage, Step, Together

MEMORY = 3072  # MiB of a machine: MariaDB, RabbitMQ and Keystone with room to spare
KERNEL = ("--kernel", "linux-image-cloud-amd64")  # virtual machines want no more drivers


class MachineDemo(Demo):
    """Its nodes are machines of the rack, which an installed undercloud provisions."""

    kind = "machines"
    needs = Needs(first_disk=14 * GIB, next_disk=2 * GIB, memory=11 * GIB)
    environments = ("single-database", "small-nodes")

    @property
    def place(self) -> Path:
        """The rack's directory."""
        return self.directory / "rack"

    @property
    def deployment_file(self) -> Path:
        """Which machines become which nodes: any."""
        return self.directory / "baremetal_deployment.yaml"

    @property
    def undercloud_file(self) -> Path:
        """The operator's undercloud.conf."""
        return self.directory / "undercloud.conf"

    @property
    def files(self) -> tuple[Path, ...]:
        """What `write_files` writes."""
        return (*super().files, self.undercloud_file, self.deployment_file)

    def options(self) -> tuple[str, ...]:
        """The undercloud knows the way into nodes that it made."""
        return ()

    def stages(self) -> list[Step]:
        """The way to a cloud: what does not need each other goes side by side."""
        size = ("--nodes", str(len(ROLES)), "--memory", str(MEMORY))
        up = self.tool("tools.rack", "up", "--ctlplane", self.ctlplane, *size)
        configuration = ("--config", str(self.undercloud_file), "--config-dir", str(self.state / "etc"))
        install = ("openstack", "undercloud", "install", *configuration, "--processes", "supervisor")
        image = ("openstack", "overcloud", "image")
        registrations = str(self.place / "instackenv.json")
        enrol = ("openstack", "overcloud", "node", "import", "--introspect", "--provide", registrations)
        return [
            Stage("rack", "two machines with BMCs, off, their disks empty", up),
            Together(
                (
                    (Stage("undercloud", "Ironic, registry, file server, API", install),),
                    (Stage("image", "ramdisk and disk image", (*image, "build", *KERNEL)),),
                )
            ),
            Stage("upload", "the images to the file server", (*image, "upload", *KERNEL)),
            Together(
                (
                    (Stage("import", "machines are looked at", enrol),),
                    self.container_images(),
                )
            ),
            *self.deployment(),
        ]

    def cleaning(self) -> list[Step]:
        """The undercloud goes, then the machines."""
        stages: list[Step] = []
        if self.state.exists():
            uninstall = ("openstack", "undercloud", "uninstall", "--yes", "--no-backup")
            stages.append(Stage("undercloud", "the undercloud goes", uninstall))
        return [*stages, Stage("rack", "the machines go", self.tool("tools.rack", "down"))]

    def write_files(self) -> None:
        """And what the undercloud is, and which nodes there shall be."""
        super().write_files()
        subnet = {
            "cidr": self.ctlplane,
            "gateway": self.address(1),
            "dhcp_start": self.address(10),
            "dhcp_end": self.address(50),
            "inspection_iprange": f"{self.address(100)},{self.address(120)}",
        }
        prefix = self.ctlplane.partition("/")[2]
        own = {
            "local_ip": f"{self.address(1)}/{prefix}",
            "undercloud_public_host": self.address(2),
            "undercloud_admin_host": self.address(3),
            "undercloud_hostname": "undercloud.example.com",
            "enabled_hardware_types": "redfish",
            "clean_nodes": "false",  # the disks are new
        }
        sections = {"DEFAULT": own, "ctlplane-subnet": subnet}
        lines = [
            line
            for section, options in sections.items()
            for line in (f"[{section}]", *(f"{name} = {value}" for name, value in options.items()))
        ]
        self.undercloud_file.write_text("\n".join(lines) + "\n")
        roles = [{"name": role, "count": 1} for role in ROLES]
        self.deployment_file.write_text(yaml.safe_dump(roles, sort_keys=False))

    def looks(self) -> str:
        """The machines, as Ironic and as their consoles show them."""
        return "    openstack overcloud node list\n    python -m tools.rack console node1"
