"""A process that keeps one run of a playbook, so that it goes on while no engine is there to watch it.

``python -m undercloud.deploy.keeper DIRECTORY`` carries out what the file ``run.json`` there says, through
ansible-runner. It says which process it is in ``process.json``, appends ansible-runner's events to
``events``, one line of JSON each, and ends with ``result.json``. The directory lies in a workspace, so in
memory: events are not masked yet. SIGTERM asks the playbook to end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from undercloud import durable
from undercloud.deploy import processes
from undercloud.deploy.holder import Process

RUN, PROCESS, EVENTS, RESULT = "run.json", "process.json", "events", "result.json"
POLL = 0.5  # seconds between two looks at a request to end
_GRACE = 10.0  # seconds that ansible-playbook has to end by itself


class _Cancel:
    """Asks ansible-playbook to end at the first request, and has it killed when it takes too long."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._since = 0.0
        self.asked = False

    def ask(self, *_: Any) -> None:
        """As the handler of a signal."""
        self.asked = True

    def __call__(self) -> bool:
        if not self.asked:
            return False
        if not self._since:
            self._since = time.monotonic()
            processes.ask_to_end(self._mark)
        return time.monotonic() - self._since > _GRACE


def keep(directory: Path) -> None:
    """Carry the run out; every ending but being killed is told in ``result.json``."""
    wanted = json.loads((directory / RUN).read_text(encoding="utf-8"))
    cancel = _Cancel(wanted["mark"])
    signal.signal(signal.SIGTERM, cancel.ask)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # From here on it can be found; a successor that did not find it has taken the directory away.
    durable.write(directory / PROCESS, json.dumps(Process.current().as_plain()))
    try:
        told = {"status": _play(directory, wanted, cancel), "cancelled": cancel.asked}
    except Exception as error:  # noqa: BLE001 - the border of this process: the engine tells what is told here
        told = {"status": "", "error": f"{type(error).__name__}: {error}"}
    durable.write(directory / RESULT, json.dumps(told))


def _play(directory: Path, wanted: Mapping[str, Any], cancel: _Cancel) -> str:
    from ansible_runner import interface  # noqa: PLC0415 - takes long, and its faults are to be told

    handle = os.open(directory / EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:

        def write(event: Mapping[str, Any]) -> bool:
            stream.write(json.dumps(event, default=str) + "\n")
            stream.flush()
            return False  # ansible-runner shall not keep it

        runner = interface.init_runner(**wanted["runner"], event_handler=write, cancel_callback=cancel)
        callbacks = runner.config.env["ANSIBLE_CALLBACK_PLUGINS"]
        runner.config.env = {**wanted["environment"], "ANSIBLE_CALLBACK_PLUGINS": callbacks}
        runner.run()
        return str(runner.status)


def main(words: Sequence[str]) -> int:
    """Keep the run of a directory."""
    keep(Path(words[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
