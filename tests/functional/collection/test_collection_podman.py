"""The collection's work with a real podman."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.functional.collection.conftest import IMAGE, OTHER_IMAGE, RealNode, container, file, told

pytestmark = pytest.mark.functional
SECRETS = {"svc/pw": "correct horse"}
CHECK = {"command": ["grep", "-q", "good", "/etc/svc.conf"], "interval": 5, "timeout": 5}
# Who holds what another one must not hold at the same time, as a port of the host.
HOLDER = "mkdir /data/held || exit 1; trap 'rmdir /data/held; exit 0' TERM; while :; do sleep 0.1; done"


def service(node: RealNode, text: str = "good", **more: Any) -> dict[str, Any]:
    """A service that reads a file with a secret and holds something, and a job that runs once before it."""
    conf, data = str(node.files / "etc" / "svc.conf"), str(node.files / "data")
    attributes = {
        "owner": "0",
        "group": "0",
        "mode": "0755",
        "origin": {"service": "svc", "template": "t", "path": []},
    }
    mounts = [f"{conf}:/etc/svc.conf:ro", f"{data}:/data"]
    command = ["sh", "-c", f"cat /etc/svc.conf; {HOLDER}"]
    return {
        "0": {"directories": {data: attributes}},
        "2": {
            "files": {conf: file(f"[{text}]\npw = <<secret:svc/pw>>\n", mode="0640")},
            "containers": {
                "job": container(kind="once", command=["cat", "/etc/svc.conf"], files=[conf], volumes=mounts),
                "svc": container(
                    order=1,
                    command=command,
                    files=[conf],
                    volumes=mounts,
                    healthcheck=CHECK,
                    timeout=4,
                    **more,
                ),
            },
        },
    }


def test_deploy_then_nothing(node: RealNode) -> None:
    first = node.deploy(service(node), secrets=SECRETS)
    assert (
        told(first)
        == ["create files", "create data", "create etc", "create svc.conf", "run job", "create svc"][1:]
    )
    assert node.containers() == {"job": "exited", "svc": "running"}
    labels = node.inspect("svc")["Config"]["Labels"]
    assert labels["undercloud.stack"] == "functional"
    assert labels["undercloud.service"] == "svc"
    assert len(labels["undercloud.hash"]) == 64

    started = node.inspect("svc")["State"]["StartedAt"]
    assert told(node.deploy(service(node), secrets=SECRETS)) == []
    assert node.inspect("svc")["State"]["StartedAt"] == started


def test_dry_run_is_exact(node: RealNode) -> None:
    for steps in (service(node), service(node, "good and new"), service(node, image=OTHER_IMAGE)):
        before = node.containers()
        dry = node.deploy(steps, secrets=SECRETS, check=True)
        assert node.containers() == before
        real = node.deploy(steps, secrets=SECRETS)
        assert told(real)
        assert [one["actions"] for one in dry] == [one["actions"] for one in real]


def test_changed_file_replaces_what_reads_it(node: RealNode) -> None:
    node.deploy(service(node), secrets=SECRETS)
    old = node.inspect("svc")["Id"]
    results = node.deploy(service(node, "good and new"), secrets=SECRETS)
    assert told(results) == ["update svc.conf", "run job", "replace svc"]
    assert node.inspect("svc")["Id"] != old
    assert "good and new" in node.podman("exec", "svc", "cat", "/etc/svc.conf")
    assert node.containers() == {"job": "exited", "svc": "running"}


def test_changed_image_replaces(node: RealNode) -> None:
    node.deploy(service(node), secrets=SECRETS)
    results = node.deploy(service(node, image=OTHER_IMAGE), secrets=SECRETS)
    assert told(results) == ["replace svc"]
    assert node.inspect("svc")["ImageName"] == OTHER_IMAGE


def test_unhealthy_goes_back(node: RealNode) -> None:
    node.deploy(service(node), secrets=SECRETS)
    old = node.inspect("svc")["Id"]
    result = node.deploy(service(node, "broken"), secrets=SECRETS)[-1]
    assert result["finding"]["code"] == "NODE-009"
    assert result["finding"]["container"] == "svc"
    assert result["finding"]["log"] == ["[broken]", "pw = <<secret:svc/pw>>"]
    assert "The one before is back and healthy" in result["finding"]["message"]
    assert node.inspect("svc")["Id"] == old
    assert "[good]" in node.podman("exec", "svc", "cat", "/etc/svc.conf")
    assert told(node.deploy(service(node), secrets=SECRETS)) == ["run job"]


def test_broken_command_goes_back(node: RealNode) -> None:
    node.deploy({"1": {"containers": {"a": container()}}})
    old = node.inspect("a")["Id"]
    broken = container(command=["/bin/none"], timeout=4)
    result = node.deploy({"1": {"containers": {"a": broken}}})[-1]
    assert result["finding"]["code"] == "NODE-011"
    assert "/bin/none" in result["finding"]["message"]
    assert node.inspect("a")["Id"] == old
    assert node.containers() == {"a": "running"}


def test_one_that_ends_again_and_again_is_not_healthy(node: RealNode) -> None:
    looping = container(command=["sh", "-c", "echo no such host; sleep 0.3; exit 7"], timeout=3)
    result = node.deploy({"1": {"containers": {"a": looping}}})[-1]
    assert result["finding"]["code"] == "NODE-009"
    assert "no such host" in result["finding"]["log"]
    assert node.containers()["a"] == "exited", "it is not left to go on"
    mended = node.deploy({"1": {"containers": {"a": container()}}})
    assert told(mended) == ["create a"]


def test_once_that_fails(node: RealNode) -> None:
    failing = container(kind="once", command=["sh", "-c", "echo one; echo two >&2; exit 3"])
    result = node.deploy({"1": {"containers": {"job": failing}}})[-1]
    assert result["finding"]["code"] == "NODE-008"
    assert "exit status 3" in result["finding"]["message"]
    assert sorted(result["finding"]["log"]) == ["one", "two"]
    mended = container(kind="once", command=["true"])
    assert told(node.deploy({"1": {"containers": {"job": mended}}})) == ["run job"]
    assert told(node.deploy({"1": {"containers": {"job": mended}}})) == []


def test_once_that_does_not_end(node: RealNode) -> None:
    hanging = container(kind="once", command=["sleep", "100"], timeout=1)
    result = node.deploy({"1": {"containers": {"job": hanging}}})[-1]
    assert "did not end within 1 s" in result["finding"]["message"]
    assert node.containers()["job"] == "exited"


def test_image_that_is_not_there(node: RealNode) -> None:
    image = "127.0.0.1:1/none/keystone:1"
    result = node.deploy({"1": {"containers": {"a": container(image=image)}}})[-1]
    assert result["finding"]["code"] == "NODE-007"
    assert image in result["finding"]["message"]
    assert "from the registry 127.0.0.1:1:" in result["finding"]["message"]


def test_by_hand(node: RealNode) -> None:
    node.deploy(service(node), secrets=SECRETS)
    node.podman("stop", "svc")
    assert told(node.deploy(service(node), secrets=SECRETS)) == ["start svc"]
    (node.files / "etc" / "svc.conf").write_text("[good]\nmine\n")
    assert told(node.deploy(service(node), secrets=SECRETS)) == ["update svc.conf", "restart svc"]
    assert "pw = correct horse" in node.podman("exec", "svc", "cat", "/etc/svc.conf")
    node.podman("rm", "--force", "svc")
    node.podman("rm", "--force", "job")
    assert told(node.deploy(service(node), secrets=SECRETS)) == ["create svc"]


def test_foreign_container_is_left_alone(node: RealNode) -> None:
    node.podman("create", "--name", "a", IMAGE, "true")
    foreign = node.inspect("a")["Id"]
    result = node.deploy({"1": {"containers": {"a": container()}}})[-1]
    assert result["finding"]["code"] == "NODE-005"
    assert not node.task({}, purge=True).get("failed")
    assert node.inspect("a")["Id"] == foreign


def test_removed_and_renamed(node: RealNode) -> None:
    steps = service(node)
    node.deploy(steps, secrets=SECRETS)
    containers = steps["2"]["containers"]
    containers["renamed"] = containers.pop("svc")
    del containers["job"]
    assert told(node.deploy(steps, secrets=SECRETS)) == ["remove job", "remove svc", "create renamed"]
    assert told(node.deploy({})) == ["remove renamed", "remove svc.conf", "remove etc", "remove data"]
    assert node.containers() == {}


def test_side_by_side(node: RealNode) -> None:
    """Containers of one order do not wait for each other."""
    slow = container(
        command=["sh", "-c", "sleep 1; touch /tmp/ok; sleep 100"],
        healthcheck={"command": ["test", "-e", "/tmp/ok"]},
    )
    node.deploy({"1": {"containers": {"a": slow, "b": slow, "c": slow}}})
    assert node.containers() == {"a": "running", "b": "running", "c": "running"}
    started = [datetime.fromisoformat(node.inspect(name)["State"]["StartedAt"][:19]) for name in "abc"]
    assert (max(started) - min(started)).total_seconds() < 2, "none waited for another to be healthy"


def test_purge_leaves_nothing(node: RealNode) -> None:
    steps = service(node)
    volumes = [*steps["2"]["containers"]["svc"]["volumes"], "keep-me:/named"]
    steps["2"]["containers"]["svc"]["volumes"] = volumes
    node.deploy(steps, secrets=SECRETS)
    (node.files / "data" / "ibdata").write_text("rows")
    assert "keep-me" in node.podman("volume", "ls")
    dry = node.task({}, purge=True, check=True)
    real = node.task({}, purge=True)
    assert dry["actions"] == real["actions"]
    assert node.containers() == {}
    assert "keep-me" not in node.podman("volume", "ls")
    assert list(node.files.iterdir()) == []
    assert not (node.root / "state").exists()
    assert node.task({}, purge=True)["changed"] is False


def test_every_option_is_one_that_podman_takes(node: RealNode) -> None:
    entry = container(
        command=["sh", "-c", "id; env; sleep 100"],
        entrypoint=["/bin/env", "FROM_ENTRYPOINT=1"],
        user="42:43",
        hostname="inside",
        workdir="/tmp",
        environment={"PLAIN": "a b=c", "SECRET": "<<secret:svc/pw>>"},
        tmpfs=["/scratch"],
        volumes=["/etc/hostname:/data/hostname:ro"],
        pid="host",
        ipc="private",
        cap_add=["NET_ADMIN"],
        cap_drop=["CHOWN"],
        security_opt=["no-new-privileges"],
        devices=["/dev/null:/dev/nothing"],
        ulimits=["nofile=1024:2048", "nproc=512:512"],
        limits={"memory": "64m", "cpus": "0.5", "pids": "50", "shm": "1m"},
        restart="on-failure",
        healthcheck={
            "command": ["test", "-e", "/dev/nothing"],
            "interval": 2.5,
            "timeout": 3,
            "retries": 2,
            "start_period": 1,
        },
        stop_timeout=3,
        stop_signal="INT",
    )
    steps = {"1": {"containers": {"a": entry, "p": container(privileged=True, net="none", cgroupns="host")}}}
    results = node.deploy(steps, secrets=SECRETS)
    assert told(results) == ["create a", "create p"], results[-1].get("findings")
    found = node.inspect("a")
    config, host = found["Config"], found["HostConfig"]
    assert config["User"] == "42:43"
    assert config["Hostname"] == "inside"
    assert config["WorkingDir"] == "/tmp"
    assert {"PLAIN=a b=c", "SECRET=correct horse"} <= set(config["Env"])
    assert "correct horse" not in " ".join(config["CreateCommand"])
    assert config["Healthcheck"]["Test"] == ["CMD", "test", "-e", "/dev/nothing"]
    assert (config["Healthcheck"]["Interval"], config["Healthcheck"]["Retries"]) == (2_500_000_000, 2)
    assert (config["StopTimeout"], config["StopSignal"]) == (3, 2)
    assert host["RestartPolicy"]["Name"] == "on-failure"
    assert (host["Memory"], host["PidsLimit"], host["ShmSize"]) == (64 << 20, 50, 1 << 20)
    assert host["NanoCpus"] == 500_000_000
    assert "CAP_CHOWN" in host["CapDrop"]
    assert host["PidMode"] == "host"
    assert host["NetworkMode"] == "host"
    logs = node.podman("logs", "a")
    assert "FROM_ENTRYPOINT=1" in logs
    assert "uid=42 gid=43" in logs
    assert node.inspect("p")["HostConfig"]["NetworkMode"] == "none"
    assert told(node.deploy(steps, secrets=SECRETS)) == []


def test_one_that_is_started_over_and_over_says_why(node: RealNode) -> None:
    """Each attempt begins with more lines than are shown, and says what is wrong at its end."""
    script = "seq 100; sleep 4; echo this is why; exit 1"
    broken = container(command=["sh", "-c", script], healthcheck={"command": ["false"], "timeout": 2})
    result = node.deploy({"2": {"containers": {"a": broken}}})[-1]
    assert result["finding"]["code"] == "NODE-009"
    assert "this is why" in result["finding"]["log"]


def test_second_run_of_a_full_node_is_quick(node: RealNode) -> None:
    containers = {f"c{number}": container(healthcheck={"command": ["true"]}) for number in range(12)}
    files = {str(node.files / "etc" / f"f{number}"): file(f"{number}\n" * 1000) for number in range(60)}
    steps = {"2": {"files": files, "containers": containers}}
    node.deploy(steps)
    begin = time.monotonic()
    result = node.task(steps, step=2)
    spent = time.monotonic() - begin
    assert result["actions"] == []
    assert spent < 3, "well below a second on a quiet machine"


def deploying_first(node: RealNode) -> tuple[dict[str, Any], dict[str, Any]]:
    return {}, service(node)


def deploying_second(node: RealNode) -> tuple[dict[str, Any], dict[str, Any]]:
    return service(node), service(node, "good and new")


@pytest.mark.parametrize("way", [deploying_first, deploying_second])
def test_killed_at_any_call_and_run_again(
    node: RealNode, way: Callable[[RealNode], tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    """A real kill -9 after every call of podman that changes something."""
    before, after = way(node)
    for moment in range(50):
        node.clean()
        assert not node.deploy(before, secrets=SECRETS)[-1].get("failed")
        killing = node.killing(before=1) if moment == 0 else node.killing(after=moment)
        results = node.deploy(after, secrets=SECRETS, environment=killing)
        again = node.deploy(after, secrets=SECRETS)
        assert not again[-1].get("failed"), (moment, again[-1])
        assert node.containers() == {"job": "exited", "svc": "running"}, moment
        wanted = (node.files / "etc" / "svc.conf").read_text()
        assert node.podman("exec", "svc", "cat", "/etc/svc.conf") == wanted, moment
        assert node.task(after, secrets=SECRETS, step=2)["actions"] == [], moment
        if results[-1]:
            break
    assert moment >= 4, "there was something to kill"
    manifest = json.loads((node.root / "state" / "manifest.json").read_text())
    assert manifest["containers"]["svc"]["status"] == "healthy"
