"""The options that name an operator's files, the same for every command that reads a plan."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import base
from undercloud.diagnostics import Report, raise_for

if TYPE_CHECKING:
    from undercloud.deploy.requests import PlanPaths
    from undercloud.plan.bundle import PlanSource
    from undercloud.plan.planfiles import Answers

_INSTALLED = "installed"
_OF_FILES = {
    "templates": "--templates",
    "roles_file": "--roles-file",
    "networks_file": "--networks-file",
    "vip_file": "--vip-file",
    "baremetal_deployment": "--baremetal-deployment",
    "environment_files": "--environment-file",
    "environment_directories": "--environment-directory",
    "answers_file": "--answers-file",
    "plan_environment_file": "--plan-environment-file",
}


def add_environment_files(parser: argparse._ActionsContainer) -> None:
    """``-e``, as every command has it that reads environments."""
    parser.add_argument(
        "-e",
        "--environment-file",
        dest="environment_files",
        action="append",
        default=[],
        metavar="<file>",
        help="An environment; given again, a later one wins",
    )


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
    add_environment_files(group)
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


def named(parsed_args: argparse.Namespace) -> list[str]:
    """The options given that name files of a plan."""
    return [option for name, option in _OF_FILES.items() if getattr(parsed_args, name)]


def plan_source(parsed_args: argparse.Namespace, generated: Mapping[str, Any] | None = None) -> PlanSource:
    """What the options name, for the plan loader; ``generated`` are parameters that any file overrides."""
    from undercloud.plan.bundle import PlanSource  # noqa: PLC0415  (start-up)

    return PlanSource(
        templates=_templates(parsed_args),
        name=parsed_args.stack,
        roles_file=parsed_args.roles_file or "",
        networks_file=parsed_args.networks_file or "",
        vip_file=parsed_args.vip_file or "",
        baremetal_deployment=parsed_args.baremetal_deployment or "",
        plan_environment=parsed_args.plan_environment_file or "",
        answers_file=parsed_args.answers_file or "",
        environments=tuple(parsed_args.environment_files),
        environment_directories=tuple(parsed_args.environment_directories),
        generated=generated or {},
    )


def plan_paths(parsed_args: argparse.Namespace) -> PlanPaths:
    """What the options and the answers file name, as the engine takes it.

    What is here becomes absolute; what is not stays relative, which means under the templates. Raises
    UndercloudError for a bad answers file.
    """
    from undercloud.deploy.requests import PlanPaths  # noqa: PLC0415  (start-up)

    source = plan_source(parsed_args)
    answers = _answers(source.answers_file)
    return PlanPaths(
        templates=_here(source.templates or answers.templates or "."),
        roles_file=_here(source.roles_file or answers.roles),
        networks_file=_here(source.networks_file or answers.networks),
        vip_file=_here(source.vip_file),
        baremetal_deployment=_here(source.baremetal_deployment),
        plan_environment=_here(source.plan_environment),
        environments=tuple(_here(path) for path in (*answers.environments, *source.environments)),
        environment_directories=tuple(_here(path) for path in source.environment_directories),
    )


def _templates(parsed_args: argparse.Namespace) -> str:
    """The named templates; the installed ones, unless an answers file may name others."""
    named = parsed_args.templates
    if named == _INSTALLED or (named is None and not parsed_args.answers_file):
        from undercloud.conf import installed  # noqa: PLC0415  (start-up)

        return str(installed.data_directory() / "heat-templates")
    return named or ""


def _here(text: str) -> str:
    """The absolute path where the file, or the template that it is rendered from, is here."""
    path = Path(text).expanduser().absolute()
    source = path.with_name(path.name.removesuffix(".yaml") + ".j2.yaml")
    return str(path) if text and (path.exists() or source.exists()) else text


def _answers(file: str) -> Answers:
    from undercloud.plan import documents, files, planfiles  # noqa: PLC0415  (start-up)

    if not file:
        return planfiles.Answers()
    report = Report()
    answers = planfiles.read_answers(documents.parse(files.read_file(file), file), report)
    raise_for(report)
    return answers
