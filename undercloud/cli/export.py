"""`overcloud export` and `overcloud cell export`: what a stack tells another, as an environment file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from undercloud.cli import base, errors, files, output_directory, running, tripleo_flags

_HARMLESS = (tripleo_flags.Flag("--config-download-dir", True, "what it would hold is known without it"),)


class _Export(running.WithEngine):
    """A command that writes such a file."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: where to, and where from if not from the undercloud."""
        parser = super().get_parser(prog_name)
        parser.add_argument("-o", "--output-file", metavar="<file>", help=self._default_file())
        parser.add_argument(
            "-f", "--force-overwrite", action="store_true", help="Replace the file if it is there"
        )
        parser.add_argument(
            "--working-dir",
            metavar="<directory>",
            help="Take it from an output of `overcloud plan compile`, without asking the undercloud",
        )
        tripleo_flags.add_harmless(parser, _HARMLESS)
        return parser

    def _default_file(self) -> str:
        return "Default: STACK-export.yaml in this directory"

    def fetch(self, stack: str, working_dir: str | None) -> Mapping[str, Any]:
        """All parameters that a stack exports."""
        if working_dir:
            return _of_output(Path(working_dir).expanduser())
        with self.engine() as engine:
            return engine.export_stack(stack).parameters

    def write(self, file: Path, source: str, parameters: Mapping[str, Any]) -> None:
        """Write the environment (mode 0600) and name it."""
        # Through JSON, since YAML has no form for a secret.
        plain = json.loads(json.dumps(parameters))
        told = f"# What the stack {source} tells another. It holds passwords: keep it for yourself.\n"
        files.write(file, told + yaml.safe_dump({"parameter_defaults": plain}))
        self.app.stdout.write(f"{file}\n")
        self.app.stderr.write(f"{file} holds the passwords of {source}: only you may read it (mode 0600).\n")


class OvercloudExport(_Export):
    """Write what another plan needs to go on where a deployed stack ends: an environment for its -e.

    It holds the stack's endpoints (EndpointMapOverride), its names and addresses (ExtraHostFileEntries), its
    passwords and AuthCloudName; of TripleO's templates also AllNodesExtraMapData and
    GlobalConfigExtraMapData. Those templates are not deployed here: name the output of
    `overcloud plan compile` with --working-dir. The file has mode 0600.
    """

    examples = (
        ("of a deployed stack", "overcloud export --stack control-plane"),
        ("use it", "overcloud deploy --stack edge -e control-plane-export.yaml -e edge.yaml"),
        ("of a plan of TripleO's templates", "overcloud export --working-dir compiled -o central.yaml"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack."""
        parser = super().get_parser(prog_name)
        base.add_stack(parser)
        parser.add_argument(
            "--no-password-excludes", action="store_true", help="Export the passwords of Ceph, too"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Fetch and write."""
        from undercloud.playbooks.export import narrowed  # noqa: PLC0415  (start-up)

        self.tell_notes(parsed_args)
        stack = parsed_args.stack
        file = _free(parsed_args, f"{stack}-export.yaml")
        found = self.fetch(stack, parsed_args.working_dir)
        self.write(file, stack, narrowed(found, whole=parsed_args.no_password_excludes))


class CellExport(_Export):
    """Write what a further cell of Nova needs of the control plane: an environment for its plan's -e.

    As `overcloud export`, with that part of AllNodesExtraMapData that a cell shares. With --cell-stack it is
    of a cell's controllers, for compute nodes in a stack of their own: its data, the control plane's
    passwords.
    """

    examples = (
        ("of the control plane", "overcloud cell export --control-plane-stack overcloud -o cell-input.yaml"),
        ("of a cell's controllers", "overcloud cell export --cell-stack cell1 -o cell1-computes.yaml"),
        (
            "of a plan of TripleO's templates",
            "overcloud cell export --working-dir compiled -o cell-input.yaml",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the two stacks."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--control-plane-stack",
            default=base.default_stack(),
            metavar="<stack>",
            help="The main stack (Env: OVERCLOUD_STACK_NAME; default: overcloud)",
        )
        parser.add_argument("-e", "--cell-stack", metavar="<stack>", help="The stack of a cell's controllers")
        return parser

    def _default_file(self) -> str:
        return "Default: STACK-cell-export.yaml in this directory"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Fetch and write."""
        from undercloud.playbooks.export import narrowed  # noqa: PLC0415  (start-up)

        self.tell_notes(parsed_args)
        main, cell = parsed_args.control_plane_stack, parsed_args.cell_stack
        if cell and parsed_args.working_dir:
            raise errors.usage(
                "an output of plan compile is of one stack, and --cell-stack names a second one",
                "leave out --cell-stack or --working-dir",
            )
        file = _free(parsed_args, f"{cell or main}-cell-export.yaml")
        found = narrowed(self.fetch(main, parsed_args.working_dir), cell=not cell)
        if cell:
            found = _joined(found, narrowed(self.fetch(cell, None)))
        self.write(file, cell or main, found)


def _joined(main: Mapping[str, Any], cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's data with the control plane's passwords."""
    from undercloud.plan.passwords import is_password  # noqa: PLC0415  (start-up)

    shared = {name: value for name, value in main.items() if is_password(name)}
    return {**cell, **shared}


def _free(parsed_args: argparse.Namespace, default: str) -> Path:
    """Where to write; CLI-002 for a file that is there and may not be replaced."""
    file = Path(parsed_args.output_file or default).expanduser()
    return files.free(file, replace=parsed_args.force_overwrite, option="--force-overwrite")


def _of_output(directory: Path) -> Mapping[str, Any]:
    from undercloud.playbooks.export import FILE  # noqa: PLC0415  (start-up)

    found: Mapping[str, Any] = output_directory.read_json(directory / FILE)
    return found
