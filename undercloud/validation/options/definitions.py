"""The services' definitions of options: one JSON file a service, read when the service is asked for."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEFAULT = "DEFAULT"
ANY = "*"
# A section with one of these takes the options of every way to log in to Keystone.
_AUTH = frozenset({"auth_type", "auth_section", "auth_url"})


@dataclasses.dataclass(frozen=True)
class Option:
    """One option as oslo.config defines it.

    ``type``: string, boolean, integer, port, float, list, dict, range, ip, host, hostname, uri or any; ``item``:
    the type of a list's items or a dict's values; ``former``: earlier places as (section or empty for the same,
    name); ``removal``: why it will go, None where it stays; ``multi``: it may stand several times.
    """

    section: str
    name: str
    type: str = "string"
    min: float | None = None
    max: float | None = None
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    regex: str = ""
    ignore_case: bool = False
    schemes: tuple[str, ...] = ()
    version: int = 0
    bounds: bool = False
    multi: bool = False
    secret: bool = False
    item: Option | None = None
    former: tuple[tuple[str, str], ...] = ()
    removal: str | None = None


@dataclasses.dataclass(frozen=True)
class _Chosen:
    """Sections whose name an operator chooses: what they may hold."""

    section: re.Pattern[str]
    like: tuple[str, ...]
    options: Mapping[str, str]


class ConfigFile:
    """The options that the readers of one file know.

    ``service`` and ``versions`` (package → version) say whose definitions they are.
    """

    def __init__(
        self,
        service: str,
        versions: Mapping[str, str],
        groups: Sequence[Mapping[str, Mapping[str, Any]]],
    ) -> None:
        self.service = service
        self.versions = versions
        self._groups: dict[str, dict[str, Any]] = {}
        self._spelled: dict[str, str] = {}
        for part in groups:
            for name, options in part.items():
                spelled = self._spelled.setdefault(_folded(name), name)
                self._groups.setdefault(spelled, {}).update(options)
        self._chosen: tuple[_Chosen, ...] = ()
        self._foreign: tuple[re.Pattern[str], ...] = ()
        self._auth: Mapping[str, Any] = {}

    def opened(
        self, chosen: Sequence[Mapping[str, Any]], foreign: Sequence[str], auth: Mapping[str, Any]
    ) -> ConfigFile:
        """With the sections that operators name, those of other software, and the ways to log in to Keystone."""
        self._chosen = tuple(
            _Chosen(re.compile(each["section"]), tuple(each.get("like", ())), each.get("options", {}))
            for each in chosen
        )
        self._foreign = tuple(re.compile(each) for each in foreign)
        self._auth = auth
        return self

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections that are always there."""
        return tuple(self._groups)

    def spelled(self, section: str) -> str | None:
        """A section as it is defined (oslo.config folds the case), None where none is."""
        return self._spelled.get(_folded(section))

    def names(self, section: str) -> tuple[str, ...]:
        """The names of a section's options."""
        return tuple(name for name, _ in self._defined(section))

    def find(self, section: str, name: str) -> Option | None:
        """An option by its name of today; None where it is not known there."""
        for known, data in self._defined(section):
            if known == name:
                return _option(self.spelled(section) or section, name, data)
        for each in self._naming(section):
            if name in each.options or ANY in each.options:
                return _option(section, name, each.options.get(name, "any"))
        return None

    def renamed(self, section: str, name: str) -> Option | None:
        """The option of today that had this name once; None where there is none."""
        return self._former.get((_folded(section), name))

    def elsewhere(self, name: str) -> tuple[str, ...]:
        """The sections that have an option of that name."""
        return tuple(section for section, options in self._groups.items() if name in options)

    def is_foreign(self, section: str) -> bool:
        """Whether a section may be of software that no definitions are there for."""
        return any(pattern.fullmatch(section) for pattern in self._foreign)

    def is_chosen(self, section: str, options: Sequence[str]) -> bool:
        """Whether a section's name may be an operator's own choice: one of its options is known there."""
        return (not options and bool(self._naming(section))) or any(
            self.find(section, name) for name in options
        )

    def _naming(self, section: str) -> list[_Chosen]:
        return [each for each in self._chosen if each.section.fullmatch(section)]

    def _defined(self, section: str) -> Iterator[tuple[str, Any]]:
        spelled = self.spelled(section)
        own = self._groups.get(spelled, {}) if spelled else {}
        yield from own.items()
        if spelled and own.keys() & _AUTH:
            yield from self._auth.items()
        if spelled is None:
            for each in self._naming(section):
                for like in each.like:
                    for name, options in self._groups.items():
                        if name == like or (like.endswith(ANY) and name.startswith(like[:-1])):
                            yield from options.items()
                if each.options:
                    yield from ((name, kind) for name, kind in each.options.items() if name != ANY)

    @functools.cached_property
    def _former(self) -> Mapping[tuple[str, str], Option]:
        found: dict[tuple[str, str], Option] = {}
        for section, options in self._groups.items():
            for name, data in options.items():
                for group, old in data.get("former", ()) if isinstance(data, dict) else ():
                    key = (_folded(group or section), old or name)
                    found.setdefault(key, _option(section, name, data))
        return found


