"""Options and values that the commands about images and the registry share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import errors

if TYPE_CHECKING:
    from undercloud.images.build import BuildEvent, BuildSettings
    from undercloud.images.definitions import Definitions
    from undercloud.images.remote import Registry


def add_definitions(parser: argparse.ArgumentParser) -> None:
    """Which images."""
    parser.add_argument(
        "--definitions",
        metavar="<directory>",
        action="append",
        help="A directory of image definitions, instead of those that come with undercloud; repeat it "
        "to join several",
    )
    parser.add_argument(
        "--namespace",
        metavar="<name>",
        default="undercloud",
        help="First part of the repositories' names (default: undercloud)",
    )
    add_edition(parser, "build, push and prepare")


def add_edition(parser: argparse.ArgumentParser, commands: str) -> None:
    """Of which day; ``commands`` are those that have to agree."""
    parser.add_argument(
        "--edition",
        metavar="<text>",
        default="",
        help="Any text, as a date: another edition has other tags, so it is built anew with the packages "
        f"that the archive has then. Give the same to {commands}",
    )


def add_building(parser: argparse.ArgumentParser) -> None:
    """How images are built."""
    parser.add_argument(
        "--apt-sources",
        metavar="<file>",
        help="A deb822 file with the archives to build from, instead of this machine's",
    )
    parser.add_argument(
        "--isolation",
        choices=("chroot", "oci"),
        default="chroot",
        help="How build commands are kept apart: chroot works in a container too, oci uses runc "
        "(default: chroot)",
    )
    parser.add_argument(
        "--parallel",
        metavar="<n>",
        type=positive,
        default=2,
        help="Images built side by side (default: 2)",
    )


def building(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_building`'s options say, as fields of the build's settings."""
    sources = Path(parsed_args.apt_sources).expanduser() if parsed_args.apt_sources else None
    return {
        "apt_sources": sources,
        "isolation": parsed_args.isolation,
        "parallel": parsed_args.parallel,
    }


def teller(app: Any) -> Callable[[BuildEvent], None]:
    """Tells on stderr how a build gets on."""

    def tell(event: BuildEvent) -> None:
        if event.state == "started":
            app.stderr.write(f"{event.name}: building (log: {event.log})\n")
        elif event.state == "running":
            app.stderr.write(f"{event.name}: {event.seconds:.0f} s: {event.said[:100]}\n")
        elif event.state != "present":
            app.stderr.write(f"{event.name}: {event.state} in {event.seconds:.0f} s\n")
        app.stderr.flush()

    return tell


def add_store(parser: argparse.ArgumentParser) -> None:
    """Where built images are."""
    parser.add_argument(
        "--store",
        metavar="<directory>",
        help="Where built images, packages and logs are kept (default: images in the state directory)",
    )


def add_registry(parser: argparse.ArgumentParser) -> None:
    """Which registry, and how it is reached."""
    group = parser.add_argument_group("registry")
    group.add_argument("--registry", metavar="<host:port>", help="Default: the undercloud's own")
    group.add_argument("--ca", metavar="<file>", help="Authority of its certificate (default: the system's)")
    group.add_argument("--plain-http", action="store_true", help="It does not speak TLS")
    group.add_argument("--username", metavar="<name>", help="Its user")
    group.add_argument(
        "--password-file", metavar="<file>", help="A file with the password; - reads it from stdin"
    )


def state_directory(app: Any) -> Path:
    """Where the undercloud keeps its things, as the global option says."""
    default = "/var/lib/undercloud" if os.geteuid() == 0 else "~/.local/state/undercloud"
    named = getattr(app.options, "undercloud_state_dir", None)
    return Path(named or default).expanduser().absolute()


def definitions(parsed_args: argparse.Namespace) -> Definitions:
    """The image definitions that the options name."""
    from undercloud.conf import installed  # noqa: PLC0415  (start-up)
    from undercloud.images.definitions import load  # noqa: PLC0415

    given = [Path(name).expanduser().absolute() for name in parsed_args.definitions or ()]
    return load(given or [installed.data_directory() / "container-images"])


def build_settings(app: Any, parsed_args: argparse.Namespace, **more: Any) -> BuildSettings:
    """The store that the options name; ``more`` are other fields of the settings."""
    from undercloud.images.build import BuildSettings  # noqa: PLC0415  (start-up)
    from undercloud.images.store import StoreSettings  # noqa: PLC0415

    if hasattr(parsed_args, "namespace"):
        more["namespace"] = parsed_args.namespace
    named = parsed_args.store
    store = Path(named).expanduser().absolute() if named else state_directory(app) / "images"
    return BuildSettings(StoreSettings(store), edition=parsed_args.edition, **more)


def registry(app: Any, parsed_args: argparse.Namespace) -> Registry:
    """The registry that the options name, or else the undercloud's own; CLI-002 if there is neither."""
    from undercloud.images import served  # noqa: PLC0415  (start-up)
    from undercloud.images.remote import Registry  # noqa: PLC0415

    if parsed_args.registry:
        password = _password(parsed_args.password_file) if parsed_args.password_file else ""
        authority = Path(parsed_args.ca).expanduser() if parsed_args.ca else None
        username = parsed_args.username or ""
        return Registry(parsed_args.registry, authority, parsed_args.plain_http, username, password)
    own = served.load(state_directory(app) / "registry")
    if own is None:
        raise errors.usage(
            "no registry is named, and the undercloud's own is not set up",
            "Give --registry, or start one: openstack undercloud registry start",
        )
    return own


def positive(text: str) -> int:
    """An argument that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give a number of at least 1")
    return number


def _password(name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.usage(f"the password file {name} cannot be read: {error}") from None
    return text.strip()
