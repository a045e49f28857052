"""What builds an image, as text, and the tag that follows from it.

The recipe is a pure function of the definition: the same definitions give the same tags on every machine,
wherever the Debian packages come from.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from undercloud.images.definitions import Definitions, ImageDefinition, ImageFile, User

SUITE = "bookworm"
"""Debian 12: what every image is made of."""

NAMESPACE = "undercloud"
"""The first part of our repositories' names."""

WORK = "/mnt"
"""Where the build sees its script, files and apt settings; a directory that every Debian has."""

_EXCLUDED = (
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/zoneinfo/posix/*",
    "/usr/share/zoneinfo/right/*",
)
BOOTSTRAP = (
    "--variant=minbase",
    "--mode=root",
    # Made with a merged /usr from the start: the package that would merge it later brings 48 MB of Perl.
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--include=usr-is-merged",
    *(f"--dpkgopt=path-exclude={path}" for path in _EXCLUDED),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=force-unsafe-io",
)
"""mmdebstrap's options for an image without a parent."""

# First the tests of Python's packages: every sixth of Keystone's files, to be unpacked and read by nobody.
_CLEAN = """\
rm -rf /usr/lib/python3/dist-packages/*/tests
rm -rf /tmp/* /var/tmp/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log
rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/cache/ldconfig/aux-cache /var/cache/apt/*.bin
truncate -s 0 /var/log/lastlog /var/log/faillog /var/log/btmp /var/log/wtmp
rm -f /etc/machine-id /var/lib/dbus/machine-id /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow-
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one image is built.

    ``script`` runs in the parent's root (or in a fresh Debian) with ``files``, itself and apt's settings
    below :data:`WORK`; ``instructions`` are the Containerfile's lines about the finished image;
    ``bootstrap`` are mmdebstrap's options, none where there is a parent.
    """

    script: str
    files: tuple[ImageFile, ...]
    instructions: tuple[str, ...]
    bootstrap: tuple[str, ...]


def recipe(definition: ImageDefinition) -> Recipe:
    """The recipe of one definition."""
    root = definition.parent is None
    parts = [
        "set -eu\nexport DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true\n",
        "rm -rf /etc/apt/sources.list.d/* /etc/apt/sources.list /etc/apt/apt.conf.d/99mmdebstrap\n"
        if root
        else "",
        "rm -f /etc/dpkg/dpkg.cfg.d/99mmdebstrap\n" if root else "",
        *map(_make_user, definition.users),
        *(_put_file(number, file) for number, file in enumerate(definition.files)),
        _install(definition.packages),
        "set -x\n",
        *(f"{line}\n" for line in definition.run),
        "set +x\n",
        _CLEAN,
    ]
    return Recipe("".join(parts), definition.files, _instructions(definition), BOOTSTRAP if root else ())


def tags(definitions: Definitions, edition: str = "") -> dict[str, str]:
    """The tag of every image: 12 hexadecimal digits over its recipe, its parent's tag and the Debian suite.

    ``edition`` is any text of the operator's; another one gives other tags, and so a new build with the
    packages of the day.
    """
    found: dict[str, str] = {}
    for name, definition in definitions.items():
        parent = found[definition.parent] if definition.parent is not None else ""
        found[name] = _digest(definition, parent, edition)
    return found


def _digest(definition: ImageDefinition, parent: str, edition: str) -> str:
    made = recipe(definition)
    content = {
        "name": definition.name,
        "parent": parent,
        "suite": SUITE,
        "edition": edition,
        "script": made.script,
        "files": [hashlib.sha256(file.content).hexdigest() for file in made.files],
        "instructions": made.instructions,
        "bootstrap": made.bootstrap,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _make_user(user: User) -> str:
    # -K: a service has no use for ranges of subordinate numbers
    words = ["useradd", "--uid", str(user.uid), "--gid", str(user.gid), "--home-dir", user.home]
    words += ["--no-create-home", "--shell", user.shell, "--no-log-init", "-K", "SUB_UID_COUNT=0"]
    words += ["-K", "SUB_GID_COUNT=0", user.name]
    return f"groupadd --gid {user.gid} {shlex.quote(user.group)}\n{shlex.join(words)}\n"


def _put_file(number: int, file: ImageFile) -> str:
    owner = f"-o {file.owner} -g {file.group}"
    return f"install -D -m {file.mode:04o} {owner} {WORK}/files/{number} {shlex.quote(file.path)}\n"


def _install(packages: tuple[str, ...]) -> str:
    if not packages:
        return ""
    return f"apt-get install -qy --no-install-recommends {shlex.join(packages)}\n"


def _instructions(definition: ImageDefinition) -> tuple[str, ...]:
    labels = {
        "org.opencontainers.image.title": definition.name,
        "org.opencontainers.image.description": definition.description,
        **definition.labels,
    }
    lines = [*_pairs("ENV", definition.environment), *_pairs("LABEL", labels)]
    if definition.user:
        lines.append(f"USER {definition.user}")
    if definition.stop_signal:
        lines.append(f"STOPSIGNAL {definition.stop_signal}")
    if definition.command:
        lines.append(f"CMD {json.dumps(definition.command)}")
    return tuple(lines)


def _pairs(keyword: str, pairs: Mapping[str, str]) -> list[str]:
    """``ENV`` and ``LABEL`` lines; a dollar sign is one, not the start of a variable."""
    quoted = (
        (name, json.dumps(value, ensure_ascii=False).replace("$", "\\$")) for name, value in pairs.items()
    )
    return [f"{keyword} {name}={value}" for name, value in sorted(quoted)]
