"""Entries of role_data as entries of the desired state: a config file, a container, a unit …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from undercloud.playbooks import formats
from undercloud.playbooks.bind import Place
from undercloud.playbooks.desired import Container, Directory, File, Healthcheck, Unit, Validation
from undercloud.playbooks.role_data import ServiceData
from undercloud.playbooks.texts import HostScope, Texts

CONFIG_DATA = "/var/lib/config-data"
_TEXTS = ("image", "hostname", "workdir", "net", "pid", "ipc", "cgroupns", "stop_signal")
_LISTS = ("volumes", "tmpfs", "cap_add", "cap_drop", "security_opt", "devices", "ulimits")


class Entries:
    """Makes the entries of one service; ``host`` is None for an entry that is the same on all hosts.

    All methods raise UndercloudError as :class:`Texts` does.
    """

    def __init__(self, service: ServiceData, texts: Texts) -> None:
        self._service = service
        self._texts = texts

    def host_path(self, path: str) -> str:
        """Where a config file lies on the host."""
        entry = self._service.data["config_files"][path]
        return path if entry.get("on") == "host" else f"{CONFIG_DATA}/{self._service.name}{path}"

    def file(self, path: str, host: HostScope | None) -> File:
        """A config file. Raises UndercloudError ROLE-020 for content that its format cannot hold."""
        entry = self._service.data["config_files"][path]
        place = self._service.place("config_files", path, "content")
        form = entry.get("format", "text")
        encode = formats.encoder(form) if form != "text" and not isinstance(entry["content"], str) else None
        content = self._texts.value(entry["content"], place, host, encode)
        try:
            text = formats.render(form, content)
        except formats.ContentError as error:
            raise place.child(*error.path).error(
                "ROLE-020", f"the file {path}: {error}", "See docs/role-data.md, “A config file”."
            ) from None
        secrets = self._texts.references.named_in(text)
        return File(
            content=text,
            owner=str(entry.get("owner", 0)),
            group=str(entry.get("group", 0)),
            mode=entry.get("mode") or ("0640" if secrets else "0644"),
            origin=self._service.origin("config_files", path),
            secrets=secrets,
        )

    def directory(self, path: str, _host: HostScope | None) -> Directory:
        """A directory."""
        entry = self._service.data["directories"][path]
        return Directory(
            owner=str(entry.get("owner", 0)),
            group=str(entry.get("group", 0)),
            mode=entry.get("mode", "0755"),
            origin=self._service.origin("directories", path),
        )

    def unit(self, name: str, host: HostScope | None) -> Unit:
        """A systemd unit."""
        entry = self._service.data["units"][name]
        content = entry.get("content")
        if content is not None:
            content = self._texts.text(content, self._service.place("units", name, "content"), host)
        return Unit(
            origin=self._service.origin("units", name),
            enabled=entry.get("enabled"),
            state=entry.get("state"),
            content=content,
            secrets=self._texts.references.named_in(content or ""),
        )

    def validation(self, index: str, host: HostScope | None) -> Validation:
        """A check after the step."""
        entry = self._service.data["validations"][int(index)]
        place = self._service.place("validations", index)
        command = self._texts.shell(entry["command"], place.child("command"), host)
        return Validation(
            name=self._texts.text(entry["name"], place.child("name"), host),
            command=command,
            origin=self._service.origin("validations", index),
            container=entry.get("container"),
            retries=entry.get("retries"),
            delay=entry.get("delay"),
            secrets=self._texts.references.named_in(*command),
            group=entry.get("group"),
            code=entry.get("code"),
            severity=entry.get("severity"),
            fix=entry.get("fix"),
        )

    def container(self, step: int, files: Sequence[str], name: str, host: HostScope | None) -> Container:
        """A container that reads ``files`` (paths as it sees them), each mounted read-only."""
        path = ("containers", f"step_{step}", name)
        entry = self._service.data["containers"][path[1]][name]
        place = self._service.place(*path)
        kind = entry.get("kind", "service")
        values = self._values(entry, place, host)
        mounts = tuple(f"{self.host_path(each)}:{each}:ro" for each in files)
        values["volumes"] = (*values.get("volumes", ()), *mounts)
        check = self._healthcheck(entry.get("healthcheck"), place.child("healthcheck"), host)
        return Container(
            kind=kind,
            order=entry.get("order", 0),
            files=tuple(map(self.host_path, files)),
            origin=self._service.origin(*path),
            rerun=entry.get("rerun", "config") if kind == "once" else None,
            privileged=entry.get("privileged"),
            restart=entry.get("restart", "always" if kind == "service" else "no"),
            healthcheck=check,
            stop_timeout=entry.get("stop_timeout", 10),
            timeout=entry.get("timeout", 300),
            secrets=self._texts.references.named_in(*_spoken(values), *(check.command if check else ())),
            **values,
        )

    def _values(self, entry: Mapping[str, Any], place: Place, host: HostScope | None) -> dict[str, Any]:
        """The keys whose texts are filled in."""
        texts = self._texts
        values: dict[str, Any] = {"net": "host"}
        values |= {key: texts.text(entry[key], place.child(key), host) for key in _TEXTS if key in entry}
        if "user" in entry:
            values["user"] = texts.text(formats.plain(entry["user"]), place.child("user"), host)
        for key in _LISTS:
            if key in entry:
                values[key] = tuple(texts.value(entry[key], place.child(key), host))
        for key in ("command", "entrypoint"):
            if key in entry:
                values[key] = texts.words(entry[key], place.child(key), host)
        for key in ("environment", "limits"):
            filled = texts.value(entry.get(key, {}), place.child(key), host)
            values[key] = {str(name): formats.plain(value) for name, value in filled.items()}
        return values

    def _healthcheck(
        self, entry: Mapping[str, Any] | None, place: Place, host: HostScope | None
    ) -> Healthcheck | None:
        if entry is None:
            return None
        command = self._texts.shell(entry["command"], place.child("command"), host)
        return Healthcheck(
            command,
            entry.get("interval"),
            entry.get("timeout"),
            entry.get("retries"),
            entry.get("start_period"),
        )


def _spoken(values: Mapping[str, Any]) -> Iterator[str]:
    for value in values.values():
        if isinstance(value, str):
            yield value
        else:
            yield from value.values() if isinstance(value, Mapping) else value
