"""What the demo is: its files, its nodes and the commands an operator would type."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from tools.demo.stages import Stage
from tools.lab.model import NETWORKS, SSH_USER, Lab

ROLES = {"ControllerOpenstack": "node1", "DatabaseMessaging": "node2"}
NETWORKS_FILE = "network-data-samples/internal-api.yaml"
ENVIRONMENTS = ("shared-clock", "single-database", "small-nodes")
PUBLIC_ADDRESS = 100  # the cloud's own address is the control plane's .100


@dataclass(frozen=True)
class Demo:
    """A demo in `directory`, made from `checkout`; `ctlplane` is its nodes' control plane (CIDR)."""

    checkout: Path
    directory: Path
    ctlplane: str = NETWORKS[0].subnet

    @property
    def binaries(self) -> Path:
        """Where the virtual environment has its programs."""
        return self.checkout / ".venv" / "bin"

    @property
    def lab(self) -> Lab:
        """The emulated nodes."""
        networks = (replace(NETWORKS[0], subnet=self.ctlplane), *NETWORKS[1:])
        return Lab(self.directory / "lab", networks)

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

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` for the demo's commands: the installed undercloud, with a state and a home of its own."""
        kept = {
            name: value for name, value in base.items() if name != "PYTHONPATH" and not name.startswith("OS_")
        }
        path = f"{self.binaries}:{base.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin')}"
        own = {"UNDERCLOUD_STATE_DIR": str(self.state), "HOME": str(self.home)}
        return {**kept, **own, "PATH": path, "OS_CLIENT_CONFIG_FILE": str(self.clouds_file)}

    def lab_command(self, *arguments: str) -> tuple[str, ...]:
        """A command of the lab."""
        return (
            str(self.binaries / "python"),
            "-m",
            "tools.lab",
            "--dir",
            str(self.lab.directory),
            *arguments,
        )

    def deploy_command(self) -> tuple[str, ...]:
        """`openstack overcloud deploy` with the demo's files."""
        command = ["openstack", "overcloud", "deploy", "--templates", "-r", str(self.roles_file)]
        command += ["-n", NETWORKS_FILE, "-b", str(self.lab.deployment_file)]
        for file in [*self.environments(), self.cloud_file]:
            command += ["-e", str(file)]
        command += ["--overcloud-ssh-user", SSH_USER, "--overcloud-ssh-key", str(self.lab.private_key)]
        return (*command, "--known-hosts", str(self.lab.known_hosts))

    def environments(self) -> list[Path]:
        """Those of the stock environments that a cloud on container nodes wants."""
        return [self.checkout / "environments" / f"{name}.yaml" for name in ENVIRONMENTS]

    def stages(self) -> list[Stage]:
        """The way to a cloud on container nodes."""
        roles = [word for role, nodes in ROLES.items() for word in ("--role", f"{role}={nodes}")]
        networks = ("--ctlplane", self.ctlplane, "--network", "internal_api")
        up = self.lab_command("up", "--nodes", "2", *networks, *roles)
        images = ("openstack", "overcloud", "container", "image")
        serve = ("openstack", "undercloud", "registry", "start", "--address", self.lab.host_address)
        generate = ("openstack", "overcloud", "roles", "generate", "-o", str(self.roles_file), *ROLES)
        return [
            Stage("nodes", "two emulated nodes", up),
            Stage("registry", "the registry that the nodes pull from", serve),
            Stage("build", "container images, from Debian packages", (*images, "build")),
            Stage("push", "the images into the registry", (*images, "push")),
            Stage("roles", "what runs where", generate),
            Stage("deploy", "the cloud", self.deploy_command()),
            Stage(
                "token",
                "a token of the new cloud",
                ("openstack", "--os-cloud", "overcloud", "token", "issue"),
            ),
        ]

    def cleaning(self) -> list[Stage]:
        """The way back; the files in `directory` go afterwards."""
        stages = [Stage("nodes", "the nodes go", self.lab_command("down", "--purge"))]
        if self.state.exists():
            stages.insert(
                0, Stage("registry", "the registry stops", ("openstack", "undercloud", "registry", "stop"))
            )
        return stages

    def write_files(self) -> None:
        """The cloud's environment; `activate`, for a shell that uses it; `deploy`, which deploys it again."""
        self.home.mkdir(parents=True, exist_ok=True)
        address = self.lab.networks[0].address(PUBLIC_ADDRESS)
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

Look at its nodes, or break one (python -m tools.lab --help):

    python -m tools.lab ssh node1 sudo podman ps

Remove it:

    openstack overcloud delete overcloud --yes
    make clean-demo
"""
