"""`overcloud plan diff`: what differs between two plans, from parameters to containers."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from undercloud.cli import base, errors, output_directory, plan_compile, plan_options, running
from undercloud.diagnostics import UndercloudError

if TYPE_CHECKING:
    from undercloud.deploy.requests import PlanRef
    from undercloud.validation.diff.model import PlanDiff as Difference
    from undercloud.validation.diff.snapshot import Snapshot

_BESIDE = ("plan.json", "stack.json", "desired_state.json", "snapshot.json")
_DIRECTORY = "config-download"
_KEPT = re.compile(r"(?P<name>[A-Za-z][\w.-]*)(?:@(?P<version>[1-9]\d*))?")
_FILES = (
    "templates",
    "roles_file",
    "networks_file",
    "vip_file",
    "baremetal_deployment",
    "environment_files",
    "environment_directories",
    "answers_file",
    "plan_environment_file",
)


class PlanDiff(running.WithEngine, base.Compiling):
    """Compare two plans: parameters, nodes, containers, files, resources, outputs.

    A plan is an output directory of `plan compile`, or NAME@VERSION (NAME: the newest) for one that is kept.
    With --deployed the first is what NAME was deployed with. With the options of `plan compile` in the place
    of the second plan, the files that they name are it.

    Configuration is compared option by option, and containers say whether a deployment would restart them.
    Secrets are never shown; one that has another value is told. For what would change on nodes as they are,
    ask `overcloud deploy --dry-run`.

    Exit status: 0 compared (with --exit-code 1 where anything differs), 2 could not run.
    """

    examples = (
        ("before and after a change", "overcloud plan diff out-before out-after"),
        (
            "these files against an earlier output, in an operator's CI",
            "overcloud plan diff --exit-code out --templates -e site.yaml",
        ),
        ("two versions that are kept", "overcloud plan diff overcloud@1 overcloud@2"),
        ("the newest version against what is deployed", "overcloud plan diff overcloud --deployed"),
        (
            "these files against what is deployed",
            "overcloud plan diff overcloud --deployed --templates -e site.yaml",
        ),
        ("a page to read", "overcloud plan diff out-before out-after -f html > diff.html"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the two plans."""
        parser = super().get_parser(prog_name)
        base.add_format(parser, "text", "json", "html")
        parser.add_argument(
            "--exit-code", action="store_true", help="Exit with 1 where anything differs, as git diff does"
        )
        parser.add_argument(
            "--deployed", action="store_true", help="Compare with what the stack was deployed with last"
        )
        parser.add_argument("before", metavar="<before>", help="A directory, or NAME@VERSION")
        parser.add_argument("after", metavar="<after>", nargs="?", help="Another one")
        base.allow_options_between(parser)
        plan_options.add_plan_options(parser)
        parser.add_argument(
            "--registry",
            metavar="<host:port>",
            help="Where the nodes pull images from, with files to compare",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print the difference."""
        found = self._compared(parsed_args)
        self.app.stdout.write(formatted(found, parsed_args.formatter))
        return errors.FOUND if parsed_args.exit_code and found else errors.CLEAN

    def _compared(self, parsed_args: argparse.Namespace) -> Difference:
        before, after = parsed_args.before, parsed_args.after
        files = any(getattr(parsed_args, name) for name in _FILES)
        if (after is None) == (not files) and not (parsed_args.deployed and after is None and not files):
            raise errors.usage("two plans are compared", "name another one, or the files of one; not both")
        if not parsed_args.deployed and is_directory(before):
            return _here(parsed_args)
        if after is not None and is_directory(after):
            fix = "compile the other plan to a directory too: openstack overcloud plan compile --output-dir"
            raise errors.usage("a plan that is kept is not compared with a directory", fix)
        return self._kept(parsed_args)

    def _kept(self, parsed_args: argparse.Namespace) -> Difference:
        """Two plans of which the engine keeps at least one; it compares them."""
        from undercloud.deploy.requests import DeployRequest, PlanRef  # noqa: PLC0415  (start-up)
        from undercloud.validation.diff import model  # noqa: PLC0415

        before = reference(parsed_args.before, deployed=parsed_args.deployed)
        if parsed_args.after is not None:
            after = reference(parsed_args.after)
        elif any(getattr(parsed_args, name) for name in _FILES):
            paths = plan_options.plan_paths(parsed_args)
            request = DeployRequest(before.stack, paths, registry=parsed_args.registry or "")
            after = PlanRef(before.stack, request=request)
        else:
            after = PlanRef(before.stack)
        with self.engine() as engine:
            return model.plan_diff(engine.compare_plans(before, after))


def _here(parsed_args: argparse.Namespace) -> Difference:
    """An output directory and another one, or the files that are named; nobody is asked."""
    from undercloud.validation.diff.compare import compare  # noqa: PLC0415  (start-up)

    before = directory(Path(parsed_args.before).expanduser())
    if parsed_args.after is not None:
        after, name = directory(Path(parsed_args.after).expanduser()), parsed_args.after
    else:
        after, name = _of_files(parsed_args), "these files"
    return compare(before, after, (parsed_args.before, name))


def _of_files(parsed_args: argparse.Namespace) -> Snapshot:
    """The files that are named, compiled with the state of the directory that they are compared with."""
    from undercloud.plan import loader  # noqa: PLC0415  (start-up)
    from undercloud.plan.entropy import SeededEntropy  # noqa: PLC0415
    from undercloud.playbooks import compiler  # noqa: PLC0415
    from undercloud.validation.diff import snapshot  # noqa: PLC0415

    state = plan_compile.read_state(Path(parsed_args.before).expanduser() / output_directory.STATE)
    images = plan_compile.image_parameters(parsed_args.registry)
    plan = loader.load(plan_options.plan_source(parsed_args, images))
    made = compiler.compile(plan, state, SeededEntropy("comparison"))
    return snapshot.of_compilation(made.raise_for_errors())


def reference(word: str, *, deployed: bool = False) -> PlanRef:
    """NAME or NAME@VERSION as the engine takes it; raises UndercloudError CLI-031 for anything else."""
    from undercloud.deploy.requests import PlanRef  # noqa: PLC0415  (start-up)

    match = _KEPT.fullmatch(word)
    if match is None:
        raise output_directory.foreign(
            Path(word), "there is no such directory, and it is no NAME@VERSION of a plan"
        )
    return PlanRef(match["name"], int(match["version"] or 0), deployed=deployed)


def is_directory(word: str) -> bool:
    """Whether a directory is meant rather than a plan that is kept."""
    return "/" in word or word in (".", "..") or Path(word).expanduser().exists()


def formatted(found: Difference, form: str) -> str:
    """A comparison as text, json or html."""
    from undercloud.validation.diff import page, text  # noqa: PLC0415  (start-up)

    if form == "json":
        return json.dumps(found.as_dict(), indent=2, ensure_ascii=False) + "\n"
    return page.render(found) if form == "html" else text.render(found)


def directory(path: Path) -> Snapshot:
    """What `plan compile` wrote to a directory; raises UndercloudError CLI-031 for anything else."""
    from undercloud.validation.diff import snapshot  # noqa: PLC0415  (start-up)

    try:
        found = [path / name for name in _BESIDE if (path / name).exists()]
        found += [file for file in (path / _DIRECTORY).rglob("*") if file.is_file()]
        files = {str(file.relative_to(path)): file.read_text(encoding="utf-8") for file in found}
    except (OSError, UnicodeDecodeError) as problem:
        raise output_directory.foreign(path, str(getattr(problem, "strerror", None) or problem)) from problem
    if _BESIDE[0] not in files:
        raise output_directory.foreign(
            path, f"there is no {_BESIDE[0]}" if path.is_dir() else "there is no such directory"
        )
    try:
        return snapshot.of_files(files)
    except UndercloudError as problem:
        raise output_directory.foreign(path, problem.findings[0].message) from problem
