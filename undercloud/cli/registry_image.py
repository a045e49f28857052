"""`tripleo container image show` and `delete`: single images in a registry."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, image_options

if TYPE_CHECKING:
    from undercloud.images.remote import Described, Registry

Shown = tuple[Sequence[str], Sequence[Any]]


class ContainerImageShow(base.ShowOne):
    """Show an image that a registry has: digest, age, size, labels."""

    examples = (
        ("by repository and tag", "overcloud container image show undercloud/keystone:5f0c2a"),
        ("its digest, for a script", "overcloud container image show undercloud/keystone -f value -c digest"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the image, the registry."""
        return _parser(super().get_parser(prog_name))

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Ask the registry."""
        registry = image_options.registry(self.app, parsed_args)
        image = _found(registry, parsed_args.image)
        values = {
            "image": f"{registry.endpoint}/{image.repository}:{image.tag}",
            "digest": image.digest,
            "created": image.created,
            "bytes": image.size,
            "layers": image.layers,
            "labels": dict(sorted(image.labels.items())),
        }
        return tuple(values), tuple(values.values())


class ContainerImageDelete(base.Ours):
    """Take an image out of a registry, with all tags that it has. Nodes that have pulled it keep it."""

    examples = (
        ("asks first", "overcloud container image delete undercloud/keystone:5f0c2a"),
        ("asks nothing", "overcloud container image delete undercloud/keystone:5f0c2a --yes"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the image, the registry, whether to ask."""
        parser = _parser(super().get_parser(prog_name))
        parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Find it, ask, delete."""
        registry = image_options.registry(self.app, parsed_args)
        image = _found(registry, parsed_args.image)
        name = f"{image.repository}:{image.tag}"
        if not parsed_args.yes and not self.confirmed(
            f"Take {name} ({image.digest[:19]}) out of the registry?"
        ):
            return errors.FAILED
        registry.delete(image)
        self.app.stdout.write(f"{name} is out of {registry.endpoint}\n")
        return errors.CLEAN


def _parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    image_options.add_registry(parser)
    parser.add_argument(
        "image", metavar="<repository>[:<tag>]", help="The tag may be left out where there is one only"
    )
    return parser


def _found(registry: Registry, name: str) -> Described:
    """The image that is named, with or without the registry before it; CLI-002 if it is not there."""
    repository, _, tag = name.removeprefix(f"{registry.endpoint}/").partition(":")
    tags = registry.tags(repository)
    if not tag and len(tags) == 1:
        (tag,) = tags
    image = registry.describe(repository, tag) if tag else None
    if image is None:
        there = f"its tags are {', '.join(tags)}" if tags else f"it has no {repository}"
        raise errors.usage(
            f"the registry {registry.endpoint} has no image {name}", f"Check the name; {there}"
        )
    return image
