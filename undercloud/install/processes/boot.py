"""What starts the undercloud's supervisor when the machine boots, where that is not systemd.

An init script of the Linux Standard Base where init is sysvinit's, else an entry of cron's, as @reboot.
Both run ``python -m undercloud.install.processes.boot STATE_DIR start``; ``stop``, ``restart`` and ``status``
end with the statuses that init scripts have.
"""

from __future__ import annotations

import enum
import hashlib
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from undercloud import durable
from undercloud.conf.paths import STATE_DIR
from undercloud.diagnostics import UndercloudError
from undercloud.install import commands
from undercloud.install.part import own_environment, own_program
from undercloud.install.processes import choice
from undercloud.install.processes.manager import Condition, failed
from undercloud.install.processes.supervisor import Supervisor
from undercloud.install.processes.systemd import Systemd

_MARK = "# Made by `openstack undercloud install`, which writes it anew."
_LONGEST = 60  # seconds that update-rc.d may take
_FAILED, _NOT_RUNNING = 1, 3
"""Exit statuses of init scripts: LSB Core 5.0, 22.2."""
_SCRIPT = """\
#!/bin/sh
{mark}
### BEGIN INIT INFO
# Provides:          {name}
# Required-Start:    $remote_fs $network $syslog $time
# Required-Stop:     $remote_fs $network $syslog
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: The undercloud
### END INIT INFO
case "$1" in
    start | stop | restart | force-reload | status) exec {command} "$1" ;;
esac
echo "Usage: $0 start|stop|restart|force-reload|status" >&2
exit 2
"""


class Way(enum.StrEnum):
    """What starts the undercloud after a boot."""

    SYSTEMD = "systemd"
    SYSVINIT = "sysvinit"
    CRON = "cron"
    NONE = "by hand"


@dataclass(frozen=True)
class Boot:
    """How the undercloud in ``state_dir`` comes back; ``manager`` is the name of what keeps it running.

    ``root`` is the machine's root directory.
    """

    state_dir: Path
    manager: str
    root: Path = Path("/")

    @property
    def way(self) -> Way:
        """The way that this machine offers, whether or not it is taken yet."""
        if self.manager == Systemd.name:
            return Way.SYSTEMD
        if os.geteuid() != 0:
            return Way.NONE
        if self._first_process() == "init" and self._update_rc.exists():
            return Way.SYSVINIT
        return Way.CRON if self._has_cron() else Way.NONE

    @property
    def taken(self) -> Way:
        """The way that will bring it back."""
        way = self.way
        file = self._files().get(way)
        return way if file is None or _text(file) == self.text(way) else Way.NONE

    @property
    def told(self) -> str:
        """The way, for the operator."""
        way = self.way
        if way is Way.NONE:
            return f"{way}: run `openstack undercloud install` again after a boot"
        file = self._files().get(way)
        return f"{way}: {file}" if file else str(way)

    def text(self, way: Way) -> str:
        """The init script, or cron's entry."""
        variables = [f"{name}={value}" for name, value in own_environment().items()]
        program = own_program("undercloud.install.processes.boot", str(self.state_dir))
        command = shlex.join(("/usr/bin/env", *variables, *program))
        if way is Way.SYSVINIT:
            return _SCRIPT.format(mark=_MARK, name=self._name, command=command)
        escaped = command.replace("%", r"\%")  # which ends a command of crontab(5)
        return f"{_MARK}\n@reboot root {escaped} start\n"

    def ensure(self) -> None:
        """Take the machine's way, and no other. Raises INST-020; what somebody else wrote is left alone."""
        way = self.way
        for other, there in self._files().items():
            if other is not way:
                self._drop(other, there)
        file = self._files().get(way)
        if file is None:
            return
        before = _text(file)
        if before and _MARK not in before:
            raise failed(f"{file} is there, and somebody else wrote it; move it away")
        try:
            if before != self.text(way):
                durable.write(file, self.text(way), 0o755 if way is Way.SYSVINIT else 0o644)
            if way is Way.SYSVINIT:
                self._register("defaults")
        except OSError as error:
            raise failed(f"{file} cannot be written: {error}") from error

    def remove(self) -> None:
        """Come back no more; done again it does nothing. Raises INST-020."""
        for way, file in self._files().items():
            self._drop(way, file)

    @property
    def _name(self) -> str:
        """Of its own for each undercloud: they may live side by side."""
        if self.state_dir == Path(STATE_DIR):
            return "undercloud"
        return f"undercloud-{hashlib.sha256(bytes(self.state_dir)).hexdigest()[:8]}"

    @property
    def _update_rc(self) -> Path:
        return self.root / "usr/sbin/update-rc.d"

    def _files(self) -> dict[Way, Path]:
        return {
            Way.SYSVINIT: self.root / "etc/init.d" / self._name,
            Way.CRON: self.root / "etc/cron.d" / self._name,
        }

    def _first_process(self) -> str:
        try:
            return (self.root / "proc/1/exe").readlink().name
        except OSError:
            return ""

    def _has_cron(self) -> bool:
        """Whether cron runs now: a machine that has it only installed does not start it."""
        pid = _text(self.root / "run/crond.pid").strip()
        running = pid and _text(self.root / "proc" / pid / "comm").strip() in {"cron", "crond"}
        return bool(running) and (self.root / "etc/cron.d").is_dir()

    def _drop(self, way: Way, file: Path) -> None:
        if _MARK not in _text(file):
            return
        try:
            file.unlink()
            if way is Way.SYSVINIT and self._update_rc.exists():
                self._register("remove")
        except OSError as error:
            raise failed(f"{file} cannot be removed: {error}") from error

    def _register(self, what: str) -> None:
        """In the runlevels; update-rc.d(8)."""
        commands.output([str(self._update_rc), self._name, what], _LONGEST)


def _text(file: Path) -> str:
    """A file's text; empty where there is none, or none for us."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def main(words: Sequence[str]) -> int:
    """Start or stop a supervisor as it was told last, or tell how it is; an init script's exit status."""
    state_dir, verb = words
    supervisor = choice.supervisor(Path(state_dir))
    try:
        if verb in {"stop", "restart", "force-reload"}:
            supervisor.stop()
        if verb in {"start", "restart", "force-reload"}:
            supervisor.start()
        return _status(supervisor) if verb == "status" else 0
    except UndercloudError as error:
        sys.stderr.write(f"{error}\n")
        return _FAILED


def _status(supervisor: Supervisor) -> int:
    states = supervisor.states()
    for name, state in states.items():
        sys.stdout.write(f"{name}: {state.condition}\n")
    conditions = {state.condition for state in states.values()}
    if conditions <= {Condition.STOPPED}:
        return _NOT_RUNNING
    return 0 if conditions <= {Condition.RUNNING, Condition.STARTING} else _FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
