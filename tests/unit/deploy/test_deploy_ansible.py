"""The engine with real Ansible on this machine: killed in the middle of a task, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment

from tests.unit.deploy.world import World, make_world, request
from undercloud.conf.runner import Runner as Options
from undercloud.deploy import processes
from undercloud.deploy.engine import EventKind, Status, follow
from undercloud.deploy.runner import INVENTORY, AnsibleRunner

_INVENTORY = """
overcloud:
  hosts:
    ctl-0: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""
# Each step adds its number to a file, and waits as long as the file wait.STEP is there.
_PLAYBOOK = """
{%- for step in range(6) %}
- name: Step {{ step }}
  hosts: overcloud
  gather_facts: false
  tags: [step{{ step }}]
  tasks:
{%- if fenced %}
    - name: Ask the node
      undercloud.deploy.reconcile:
        state: "{{ '{{ playbook_dir }}' }}/desired_state/ctl-0.json"
        stack: a-test
        step: {{ step }}
        fence: "{{ '{{ undercloud_fence }}' }}"
        state_dir: {{ directory }}/node
{%- endif %}
    - name: Work
      ansible.builtin.shell: |
        echo {{ step }} {{ '{{ undercloud_fence }}' }} >> {{ directory }}/done
        while [ -e {{ directory }}/wait.{{ step }} ]; do sleep 0.1; done
{%- if leaks %}{% raw %}
    - name: Tell too much
      vars:
        known: "{{ lookup('ansible.builtin.file', undercloud_secrets_file) | from_json }}"
      ansible.builtin.debug:
        msg: "{{ known.admin }} {{ known.admin | urlencode }} {{ known | to_json }}"
    - name: Fail with it
      vars:
        known: "{{ lookup('ansible.builtin.file', undercloud_secrets_file) | from_json }}"
      ansible.builtin.command:
        argv: ["false", "{{ known.admin }}"]
      ignore_errors: true
{%- endraw %}{% endif %}
{%- endfor %}
- name: Finish
  hosts: overcloud
  gather_facts: false
  tags: [finish]
  tasks: []
"""

_NOTHING = {
    "version": 1,
    "stack": "a-test",
    "contract": "native/1",
    "hosts": {"ctl-0": {"role": "Controller", "address": "127.0.0.1", "steps": {}}},
}

_CHILD = """
import sys
from pathlib import Path
from tests.unit.deploy.test_deploy_ansible import world_with_ansible
from tests.unit.deploy.world import request
engine = world_with_ansible(Path(sys.argv[1])).engine()
print("deploying", flush=True)
engine.wait(engine.deploy(request()).id, 60)
"""


def world_with_ansible(directory: Path, *, leaks: bool = False, fenced: bool = False) -> World:
    """With ``leaks`` the tasks of templates tell secrets, in every way that they can.

    With ``fenced`` our module is asked first in every step, and keeps what it sees in the directory ``node``.
    """
    world = make_world(directory)
    template = Environment(autoescape=False).from_string(_PLAYBOOK)
    text = template.render(directory=directory, leaks=leaks, fenced=fenced)
    world.compiler.files = {
        "deploy_steps_playbook.yaml": text.encode(),
        INVENTORY: _INVENTORY.encode(),
        **({"desired_state/ctl-0.json": json.dumps(_NOTHING).encode()} if fenced else {}),
    }
    options = Options(forks=5, keep_runs=5, control_persist=30, pass_environment=())
    world.real_runner = AnsibleRunner(options)
    return world


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def killed_in_step_2(directory: Path) -> None:
    """An engine in a process of its own is killed while a task waits for the file ``wait.2`` to go."""
    (directory / "wait.2").touch()
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(directory)])
    until(lambda: len(lines(directory / "done")) == 3)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert lines(directory / "done") == ["0 1", "1 1", "2 1"]


def until(good: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not good():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def keepers(world: World) -> list[int]:
    mark = f"{world.settings.paths.state_dir}:overcloud"
    return [
        pid
        for pid in processes.marked(mark)
        if b"undercloud.deploy.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def gone_on(world: World, done: list[str]) -> None:
    """A new engine goes on with what the dead one left, and each task is told of once."""
    engine = world.engine()
    (left,) = engine.deployments("overcloud")
    assert left.status is Status.INTERRUPTED
    engine.resume(left.id)
    events = list(follow(engine, left.id))
    ended = engine.deployment(left.id)
    assert ended.status is Status.SUCCEEDED
    directory = world.settings.paths.state_dir.parent
    assert lines(directory / "done") == done
    results = [event.step for event in events if event.kind is EventKind.RESULT]
    assert results == list(range(6))
    assert {host.name: host.counts.changed for host in engine.hosts(ended.id)}["ctl-0"] == 6
    log = (world.stack_dir / "runner/artifacts" / left.id / "ansible.log").read_text()
    assert all(f"PLAY [Step {step}]" in log for step in range(6))
    assert processes.marked(f"{world.settings.paths.state_dir}:overcloud") == []
    assert list(world.settings.paths.secure_tmp.iterdir()) == []
    engine.close()


def test_kill_the_engine_inside_a_task_and_read_on(tmp_path: Path) -> None:
    killed_in_step_2(tmp_path)
    (tmp_path / "wait.2").unlink()
    gone_on(world_with_ansible(tmp_path), ["0 1", "1 1", "2 1", "3 1", "4 1", "5 1"])


def test_the_playbook_ends_while_no_engine_is_there(tmp_path: Path) -> None:
    killed_in_step_2(tmp_path)
    (tmp_path / "wait.2").unlink()
    world = world_with_ansible(tmp_path)
    until(lambda: keepers(world) == [])
    gone_on(world, ["0 1", "1 1", "2 1", "3 1", "4 1", "5 1"])


def test_the_playbook_dies_with_its_engine(tmp_path: Path) -> None:
    killed_in_step_2(tmp_path)
    world = world_with_ansible(tmp_path)
    for pid in keepers(world):
        os.kill(pid, signal.SIGKILL)
    (tmp_path / "wait.2").unlink()
    # The task that was cut off runs again; the ones before it do not, and the number is higher.
    gone_on(world, ["0 1", "1 1", "2 1", "2 2", "3 2", "4 2", "5 2"])


def test_a_new_deployment_ends_the_playbook_that_a_dead_engine_left(tmp_path: Path) -> None:
    killed_in_step_2(tmp_path)
    world = world_with_ansible(tmp_path)
    engine = world.engine()
    (left,) = keepers(world)
    started = engine.deploy(request())
    until(lambda: not Path(f"/proc/{left}").exists())
    (tmp_path / "wait.2").unlink()
    assert engine.wait(started.id, 60).status is Status.SUCCEEDED
    assert lines(tmp_path / "done")[3:] == [f"{step} 2" for step in range(6)]
    engine.close()


def test_cancel_inside_a_task(tmp_path: Path) -> None:
    (tmp_path / "wait.2").touch()
    world = world_with_ansible(tmp_path)
    engine = world.engine()
    started = engine.deploy(request())
    while len(lines(tmp_path / "done")) < 3:
        time.sleep(0.05)
    engine.cancel(started.id, "Ctrl-C")
    ended = engine.wait(started.id, 30)
    assert (ended.status, ended.stage) == (Status.INTERRUPTED, "step-2")
    assert engine.status("overcloud").lock is None
    (tmp_path / "wait.2").unlink()
    assert engine.wait(engine.deploy(request()).id, 60).status is Status.SUCCEEDED
    engine.close()
