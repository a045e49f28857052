"""`overcloud plan compile`: from the operator's files to a playbook directory, with nothing else running."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, files, output_directory, plan_options, rendering

if TYPE_CHECKING:
    from undercloud.plan.state import State
    from undercloud.playbooks.compiler import Compilation


class PlanCompile(base.Compiling):
    """Compile a plan: render, evaluate, place, and write the playbook directory. No node is touched.

    The output directory (0700) gets config-download/ (playbooks, inventory, the script that runs them),
    stack.json (parameters and outputs), desired_state.json, rendered/ (what Jinja2 made), plan.json (what
    went in), and what later plans are compared with (facts.json, snapshot.json). Of TripleO's own templates
    config-download/ is what TripleO would write, and there is no desired state. What is generated once, as
    passwords, is kept in the state file and used again; keep that file.

    Exit status: 0 written, 1 errors found (the report is on stdout, nothing was written), 2 could not run.
    """

    examples = (
        (
            "with the templates that come with undercloud",
            "overcloud plan compile --templates -r roles_data.yaml -b nodes.yaml --output-dir out",
        ),
        (
            "TripleO's templates, in an operator's CI",
            "overcloud plan compile --templates tripleo-heat-templates -e site.yaml --output-dir out -f json",
        ),
        (
            "with the passwords of another place",
            "overcloud plan compile --templates --state ~/state.json --output-dir out",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the plan, the state, where to."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        plan_options.add_plan_options(parser)
        parser.add_argument(
            "--state",
            metavar="<file>",
            help="Where generated values are kept (default: state.json in the output directory)",
        )
        parser.add_argument(
            "--registry",
            metavar="<host:port>",
            help="Where the nodes pull images from (default: 192.168.24.1:8787, as TripleO's undercloud)",
        )
        parser.add_argument("--output-dir", required=True, metavar="<directory>", help="Where to write")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Compile and write."""
        out = Path(parsed_args.output_dir).expanduser().absolute()
        output_directory.check(out)
        state_file = _state_file(parsed_args, out)
        made = _compile(parsed_args, read_state(state_file))
        if made.ok:
            _write(made, out, state_file)
        self.app.stdout.write(_json(made, out) if parsed_args.formatter == "json" else self._text(made, out))
        return errors.status(made.findings)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """What is there after Ctrl-C."""
        return f"\nInterrupted. {parsed_args.output_dir} is whole, as it was or new. Run the command again.\n"

    def _text(self, made: Compilation, out: Path) -> str:
        report = rendering.report_text(made.findings, width=rendering.width_of(self.app.stdout))
        if not made.ok:
            return report
        hosts = rendering.plural(len(made.topology.hosts) if made.topology else 0, "node")
        files = rendering.plural(len(made.files), "file")
        lines = [f"{made.plan.name}: {hosts}, {files} in {out / _PLAYBOOKS}"]
        if _SCRIPT in made.files:
            lines.append(f"Run it by hand with {out / _PLAYBOOKS / _SCRIPT}")
        return "\n".join([*([report] if report else []), *lines]) + "\n"


_PLAYBOOKS = "config-download"
_SCRIPT = "ansible-playbook-command.sh"


def _state_file(parsed_args: argparse.Namespace, out: Path) -> Path:
    if parsed_args.state:
        return Path(parsed_args.state).expanduser().absolute()
    return out / output_directory.STATE


def read_state(file: Path) -> State:
    """The state that a file keeps; an empty one where there is none."""
    from undercloud.plan import files as plan_files  # noqa: PLC0415  (start-up)
    from undercloud.plan import state  # noqa: PLC0415

    if not file.exists():
        return state.State()
    text = plan_files.read_file(str(file)).decode("utf-8", "replace")
    return state.from_json(text, str(file))


def _compile(parsed_args: argparse.Namespace, state: State) -> Compilation:
    from undercloud.plan import loader  # noqa: PLC0415  (start-up)
    from undercloud.plan.entropy import SystemEntropy  # noqa: PLC0415
    from undercloud.playbooks import compiler  # noqa: PLC0415

    plan = loader.load(plan_options.plan_source(parsed_args, image_parameters(parsed_args.registry)))
    return compiler.compile(plan, state, SystemEntropy())


def image_parameters(registry: str | None) -> Mapping[str, str]:
    """The images of the installed definitions in a registry; any environment may say otherwise."""
    from undercloud.conf import installed  # noqa: PLC0415  (start-up)
    from undercloud.images import catalogue, definitions  # noqa: PLC0415

    shipped = definitions.load([installed.data_directory() / "container-images"])
    return catalogue.image_parameters(shipped, registry or catalogue.REGISTRY)


def _write(made: Compilation, out: Path, state_file: Path) -> None:
    """The state first: what was generated outlives a failure to write the rest."""
    from undercloud.playbooks import export, output  # noqa: PLC0415  (start-up)
    from undercloud.validation import previous  # noqa: PLC0415
    from undercloud.validation.composition import Composition  # noqa: PLC0415
    from undercloud.validation.diff import snapshot  # noqa: PLC0415

    written = output.files(made)
    composition = Composition(made.plan, made.stack, made.topology)
    facts = json.dumps(previous.describe(composition), indent=1, sort_keys=True) + "\n"
    written[previous.FILE] = facts.encode(), 0o600
    written[export.FILE] = json.dumps(export.exported(made), indent=1).encode(), 0o600
    written[snapshot.FILE] = json.dumps(snapshot.facts(composition)).encode(), 0o600
    state, _ = written.pop(output_directory.STATE)
    files.write(state_file, state.decode())
    output_directory.replace(out, written)


def _json(made: Compilation, out: Path) -> str:
    document: dict[str, Any] = {"findings": [finding.as_dict() for finding in made.findings]}
    if made.ok:
        document |= {
            "stack": made.plan.name,
            "output_dir": str(out),
            "files": len(made.files),
            "contract": made.contract.value,
            "hosts": {host.name: host.address for host in made.topology.hosts} if made.topology else {},
        }
    return json.dumps(document, indent=2) + "\n"
