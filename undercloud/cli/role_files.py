"""The directory of role files (one role a file, named after it) and roles_data.yaml made out of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from undercloud.cli.plan_options import read_text
from undercloud.diagnostics import Finding, UndercloudError
from undercloud.plan import documents

_KINDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "description": str,
    "CountDefault": int,
    "HostnameFormatDefault": str,
    "tags": list,
    "networks": (list, dict),
    "networks_skip_config": list,
    "ServicesDefault": list,
    "RoleParametersDefault": dict,
}
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
    role of its name, CLI-013 for a key of the wrong kind (unless ``validate`` is false).
    """
    known = names(directory)
    if name not in known:
        raise UndercloudError.of(
            "CLI-011",
            f"there is no role {name} in {directory}",
            fix=f"choose from: {', '.join(known) or 'none'}",
        )
    file = directory / f"{name}.yaml"
    document = documents.parse(read_text(file), str(file))
    value = document.value
    if not (isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)) or (
        value[0].get("name") != name
    ):
        raise UndercloudError.of(
            "CLI-012",
            f"{file.name} does not hold one role named {name}",
            fix=f"make it a list of one map with `name: {name}`",
            location=document.locate(0, "name"),
        )
    if validate:
        _check(document)
    return RoleFile(name, document.text, value[0])


def _check(document: documents.Document) -> None:
    wrong = [
        Finding(
            "CLI-013",
            f"{key} is a {type(value).__name__}",
            fix=f"make it a {_kind_name(_KINDS[key])}",
            locations=(document.locate(0, key),),
        )
        for key, value in document.value[0].items()
        if key in _KINDS and not isinstance(value, _KINDS[key])
    ]
    if wrong:
        raise UndercloudError(*wrong)


def _kind_name(kind: type | tuple[type, ...]) -> str:
    return " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))


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
