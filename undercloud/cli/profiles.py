"""`overcloud profiles list|match`: which machine is meant for which role."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.cli import base, errors, running
from undercloud.deploy import profiles
from undercloud.deploy.engine import Status
from undercloud.deploy.machines import Configuration, MachinesRequest, MachineWork, WholeEngine


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
            found = [profiles.profile_of(one) for one in engine.machines()]
        rows: list[Sequence[Any]] = [
            (one.uuid, one.name, one.state, one.profile, ", ".join(one.possible), one.why_not)
            for one in found
            if parsed_args.all or not one.why_not
        ]
        return ("uuid", "name", "state", "current profile", "possible profiles", "why not"), rows


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
            found = profiles.match([profiles.profile_of(one) for one in engine.machines()], wanted)
            for name, profile in found.given.items():
                self.app.stdout.write(f"{name}: {profile}\n")
            for profile, missing in found.missing.items():
                self.app.stderr.write(f"{profile}: {missing} fewer than needed\n")
            if parsed_args.dry_run:
                failed = False
            else:
                failed = self._set(engine, found.given, as_json=parsed_args.formatter == "json")
        return errors.FOUND if found.missing or failed else errors.CLEAN

    def _set(self, engine: WholeEngine, given: Mapping[str, str], *, as_json: bool) -> bool:
        """Give machines their profiles; whether that failed with any, which is told."""
        failed = False
        for profile in sorted(set(given.values())):
            request = MachinesRequest(
                (MachineWork.CONFIGURE,),
                machines=tuple(name for name, one in given.items() if one == profile),
                configuration=Configuration(capabilities={"profile": profile}),
            )
            ended = engine.wait(engine.prepare_machines(request).id)
            if ended.status is not Status.SUCCEEDED:
                failed = True
                self.sum_up(engine, ended, as_json=as_json)
        return failed


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
