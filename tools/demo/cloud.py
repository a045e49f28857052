"""What every demo is: its files and the commands an operator would type; the nodes are made elsewhere."""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import yaml

from tools.demo.stages import Stage, Step
from tools.lab.model import NETWORKS

ROLES = ("ControllerOpenstack", "DatabaseMessaging")
PUBLIC_ADDRESS = 60  # the cloud's own address is the control plane's .60
GIB = 1024**3


@dataclass(frozen=True)
class Needs:
    """Bytes that a demo wants of disk, the first time and later, and of free memory; and loop devices."""

    first_disk: int
    next_disk: int
    memory: int
    loop_devices: bool = False


@dataclass(frozen=True)
class Demo(ABC):
    """A demo in `directory`, made from `checkout`; `ctlplane` is its nodes' control plane (CIDR)."""

    checkout: Path
    directory: Path
    ctlplane: str = NETWORKS[0].subnet

    kind: ClassVar[str]  # what the nodes are: the word for `--nodes`
    needs: ClassVar[Needs]
    environments: ClassVar[tuple[str, ...]]  # those of the stock ones that such a cloud wants

    @property
    @abstractmethod
    def place(self) -> Path:
        """Where the tool that makes the nodes keeps them; it is there as long as they are."""

    @property
    @abstractmethod
    def deployment_file(self) -> Path:
        """The nodes, as the deployment is told of them."""

    @abstractmethod
    def options(self) -> tuple[str, ...]:
        """What the deployment is told besides."""

    @abstractmethod
    def stages(self) -> list[Step]:
        """The way to a cloud."""

    @abstractmethod
    def cleaning(self) -> list[Step]:
        """The way back; the files in `directory` go afterwards."""

    @property
    def binaries(self) -> Path:
        """Where the virtual environment has its programs."""
        return self.checkout / ".venv" / "bin"

    @property
    def state(self) -> Path:
        """The undercloud's state directory."""
        return self.directory / "state"

    @property
    def home(self) -> Path:
        """The operator's home directory, so that a clouds.yaml of yours stays as it is."""
        return self.directory / "home"

    @property
    def clouds_file(self) -> Path:
        """Where the deployment writes how to use the cloud."""
        return self.home / ".config" / "openstack" / "clouds.yaml"

    @property
    def roles_file(self) -> Path:
        """The cloud's roles."""
        return self.directory / "roles_data.yaml"

    @property
    def cloud_file(self) -> Path:
        """What an operator says of this cloud alone."""
        return self.directory / "cloud.yaml"

    @property
    def files(self) -> tuple[Path, ...]:
        """What `write_files` writes."""
        return (self.cloud_file, self.directory / "activate", self.directory / "deploy")

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` for the demo's commands: the installed undercloud, with a state and a home of its own."""
        kept = {
            name: value for name, value in base.items() if name != "PYTHONPATH" and not name.startswith("OS_")
        }
        path = f"{self.binaries}:{base.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin')}"
        own = {"UNDERCLOUD_STATE_DIR": str(self.state), "HOME": str(self.home)}
        return {**kept, **own, "PATH": path, "OS_CLIENT_CONFIG_FILE": str(self.clouds_file)}

    def tool(self, module: str, *arguments: str) -> tuple[str, ...]:
        """A command of the tool that makes the nodes."""
        python = str(self.binaries / "python")
        return (python, "-m", module, "--dir", str(self.place), *arguments)

    def deploy_command(self) -> tuple[str, ...]:
        """`openstack overcloud deploy` with the demo's files."""
        command = ["openstack", "overcloud", "deploy", "--templates", "-r", str(self.roles_file)]
        command += ["-b", str(self.deployment_file)]
        stock = [self.checkout / "environments" / f"{name}.yaml" for name in self.environments]
        for file in (*stock, self.cloud_file):
            command += ["-e", str(file)]
        return (*command, *self.options())

    def container_images(self) -> tuple[Stage, Stage]:
        """The container images, built and pushed."""
        images = ("openstack", "overcloud", "container", "image")
        return (
            Stage("build", "container images, from Debian packages", (*images, "build")),
            Stage("push", "the images into the registry", (*images, "push")),
        )

    def deployment(self) -> tuple[Stage, ...]:
        """From nodes and images to a cloud that answers."""
        generate = ("openstack", "overcloud", "roles", "generate", "-o", str(self.roles_file), *ROLES)
        token = ("openstack", "--os-cloud", "overcloud", "token", "issue")
        return (
            Stage("roles", "what runs where", generate),
            Stage("deploy", "the cloud", self.deploy_command()),
            Stage("token", "a token of the new cloud", token),
        )

    def write_files(self) -> None:
        """The cloud's environment; `activate`, for a shell that uses it; `deploy`, which deploys it again."""
        self.home.mkdir(parents=True, exist_ok=True)
        address = self.address(PUBLIC_ADDRESS)
        values = {"ControlPlaneSubnetCidr": self.ctlplane, "ControlFixedIPs": [{"ip_address": address}]}
        self.cloud_file.write_text(yaml.safe_dump({"parameter_defaults": values}))
        words = {
            "PATH": f"{self.binaries}:$PATH",
            "UNDERCLOUD_STATE_DIR": str(self.state),
            "OS_CLIENT_CONFIG_FILE": str(self.clouds_file),
        }
        exports = "".join(f'export {name}="{value}"\n' for name, value in words.items())
        (self.directory / "activate").write_text(exports)
        exports += f'export HOME="{self.home}"\n'
        deploy = self.directory / "deploy"
        deploy.write_text(
            "#!/bin/sh\n# Deploys the demo's cloud again; more options may follow.\n"
            f'{exports}exec {shlex.join(self.deploy_command())} "$@"\n'
        )
        deploy.chmod(0o755)

    def address(self, offset: int) -> str:
        """An address of the control plane by its number: 1 is the host's."""
        return replace(NETWORKS[0], subnet=self.ctlplane).address(offset)

    def usage(self) -> str:
        """How to use the cloud that stands now."""
        directory = self.directory.relative_to(self.checkout)
        return f"""
The cloud is up. Use it:

    . {directory}/activate
    openstack --os-cloud overcloud token issue
    openstack --os-cloud overcloud catalog list

Deploy it again, with a change (-e FILE) or to see what would change (--dry-run):

    {directory}/deploy

Look at its nodes:

{self.looks()}

Remove it:

    openstack overcloud delete overcloud --yes
    make clean-demo
"""

    @abstractmethod
    def looks(self) -> str:
        """Commands that show a node, indented."""
