"""The rack's own libvirt: settings, state and sockets apart from this machine's, in a mount namespace."""

import socket as sockets
from pathlib import Path

from tools.lab.commands import run
from tools.lab.errors import LabError
from tools.rack.daemons import Daemon
from tools.rack.model import Rack

POOL = "default"
"""The storage pool in which the BMCs put virtual media."""

# Machines belong to root and are kept apart by nothing else: this libvirt wants no cgroups, no other user, no
# security module and no second daemon for consoles, so that it runs in a container, too.
_QEMU = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
max_core = 0
"""
_LIBVIRTD = """\
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
log_outputs = "2:stderr"
"""
_PLACES = {
    "etc": "/etc/libvirt",
    "lib": "/var/lib/libvirt",
    "log": "/var/log/libvirt",
    "cache": "/var/cache/libvirt",
}
_RUN = Path("/run/libvirt")
# $1: the directory that holds all but the sockets, $2: the directory of the sockets
_CONFINED = (
    "set -e; "
    + "".join(f'mount --bind "$1/{name}" {place}; ' for name, place in _PLACES.items())
    + f'mount --bind "$2" {_RUN}; '
    + f"exec libvirtd --config /etc/libvirt/libvirtd.conf --pid-file {_RUN}/libvirtd.pid"
)


def accelerated(devices: Path = Path("/dev/kvm"), processors: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this machine can run others with KVM: the device is there, and the processor says it can."""
    flags = set(processors.read_text().split())
    return devices.exists() and bool(flags & {"vmx", "svm"})


def socket(rack: Rack) -> Path:
    """Where this libvirt answers."""
    return rack.runtime / "libvirt" / "libvirt-sock"


def uri(rack: Rack) -> str:
    """How libvirt's clients name it."""
    return f"qemu:///system?socket={socket(rack)}"


def daemon(rack: Rack) -> Daemon:
    """libvirtd, in a mount namespace of its own."""
    home = rack.directory / "libvirt"
    confined = ["unshare", "--mount", "--propagation", "private", "--"]
    command = [*confined, "sh", "-c", _CONFINED, "sh", str(home), str(socket(rack).parent)]
    return Daemon("libvirtd", home, command)


def start(rack: Rack) -> None:
    """Start libvirt, unless it runs, with the pool for virtual media."""
    home = rack.directory / "libvirt"
    for name, place in _PLACES.items():
        (home / name).mkdir(parents=True, exist_ok=True)
        if not Path(place).is_dir():
            raise LabError("libvirt is not installed", "run tools/bootstrap.sh --rack")
    for path in (_RUN, socket(rack).parent, rack.directory / "media"):
        path.mkdir(parents=True, exist_ok=True)
    (home / "etc/qemu.conf").write_text(_QEMU)
    (home / "etc/libvirtd.conf").write_text(_LIBVIRTD)
    daemon(rack).start(lambda: _listens(socket(rack)))
    if POOL not in virsh(rack, "pool-list", "--all", "--name").split():
        virsh(rack, "pool-define-as", POOL, "dir", "--target", str(rack.directory / "media"))
        virsh(rack, "pool-autostart", POOL)
    if POOL not in virsh(rack, "pool-list", "--name").split():
        virsh(rack, "pool-start", POOL)


def _listens(path: Path) -> bool:
    """Whether somebody does; the socket alone may be left of one that was killed."""
    with sockets.socket(sockets.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def stop(rack: Rack) -> None:
    """Stop libvirt; machines that run would go on, so that they have to be off before."""
    daemon(rack).stop()
    if _RUN.is_dir() and not any(_RUN.iterdir()):  # nobody else's: it was made for the namespace
        _RUN.rmdir()


def virsh(rack: Rack, *arguments: str) -> str:
    """Run virsh on the rack's libvirt and return what it said. Raises LabError."""
    return run(["virsh", "--quiet", "--connect", uri(rack), *arguments], timeout=60)
