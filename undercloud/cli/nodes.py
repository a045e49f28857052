"""`overcloud node list|show|maintenance|unregister`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.cli import base, errors, running
from undercloud.deploy.machines import MachineFilter, MachineInfo

_COLUMNS = (
    "name",
    "state",
    "power",
    "maintenance",
    "class",
    "profile",
    "cpus",
    "memory GiB",
    "root disk",
    "node",
)


class NodeList(running.WithEngine, base.Lister):
    """List the machines: their states, what they are made of, and which node each of them is."""

    examples = (
        ("all", "overcloud node list"),
        ("those that can be deployed", "overcloud node list --state available"),
        ("everything that is known, for a script", "overcloud node list --long -f json"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with filters."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--state", default="", metavar="<state>", help="Only machines in this provision state"
        )
        parser.add_argument(
            "--profile", default="", metavar="<profile>", help="Only machines of this profile"
        )
        parser.add_argument("--stack", default="", metavar="<stack>", help="Only the nodes of this stack")
        parser.add_argument(
            "--long", action="store_true", help="More columns: UUID, capabilities, traits, error"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[Sequence[Any]]]:
        """The table."""
        with self.engine() as engine:
            found = engine.machines()
        shown = MachineFilter(parsed_args.state, parsed_args.profile, parsed_args.stack).of(found)
        more = ("uuid", "capabilities", "traits", "last error") if parsed_args.long else ()
        return (*_COLUMNS, *more), [(*_row(one), *(_more(one) if more else ())) for one in shown]


def _row(one: MachineInfo) -> Sequence[Any]:
    return (
        one.title,
        one.provision_state,
        one.power_state.removeprefix("power "),
        one.maintenance_reason or one.maintenance,
        one.resource_class,
        one.profile,
        one.cpus or "",
        round(one.memory / 1024) if one.memory else "",
        one.root_disk,
        f"{one.host} ({one.stack})" if one.host else "",
    )


def _more(one: MachineInfo) -> Sequence[Any]:
    listed = ",".join(f"{key}:{value}" for key, value in one.capabilities.items())
    return one.uuid, listed, ",".join(one.traits), one.last_error


class NodeShow(running.WithEngine, base.ShowOne):
    """Show one machine: states, hardware, network cards with the switch ports they lead to, BIOS, RAID."""

    examples = (
        ("one machine", "overcloud node show node-1"),
        ("for a script", "overcloud node show node-1 -f json"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the machine."""
        parser = super().get_parser(prog_name)
        parser.add_argument("node", metavar="<node>", help="A name or UUID")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """The fields."""
        from undercloud.deploy import wire  # noqa: PLC0415  (start-up)

        with self.engine() as engine:
            found = engine.machine(parsed_args.node)
        if parsed_args.formatter in {"json", "yaml"}:
            fields: dict[str, Any] = wire.to_plain(found)
            return tuple(fields), tuple(fields.values())
        one, facts = found.machine, found.facts
        fields = {
            "name": one.name,
            "uuid": one.uuid,
            "state": one.provision_state,
            "power": one.power_state,
            "maintenance": one.maintenance_reason or one.maintenance,
            "last error": one.last_error,
            "node": f"{one.host} of {one.stack}" if one.host else "",
            "driver": found.driver,
            "resource class": one.resource_class,
            "capabilities": "\n".join(f"{key}: {value}" for key, value in one.capabilities.items()),
            "traits": "\n".join(one.traits),
            "ports": "\n".join(found.ports),
            "inspected": found.inspected or "never",
            **_hardware(facts),
            "root disk": one.root_disk,
            "BIOS settings": "\n".join(f"{name}: {value}" for name, value in found.bios.items()),
            "logical disks": "\n".join(map(_logical_disk, found.raid)),
        }
        return tuple(fields), tuple(fields.values())


def _hardware(facts: Mapping[str, Any]) -> dict[str, str]:
    if not facts:
        return {}
    return {
        "machine": " ".join(str(facts.get(key) or "") for key in ("vendor", "product", "serial")).strip(),
        "processors": f"{facts.get('cpus')} x {facts.get('cpu_model') or facts.get('architecture')}",
        "memory": f"{int(facts.get('memory') or 0)} MiB",
        "NUMA nodes": "\n".join(map(_numa, facts.get("numa") or ())),
        "boot mode": str(facts.get("boot_mode") or ""),
        "disks": "\n".join(map(_disk, facts.get("disks") or ())),
        "network cards": "\n".join(map(_nic, facts.get("nics") or ())),
    }


def _numa(node: Mapping[str, Any]) -> str:
    cards = ", ".join(node["nics"])
    return f"{node['id']}: {node['memory']} MiB, {len(node['cores'])} cores{', ' + cards if cards else ''}"


def _logical_disk(disk: Mapping[str, Any]) -> str:
    name = disk.get("volume_name") or disk.get("name") or "a volume"
    size = f"{disk['size_gb']} GiB" if isinstance(disk.get("size_gb"), int) else "all that there is"
    return f"{name}: RAID {disk.get('raid_level')}, {size}, controller {disk.get('controller') or 'any'}"


def _disk(disk: Mapping[str, Any]) -> str:
    kind = "rotating" if disk["rotational"] else "solid"
    return f"{disk['name']}: {disk['size'] >> 30} GiB, {kind}, serial {disk['serial'] or 'none'}"


def _nic(nic: Mapping[str, Any]) -> str:
    text = f"{nic['name']}: {nic['mac']}, link {'up' if nic['link'] else 'down'}"
    told = nic.get("neighbour") or {}
    where = " port ".join(
        part for part in (told.get("system") or told.get("switch"), told.get("port")) if part
    )
    return f"{text}, to {where}" if where else text


class _Chosen(running.WithEngine):
    """A command for machines that are named."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the machines."""
        parser = super().get_parser(prog_name)
        parser.add_argument("node", nargs="+", metavar="<node>", help="Names or UUIDs of machines")
        return parser


class NodeMaintenanceSet(_Chosen):
    """Put machines into maintenance: nothing is deployed on them, and Ironic leaves their power alone."""

    examples = (("one machine", "overcloud node maintenance set --reason 'new fan' node-1"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the reason."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--reason", default="", metavar="<words>", help="Why; shown wherever it matters")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Put them in."""
        with self.engine() as engine:
            engine.set_maintenance(tuple(parsed_args.node), True, parsed_args.reason)


class NodeMaintenanceUnset(_Chosen):
    """Take machines out of maintenance."""

    examples = (("one machine", "overcloud node maintenance unset node-1"),)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Take them out."""
        with self.engine() as engine:
            engine.set_maintenance(tuple(parsed_args.node), False)


class NodeUnregister(_Chosen):
    """Let Ironic forget machines that are nobody's node; nothing is done to the machines themselves."""

    examples = (("a machine that was sold", "overcloud node unregister node-1"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with whether to ask."""
        parser = super().get_parser(prog_name)
        parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask, forget."""
        if not parsed_args.yes and not self.confirmed(f"Forget {', '.join(parsed_args.node)}?"):
            return errors.FAILED
        with self.engine() as engine:
            engine.forget_machines(tuple(parsed_args.node))
        return errors.CLEAN
