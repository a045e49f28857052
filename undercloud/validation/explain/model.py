"""What an explanation is made of: links, each with its place, and the links that it follows from."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Location

NO_VALUE: Any = object()
"""The value of a link that has none (null is a value)."""


class Kind(enum.StrEnum):
    """What a link is."""

    SETTING = "setting"  # a file gives a parameter a value
    OVERRIDDEN = "overridden"  # a file gives one, and another one counts
    DEFAULT = "default"  # a template's own default
    GENERATED = "generated"  # made by undercloud: passwords, images, addresses
    LITERAL = "literal"  # written out in a template
    PARAMETER = "parameter"  # get_param of a template
    PROPERTY = "property"  # a resource's property, which becomes the parameter of a nested stack
    RESOURCE = "resource"
    OUTPUT = "output"  # an output, read with get_attr
    FUNCTION = "function"
    CONDITION = "condition"  # what decided which branch was taken
    FILE = "file"  # get_file
    PART = "part"  # one key of what was asked for
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain.

    ``text`` says what it is, ``value`` what it gives (masked), ``location`` where it stands, ``read_at`` where an
    output is read, ``links`` what it comes from. ``again``: the same link was drawn out before, its ``links`` are there.
    """

    kind: Kind
    text: str
    value: Any = NO_VALUE
    location: Location | None = None
    note: str = ""
    links: tuple[Link, ...] = ()
    again: bool = False
    read_at: Location | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        plain: dict[str, Any] = {"kind": str(self.kind), "text": self.text}
        if self.value is not NO_VALUE:
            plain["value"] = self.value
        if self.location:
            plain["location"] = dataclasses.asdict(self.location)
        if self.read_at:
            plain["read_at"] = dataclasses.asdict(self.read_at)
        if self.note:
            plain["note"] = self.note
        if self.again:
            plain["again"] = True
        if self.links:
            plain["from"] = [link.as_dict() for link in self.links]
        return plain

    def walk(self) -> Iterator[Link]:
        """The link and all that it comes from, outermost first."""
        yield self
        for link in self.links:
            yield from link.walk()


def with_links(link: Link, links: Iterable[Link]) -> Link:
    """The link, coming from these too."""
    return dataclasses.replace(link, links=(*link.links, *links))


@dataclasses.dataclass(frozen=True, slots=True)
class Effect:
    """One thing that the subject leads to.

    ``where`` are hosts, or roles where it is the same on all nodes of a role; ``file`` is a path of the
    playbook directory or of the node; ``before`` and ``after`` (masked) show what the tried change does.
    """

    kind: str
    name: str
    where: tuple[str, ...] = ()
    file: str = ""
    before: Any = NO_VALUE
    after: Any = NO_VALUE
    reason: str = ""
    via: tuple[Location, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        plain: dict[str, Any] = {"kind": self.kind, "name": self.name, "where": list(self.where)}
        for key in ("file", "reason"):
            if getattr(self, key):
                plain[key] = getattr(self, key)
        for key in ("before", "after"):
            if getattr(self, key) is not NO_VALUE:
                plain[key] = getattr(self, key)
        if self.via:
            plain["via"] = [dataclasses.asdict(place) for place in self.via]
        return plain


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The explanation of one subject.

    ``kind``: parameter, resource, output, option, hiera, file, container, unit, service, host. ``facts`` are
    further things to know, by title. ``origins`` lead to the operator's files, ``effects`` to the nodes;
    ``tried`` says what was changed to see them.
    """

    kind: str
    name: str
    value: Any = NO_VALUE
    location: Location | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    origins: tuple[Link, ...] = ()
    effects: tuple[Effect, ...] = ()
    tried: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, as ``explanation.schema.json`` has it."""
        plain: dict[str, Any] = {"kind": self.kind, "name": self.name}
        if self.value is not NO_VALUE:
            plain["value"] = self.value
        if self.location:
            plain["location"] = dataclasses.asdict(self.location)
        plain |= {"facts": _plain(self.facts), "from": [link.as_dict() for link in self.origins]}
        plain |= {"to": [effect.as_dict() for effect in self.effects]}
        return plain | ({"tried": self.tried} if self.tried else {})


def _plain(value: Any) -> Any:
    """Facts as JSON: places become FILE:LINE:COLUMN."""
    if isinstance(value, Location):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
