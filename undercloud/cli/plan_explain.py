"""`overcloud plan explain`: where a value comes from and what it leads to."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, plan_compile, plan_diff, plan_options, running

if TYPE_CHECKING:
    from undercloud.deploy.engine import Explained
    from undercloud.playbooks.compiler import Compilation


class PlanExplain(running.WithEngine, base.Compiling):
    """Say where a value comes from and what it leads to. Nothing is created or touched.

    The name may be a parameter (also ROLEParameters/KEY, or a key of a map), a resource's path, an output, an
    output of a nested stack (PATH:OUTPUT), an option (FILE:[SECTION]/OPTION), a container, a file on a node,
    a node; with TripleO's templates also a key of hieradata. `param:`, `resource:`, `output:`, `option:`,
    `hiera:`, `container:`, `file:`, `unit:` or `host:` in front says which is meant.

    Secrets are masked. What is generated (passwords, addresses) stands in as a placeholder.
    """

    examples = (
        ("a parameter", "overcloud plan explain TokenExpiration --templates -e base.yaml -e site.yaml"),
        ("of one role", "overcloud plan explain ComputeParameters/KernelArgs --templates -e site.yaml"),
        ("an option", "overcloud plan explain 'keystone.conf:[token]/expiration' --templates -e site.yaml"),
        ("a container", "overcloud plan explain container:keystone --templates -e site.yaml"),
        ("in a plan that is kept", "overcloud plan explain TokenExpiration --plan overcloud@3"),
        (
            "a key of hieradata of TripleO's templates",
            "overcloud plan explain hiera:keystone::token_expiration --templates tripleo-heat-templates",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the name, the plan."""
        parser = super().get_parser(prog_name)
        base.add_format(parser, "table", "json", "yaml", meaning="a tree")
        parser.add_argument("name", metavar="<name>", help="What is to be explained")
        parser.add_argument(
            "--no-effects",
            action="store_true",
            help="Do not look for what a parameter leads to (it takes another compilation)",
        )
        parser.add_argument("--all", action="store_true", help="Show all effects, however many they are")
        parser.add_argument(
            "--plan",
            dest="kept",
            default="",
            metavar="<name[@version]>",
            help="A plan that the engine keeps, instead of files (see `overcloud plan list`)",
        )
        plan_options.add_plan_options(parser)
        parser.add_argument(
            "--state",
            metavar="<file>",
            help="The state of the plan: addresses as they are, rather than placeholders; it is only read",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Explain, print."""
        found = self._kept(parsed_args) if parsed_args.kept else _here(parsed_args)
        table = parsed_args.formatter == "table"
        self.app.stdout.write(found.text if table else _document(found.document, parsed_args.formatter))
        return 0

    def _kept(self, parsed_args: argparse.Namespace) -> Explained:
        """A plan that the engine keeps; it explains."""
        if plan_options.named(parsed_args) or parsed_args.state:
            raise errors.usage(
                f"the plan {parsed_args.kept} is kept with its files and its state",
                "give --plan, or files",
            )
        with self.engine() as engine:
            return engine.explain_plan(
                plan_diff.reference(parsed_args.kept),
                parsed_args.name,
                effects=not parsed_args.no_effects,
                everything=parsed_args.all,
            )


def _here(parsed_args: argparse.Namespace) -> Explained:
    from undercloud.deploy.engine import Explained  # noqa: PLC0415  (start-up)
    from undercloud.validation.explain.explain import explain  # noqa: PLC0415
    from undercloud.validation.explain.text import Renderer, document, warning  # noqa: PLC0415

    made = _compiled(parsed_args)
    answers = explain(made, parsed_args.name, with_effects=not parsed_args.no_effects)
    roots = (str(Path.cwd()), made.plan.bundle.root)
    text = Renderer(roots, all_effects=parsed_args.all).render(answers) + warning(made.errors)
    return Explained(text, document(parsed_args.name, answers, made.errors))


def _compiled(parsed_args: argparse.Namespace) -> Compilation:
    from undercloud.plan import loader  # noqa: PLC0415  (start-up)
    from undercloud.plan.entropy import SeededEntropy  # noqa: PLC0415
    from undercloud.plan.state import State  # noqa: PLC0415
    from undercloud.playbooks import compiler  # noqa: PLC0415

    images = plan_compile.image_parameters(None)
    plan = loader.load(plan_options.plan_source(parsed_args, images))
    state = plan_compile.read_state(Path(parsed_args.state).expanduser()) if parsed_args.state else State()
    return compiler.compile(plan, state, SeededEntropy("explain"))


def _document(document: Mapping[str, Any], form: str) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    if form == "json":
        return text + "\n"
    import yaml  # noqa: PLC0415  (start-up)

    return yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
