"""What one service puts on the nodes of one role, by step; each entry is made once where it can be."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Report, Severity, UndercloudError
from undercloud.plan.names import did_you_mean
from undercloud.playbooks.entries import Entries
from undercloud.playbooks.role_data import ServiceData
from undercloud.playbooks.texts import HostScope, Texts

Make = Callable[[str, HostScope | None], Any]


@dataclasses.dataclass(slots=True)
class Item:
    """One entry to be: its kind (a map of Step, or ``validations``), name and how it is made."""

    step: int
    kind: str
    name: str
    build: Callable[[HostScope | None], Any]
    by_host: bool
    made: Any = None
    failed: bool = False

    def entry(self, host: HostScope, report: Report) -> Any:
        """The entry for a host, or None after a finding; what does not differ by host is made once."""
        if self.failed or (self.made is not None and not self.by_host):
            return self.made
        try:
            self.made = self.build(host if self.by_host else None)
        except UndercloudError as error:
            report.extend(error.findings)
            self.failed, self.made = True, None
        return self.made


@dataclasses.dataclass(frozen=True, slots=True)
class _Reader:
    """A container with the config files that it reads."""

    step: int
    name: str
    entry: Mapping[str, Any]
    paths: tuple[str, ...]


class Part:
    """A service in a role; :meth:`items` are its entries on a node."""

    def __init__(self, service: ServiceData, texts: Texts, report: Report) -> None:
        self.service = service
        self._texts = texts
        self._report = report
        self._entries = Entries(service, texts)
        self._containers = self._read_containers()
        self._items: dict[bool, tuple[Item, ...]] = {}

    def items(self, first: bool) -> tuple[Item, ...]:
        """The entries on a node in order; ``first`` for the first node of the service across roles."""
        if first not in self._items:
            self._items[first] = tuple(self._list(first))
        return self._items[first]

    def _list(self, first: bool) -> Iterator[Item]:
        data, make = self.service.data, self._entries
        containers = [one for one in self._containers if first or one.entry.get("run_on", "all") == "all"]
        readers: dict[str, int] = {}
        for one in containers:
            for path in one.paths:
                readers.setdefault(path, one.step)
        begin = containers[0].step if containers else 0
        for path in data.get("directories", {}):
            yield from self._item(begin, "directories", path, make.directory, None)
        for path, entry in data.get("config_files", {}).items():
            step = 0 if entry.get("on") == "host" else readers.get(path)
            if step is not None:
                yield from self._item(step, "files", path, make.file, entry["content"])
        for name, entry in data.get("units", {}).items():
            yield from self._item(entry.get("step", 0), "units", name, make.unit, entry.get("content"))
        for one in containers:
            build = functools.partial(make.container, one.step, one.paths)
            yield from self._item(one.step, "containers", one.name, build, one.entry)
        for index, entry in enumerate(data.get("validations", ())):
            if first or entry.get("run_on", "all") == "all":
                self._check_validation(index, entry)
                yield from self._item(entry["step"], "validations", str(index), make.validation, entry)

    def _item(self, step: int, kind: str, key: str, make: Make, value: Any) -> Iterator[Item]:
        path = (_KEYS[kind], f"step_{step}", key) if kind == "containers" else (_KEYS[kind], key)
        try:
            by_host = self._texts.needs_host(value, self.service.place(*path))
        except UndercloudError as error:
            self._report.extend(error.findings)
            return
        name = self._entries.host_path(key) if kind == "files" else key
        yield Item(step, kind, name, functools.partial(make, key), by_host)

    def _check_validation(self, index: int, entry: Mapping[str, Any]) -> None:
        """The container that a validation runs in must be on the same nodes, and started by then."""
        wanted = entry.get("container")
        if wanted is None:
            return
        found = [one for one in self._containers if one.name == wanted]
        everywhere = entry.get("run_on", "all") == "all"
        if not found:
            what, fix = "which is not there", did_you_mean(wanted, [one.name for one in self._containers])
        elif found[0].step > entry["step"]:
            what, fix = f"which starts in step {found[0].step}", "Check in a later step."
        elif everywhere and found[0].entry.get("run_on") == "first":
            what, fix = "which runs on the first node alone", "Say run_on: first."
        else:
            return
        message = f"the validation {entry['name']!r} names the container {wanted!r}, {what}"
        path = ("validations", str(index), "container")
        self._report.add(self.service.finding("ROLE-023", message, *path, fix=fix))

    def _read_containers(self) -> list[_Reader]:
        """All containers by step; files that are named and not there, or there and not read, are reported."""
        files = self.service.data.get("config_files", {})
        inside = tuple(path for path, entry in files.items() if entry.get("on") != "host")
        found = []
        for key, containers in sorted(self.service.data.get("containers", {}).items()):
            for name, entry in containers.items():
                wanted = entry.get("config_files", "all")
                paths = inside if wanted == "all" else tuple(path for path in wanted if path in files)
                found.append(_Reader(int(key.removeprefix("step_")), name, entry, paths))
                if wanted != "all":
                    self._check_files(wanted, files, (key, name))
        read = {path for one in found for path in one.paths}
        for path in inside:
            if path not in read:
                finding = self.service.finding(
                    "ROLE-021",
                    f"no container reads the config file {path!r}, so that it is not written",
                    *("config_files", path),
                    fix="Name it in a container's config_files, or set on: host.",
                )
                self._report.add(dataclasses.replace(finding, severity=Severity.WARNING))
        return found

    def _check_files(self, wanted: Sequence[str], files: Mapping[str, Any], where: tuple[str, str]) -> None:
        for index, path in enumerate(wanted):
            if path not in files:
                self._report.add(
                    self.service.finding(
                        "ROLE-015",
                        f"the container {where[1]!r} reads the config file {path!r}, which is not there",
                        *("containers", *where, "config_files", str(index)),
                        fix=did_you_mean(path, files) or "Add it to config_files.",
                    )
                )


_KEYS = {
    "directories": "directories",
    "files": "config_files",
    "units": "units",
    "containers": "containers",
    "validations": "validations",
}
