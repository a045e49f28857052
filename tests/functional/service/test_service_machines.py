"""Two engines on two machines, as far as one machine can be two: names, processes, files of their own.

Each lives in its own namespaces of host names and processes, so that neither sees whether the other is alive;
PostgreSQL and RabbitMQ are between them, and one node, which keeps the fencing numbers that it has seen.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.service.site import Program, Site, until
from tests.unit.db import servers
from tests.unit.deploy import rabbit

pytestmark = pytest.mark.functional
_MACHINE = ("unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
_TITLE = re.compile(r"master process|worker\(")  # as cotyledon calls its processes


class Machines(Site):
    """A site whose engines run on machines of their own."""

    def machine(self, name: str) -> Program:
        """Switch a machine on, with its own state directory, and an engine on it."""
        home = self.directory / name
        (home / "memory").mkdir(parents=True)
        (home / "state").mkdir()
        key = self.settings.paths.key_file.relative_to(self.state)
        shutil.copy(self.state / key, home / "state" / key)
        file = home / "own.conf"
        text = (self.directory / "service.conf").read_text()
        text = text.replace(f"state_dir = {self.state}", f"state_dir = {home}/state")
        file.write_text(text.replace(f"= {self.directory}/memory", f"= {home}/memory"))
        script = f'hostname {name}; "$@" & wait; sleep 1000'  # the machine outlives its engine
        words = (*_MACHINE, "sh", "-c", script, "sh")
        started = self.start("engine", "--config-file", str(file), within=words)
        started.line("answers")
        return started

    def holder(self, deployment: str) -> str:
        """The machine whose engine works at a deployment."""
        return str(self.get(f"/v1/deployments/{deployment}")["holder"]).partition(" ")[0]

    def said(self, machine: str, text: str) -> bool:
        """Whether a playbook that a machine began has said something."""
        found = (self.directory / machine / "memory").rglob("*")
        return any(text in file.read_text(errors="replace") for file in found if file.is_file())


@pytest.fixture
def machines(tmp_path: Path, postgres: servers.Server, broker: rabbit.Rabbit) -> Iterator[Machines]:
    if os.geteuid() != 0:
        pytest.skip("namespaces are made, which needs root")
    (tmp_path / "fenced").touch()
    site = Machines(tmp_path, tmp_path / "state", postgres.new_database(), broker.url)
    site.start("api")
    yield site
    for program in site.programs:
        program.process.kill()
    site.close()


def engines_of(machine: Program) -> list[int]:
    """The processes of its engine, without the playbooks that it began."""
    found = [pid for pid in _children(machine.process.pid) if _TITLE.search(_title(pid))]
    assert len(found) == 2, "cotyledon's master and one worker"
    return found


def _children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in thread.read_text().split():
            yield int(child)
            yield from _children(int(child))


def _title(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]
    return ""


def test_a_machine_breaks_down_and_the_other_one_goes_on(machines: Machines) -> None:
    first = machines.machine("first")
    deployment = machines.deploy_to_step_2()
    assert machines.holder(deployment) == "first"
    machines.machine("second")
    first.process.kill()  # and with it everything on it, the playbook too
    until(lambda: machines.holder(deployment) == "second")
    until(lambda: len(machines.done()) == 4)
    machines.go_on()
    found = machines.ended(deployment)
    assert found["status"] == "succeeded", found["findings"]
    assert machines.done() == ["0 1", "1 1", "2 1", "2 2", "3 2", "4 2", "5 2"]
    machines.events(deployment)


def test_a_playbook_without_its_engine_is_refused_by_the_node(machines: Machines) -> None:
    first = machines.machine("first")
    deployment = machines.deploy_to_step_2()
    machines.machine("second")
    for pid in engines_of(first):
        os.kill(pid, signal.SIGKILL)  # its playbook goes on, and nobody else can see or end it
    until(lambda: machines.done()[-1] == "2 2")
    machines.go_on()
    found = machines.ended(deployment)
    assert found["status"] == "succeeded", found["findings"]
    until(lambda: machines.said("first", "a newer deployment has taken over"))
    assert machines.done() == ["0 1", "1 1", "2 1", "2 2", "3 2", "4 2", "5 2"]
