"""The directory of role files (one role a file, named after it) and roles_data.yaml made out of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from undercloud.diagnostics import Finding, Report, UndercloudError, raise_for
from undercloud.plan import documents, files
from undercloud.plan.roles import read_roles

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z")


@dataclasses.dataclass(frozen=True)
class RoleFile:
    """A role as its file says it; ``text`` is the whole file, comments included."""

    name: str
    text: str
    role: dict[str, Any]


def names(directory: Path) -> tuple[str, ...]:
    """The roles of a directory, in the order of the alphabet (CLI-010 where there is no such directory)."""
    if not directory.is_dir():
        raise UndercloudError.of(
            "CLI-010", f"{directory} is not a directory", fix="give --roles-path a directory of role files"
        )
    return tuple(sorted(path.stem for path in directory.glob("*.yaml")))


def load(directory: Path, name: str, *, validate: bool = True) -> RoleFile:
    """One role out of ``NAME.yaml``.

    Raises UndercloudError: CLI-011 for a name without a file, CLI-012 where the file does not hold just the
    role of its name, and (unless ``validate`` is false) what ``read_roles`` finds.
    """
    known = names(directory)
    if name not in known:
        raise UndercloudError.of(
            "CLI-011",
            f"there is no role {name} in {directory}",
            fix=f"choose from: {', '.join(known) or 'none'}",
        )
    file = str(directory / f"{name}.yaml")
    document = documents.parse(files.read_file(file), file)
    report = Report()
    roles = read_roles(document, report)
    if validate:
        raise_for(report)
    if [role.name for role in roles] != [name]:
        raise UndercloudError.of(
            "CLI-012",
            f"the file does not hold one role named {name}",
            fix=f"make it a list of one map with `name: {name}`",
            location=document.locate(0, "name"),
        )
    return RoleFile(name, document.text, document.value[0])


def generate(directory: Path, wanted: Sequence[str], *, validate: bool = True) -> str:
    """The text of a roles_data.yaml of the wanted roles, in that order.

    A word ``ROLE:NAME`` takes ROLE's file under the name NAME, with host names of its own. All mistakes
    are raised at once.
    """
    parts, problems, given = [], [], set()
    for word in wanted:
        source, _, renamed = word.partition(":")
        name = renamed or source
        if name in given or not _NAME.match(name):
            why = "is given twice" if name in given else "is not a name for a role"
            problems.append(
                Finding("CLI-014", f"{name} {why}", fix="letters and digits; rename one with ROLE:NAME")
            )
        given.add(name)
        try:
            role = load(directory, source, validate=validate)
        except UndercloudError as error:
            problems += error.findings
        else:
            parts.append(_renamed(role, renamed) if renamed else role.text)
    if problems:
        raise UndercloudError(*problems)
    header = (
        "# Made by: openstack overcloud roles generate " + " ".join(wanted) + "\n"
        "# Change the role files and make it again, or change it here and keep it.\n"
    )
    return header + "".join(_body(text) for text in parts)


def _body(text: str) -> str:
    """A role file's text ready to stand behind another one's."""
    lines = [line for line in text.splitlines() if line.strip() not in {"---", "..."}]
    return "\n".join(lines).strip("\n") + "\n"


def _renamed(role: RoleFile, name: str) -> str:
    """The role's text with another name; the host names are formed from that name."""
    text = re.sub(
        rf"^(\s*-\s+name:|\s+name:)\s*{re.escape(role.name)}\b",
        rf"\g<1> {name}",
        role.text,
        count=1,
        flags=re.M,
    )
    return re.sub(
        r"^(\s*-?\s*HostnameFormatDefault:).*$",
        rf"\g<1> '%stackname%-{name.lower()}-%index%'",
        text,
        count=1,
        flags=re.M,
    )
