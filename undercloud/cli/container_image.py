"""`overcloud container image build`, `list`, `push` and `prepare`; no cloud and no engine is asked."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from undercloud.cli import base, image_options

_MEGABYTE = 10**6

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]


class ContainerImageBuild(base.Lister):
    """Build container images from Debian packages; what has not changed is not built again.

    Needs root. The packages come from this machine's own apt sources. An image's tag follows from its
    definition and what it stands on.
    """

    examples = (
        ("all images", "overcloud container image build"),
        ("one, with what it stands on", "overcloud container image build keystone"),
        ("all, with today's packages", "overcloud container image build --edition 2025-11-20"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with how it is built."""
        parser = super().get_parser(prog_name)
        image_options.add_definitions(parser)
        image_options.add_store(parser)
        parser.add_argument("image", metavar="<image>", nargs="*", help="Images to build (default: all)")
        image_options.add_building(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Build, telling of it on stderr; the table has one row an image."""
        from undercloud.images.build import build  # noqa: PLC0415  (start-up)

        how = image_options.building(parsed_args)
        settings = image_options.build_settings(self.app, parsed_args, **how)
        tell = image_options.teller(self.app)
        built = build(image_options.definitions(parsed_args), parsed_args.image, settings, tell)
        rows = [(image.name, image.tag, "built" if image.built else "there already") for image in built]
        return ("Image", "Tag", "State"), rows

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """After Ctrl-C."""
        return "\nInterrupted. Images that were finished are kept; run the command again to go on.\n"


class ContainerImageList(base.Lister):
    """List the images that are defined, whether they are built and, on request, whether they are pushed."""

    examples = (
        ("what is defined and what is built", "overcloud container image list"),
        ("also what the undercloud's registry has", "overcloud container image list --pushed"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the registry to look into."""
        parser = super().get_parser(prog_name)
        image_options.add_definitions(parser)
        image_options.add_store(parser)
        image_options.add_registry(parser)
        parser.add_argument("--pushed", action="store_true", help="Ask the registry, too")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """One row an image."""
        from undercloud.images.build import stored_references  # noqa: PLC0415  (start-up)
        from undercloud.images.store import Store  # noqa: PLC0415

        definitions = image_options.definitions(parsed_args)
        settings = image_options.build_settings(self.app, parsed_args)
        references = stored_references(definitions, settings)
        stored = Store(settings.store).images()
        columns = ["Image", "Tag", "Parent", "Built", "MB", "Description"]
        rows: list[list[Any]] = []
        for name, definition in definitions.items():
            image = stored.get(references[name])
            size = image.size // _MEGABYTE if image else ""
            tag = references[name].rpartition(":")[2]
            built = "yes" if image else "no"
            rows.append([name, tag, definition.parent or "", built, size, definition.description])
        if parsed_args.pushed:
            registry = image_options.registry(self.app, parsed_args)
            columns.insert(4, "Pushed")
            for row in rows:
                has = registry.has(f"{settings.namespace}/{row[0]}", row[1])
                row.insert(4, "yes" if has else "no")
        return columns, rows


class ContainerImagePush(base.Lister):
    """Push built images to a registry, from which the nodes pull them; what it has is not sent again."""

    examples = (
        ("all images, to the undercloud's own registry", "overcloud container image push"),
        (
            "one image, to another registry",
            "overcloud container image push keystone --registry images.example.org --ca ca.pem",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the registry."""
        parser = super().get_parser(prog_name)
        image_options.add_definitions(parser)
        image_options.add_store(parser)
        image_options.add_registry(parser)
        parser.add_argument("image", metavar="<image>", nargs="*", help="Images to push (default: all)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """One row an image."""
        from undercloud.images.push import push  # noqa: PLC0415  (start-up)

        pushed = push(
            image_options.definitions(parsed_args),
            parsed_args.image,
            image_options.build_settings(self.app, parsed_args),
            image_options.registry(self.app, parsed_args),
            self._tell,
        )
        rows = [(one.name, one.reference, "pushed" if one.pushed else "there already") for one in pushed]
        return ("Image", "Reference", "State"), rows

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """After Ctrl-C."""
        return "\nInterrupted. Images that were pushed are kept; run the command again to go on.\n"

    def _tell(self, name: str, state: str, seconds: float) -> None:
        if state == "started":
            self.app.stderr.write(f"{name}: pushing\n")
        elif state == "pushed":
            self.app.stderr.write(f"{name}: pushed in {seconds:.0f} s\n")
        self.app.stderr.flush()


class ContainerImagePrepare(base.Ours):
    """Write the environment file that names the images, as their definitions are now.

    `overcloud deploy` knows the images by itself; the file is for looking, for editing, and for other
    registries.
    """

    examples = (
        ("to the terminal", "overcloud container image prepare"),
        (
            "to a file, with another registry",
            "overcloud container image prepare --registry images.example.org --output-env-file images.yaml",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the file."""
        parser = super().get_parser(prog_name)
        image_options.add_definitions(parser)
        parser.add_argument(
            "--registry",
            metavar="<host:port>",
            help="The registry that nodes pull from (default: the undercloud's own, or 192.168.24.1:8787)",
        )
        parser.add_argument(
            "--output-env-file", metavar="<file>", help="The file to write (default: the terminal)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print or write the environment."""
        import yaml  # noqa: PLC0415  (start-up)

        from undercloud.cli import files  # noqa: PLC0415
        from undercloud.images import catalogue, served  # noqa: PLC0415

        directory = image_options.state_directory(self.app) / "registry"
        own = None if parsed_args.registry else served.load(directory)
        registry = parsed_args.registry or (own.endpoint if own else catalogue.REGISTRY)
        parameters = catalogue.image_parameters(
            image_options.definitions(parsed_args), registry, parsed_args.namespace, parsed_args.edition
        )
        text = "# The images of this cloud; made by: openstack overcloud container image prepare\n"
        text += yaml.safe_dump({"parameter_defaults": parameters})
        if parsed_args.output_env_file:
            files.write(Path(parsed_args.output_env_file).expanduser().absolute(), text, mode=0o644)
        else:
            self.app.stdout.write(text)
