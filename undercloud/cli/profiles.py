"""`overcloud profiles list|match`: which machine is meant for which role."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.cli import base, errors, running
from undercloud.deploy.machines import Configuration, MachineInfo, MachinesRequest, MachineWork, WholeEngine


class ProfilesList(running.WithEngine, base.Lister):
    """List which machine has which profile, and which it could have."""

    examples = (
        ("machines that can be deployed", "overcloud profiles list"),
        ("all", "overcloud profiles list --all"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with whether to show all."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--all", action="store_true", help="Also machines that cannot be deployed now")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[Sequence[Any]]]:
        """The table."""
        with self.engine() as engine:
            found = engine.machines()
        rows: list[Sequence[Any]] = [
            (
                one.uuid,
                one.name,
                one.provision_state,
                one.profile,
                ", ".join(_possible(one)),
                _why_not(one),
            )
            for one in found
            if parsed_args.all or not _why_not(one)
        ]
        return ("uuid", "name", "state", "current profile", "possible profiles", "why not"), rows


def _possible(one: MachineInfo) -> list[str]:
    """TripleO's capabilities ``NAME_profile: 1``, which an introspection's rules or an operator set."""
    yes = {"1", "true", "yes", "on"}
    return [
        key.removesuffix("_profile")
        for key, value in one.capabilities.items()
        if key.endswith("_profile") and value.lower() in yes
    ]


def _why_not(one: MachineInfo) -> str:
    if one.maintenance:
        return "in maintenance"
    if one.host:
        return f"{one.host} of {one.stack}"
    return "" if one.provision_state in {"available", "active"} else f"it is {one.provision_state}"


class ProfilesMatch(running.Running):
    """Give machines without a profile one that they may have, until each profile has as many as it needs."""

    examples = (
        (
            "three controllers, the rest as they may",
            "overcloud profiles match --scale control=3 --scale compute=9",
        ),
        ("what would it do?", "overcloud profiles match --scale control=3 --dry-run"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with how many of each."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done")
        parser.add_argument(
            "--scale",
            action="append",
            default=[],
            metavar="<profile>=<count>",
            help="How many machines a profile needs; may be given again",
        )
        for name in ("control", "compute", "ceph-storage", "block-storage", "swift-storage"):
            parser.add_argument(f"--{name}-scale", type=int, metavar="<count>", help=f"The same for {name}")
            parser.add_argument(f"--{name}-flavor", metavar="<profile>", help=f"What {name} is called")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Find and set them."""
        wanted = _scales(parsed_args)
        with self.engine() as engine:
            free = [one for one in engine.machines() if not _why_not(one)]
            given, short = _match(free, wanted)
            for name, profile in given.items():
                self.app.stdout.write(f"{name}: {profile}\n")
            for profile, missing in short.items():
                self.app.stderr.write(f"{profile}: {missing} fewer than needed\n")
            if not parsed_args.dry_run:
                for profile in sorted(set(given.values())):
                    names = tuple(name for name, one in given.items() if one == profile)
                    self._set(engine, names, profile)
        return errors.FOUND if short else errors.CLEAN

    @staticmethod
    def _set(engine: WholeEngine, names: tuple[str, ...], profile: str) -> None:
        request = MachinesRequest(
            (MachineWork.CONFIGURE,),
            machines=names,
            configuration=Configuration(capabilities={"profile": profile}),
        )
        engine.wait(engine.prepare_machines(request).id)


def _scales(parsed_args: argparse.Namespace) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for text in parsed_args.scale:
        name, _, count = text.partition("=")
        if not name or not count.isdigit():
            raise errors.usage(f"--scale {text} names no profile and count", "write control=3")
        wanted[name] = int(count)
    for name in ("control", "compute", "ceph-storage", "block-storage", "swift-storage"):
        key = name.replace("-", "_")
        count = getattr(parsed_args, f"{key}_scale")
        if count is not None:
            wanted[getattr(parsed_args, f"{key}_flavor") or name] = count
    if not wanted:
        raise errors.usage("no profile is asked for", "give --scale PROFILE=COUNT")
    return wanted


def _match(free: Sequence[MachineInfo], wanted: Mapping[str, int]) -> tuple[dict[str, str], dict[str, int]]:
    """Machine → the profile that it gets, and profile → how many it lacks; as many as possible get one."""
    from undercloud.topology.matching import matched  # noqa: PLC0415  (start-up)

    have = {profile: sum(one.profile == profile for one in free) for profile in wanted}
    open_places = [p for p, count in wanted.items() for _ in range(max(0, count - have[p]))]
    unset = [one for one in free if not one.profile]
    choices = [[n for n, one in enumerate(unset) if place in _possible(one)] for place in open_places]
    found = matched(choices)
    given = {
        unset[partner].name or unset[partner].uuid: open_places[place] for place, partner in found.items()
    }
    short: dict[str, int] = {}
    for place, profile in enumerate(open_places):
        if place not in found:
            short[profile] = short.get(profile, 0) + 1
    return given, short
