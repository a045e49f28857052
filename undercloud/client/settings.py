"""Which undercloud is meant, and how it is reached: a file like clouds.yaml, or the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from undercloud.diagnostics import Location, UndercloudError
from undercloud.plan import files
from undercloud.plan.documents import Document, parse

FILE = "underclouds.yaml"
_KEYS = ("url", "username", "password", "token", "cloud", "cacert")


@dataclass(frozen=True)
class Remote:
    """An undercloud's address and what it wants to see; ``cacert`` is a file, empty for the system's own.

    ``token`` is one of Keystone, for an undercloud that is set up so; ``cloud`` names an entry of clouds.yaml
    that one is fetched with.
    """

    name: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    cacert: str = ""
    cloud: str = ""


def find(name: str, environment: Mapping[str, str], places: tuple[Path, ...] | None = None) -> Remote:
    """The undercloud of that name in the first ``underclouds.yaml`` there is.

    ``UNDERCLOUD_PASSWORD`` and ``UNDERCLOUD_TOKEN`` win over the file, which may then do without. A relative
    ``cacert`` counts from the file. Raises CLI-040 for no file or no such name, CLI-041 for an entry that
    cannot be used, CLI-042 for a file with a password that others can read.
    """
    looked = places or (Path(), Path("~/.config/undercloud").expanduser(), Path("/etc/undercloud"))
    file = next((place / FILE for place in looked if (place / FILE).is_file()), None)
    if file is None:
        raise UndercloudError.of(
            "CLI-040",
            f"there is no {FILE} that says what {name} is",
            fix=f"Write one in ~/.config/undercloud: underclouds: {{{name}: {{url: …, username: …}}}}",
        )
    document = parse(files.read_file(str(file)), str(file))
    entry = _entry(document, name)
    secret = "password" in entry or "token" in entry
    if secret and file.stat().st_mode & 0o077:
        raise UndercloudError.of(
            "CLI-042",
            "the file holds a password and is open to others",
            fix=f"chmod 0600 {file}",
            location=Location(str(file)),
        )
    cacert = str(file.parent / Path(entry["cacert"]).expanduser()) if entry.get("cacert") else ""
    return Remote(
        name,
        entry["url"].rstrip("/"),
        entry.get("username", ""),
        environment.get("UNDERCLOUD_PASSWORD") or entry.get("password", ""),
        environment.get("UNDERCLOUD_TOKEN") or entry.get("token", ""),
        cacert,
        entry.get("cloud", ""),
    )


def _entry(document: Document, name: str) -> dict[str, str]:
    value = document.value
    named: Any = value.get("underclouds") if isinstance(value, dict) else None
    if not isinstance(named, dict) or name not in named:
        known = ", ".join(map(str, named)) if isinstance(named, dict) else "none"
        raise UndercloudError.of(
            "CLI-040",
            f"there is no undercloud {name}",
            fix=f"Check the name; there are: {known}",
            location=Location(document.file),
        )
    entry = named[name]
    place = document.locate("underclouds", name)
    if not isinstance(entry, dict) or not all(isinstance(each, str) for each in entry.values()):
        raise _unusable("it is no map of texts", place)
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        raise _unusable(f"unknown keys: {', '.join(map(str, unknown))}", place)
    if not entry.get("url", "").startswith("https://"):
        # A password never goes over a connection that others can read.
        raise _unusable("url has to begin with https://", place)
    return {str(key): value for key, value in entry.items()}


def _unusable(why: str, place: Location) -> UndercloudError:
    return UndercloudError.of(
        "CLI-041",
        f"this undercloud cannot be used: {why}",
        fix=f"Keys are {', '.join(_KEYS)}.",
        location=place,
    )
