"""Image definitions: small YAML files, one an image, read and checked all at once."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, UndercloudError, raise_for
from undercloud.images import reading
from undercloud.plan import documents

FORMAT = reading.Format(__package__, "image.schema.json", "container-images/README.md")


@dataclass(frozen=True, slots=True)
class User:
    """A user with its group, as the image's ``/etc/passwd`` and ``/etc/group`` get them."""

    name: str
    uid: int
    gid: int
    group: str
    home: str
    shell: str


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file that an image gets; owner and group are numbers."""

    path: str
    content: bytes
    mode: int
    owner: int
    group: int


@dataclass(frozen=True, slots=True)
class ImageDefinition:
    """One image.

    ``parent`` is None for one that stands on a bare Debian; ``parameters`` are the names of the template
    parameters that mean this image.
    """

    name: str
    description: str
    location: Location
    parent: str | None = None
    packages: tuple[str, ...] = ()
    users: tuple[User, ...] = ()
    files: tuple[ImageFile, ...] = ()
    run: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    user: str = ""
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()


class Definitions(Mapping[str, ImageDefinition]):
    """Checked definitions by name, parents before what stands on them, else by name."""

    def __init__(self, definitions: Iterable[ImageDefinition]) -> None:
        """Raises UndercloudError: IMG-002 to IMG-004, IMG-007, IMG-009."""
        by_name = _by_name(definitions)
        self._definitions = {name: by_name[name] for name in _parents_first(by_name)}
        report = Report()
        _check_users(self, report)
        _check_parameters(self, report)
        raise_for(report)

    def __getitem__(self, name: str) -> ImageDefinition:
        return self._definitions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """What an image stands on, nearest first."""
        found: list[str] = []
        parent = self[name].parent
        while parent is not None:
            found.append(parent)
            parent = self[parent].parent
        return tuple(found)

    def select(self, names: Sequence[str] = ()) -> tuple[str, ...]:
        """The asked images (all, if none is) with what they stand on, parents first.

        Raises UndercloudError IMG-008 for each name that nothing defines.
        """
        check_known(names, self)
        wanted = {one for name in names or self for one in (name, *self.ancestors(name))}
        return tuple(name for name in self if name in wanted)


def check_known(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise UndercloudError with an IMG-008 for each name that is none of the known ones."""
    choice = sorted(known)
    raise_for(
        Report(
            Finding("IMG-008", f"there is no image {name!r}", f"Choose from: {', '.join(choice)}.")
            for name in names
            if name not in choice
        )
    )


def load(directories: Iterable[Path]) -> Definitions:
    """Read every ``*.yaml`` of the directories (not of those below them).

    Raises UndercloudError with all mistakes of all files: what ``documents.parse`` raises, IMG-001 not as the
    schema has it, IMG-005 nothing to read, IMG-006 a source file that cannot be read, and what
    :class:`Definitions` raises.
    """
    return Definitions(reading.read(directories, FORMAT, _definition))


def _definition(document: documents.Document) -> ImageDefinition:
    value: dict[str, Any] = document.value
    return ImageDefinition(
        name=value["name"],
        description=value["description"],
        location=document.locate("name"),
        parent=value.get("parent"),
        packages=tuple(value.get("packages", ())),
        users=tuple(_user(name, entry) for name, entry in value.get("users", {}).items()),
        files=_files(document, Path(document.file).parent),
        run=tuple(line.strip() for line in value.get("run", ())),
        environment=dict(value.get("environment", {})),
        command=tuple(value.get("command", ())),
        user=value.get("user", ""),
        stop_signal=value.get("stop_signal", ""),
        labels=dict(value.get("labels", {})),
        parameters=tuple(value.get("parameters", ())),
    )


def _user(name: str, entry: Mapping[str, Any]) -> User:
    return User(
        name=name,
        uid=entry["uid"],
        gid=entry.get("gid", entry["uid"]),
        group=entry.get("group", name),
        home=entry.get("home", f"/var/lib/{name}"),
        shell=entry.get("shell", "/usr/sbin/nologin"),
    )


def _files(document: documents.Document, directory: Path) -> tuple[ImageFile, ...]:
    files: list[ImageFile] = []
    report = Report()
    for path, entry in document.value.get("files", {}).items():
        try:
            content = entry["content"].encode() if "content" in entry else _source(directory, entry["source"])
        except OSError as error:
            report.add(
                Finding(
                    "IMG-006",
                    f"the source of {path} cannot be read: {error.strerror or error}",
                    "Name a file beside the definition or in a directory below it.",
                    locations=(document.locate("files", path, "source"),),
                )
            )
            continue
        mode = int(entry.get("mode", "0644"), 8)
        files.append(ImageFile(path, content, mode, entry.get("owner", 0), entry.get("group", 0)))
    raise_for(report)
    return tuple(files)


def _source(directory: Path, source: str) -> bytes:
    path = (directory / source).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise OSError(f"{source} is outside of {directory}")
    return path.read_bytes()


def _by_name(definitions: Iterable[ImageDefinition]) -> dict[str, ImageDefinition]:
    report = Report()
    by_name: dict[str, ImageDefinition] = {}
    for definition in definitions:
        first = by_name.setdefault(definition.name, definition)
        if first is not definition:
            report.add(
                Finding(
                    "IMG-002",
                    f"the image {definition.name!r} is defined twice",
                    "Give one of them another name.",
                    locations=(definition.location, first.location),
                )
            )
    for definition in by_name.values():
        if definition.parent is not None and definition.parent not in by_name:
            report.add(
                Finding(
                    "IMG-003",
                    f"the parent {definition.parent!r} of the image {definition.name!r} is not defined",
                    f"Choose from: {', '.join(sorted(by_name))}.",
                    locations=(definition.location,),
                )
            )
    raise_for(report)
    return by_name


def _parents_first(by_name: Mapping[str, ImageDefinition]) -> tuple[str, ...]:
    graph = {name: [by_name[name].parent] if by_name[name].parent else [] for name in sorted(by_name)}
    try:
        return tuple(str(name) for name in graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1]
        raise UndercloudError.of(
            "IMG-004",
            f"images stand on each other in a circle: {' -> '.join(reversed(circle))}",
            fix="Remove the parent of one of them.",
            location=by_name[circle[0]].location,
        ) from None


def _check_users(definitions: Definitions, report: Report) -> None:
    """A name or a number means one user, in an image and all that it stands on."""
    for definition in definitions.values():
        images = (definition, *(definitions[name] for name in definitions.ancestors(definition.name)))
        inherited = [user for image in images[1:] for user in image.users]
        seen = {user.name: user for user in inherited} | {str(user.uid): user for user in inherited}
        for user in definition.users:
            other = seen.get(user.name) or seen.get(str(user.uid))
            if other is not None:
                message = f"user {user.name} ({user.uid}) of the image {definition.name!r} collides with "
                message += f"{other.name} ({other.uid})"
                fix = "Give it a name and a number of its own, or leave it out if it is the same."
                report.add(Finding("IMG-007", message, fix, locations=(definition.location,)))
            seen |= {user.name: user, str(user.uid): user}


def _check_parameters(definitions: Definitions, report: Report) -> None:
    """A parameter means one image."""
    owners: dict[str, ImageDefinition] = {}
    for definition in definitions.values():
        for parameter in definition.parameters:
            owner = owners.setdefault(parameter, definition)
            if owner is not definition:
                message = (
                    f"the parameter {parameter} means both the image {owner.name!r} and {definition.name!r}"
                )
                places = (definition.location, owner.location)
                report.add(Finding("IMG-009", message, "Leave it in one of them.", locations=places))
