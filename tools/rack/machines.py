"""The rack's machines as libvirt's domains."""

from pathlib import Path

import jinja2

from tools.lab import networks
from tools.lab.commands import run
from tools.lab.errors import LabError
from tools.rack.hypervisor import accelerated, virsh
from tools.rack.model import Machine, Rack

FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")


def definition(rack: Rack, machine: Machine, *, kvm: bool) -> str:
    """libvirt's XML of a machine. The virtual CD is added by its BMC, on the same SCSI bus as the disks."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    template = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    ).get_template("domain.xml.j2")
    return template.render(
        machine=machine,
        accelerated=kvm,
        firmware=FIRMWARE,
        variables_template=VARIABLES,
        variables=rack.variables(machine),
        disks=[(disk, rack.image(machine, disk)) for disk in machine.disks],
        bridge=networks.bridge(rack, rack.networks[0]),
        console=rack.console(machine),
    )


def create(rack: Rack, machine: Machine) -> None:
    """Put a machine into the rack, off, with empty disks."""
    if not FIRMWARE.exists():
        raise LabError(f"there is no {FIRMWARE}", "run tools/bootstrap.sh --rack")
    images = [rack.image(machine, disk) for disk in machine.disks]
    for path in (*images, rack.console(machine)):
        path.parent.mkdir(parents=True, exist_ok=True)
    for image in images:
        if not image.exists():
            run(
                ["qemu-img", "create", "-q", "-f", "qcow2", str(image), f"{machine.hardware.disk}G"],
                fix="run tools/bootstrap.sh --rack",
            )
    file = rack.directory / "disks" / f"{machine.name}.xml"
    file.write_text(definition(rack, machine, kvm=accelerated()))
    virsh(rack, "define", str(file))


def defined(rack: Rack) -> set[str]:
    """The names of the machines that libvirt has."""
    return set(virsh(rack, "list", "--all", "--name").split())


def power(rack: Rack, machine: Machine) -> str:
    """`on` or `off`, or another word of libvirt's for what is between."""
    state = virsh(rack, "domstate", machine.name)
    return {"running": "on", "shut off": "off"}.get(state, state)


def remove(rack: Rack, name: str) -> None:
    """Pull a machine out, whatever it does, with its firmware's variables."""
    if name in virsh(rack, "list", "--name").split():
        virsh(rack, "destroy", name)
    virsh(rack, "undefine", name, "--nvram")
