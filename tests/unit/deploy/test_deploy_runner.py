"""ansible-runner for real, with tiny playbooks on this machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.world import World
from undercloud.conf.runner import Runner as Options
from undercloud.deploy import processes, workspace
from undercloud.deploy.masking import Masker
from undercloud.deploy.requests import SshAccess
from undercloud.deploy.runner import INVENTORY, AnsibleRunner, Ending, Result, Run

SECRET = "s3cr3t-value-of-a-cloud"
_INVENTORY = """
overcloud:
  hosts:
    node-a: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
    node-b: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""


class Recorded:
    """Runs a playbook of the test's and keeps its events."""

    def __init__(self, world: World, directory: Path) -> None:
        self.directory = directory
        self.artifacts = directory / "runner" / "artifacts"
        self.events: list[Mapping[str, Any]] = []
        self.cancelled = threading.Event()
        self._memory = world.settings.paths.secure_tmp

    def play(self, playbook: str, inventory: str = _INVENTORY, **changes: Any) -> Result:
        (self.directory / INVENTORY).write_text(inventory)
        (self.directory / "play.yaml").write_text(playbook)
        with workspace.opened(self._memory, self.directory, "overcloud", "run-1") as private:
            private.write_secrets({"admin": SECRET})
            run = Run(
                purpose="steps",
                directory=self.directory,
                playbook="play.yaml",
                artifacts=self.artifacts,
                ident="run-1",
                mark=str(self.directory),
                workspace=private,
                access=SshAccess(connect_timeout=2),
                collections=self.directory,
                variables={"undercloud_secrets_file": str(private.secrets_file), "undercloud_fence": 7},
                mask=Masker([SECRET]).text,
                **changes,
            )
            runner = AnsibleRunner(Options(forks=5, keep_runs=2, control_persist=30, pass_environment=()))
            return runner.run(run, self.events.append, self.cancelled.is_set)

    def results(self) -> list[tuple[str, str, Any]]:
        return [
            (event["event"], event["event_data"]["host"], event["event_data"]["res"].get("msg"))
            for event in self.events
            if event["event"] in {"runner_on_ok", "runner_on_failed", "runner_on_unreachable"}
        ]


@pytest.fixture
def recorded(world: World, tmp_path: Path) -> Recorded:
    directory = tmp_path / "config-download"
    directory.mkdir()
    return Recorded(world, directory)


