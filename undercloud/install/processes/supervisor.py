"""Processes under supervisord, where systemd is not PID 1: in containers, and for users who are not root.

supervisord is started by ``put`` and told what to do over its XML-RPC interface on a private Unix socket
(http://supervisord.org/api.html). It comes back after a boot where ``boot`` finds who starts it.
"""

from __future__ import annotations

import configparser
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from undercloud import durable
from undercloud.install.part import Process
from undercloud.install.processes.manager import Condition, State, base_environment, failed

_LONGEST = 107  # bytes of a Unix socket's path, unix(7)
_PATIENCE = 20.0  # seconds until supervisord answers after its start
_RETRIES = 60  # starts in a row that fail until it gives up, each a second later than the last
_STABLE = 2  # seconds after which a process counts as started
_LOG_SIZE = "20MB"
_CONDITIONS = {
    "RUNNING": Condition.RUNNING,
    "STARTING": Condition.STARTING,
    "BACKOFF": Condition.FAILED,
    "FATAL": Condition.FAILED,
    "EXITED": Condition.FAILED,
    "UNKNOWN": Condition.FAILED,
}
_UNREACHABLE = (OSError, HTTPException)


class Supervisor:
    """Implements ``Manager`` with a supervisord of its own; ``logs`` is where its programs write."""

    name = "supervisor"

    def __init__(self, directory: Path, logs: Path) -> None:
        self._directory, self._logs = directory, logs
        self._config = directory / "supervisord.conf"
        self._socket = directory / "supervisor.sock"
        self._pid_file = directory / "supervisord.pid"

    def put(self, processes: Sequence[Process]) -> tuple[str, ...]:
        """Write the configuration; start supervisord with it, or let a running one take over what differs."""
        text = self._configuration(processes)
        try:
            for directory in (self._directory, self._logs):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.write(self._config, text)
        except OSError as error:
            raise failed(f"{self._directory} cannot be written: {error.strerror}") from error
        if self._running():
            return self._update()
        self._launch()
        return tuple(process.name for process in processes)

    def start(self) -> None:
        """Start supervisord with what it was told last, as after a boot; nothing where it runs already."""
        if not self._running():
            self._launch()

    def states(self) -> Mapping[str, State]:
        """As supervisord tells; all are stopped where there is none."""
        stopped = {name: State(Condition.STOPPED) for name in self._names()}
        if not stopped or not self._running():
            return stopped
        return stopped | {
            info["name"]: State(
                _CONDITIONS.get(info["statename"], Condition.STOPPED),
                info["pid"],
                max(0, info["now"] - (info["start"] if info["pid"] else info["stop"])),
            )
            for info in self._call("supervisor.getAllProcessInfo")
        }

    def stop(self) -> None:
        """End supervisord, which ends its processes first."""
        pid = self._pid()
        if pid is None:
            return
        patience = max([10, *self._stop_seconds()]) + _PATIENCE
        os.kill(pid, signal.SIGTERM)
        if not _until(lambda: self._pid() is None, patience):
            raise failed(f"supervisord (pid {pid}) does not end")

    def log(self, name: str, lines: int = 20) -> str:
        """The last lines of its log file."""
        file = self._logs / f"{name}.log"
        if not file.is_file():
            return ""
        return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def remove(self) -> None:
        """End supervisord and delete its configuration."""
        self.stop()
        for file in (self._config, self._pid_file, self._socket):
            file.unlink(missing_ok=True)

    def _configuration(self, processes: Sequence[Process]) -> str:
        """The format is that of http://supervisord.org/configuration.html; there, % has to be doubled."""
        if len(os.fsencode(self._socket)) > _LONGEST:
            raise failed(
                f"the path of the socket {self._socket} is too long; choose a shorter state directory"
            )
        log = self._logs / "supervisord.log"
        config = configparser.RawConfigParser()
        config["unix_http_server"] = {"file": _plain(self._socket), "chmod": "0600"}
        config["supervisord"] = {
            "logfile": _plain(log),
            "pidfile": _plain(self._pid_file),
            "umask": "077",
            "minfds": "1024",
        }
        factory = "supervisor.rpcinterface:make_main_rpcinterface"
        config["rpcinterface:supervisor"] = {"supervisor.rpcinterface_factory": factory}
        for place, process in enumerate(processes):
            config[f"program:{process.name}"] = self._program(process, priority=place + 1)
        lines = []
        for section in config.sections():
            lines += [f"[{section}]", *(f"{name} = {value}" for name, value in config[section].items()), ""]
        return "\n".join(lines)

    def _program(self, process: Process, priority: int) -> dict[str, str]:
        environment = {
            **base_environment(process.user),
            **process.environment,
            "UNDERCLOUD_READS": process.mark(),
        }
        # It ends with supervisord, even when that is killed: a second one would meet its ports taken.
        command = ("/usr/bin/setpriv", "--pdeathsig", "TERM", "--", *process.command)
        values = {
            "command": " ".join(map(_word, command)),
            "directory": _plain(process.directory),
            "environment": ",".join(f"{name}={_value(value)}" for name, value in sorted(environment.items())),
            "priority": str(priority),
            "autorestart": "true",
            "startsecs": str(_STABLE),
            "startretries": str(_RETRIES),
            "stopwaitsecs": str(process.stop_seconds),
            "killasgroup": str(not process.survives).lower(),
            "redirect_stderr": "true",
            "stdout_logfile": _plain(self._logs / f"{process.name}.log"),
            "stdout_logfile_maxbytes": _LOG_SIZE,
            "stdout_logfile_backups": "3",
        }
        return values | ({"user": process.user} if process.user else {})

    def _launch(self) -> None:
        """Start supervisord, which goes into the background by itself."""
        self._socket.unlink(missing_ok=True)
        words = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._config)]
        try:
            done = subprocess.run(
                words,
                cwd="/",
                env=base_environment(""),
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise failed(f"supervisord cannot be started: {error}") from error
        if done.returncode != 0 or not _until(self._running, _PATIENCE):
            said = (done.stdout + done.stderr).strip() or self.log("supervisord", 1)
            raise failed(f"supervisord did not start: {said}")

    def _update(self) -> tuple[str, ...]:
        """What ``supervisorctl update`` does, and a start of what had been given up."""
        added, changed, removed = self._call("supervisor.reloadConfig")[0]
        for name in (*removed, *changed):
            self._call("supervisor.stopProcessGroup", name)
            self._call("supervisor.removeProcessGroup", name)
        for name in (*changed, *added):
            self._call("supervisor.addProcessGroup", name)
        idle = [
            name for name, state in self.states().items() if state.pid == 0 and name not in (*added, *changed)
        ]
        for name in idle:
            self._start(name)
        return (*added, *changed, *idle)

    def _start(self, name: str) -> None:
        try:
            self._proxy().supervisor.startProcess(name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.ALREADY_STARTED:
                raise failed(f"{name} cannot be started: {fault.faultString}") from fault

    def _proxy(self) -> Any:
        return xmlrpc.client.ServerProxy(
            "http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{self._socket}")
        )

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._proxy(), method)(*arguments)
        except (xmlrpc.client.Error, *_UNREACHABLE) as error:
            raise failed(f"supervisord refused {method}: {error}") from error

    def _running(self) -> bool:
        """Whether a supervisord with our configuration answers."""
        if self._pid() is None:
            return False
        try:
            self._proxy().supervisor.getState()
        except (xmlrpc.client.Error, *_UNREACHABLE):
            return False
        return True

    def _pid(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text(encoding="utf-8"))
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        # A number is given again: only a process with our configuration is ours.
        return pid if os.fsencode(self._config) in words else None

    def _programs(self) -> dict[str, Mapping[str, str]]:
        config = configparser.RawConfigParser()
        config.read(self._config, encoding="utf-8")
        begins = "program:"
        return {
            name.removeprefix(begins): config[name] for name in config.sections() if name.startswith(begins)
        }

    def _names(self) -> list[str]:
        return list(self._programs())

    def _stop_seconds(self) -> list[int]:
        return [int(program["stopwaitsecs"]) for program in self._programs().values()]


def _plain(path: Path) -> str:
    return str(path).replace("%", "%%")


def _word(text: str) -> str:
    """In quotes, as shlex reads them back."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _value(text: str) -> str:
    """A variable's value in quotes; supervisor reads it without any escapes."""
    quote = "'" if '"' in text else '"'
    if quote in text or "\n" in text:
        raise failed(f"supervisor takes no environment variable with both kinds of quotes: {text[:20]}…")
    return quote + text.replace("%", "%%") + quote


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
