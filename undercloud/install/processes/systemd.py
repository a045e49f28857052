"""Processes as systemd units, where systemd is PID 1.

A unit a process, all of them wanted by ``undercloud.target``, which the boot starts. The format is that of
systemd.unit(5), systemd.service(5) and systemd.exec(5).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from undercloud import durable
from undercloud.install import commands
from undercloud.install.part import Process
from undercloud.install.processes.manager import Condition, State, base_environment, failed

UNITS = Path("/etc/systemd/system")
TARGET = "undercloud.target"
_PREFIX = "undercloud-"
_HEAD = "# Made by `openstack undercloud install`, which writes it anew.\n"
_TIMEOUT = 180  # seconds that systemctl may take; it waits for processes that stop
_CONDITIONS = {
    "active": Condition.RUNNING,
    "reloading": Condition.RUNNING,
    "activating": Condition.STARTING,
    "deactivating": Condition.STOPPED,
    "inactive": Condition.STOPPED,
    "failed": Condition.FAILED,
}


class Systemd:
    """Implements ``Manager`` with units in ``directory``."""

    name = "systemd"

    def __init__(self, directory: Path = UNITS) -> None:
        self._directory = directory

    def put(self, processes: Sequence[Process]) -> tuple[str, ...]:
        """Write the units that differ, remove those that are no longer named, start what does not run."""
        wanted = {process.name: unit(process) for process in processes}
        gone = [name for name in self._names() if name not in wanted]
        if gone:
            _systemctl("disable", "--now", *map(_unit_name, gone))
        try:
            for name in gone:
                self._file(name).unlink(missing_ok=True)
            changed = {name for name, text in wanted.items() if self._write(_unit_name(name), text)}
            self._write(TARGET, _target(wanted))
        except OSError as error:
            raise failed(f"units cannot be written to {self._directory}: {error.strerror}") from error
        _systemctl("daemon-reload")
        before = self.states()
        _systemctl("enable", TARGET, *map(_unit_name, wanted))
        started = tuple(
            name for name in wanted if name in changed or before[name].condition is not Condition.RUNNING
        )
        if started:
            _systemctl("restart", *map(_unit_name, started))
        _systemctl("start", TARGET)
        return started

    def states(self) -> Mapping[str, State]:
        """As ``systemctl show`` tells."""
        names = self._names()
        if not names:
            return {}
        fields = "Id,ActiveState,MainPID,StateChangeTimestampMonotonic"
        shown = _systemctl("show", f"--property={fields}", *map(_unit_name, names))
        states = {}
        for block in shown.strip().split("\n\n"):
            values = dict(line.partition("=")[::2] for line in block.splitlines())
            since = int(values["StateChangeTimestampMonotonic"]) / 1_000_000
            states[values["Id"].removeprefix(_PREFIX).removesuffix(".service")] = State(
                _CONDITIONS.get(values["ActiveState"], Condition.FAILED),
                int(values["MainPID"]),
                int(time.monotonic() - since) if since else 0,
            )
        return states

    def stop(self) -> None:
        """Stop the target and with it all units."""
        if self._names():
            _systemctl("stop", TARGET, *map(_unit_name, self._names()))

    def log(self, name: str, lines: int = 20) -> str:
        """The journal's last lines."""
        words = [
            "journalctl",
            "--unit",
            _unit_name(name),
            "--lines",
            str(lines),
            "--output",
            "cat",
            "--no-pager",
        ]
        return _run(words)

    def remove(self) -> None:
        """Stop and disable all units and delete them."""
        names = self._names()
        if not names and not (self._directory / TARGET).exists():
            return
        _systemctl("disable", "--now", TARGET, *map(_unit_name, names))
        for file in (*map(self._file, names), self._directory / TARGET):
            file.unlink(missing_ok=True)
        _systemctl("daemon-reload")

    def _names(self) -> list[str]:
        """The processes whose units are ours."""
        files = sorted(self._directory.glob(f"{_PREFIX}*.service"))
        return [
            file.stem.removeprefix(_PREFIX)
            for file in files
            if file.is_file() and file.read_text(encoding="utf-8").startswith(_HEAD)
        ]

    def _file(self, name: str) -> Path:
        return self._directory / _unit_name(name)

    def _write(self, name: str, text: str) -> bool:
        """Whether the file was another one before."""
        file = self._directory / name
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            return False
        durable.write(file, text, 0o644)
        return True


def unit(process: Process) -> str:
    """The unit of a process."""
    environment = {**base_environment(process.user), **process.environment}
    after = " ".join(["network-online.target", *map(_unit_name, process.after)])
    lines = [
        f"# reads: {process.mark()}",
        "[Unit]",
        f"Description={process.title.replace('%', '%%')}",
        f"PartOf={TARGET}",
        "Wants=network-online.target",
        f"After={after}",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        f"ExecStart={' '.join(map(_word, process.command))}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(environment.items())),
        f"WorkingDirectory={str(process.directory).replace('%', '%%')}",
        *([f"User={process.user}"] if process.user else []),
        "UMask=0077",
        "Restart=always",
        "RestartSec=2",
        # It is asked alone, so that it can end in order what it started.
        f"KillMode={'process' if process.survives else 'mixed'}",
        f"TimeoutStopSec={process.stop_seconds}",
        *_confined(process),
        "",
        "[Install]",
        f"WantedBy={TARGET}",
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _confined(process: Process) -> list[str]:
    """A process that says where it writes may write nowhere else, and has no power of root's but its own."""
    if not process.writes:
        return []
    return [
        f"CapabilityBoundingSet={' '.join(process.capabilities)}",
        "NoNewPrivileges=yes",
        "PrivateDevices=yes",
        "PrivateTmp=yes",
        "ProtectHome=read-only",
        "ProtectSystem=strict",
        f"ReadWritePaths={' '.join(_quoted(str(path)) for path in process.writes)}",
    ]


def _target(wanted: Mapping[str, str]) -> str:
    wants = " ".join(_unit_name(name) for name in sorted(wanted))
    return (
        f"{_HEAD}[Unit]\nDescription=The undercloud\nWants={wants}\n\n[Install]\nWantedBy=multi-user.target\n"
    )


def _unit_name(name: str) -> str:
    return f"{_PREFIX}{name}.service"


def _word(text: str) -> str:
    """A word of a command line: in quotes, and nothing in it is a variable or a specifier."""
    return _quoted(text).replace("$", "$$")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped}"'


def _systemctl(*words: str) -> str:
    return _run(["systemctl", "--no-pager", *words])


def _run(words: list[str]) -> str:
    try:
        done = commands.run(words, _TIMEOUT)
    except OSError as error:
        raise failed(f"{' '.join(words[:3])}: {error}") from error
    if done.status != 0:
        raise failed(f"{' '.join(words[:3])} failed: {done.err.strip() or f'exit status {done.status}'}")
    return done.out