def test_events_come_and_nothing_secret_stays(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_PASSWORD", SECRET)
    result = recorded.play(
        """
- name: Step 1
  hosts: overcloud
  gather_facts: false
  tasks:
    - name: Read the secrets as a node's module would
      ansible.builtin.set_fact:
        secret: "{{ lookup('ansible.builtin.file', undercloud_secrets_file) | from_json }}"
    - name: A task that tells too much
      ansible.builtin.debug:
        msg: "fence {{ undercloud_fence }} {{ secret.admin }}"
    - name: The environment is not ours
      ansible.builtin.assert:
        that: "lookup('ansible.builtin.env', 'OS_PASSWORD') == ''"
"""
    )
    assert result.ending is Ending.SUCCESSFUL
    assert ("runner_on_ok", "node-a", f"fence 7 {SECRET}") in recorded.results()
    assert any("********" in line for line in result.output)
    log = (recorded.artifacts / "run-1/ansible.log").read_text()
    assert "A task that tells too much" in log
    for path in recorded.directory.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
            assert path.parent == recorded.directory or path.stat().st_mode & 0o077 == 0, path


def test_failed_and_unreachable_hosts_are_told_apart(recorded: Recorded) -> None:
    result = recorded.play(
        """
- name: Step 2
  hosts: overcloud
  gather_facts: false
  tasks:
    - name: Fail
      ansible.builtin.fail: {msg: no luck}
""",
        inventory=_INVENTORY + "    node-c: {ansible_host: 127.0.0.1, ansible_port: 1}\n",
    )
    assert result.ending is Ending.FAILED
    told = {host: (kind, str(message)) for kind, host, message in recorded.results()}
    assert told["node-a"] == ("runner_on_failed", "no luck")
    assert told["node-c"][0] in {"runner_on_unreachable", "runner_on_failed"}


def test_a_node_that_does_not_answer(recorded: Recorded) -> None:
    result = recorded.play(
        "- hosts: overcloud\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: {}}]\n",
        inventory="overcloud:\n  hosts:\n    node-c: {ansible_host: 127.0.0.1, ansible_port: 1}\n",
    )
    assert result.ending is Ending.FAILED
    ((kind, host, message),) = recorded.results()
    assert (kind, host) == ("runner_on_unreachable", "node-c")
    assert "Connection refused" in message


def test_a_playbook_that_cannot_be_read_says_why(recorded: Recorded) -> None:
    result = recorded.play("- hosts: overcloud\n  tasks:\n    - no_such_module_at_all:\n")
    assert result.ending is Ending.FAILED
    assert any("no_such_module_at_all" in line for line in result.output)


def test_tags_and_check_mode(recorded: Recorded) -> None:
    playbook = """
- hosts: overcloud
  gather_facts: false
  tags: [step1]
  tasks: [{ansible.builtin.debug: {msg: one}}]
- hosts: overcloud
  gather_facts: false
  tags: [step2]
  tasks:
    - ansible.builtin.copy: {content: x, dest: "{{ playbook_dir }}/made"}
"""
    result = recorded.play(playbook, tags=("step2",), limit="node-a", check=True)
    assert result.ending is Ending.SUCCESSFUL
    assert [(kind, host) for kind, host, _ in recorded.results()] == [("runner_on_ok", "node-a")]
    assert not (recorded.directory / "made").exists()


def test_a_role_may_have_more_nodes_than_a_word_of_a_command_line_holds(recorded: Recorded) -> None:
    names = ["node-a"] * 20_000  # Linux takes words of 128 KiB
    playbook = "- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.debug: {msg: one}}]}"
    result = recorded.play(playbook, limit=",".join(names), operators=True)
    assert result.ending is Ending.SUCCESSFUL, result.output
    assert recorded.results() == [("runner_on_ok", "node-a", "one")]


def test_which_hosts_a_pattern_means(tmp_path: Path) -> None:
    runner = AnsibleRunner(Options(forks=5, keep_runs=2, control_persist=30, pass_environment=()))
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(_INVENTORY + "keystone: {children: {overcloud: {}}}\n")
    assert runner.hosts(inventory, "keystone:!node-b") == {"node-a"}
    assert runner.hosts(inventory, "node-*") == {"node-a", "node-b"}
    assert runner.hosts(inventory, "nosuch") == set()


def test_cancel_ends_the_playbook_and_its_workers(recorded: Recorded) -> None:
    def cancel_when_it_runs() -> None:
        while not any(event["event"] == "runner_on_start" for event in recorded.events):
            time.sleep(0.05)
        recorded.cancelled.set()

    thread = threading.Thread(target=cancel_when_it_runs)
    thread.start()
    began = time.monotonic()
    result = recorded.play(
        """
- hosts: overcloud
  gather_facts: false
  tasks:
    - ansible.builtin.command: sleep 60
"""
    )
    thread.join()
    assert result.ending is Ending.CANCELLED
    assert time.monotonic() - began < 20
    assert processes.marked(str(recorded.directory)) == []


def test_a_timeout_is_told_as_one(recorded: Recorded) -> None:
    result = recorded.play(
        "- hosts: overcloud\n  gather_facts: false\n  tasks: [{ansible.builtin.command: sleep 60}]\n",
        timeout=2,
    )
    assert result.ending is Ending.TIMED_OUT
    assert processes.marked(str(recorded.directory)) == []


def test_only_some_runs_keep_their_logs(recorded: Recorded) -> None:
    for number in range(3):
        old = recorded.artifacts / f"old-{number}"
        old.mkdir(parents=True)
        os.utime(old, (number, number))
    recorded.play("- hosts: overcloud\n  gather_facts: false\n  tasks: []\n")
    kept = sorted(path.name for path in recorded.artifacts.iterdir())
    assert kept == ["old-2", "run-1"]
