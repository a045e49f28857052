"""The engine with real Ansible on this machine: killed in the middle of a task, and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from jinja2 import Environment

from tests.unit.deploy.world import make_world, request
from undercloud.conf.runner import Runner as Options
from undercloud.deploy import processes
from undercloud.deploy.engine import EventKind, Status, follow
from undercloud.deploy.runner import INVENTORY, AnsibleRunner

_INVENTORY = """
overcloud:
  hosts:
    ctl-0: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""
# Each step adds its number to a file; the second waits as long as a file is there.
_PLAYBOOK = """
{%- for step in range(6) %}
- name: Step {{ step }}
  hosts: overcloud
  gather_facts: false
  tags: [step{{ step }}]
  tasks:
    - name: Work
      ansible.builtin.shell: |
        echo {{ step }} {{ '{{ undercloud_fence }}' }} >> {{ directory }}/done
        while [ {{ step }} = 2 ] && [ -e {{ directory }}/wait ]; do sleep 0.1; done
{%- endfor %}
- name: Finish
  hosts: overcloud
  gather_facts: false
  tags: [finish]
  tasks: []
"""

_CHILD = """
import sys
from pathlib import Path
from tests.unit.deploy.test_deploy_ansible import world_with_ansible
from tests.unit.deploy.world import request
engine = world_with_ansible(Path(sys.argv[1])).engine()
print("deploying", flush=True)
engine.wait(engine.deploy(request()).id, 60)
"""


def world_with_ansible(directory: Path):  # type: ignore[no-untyped-def]

    world = make_world(directory)
    text = Environment(autoescape=False).from_string(_PLAYBOOK).render(directory=directory)
    world.compiler.files = {"deploy_steps_playbook.yaml": text.encode(), INVENTORY: _INVENTORY.encode()}
    options = Options(forks=5, keep_runs=5, control_persist=30, pass_environment=())
    world.real_runner = AnsibleRunner(options)
    return world


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_kill_the_engine_inside_a_task_and_go_on(tmp_path: Path) -> None:
    (tmp_path / "wait").touch()
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)])
    deadline = time.monotonic() + 60
    while len(lines(tmp_path / "done")) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert lines(tmp_path / "done") == ["0 1", "1 1", "2 1"]
    (tmp_path / "wait").unlink()

    world = world_with_ansible(tmp_path)
    engine = world.engine()
    (left,) = engine.deployments("overcloud")
    assert left.status is Status.INTERRUPTED
    resumed = engine.resume(left.id)
    events = list(follow(engine, resumed.id))
    assert engine.deployment(left.id).status is Status.SUCCEEDED
    # The task that was cut off runs again; the ones before it do not, and the number is higher.
    assert lines(tmp_path / "done") == ["0 1", "1 1", "2 1", "2 2", "3 2", "4 2", "5 2"]
    results = [event.step for event in events if event.kind is EventKind.RESULT]
    assert sorted(results) == results
    assert processes.marked(f"{world.settings.paths.state_dir}:overcloud") == []
    engine.close()


def test_cancel_inside_a_task(tmp_path: Path) -> None:
    (tmp_path / "wait").touch()
    world = world_with_ansible(tmp_path)
    engine = world.engine()
    started = engine.deploy(request())
    while len(lines(tmp_path / "done")) < 3:
        time.sleep(0.05)
    engine.cancel(started.id, "Ctrl-C")
    ended = engine.wait(started.id, 30)
    assert (ended.status, ended.stage) == (Status.INTERRUPTED, "step-2")
    assert engine.status("overcloud").lock is None
    (tmp_path / "wait").unlink()
    assert engine.wait(engine.deploy(request()).id, 60).status is Status.SUCCEEDED
    engine.close()
