"""`overcloud role list`, `overcloud role show`, `overcloud roles generate`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from undercloud.cli import base


class _Roles:
    """Commands that read a directory of role files."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the directory of role files."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)  # type: ignore[misc]
        parser.add_argument(
            "--roles-path",
            metavar="<directory>",
            help="A directory with one role a file (default: the roles that come with undercloud)",
        )
        return parser


def _directory(parsed_args: argparse.Namespace) -> Path:
    if parsed_args.roles_path:
        return Path(parsed_args.roles_path).expanduser().absolute()
    from undercloud.conf import installed  # noqa: PLC0415  (start-up)

    return installed.data_directory() / "roles_data"


class RoleList(_Roles, base.Lister):
    """List the roles that a cloud can be made of."""

    examples = (
        ("the roles that come with undercloud", "overcloud role list"),
        ("only their names, for a script", "overcloud role list -f value -c Role"),
        ("roles of your own", "overcloud role list --roles-path ~/roles"),
    )

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """One row a role."""
        from undercloud.cli import role_files  # noqa: PLC0415  (start-up)

        directory = _directory(parsed_args)
        roles = [role_files.load(directory, name) for name in role_files.names(directory)]
        return (
            ("Role", "Services", "Tags", "Description"),
            [
                (
                    role.name,
                    len(role.role.get("ServicesDefault", ())),
                    ", ".join(role.role.get("tags", ())),
                    " ".join(str(role.role.get("description", "")).split()),
                )
                for role in roles
            ],
        )


class RoleShow(_Roles, base.ShowOne):
    """Show what a role is made of: its services, networks and defaults."""

    examples = (
        ("one role", "overcloud role show Controller"),
        ("its services, for a script", "overcloud role show Controller -f json -c ServicesDefault"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the role."""
        parser = super().get_parser(prog_name)
        parser.add_argument("role", metavar="<role>", help="The role's name")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """The role's keys and values; lists are one item a line where a person reads them."""
        from undercloud.cli import role_files  # noqa: PLC0415  (start-up)

        role = role_files.load(_directory(parsed_args), parsed_args.role).role
        plain = parsed_args.formatter in {"json", "yaml"}
        return tuple(role), tuple(value if plain else _readable(value) for value in role.values())


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{key}: {item}" for key, item in value.items())
    return value.strip() if isinstance(value, str) else value


class RolesGenerate(_Roles, base.Ours):
    """Write a roles_data.yaml out of role files.

    The order counts: where no role has the tags `primary` and `controller`, the first one is the primary
    role. ROLE:NAME takes a role's file under another name.
    """

    examples = (
        ("a small cloud", "overcloud roles generate -o roles_data.yaml Controller Compute"),
        (
            "two kinds of compute nodes",
            "overcloud roles generate -o roles_data.yaml Controller Compute Compute:ComputeFast",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the roles and where to write."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "-o", "--output-file", metavar="<file>", help="The file to write (default: stdout)"
        )
        parser.add_argument(
            "--skip-validate", action="store_true", help="Do not check the kinds of the role files' values"
        )
        parser.add_argument("roles", nargs="+", metavar="<role>", help="A role's name, or ROLE:NAME")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write the file, or print it."""
        from undercloud.cli import files, role_files  # noqa: PLC0415  (start-up)

        text = role_files.generate(
            _directory(parsed_args), parsed_args.roles, validate=not parsed_args.skip_validate
        )
        if parsed_args.output_file:
            files.write(Path(parsed_args.output_file).expanduser().absolute(), text, 0o644)
        else:
            self.app.stdout.write(text)
