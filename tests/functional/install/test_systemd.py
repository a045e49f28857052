"""systemd as PID 1 with real processes: in a lab node, into which our manager is carried."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import time
from typing import Any

import pytest

from tests.functional.lab.tool import LabTool
from tests.functional.tool import CHECKOUT

pytestmark = pytest.mark.functional

_NODE = "node1"
_MODULES = (
    "undercloud/__init__.py",
    "undercloud/durable.py",
    "undercloud/diagnostics",
    "undercloud/install/__init__.py",
    "undercloud/install/commands.py",
    "undercloud/install/part.py",
    "undercloud/install/processes/__init__.py",
    "undercloud/install/processes/manager.py",
    "undercloud/install/processes/systemd.py",
)
# What is said to a process reaches it, and it says it: the journal is where that is looked for.
_PROGRAM = """
import dataclasses, json, sys
from pathlib import Path
from undercloud.install.part import Process
from undercloud.install.processes.systemd import Systemd

def process(name, text="", *reads):
    script = "printf 'said: %s\\\\n' \\"$TEXT\\"; exec sleep 1000"
    words = ("/bin/sh", "-c", script)
    return Process(name, name + " of 100% tests", words, {"TEXT": text}, reads=tuple(map(Path, reads)))

def states():
    return {name: dataclasses.asdict(state) for name, state in manager.states().items()}

manager = Systemd()
print(json.dumps(eval(sys.argv[1])))
"""


class Node:
    """A lab node in which expressions over the manager are evaluated."""

    def __init__(self, lab: LabTool) -> None:
        self._lab = lab

    def carry(self) -> None:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for name in _MODULES:
                archive.add(CHECKOUT / name, name, filter=_sources)
        modules = base64.b64encode(stream.getvalue()).decode()
        program = base64.b64encode(_PROGRAM.encode()).decode()
        self.run(f"mkdir -p /opt/uc; echo {modules} | base64 -d | tar -xz -C /opt/uc")
        self.run(f"echo {program} | base64 -d >/opt/uc/program.py")

    def run(self, script: str, *, check: bool = True) -> str:
        return self._lab.inside(_NODE, script, check=check).stdout.strip()

    def ask(self, expression: str) -> Any:
        quoted = expression.replace("'", "'\\''")
        return json.loads(self.run(f"cd /opt/uc; PYTHONPATH=/opt/uc python3 program.py '{quoted}'"))

    def pid(self, name: str) -> int:
        return int(self.ask("states()").get(name, {}).get("pid", 0))

    def until_said(self, name: str, line: str) -> None:
        """systemd's own "Started" may come before or after it."""
        deadline = time.monotonic() + 60
        while line not in (said := self.ask(f'manager.log("{name}", 5)').splitlines()):
            assert time.monotonic() < deadline, said
            time.sleep(0.5)

    def until_another(self, name: str, pid: int) -> int:
        deadline = time.monotonic() + 60
        while (found := self.pid(name)) in {0, pid}:
            assert time.monotonic() < deadline, f"{name} does not come back"
            time.sleep(0.5)
        return found


def _sources(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry


def test_units_come_and_go_with_what_is_wanted_and_come_back_after_a_kill_and_a_boot(lab: LabTool) -> None:
    node = Node(lab)
    node.carry()
    assert node.ask("states()") == {}
    both = 'manager.put([process("one", "50% \'of\' $HOME \\\\this", "/opt/uc/read"), process("two")])'
    assert set(node.ask(both)) == {"one", "two"}
    assert {state["condition"] for state in node.ask("states()").values()} == {"running"}
    node.until_said("one", "said: 50% 'of' $HOME \\this")
    assert node.run("systemctl --failed --no-legend") == ""

    before = {name: node.pid(name) for name in ("one", "two")}
    assert node.ask(both) == [], "what is as it should be is left alone"
    node.run("echo changed >/opt/uc/read")
    assert node.ask(both) == ["one"]
    assert node.pid("two") == before["two"]

    killed = node.pid("one")
    node.run(f"kill -9 {killed}")
    node.until_another("one", killed)

    assert node.run("systemctl is-enabled undercloud.target") == "enabled"
    lab("kill", _NODE)
    lab("start", _NODE)
    deadline = time.monotonic() + 60
    while {state["condition"] for state in node.ask("states()").values()} != {"running"}:
        assert time.monotonic() < deadline, node.ask("states()")
        time.sleep(0.5)

    node.ask('manager.put([process("two")])')
    assert set(node.ask("states()")) == {"two"}
    assert node.run("ls /etc/systemd/system/undercloud-one.service", check=False) == ""

    node.ask("manager.stop()")
    assert node.ask("states()")["two"]["condition"] == "stopped"
    assert node.ask('manager.put([process("two")])') == ["two"]
    node.ask("manager.remove()")
    node.ask("manager.remove()")
    assert node.ask("states()") == {}
    assert node.run("ls /etc/systemd/system | grep undercloud", check=False) == ""


def test_a_unit_that_cannot_start_is_told(lab: LabTool) -> None:
    node = Node(lab)
    node.carry()
    broken = 'Process("broken", "Broken", ("/nowhere/program",))'
    node.ask(f"manager.put([{broken}])")
    state = node.ask("states()")["broken"]
    assert state["condition"] != "running"
    assert state["pid"] == 0
    assert "/nowhere/program" in node.ask('manager.log("broken", 20)')
    node.ask("manager.remove()")