@dataclasses.dataclass(frozen=True)
class PuppetModule:
    """What Puppet does with hieradata.

    ``files``: type of resource → path of the file that it writes; ``configs``: key that holds options → type;
    ``classes``: class or define → parameter → what it sets, as ``[TYPE/]SECTION/OPTION``; ``defines``: the names
    of defines among them.
    """

    name: str
    service: str
    files: Mapping[str, str]
    configs: Mapping[str, str]
    classes: Mapping[str, Mapping[str, Sequence[str]]]
    defines: frozenset[str] = frozenset()

    def has(self, key: str) -> bool:
        """Whether ``CLASS::PARAMETER`` is a parameter of the module."""
        name, _, parameter = key.rpartition("::")
        return parameter in self.classes.get(name, {})

    def is_open(self, key: str) -> bool:
        """Whether a key may be for a define: those are called with what TripleO's profiles look up."""
        return key.rpartition("::")[0] in self.defines

    def targets(self, key: str) -> tuple[tuple[str, str, str], ...]:
        """The file, section and option that a key ``CLASS::PARAMETER`` sets; empty where that is not known."""
        name, _, parameter = key.rpartition("::")
        found = []
        for target in self.classes.get(name, {}).get(parameter, ()):
            *kind, section, option = target.split("/")
            path = self.files.get(kind[0] if kind else f"{self.name}_config")
            if path:
                found.append((path, section, option))
        return tuple(found)

    def setters(self, path: str, section: str, option: str) -> tuple[str, ...]:
        """The classes' parameters, as ``CLASS::PARAMETER``, that set an option of a file."""
        return self._setters.get((path, section, option), ())

    @functools.cached_property
    def _setters(self) -> Mapping[tuple[str, str, str], tuple[str, ...]]:
        found: dict[tuple[str, str, str], tuple[str, ...]] = {}
        for name, parameters in self.classes.items():
            for parameter in parameters if name not in self.defines else ():
                key = f"{name}::{parameter}"
                for target in self.targets(key):
                    found[target] = (*found.get(target, ()), key)
        return found


@functools.cache
def service_of(path: str) -> str:
    """Whose definitions are for a file of a node or container; empty where there are none."""
    directories: dict[str, str] = _index()["directories"]
    return directories.get("/".join(path.split("/")[:3]), "")


@functools.cache
def config_file(path: str) -> ConfigFile | None:
    """The options that may stand in a file; None where there are no definitions."""
    service = service_of(path)
    if not service:
        return None
    data, common = _read(f"{service}.json"), _read("common.json")
    if path not in data["files"]:
        return None
    groups = [
        data["namespaces"].get(name) or common["namespaces"].get(name, {}) for name in data["files"][path]
    ]
    file = ConfigFile(service, data["packages"], groups)
    return file.opened(data["chosen"], data["foreign"], common["auth"])


def stand_in(path: str) -> str:
    """A file itself where it has definitions, else the main file of the service whose directory it lies in."""
    service = service_of(path)
    if not service:
        return path
    files = _read(f"{service}.json")["files"]
    return path if path in files else str(next(iter(files)))


def modules() -> tuple[str, ...]:
    """The names of the Puppet modules that are known."""
    return tuple(_index()["modules"])


@functools.cache
def puppet_module(name: str) -> PuppetModule | None:
    """A Puppet module by its name, the first word of its classes; None where it is not known."""
    if name not in _index()["modules"]:
        return None
    data = _read(f"puppet/{name}.json")
    return PuppetModule(
        name, data["service"], data["files"], data["configs"], data["classes"], frozenset(data["defines"])
    )


def _option(section: str, name: str, data: Any) -> Option:
    if isinstance(data, str):
        return Option(section, name, data)
    values = dict(data)
    if "item" in values:
        values["item"] = _option(section, name, values["item"])
    for key in ("choices", "schemes"):
        if key in values:
            values[key] = tuple(values[key])
    values["former"] = tuple((group or "", old or "") for group, old in values.get("former", ()))
    return Option(section, name, **values)


def _folded(section: str) -> str:
    return section if section == DEFAULT else section.lower()


def _index() -> Mapping[str, Any]:
    return _read("index.json")


@functools.cache
def _read(name: str) -> Mapping[str, Any]:
    text = importlib.resources.files(__package__).joinpath("data", name).read_text("utf-8")
    read: dict[str, Any] = json.loads(text)
    return read
