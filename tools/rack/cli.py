"""The command line: `python -m tools.rack up|down|status|console`."""

import argparse
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tools.lab import networks
from tools.lab.errors import LabError
from tools.rack import bmc, hypervisor, machines
from tools.rack.model import CTLPLANE, IPMI, REDFISH, Hardware, Rack
from undercloud.diagnostics import UndercloudError

Handler = Callable[[Rack, argparse.Namespace], int]
SUBNET_VARIABLE = "UNDERCLOUD_RACK_SUBNET"


def say(text: str) -> None:
    """Tell of progress, on stderr, so that stdout is for results."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def locked(rack: Rack) -> Iterator[None]:
    """Let one command at a time change the rack; others wait."""
    rack.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (rack.directory / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def up(rack: Rack, arguments: argparse.Namespace) -> int:
    """Put machines 1..N into the rack, all off, serve their BMCs, and write instackenv.json."""
    begun = time.monotonic()
    hardware = Hardware(arguments.memory, arguments.cpus, arguments.disk, arguments.disks)
    with locked(rack):
        rack = _with_machines(
            _with_subnet(Rack.at(rack.directory), arguments.ctlplane), arguments.nodes, hardware
        )
        rack = replace(rack, protocol=arguments.bmc or rack.protocol)
        is_first = not rack.file.exists()
        try:
            _raise(rack)
        except BaseException:
            if is_first:
                _take_back(rack)
            raise
    how = "KVM" if hypervisor.accelerated() else "software emulation"
    say(f"{len(rack.machines)} machines ({how}) in {time.monotonic() - begun:.1f} s: {rack.instackenv}")
    return 0


def _raise(rack: Rack) -> None:
    networks.ensure(rack)
    hypervisor.start(rack)
    there = machines.defined(rack)
    for machine in rack.machines:
        if machine.name not in there:
            machines.create(rack, machine)
    rack.save()
    bmc.start(rack)


def _take_back(rack: Rack) -> None:
    """Take away what a first `up` made before it failed; what its programs said stays."""
    bmc.stop(rack)
    with suppress(LabError):  # perhaps it is libvirt that failed
        for name in machines.defined(rack):
            machines.remove(rack, name)
    hypervisor.stop(rack)
    networks.remove(rack)
    shutil.rmtree(rack.runtime, ignore_errors=True)
    rack.file.unlink(missing_ok=True)


def _with_subnet(rack: Rack, subnet: str) -> Rack:
    if not subnet or subnet == rack.networks[0].subnet:
        return rack
    if rack.machines:
        raise LabError(f"this rack already stands on {rack.networks[0].subnet}", "take it down first")
    return replace(rack, networks=(replace(rack.networks[0], subnet=subnet),))


def _with_machines(rack: Rack, count: int, hardware: Hardware) -> Rack:
    there = {machine.number for machine in rack.machines}
    new = [rack.machine(number, hardware) for number in range(1, count + 1) if number not in there]
    return replace(rack, machines=tuple(sorted((*rack.machines, *new), key=lambda machine: machine.number)))


def down(rack: Rack, _arguments: argparse.Namespace) -> int:
    """Take the rack away: machines, disks, BMCs, network and all files.

    The network goes even where somebody has removed the rack's directory before.
    """
    with locked(rack):
        bmc.stop(rack)
        if (rack.directory / "libvirt").exists():
            hypervisor.start(rack)  # after a reboot of the host nothing runs, but everything is defined
            for name in machines.defined(rack):
                machines.remove(rack, name)
            hypervisor.stop(rack)
        networks.remove(rack)
        for path in (rack.runtime, rack.directory):
            shutil.rmtree(path, ignore_errors=True)
    say("the rack is down")
    return 0


def status(rack: Rack, arguments: argparse.Namespace) -> int:
    """Print each machine's power and whether its BMC answers; status 1 if one does not."""
    running = hypervisor.daemon(rack).pid() is not None
    answering = bmc.answering(rack) if rack.machines else set()
    rows = [
        {
            "name": machine.name,
            "power": machines.power(rack, machine) if running else "unknown: libvirt does not run",
            "bmc": "ok" if machine.uuid in answering else "does not answer",
            "mac": machine.mac,
            "uuid": machine.uuid,
        }
        for machine in rack.machines
    ]
    if arguments.format == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    for row in rows if arguments.format == "table" else ():
        sys.stdout.write(
            f"{row['name']:<8} {row['power']:<8} {row['mac']:<18} {row['uuid']:<37} {row['bmc']}\n"
        )
    return 0 if all(row["bmc"] == "ok" for row in rows) else 1


def console(rack: Rack, arguments: argparse.Namespace) -> int:
    """Become tail on what a machine writes to its serial port."""
    file = str(rack.console(rack.find(arguments.node)))
    os.execvp("tail", ["tail", "-n", str(arguments.lines), *(["-F"] if arguments.follow else []), file])  # noqa: S606


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="python -m tools.rack", description="A rack of virtual machines with BMCs."
    )
    top.add_argument(
        "--dir", type=Path, default=Path(".demo/rack"), help="the rack's directory (default: %(default)s)"
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(handler=handler)
        return command

    command = add("up", up, "put machines into the rack and serve their BMCs")
    command.add_argument("--nodes", type=int, default=2, metavar="N", help="how many (default: %(default)s)")
    for name, unit in (("memory", "MiB"), ("cpus", "N"), ("disk", "GiB"), ("disks", "N")):
        default = getattr(Hardware(), name)
        text = f"of a new machine (default: {default})"
        command.add_argument(f"--{name}", type=int, default=default, metavar=unit.upper(), help=text)
    command.add_argument(
        "--ctlplane", default=os.environ.get(SUBNET_VARIABLE, ""), metavar="CIDR",
        help=f"the machines' subnet (default: {SUBNET_VARIABLE}, or {CTLPLANE.subnet})",
    )  # fmt: skip
    text = "how machines are registered; ipmi makes all BMCs speak it, too (default: as before, redfish)"
    command.add_argument("--bmc", choices=[REDFISH, IPMI], help=text)
    add("down", down, "take the rack away, with all files")
    command = add("status", status, "show the machines")
    command.add_argument("-f", "--format", choices=["table", "json"], default="table")
    command = add("console", console, "show what a machine wrote to its serial port")
    command.add_argument("--follow", action="store_true", help="go on as it writes more")
    command.add_argument("--lines", type=int, default=50, metavar="N", help="how many (default: %(default)s)")
    command.add_argument("node")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status (0, or 1 with a message on stderr)."""
    try:
        parsed = parser().parse_args(arguments)
        rack = Rack.at(parsed.dir.absolute())
        handler: Handler = parsed.handler
        return handler(rack, parsed)
    except (LabError, UndercloudError) as error:
        say(f"rack: {error}")
        return 1
