"""The task as playbooks have it: the action plugin, Ansible's way to the node, the module."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.functional.collection.conftest import STACK, RealNode, container, file

pytestmark = pytest.mark.functional
SECRET = "correct horse"


class Playbook:
    """A playbook directory with one host, this machine."""

    def __init__(self, node: RealNode, directory: Path) -> None:
        self.node = node
        self.directory = directory
        self.options: dict[str, Any] = {
            "state": "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json",
            "secrets": "{{ playbook_dir }}/secrets.json",
            "stack": STACK,
            "state_dir": str(node.root / "state"),
        }
        (directory / "desired_state").mkdir()
        (directory / "secrets.json").write_text(json.dumps({"svc/pw": SECRET, "other/pw": "battery staple"}))

    def state(self, steps: dict[str, Any], **document: Any) -> None:
        """Write the host's desired state."""
        hosts = {"localhost": {"role": "Controller", "address": "127.0.0.1", "steps": steps}}
        whole = {"version": 1, "stack": STACK, "contract": "native/1", "hosts": hosts, **document}
        (self.directory / "desired_state" / "localhost.json").write_text(json.dumps(whole))

    def run(self, *arguments: str, **options: Any) -> tuple[dict[str, Any], str]:
        """Run the task; its result, and all that Ansible printed."""
        task = {"undercloud.deploy.reconcile": {**self.options, **options}, "register": "done"}
        told = {
            "ansible.builtin.copy": {
                "content": "{{ done | to_json }}",
                "dest": str(self.directory / "result"),
            }
        }
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [{"block": [task], "always": [{**told, "check_mode": False, "diff": False}]}],
        }
        (self.directory / "play.yaml").write_text(json.dumps([play]))
        ansible = Path(sys.executable).parent / "ansible-playbook"
        done = subprocess.run(
            [str(ansible), "play.yaml", *arguments],
            cwd=self.directory,
            env={**self.node.environment, "PATH": f"{ansible.parent}:{self.node.environment['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        result: dict[str, Any] = json.loads((self.directory / "result").read_text())
        return result, done.stdout + done.stderr


@pytest.fixture
def playbook(node: RealNode, tmp_path: Path) -> Playbook:
    return Playbook(node, tmp_path)


def steps(node: RealNode, text: str = "one") -> dict[str, Any]:
    conf = str(node.files / "svc.conf")
    content = f"{text} {{{{ not_for_ansible }}}}\npw=<<secret:svc/pw>>\n"
    entry = container(
        files=[conf], volumes=[f"{conf}:/etc/svc.conf"], command=["sh", "-c", "cat /etc/svc.conf; sleep 99"]
    )
    return {"2": {"files": {conf: file(content)}, "containers": {"svc": entry}}}


def test_deploy_dry_run_and_delete(playbook: Playbook) -> None:
    node = playbook.node
    playbook.state(steps(node))
    dry, printed = playbook.run("--check", "--diff", step=2)
    assert node.containers() == {}
    assert "+pw=<<secret:svc/pw>>" in printed
    assert dry["changed"]

    real, printed = playbook.run("-vvv", step="{{ 1 + 1 }}", fence="{{ undercloud_fence | default(0) }}")
    assert (
        [one["action"] for one in real["actions"]]
        == [one["action"] for one in dry["actions"]]
        == ["create"] * 2
    )
    assert "invocation" not in real
    assert SECRET not in printed
    assert (node.files / "svc.conf").read_text() == f"one {{{{ not_for_ansible }}}}\npw={SECRET}\n"
    assert node.podman("logs", "svc") == (node.files / "svc.conf").read_text()

    again, _ = playbook.run(step=2)
    assert (again["changed"], again["actions"]) == (False, [])

    del playbook.options["state"], playbook.options["secrets"]
    gone, _ = playbook.run(purge=True)
    assert gone["changed"]
    assert node.containers() == {}
    assert not (node.root / "state").exists()


def test_unhealthy_container_fails_the_task_without_secrets(playbook: Playbook) -> None:
    wanted = steps(playbook.node)
    wanted["2"]["containers"]["svc"].update(healthcheck={"command": ["false"]}, timeout=1)
    playbook.state(wanted)
    result, printed = playbook.run("-vvv", step=2)
    assert result["failed"]
    assert result["finding"]["code"] == "NODE-009"
    assert result["finding"]["log"] == ["one {{ not_for_ansible }}", "pw=<<secret:svc/pw>>"]
    assert SECRET not in printed


def test_what_is_wrong_on_the_control_side_is_told(playbook: Playbook) -> None:
    def finding(**options: Any) -> tuple[str, str]:
        result, _ = playbook.run(**options)
        assert result["failed"]
        return result["finding"]["code"], result["finding"]["message"]

    code, message = finding(step=2)
    assert code == "NODE-017"
    assert message.startswith("the host's desired state cannot be read: ")
    assert message.endswith("desired_state/localhost.json: No such file or directory")
    playbook.state(steps(playbook.node))
    assert finding(step=2, secrets="none.json")[1].startswith("the secrets cannot be read: ")
    (playbook.directory / "broken.json").write_text('{\n"a": "correct horse",,}')
    code, message = finding(step=2, secrets="broken.json")
    assert message.endswith("broken.json:2: the secrets: this is not JSON")
    (playbook.directory / "few.json").write_text("{}")
    assert finding(step=2, secrets="few.json") == ("NODE-013", "unknown secrets are referred to: svc/pw")
    assert finding(step=9) == ("NODE-017", "'step' must be 0 to 5, not 9")
    assert "unknown parameters: stepp" in finding(step=2, stepp=1)[1]
    playbook.state(steps(playbook.node), stack="edge")
    assert finding(step=2)[1] == f"the desired state is of the stack 'edge', the task of '{STACK}'"
    playbook.state(steps(playbook.node), hosts={})
    assert finding(step=2)[1] == "the desired state has no host 'localhost', only none"
    assert playbook.node.containers() == {}
