"""`overcloud image build`, `list` and `upload`: ramdisk and disk images, on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, image_options, plugin

if TYPE_CHECKING:
    from undercloud.diskimages.built import Built
    from undercloud.diskimages.definitions import DiskImages

_MEGABYTE = 10**6

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]


class ImageBuild(base.Lister):
    """Build the agent's ramdisk and the overcloud nodes' disk image from Debian and Python packages.

    Needs root. The packages come from this machine's own apt sources and its pip's package index. What
    has not changed is not built again: an image's tag follows from its definition.
    """

    examples = (
        ("all images", "overcloud image build"),
        ("for virtual machines only, smaller", "overcloud image build --kernel linux-image-cloud-amd64"),
        ("one, with today's packages", "overcloud image build overcloud-full --edition 2025-11-20"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with how it is built."""
        parser = super().get_parser(prog_name)
        _add_images(parser, "build")
        image_options.add_building(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Build, telling of it on stderr; the table has one row an image."""
        from undercloud.diskimages.build import build  # noqa: PLC0415  (start-up)

        how = image_options.building(parsed_args)
        settings = image_options.build_settings(self.app, parsed_args, **how)
        built = build(_definitions(parsed_args), parsed_args.image, settings, image_options.teller(self.app))
        rows = [
            (
                one.image.name,
                one.image.tag,
                one.image.size // _MEGABYTE,
                "built" if one.made else "there already",
            )
            for one in built
        ]
        return ("Image", "Tag", "MB", "State"), rows

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """After Ctrl-C."""
        return "\nInterrupted. Images that were finished are kept; run the command again to go on.\n"


class ImageUpload(base.Lister):
    """Hand built images to Ironic: put them where the undercloud's file server serves them, with checksums.

    A deployment that is under way goes on with the image it began with.
    """

    examples = (
        ("all images", "overcloud image upload"),
        ("those for virtual machines", "overcloud image upload --kernel linux-image-cloud-amd64"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with where to."""
        parser = super().get_parser(prog_name)
        _add_images(parser, "upload")
        _add_served(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """One row a file."""
        from undercloud.diskimages.build import directory, find  # noqa: PLC0415  (start-up)
        from undercloud.diskimages.published import publish  # noqa: PLC0415
        from undercloud.images.store import Store  # noqa: PLC0415

        if plugin.remote_name(self.app.client_manager):
            from undercloud.client.refusals import not_over_there  # noqa: PLC0415

            raise not_over_there("upload of images", "Upload on the undercloud itself, where they are built.")
        images = _definitions(parsed_args)
        store = Store(image_options.build_settings(self.app, parsed_args).store)
        tags = images.tags(parsed_args.edition)
        found = {name: find(store, name, tags[name]) for name in images.select(parsed_args.image)}
        missing = [name for name, image in found.items() if image is None]
        if missing:
            raise errors.usage(
                f"not built as they are defined now: {', '.join(missing)}",
                "Build them with the same options: openstack overcloud image build",
            )
        rows: list[Sequence[Any]] = []
        for name, image in found.items():
            if image is not None:
                sent = publish(image, directory(store, name, image.tag), _served(self.app, parsed_args)).sent
                state = "uploaded" if sent else "there already"
                rows += [(name, file.name, file.size // _MEGABYTE, state) for file in image.files.values()]
        return ("Image", "File", "MB", "State"), rows


class ImageList(base.Lister):
    """List the images that are defined, whether they are built, and what Ironic is handed."""

    examples = (("all images", "overcloud image list"), ("with checksums", "overcloud image list --files"))

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with where to look."""
        parser = super().get_parser(prog_name)
        _add_images(parser, "list", names=False)
        _add_served(parser)
        parser.add_argument("--files", action="store_true", help="List the uploaded files and their SHA-256")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """One row an image, or one a file."""
        from undercloud.diskimages.build import find  # noqa: PLC0415  (start-up)
        from undercloud.images.store import Store  # noqa: PLC0415

        served = _uploaded(self.app, parsed_args)
        if parsed_args.files:
            files = [
                (name, kind, file) for name, image in served.items() for kind, file in image.files.items()
            ]
            rows: list[Sequence[Any]] = [
                (name, kind, file.name, file.size, file.sha256) for name, kind, file in files
            ]
            return ("Image", "Kind", "File", "Bytes", "SHA-256"), rows
        images = _definitions(parsed_args)
        store = Store(image_options.build_settings(self.app, parsed_args).store)
        tags = images.tags(parsed_args.edition)
        rows = []
        for name, image in images.items():
            built = find(store, name, tags[name])
            uploaded = served[name].tag if name in served else ""
            size = built.size // _MEGABYTE if built else ""
            rows.append(
                (name, tags[name], image.format, "yes" if built else "no", size, uploaded, image.description)
            )
        return ("Image", "Tag", "Format", "Built", "MB", "Uploaded", "Description"), rows


def _add_images(parser: argparse.ArgumentParser, verb: str, *, names: bool = True) -> None:
    """Which images, and where built ones are."""
    parser.add_argument(
        "--definitions",
        metavar="<directory>",
        help="A directory of disk image definitions, instead of those that come with undercloud",
    )
    parser.add_argument(
        "--kernel",
        metavar="<package>",
        help="Debian's package of the kernel; linux-image-cloud-amd64 is half as big and drives virtual "
        "machines only (default: as the definitions say, linux-image-amd64)",
    )
    image_options.add_edition(parser, "build, upload and list")
    image_options.add_store(parser)
    if names:
        parser.add_argument("image", metavar="<image>", nargs="*", help=f"Images to {verb} (default: all)")


def _add_served(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--directory",
        metavar="<directory>",
        help="What the file server serves (default: files in the state directory)",
    )


def _served(app: Any, parsed_args: argparse.Namespace) -> Path:
    from undercloud.baremetal.service.settings import files_directory  # noqa: PLC0415  (start-up)

    named = parsed_args.directory
    return (
        Path(named).expanduser().absolute() if named else files_directory(image_options.state_directory(app))
    )


def _uploaded(app: Any, parsed_args: argparse.Namespace) -> Mapping[str, Built]:
    """What machines are handed by this undercloud, or by the one that --undercloud names."""
    from undercloud.diskimages.published import load  # noqa: PLC0415  (start-up)

    if not plugin.remote_name(app.client_manager):
        return load(_served(app, parsed_args))
    engine = plugin.make_client(app.client_manager)
    try:
        return {one.name: one for one in engine.disk_images()}
    finally:
        engine.close()


def _definitions(parsed_args: argparse.Namespace) -> DiskImages:
    """The definitions that the options name, with the kernel that they name."""
    from undercloud.conf import installed  # noqa: PLC0415  (start-up)
    from undercloud.diskimages.definitions import load  # noqa: PLC0415

    given = parsed_args.definitions
    directory = Path(given).expanduser().absolute() if given else installed.data_directory() / "disk-images"
    images = load(directory)
    return images.with_kernel(parsed_args.kernel) if parsed_args.kernel else images
