"""The options that name an operator's files, the same for every command that reads a plan."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from undercloud.cli import base, errors
from undercloud.deploy.engine import PlanPaths
from undercloud.diagnostics import UndercloudError

_INSTALLED = "installed"


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a plan is made of."""
    group = parser.add_argument_group("the plan")
    group.add_argument(
        "--templates",
        nargs="?",
        const=_INSTALLED,
        metavar="<directory>",
        help="The template tree (default: the templates that come with undercloud)",
    )
    group.add_argument(
        "--stack", default=base.DEFAULT_STACK, metavar="<name>", help="The stack (default: overcloud)"
    )
    group.add_argument(
        "-r", "--roles-file", metavar="<file>", help="Roles (default: roles_data.yaml of the templates)"
    )
    group.add_argument(
        "-n",
        "--networks-file",
        metavar="<file>",
        help="Networks (default: network_data_default.yaml of the templates); an empty file means none",
    )
    group.add_argument("--vip-file", metavar="<file>", help="Virtual addresses of the networks")
    group.add_argument(
        "-b", "--baremetal-deployment", metavar="<file>", help="The nodes of each role, with their addresses"
    )
    group.add_argument(
        "-e",
        "--environment-file",
        dest="environment_files",
        action="append",
        default=[],
        metavar="<file>",
        help="An environment; given again, a later one wins",
    )
    group.add_argument(
        "--environment-directory",
        dest="environment_directories",
        action="append",
        default=[],
        metavar="<directory>",
        help="A directory of environments, read in the order of their names; may be given again",
    )
    group.add_argument(
        "--answers-file",
        metavar="<file>",
        help="A YAML file with templates, roles, networks and environments; options given here win, "
        "environments given here come after its own",
    )
    group.add_argument(
        "-p", "--plan-environment-file", metavar="<file>", help="A plan-environment.yaml of TripleO's"
    )


def plan_paths(parsed_args: argparse.Namespace) -> PlanPaths:
    """The operator's files as absolute paths.

    A relative path is looked for here, then under the templates. One that is in neither place stays as it
    would be here, and reading it reports it. Raises UndercloudError for a bad answers file.
    """
    answers = _answers(parsed_args.answers_file) if parsed_args.answers_file else {}
    templates = _templates(parsed_args.templates or answers.get("templates"))

    def find(path: str | None) -> str:
        return str(_find(path, templates)) if path else ""

    environments = [*answers.get("environments", ()), *parsed_args.environment_files]
    return PlanPaths(
        templates=str(templates),
        roles_file=find(parsed_args.roles_file or answers.get("roles")),
        networks_file=find(parsed_args.networks_file or answers.get("networks")),
        vip_file=find(parsed_args.vip_file),
        baremetal_deployment=find(parsed_args.baremetal_deployment),
        plan_environment=find(parsed_args.plan_environment_file),
        environments=tuple(find(path) for path in environments),
        environment_directories=tuple(find(path) for path in parsed_args.environment_directories),
    )


def _templates(named: str | None) -> Path:
    if named is None or named == _INSTALLED:
        from undercloud.conf import installed  # noqa: PLC0415  (start-up)

        return installed.data_directory() / "heat-templates"
    return Path(named).expanduser().absolute()


def _find(text: str, templates: Path) -> Path:
    path = Path(text).expanduser()
    for candidate in (path.absolute(), templates / path):
        if candidate.exists() or _template_of(candidate).exists():
            return candidate
    return path.absolute()


def _template_of(path: Path) -> Path:
    """``X.j2.yaml`` for ``X.yaml``: what the file is rendered from."""
    return path.with_name(path.name.removesuffix(".yaml") + ".j2.yaml")


_ANSWERS = {"templates": str, "roles": str, "networks": str, "environments": list}


def _answers(file: str) -> Mapping[str, Any]:
    from undercloud.plan import documents  # noqa: PLC0415  (start-up)

    document = documents.parse(read_text(file), file)
    if not isinstance(document.value, dict):
        raise errors.usage(f"{file} is not a map of {', '.join(_ANSWERS)}", "write it as `key: value` lines")
    for key, value in document.value.items():
        wanted = _ANSWERS.get(key)
        items = value if isinstance(value, list) else []
        if (
            wanted is None
            or not isinstance(value, wanted)
            or not all(isinstance(item, str) for item in items)
        ):
            raise UndercloudError.of(
                "CLI-003",
                f"an answers file cannot say {key!r} like this",
                fix="templates, roles and networks are paths, environments is a list of paths",
                location=document.locate(key),
            )
    return document.value


def read_text(file: str | Path) -> str:
    """A file that is named on the command line (CLI-004 where it cannot be read)."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise UndercloudError.of(
            "CLI-004", f"{file} cannot be read: {reason}", fix="name a text file that you may read"
        ) from problem
