"""A podman of our own (storage, settings, a tiny image of this machine's shell) that disturbs nobody."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "ansible"))

from ansible_collections.undercloud.deploy.plugins.module_utils.handover import handover  # noqa: E402

IMAGE = "localhost/collection/shell:1"
OTHER_IMAGE = "localhost/collection/shell:2"
PROGRAMS = ("sh", "sleep", "cat", "test", "mkdir", "rmdir", "id", "env", "touch", "false", "true", "grep")
STACK = "functional"
HOST = "here"

CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
{runtime}cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{root}/storage"
runroot = "{root}/run"
"""
# The shim counts the calls that change something, and kills the process that made the chosen one.
SHIM = """\
#!/bin/sh
case "$1 $2" in
  "ps "*|"images "*|"logs "*|"container inspect"|"healthcheck "*|"wait "*) exec {podman} "$@" ;;
esac
moment=$(($(cat {counter}) + 1)); echo $moment > {counter}
[ "$moment" = "$KILL_BEFORE" ] && kill -9 $PPID
{podman} "$@"; status=$?
[ "$moment" = "$KILL_AFTER" ] && kill -9 $PPID
exit $status
"""


class RealNode:
    """This machine with a podman of our own, as a node."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "files"
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(root / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(root / "storage.conf"),
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(root / "ansible-local"),
            "ANSIBLE_REMOTE_TEMP": str(root / "ansible-remote"),
        }
        runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
        (root / "containers.conf").write_text(CONTAINERS_CONF.format(runtime=runtime))
        (root / "storage.conf").write_text(STORAGE_CONF.format(root=root))

    def podman(self, *arguments: str, check: bool = True) -> str:
        """Podman's output."""
        done = subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode:
            pytest.fail(f"podman {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def inspect(self, name: str) -> dict[str, Any]:
        """A container as podman tells it."""
        found: dict[str, Any] = json.loads(self.podman("container", "inspect", name))[0]
        return found

    def containers(self) -> dict[str, str]:
        """State by name."""
        listed = json.loads(self.podman("ps", "--all", "--format", "json"))
        return {entry["Names"][0]: entry["State"] for entry in listed}

    def request(
        self, steps: Mapping[str, Any], task: Mapping[str, Any], secrets: Mapping[str, str], check: bool
    ) -> str:
        """A task as the control side hands it over."""
        document = {"version": 1, "stack": STACK, "hosts": {HOST: {"steps": steps}}}
        goes = task.get("purge") and not task.get("finish")
        params = handover({"stack": STACK, **task}, HOST, None if goes else document, secrets)
        return json.dumps({"params": params, "check": check, "state_dir": str(self.root / "state")})

    def task(
        self,
        steps: Mapping[str, Any],
        *,
        secrets: Mapping[str, str] | None = None,
        check: bool = False,
        environment: Mapping[str, str] | None = None,
        **task: Any,
    ) -> dict[str, Any]:
        """Run one task; an empty result if it was killed."""
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / "run_module.py")],
            input=self.request(steps, task, secrets or {}, check),
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode == -9:
            return {}
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        assert "exception" not in result, result
        return result

    def deploy(self, steps: Mapping[str, Any], **options: Any) -> list[dict[str, Any]]:
        """Every step that has something, and the finish."""
        results = []
        tasks: list[dict[str, Any]] = [{"step": int(step)} for step in sorted({"0", *steps})]
        for task in [*tasks, {"finish": True}]:
            results.append(self.task(steps, **task, **options))
            if not results[-1] or results[-1].get("failed"):
                break
        return results

    def killing(self, *, before: int = 0, after: int = 0) -> dict[str, str]:
        """The environment in which a run is killed at podman's n-th changing call."""
        directory = self.root / "shim"
        directory.mkdir(exist_ok=True)
        counter = self.root / "counter"
        counter.write_text("0\n")
        shim = directory / "podman"
        shim.write_text(SHIM.format(podman=shutil.which("podman"), counter=counter))
        shim.chmod(0o755)
        path = f"{directory}:{self.environment['PATH']}"
        return {"PATH": path, "KILL_BEFORE": str(before), "KILL_AFTER": str(after)}

    def clean(self) -> None:
        """Nothing of a test is left for the next."""
        self.podman("rm", "--all", "--force", "--time", "0")
        self.podman("volume", "rm", "--all", "--force")
        for path in (self.files, self.root / "state"):
            shutil.rmtree(path, ignore_errors=True)
        self.files.mkdir()


def told(results: list[dict[str, Any]]) -> list[str]:
    """What was done, in short."""
    return [f"{one['action']} {Path(one['name']).name}" for result in results for one in result["actions"]]


def container(**entry: Any) -> dict[str, Any]:
    """A container entry with what every one must have."""
    origin = {"service": "svc", "template": "t.yaml", "path": []}
    default = {
        "kind": "service",
        "image": IMAGE,
        "files": [],
        "order": 0,
        "stop_timeout": 1,
        "origin": origin,
    }
    return {**default, "command": ["sleep", "1000"], **entry}


def file(content: str, **entry: Any) -> dict[str, Any]:
    """A file entry with what every one must have."""
    origin = {"service": "svc", "template": "t.yaml", "path": []}
    return {"content": content, "owner": "0", "group": "0", "mode": "0644", "origin": origin, **entry}


@pytest.fixture(scope="session")
def machine(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealNode]:
    """The node, with its images."""
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    directory = tmp_path_factory.mktemp("podman")
    node = RealNode(directory)
    archive = _image(directory)
    for image in (IMAGE, OTHER_IMAGE):
        node.podman("import", "--message", image, "--change", "ENV PATH=/bin", str(archive), image)
    yield node
    node.podman("rm", "--all", "--force", "--time", "0", check=False)
    node.podman("rmi", "--all", "--force", check=False)
    subprocess.run(["umount", str(directory / "storage" / "overlay")], check=False, capture_output=True)


@pytest.fixture
def node(machine: RealNode) -> Iterator[RealNode]:
    """The node, clean."""
    machine.clean()
    yield machine
    machine.clean()


def _image(directory: Path) -> Path:
    """An image's file system: this machine's shell and a few programs, with the libraries that they need."""
    root = directory / "rootfs"
    for name in ("bin", "tmp", "etc", "dev", "proc", "sys", "run", "data"):
        (root / name).mkdir(parents=True)
    for program in PROGRAMS:
        found = shutil.which(program)
        assert found, program
        shutil.copy(found, root / "bin" / program)
        linked = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
        for library in {word for word in linked.split() if word.startswith("/")}:
            target = root / library[1:]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, target)
    archive = directory / "rootfs.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    return archive
