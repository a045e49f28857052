"""A node in memory for tests of the whole module: containers and units are simulated, files are real ones.

The simulation keeps what matters: a container sees the files it mounts as they were when it started, is
healthy unless one of them (or its command) says "bad", and never runs beside the one that it replaces. Every
operation can be the one at which the run is killed, before it, after it, or (a file) in its middle.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.undercloud.deploy.plugins.module_utils import desired, errors, files, health, work
from ansible_collections.undercloud.deploy.plugins.module_utils.commands import Result
from ansible_collections.undercloud.deploy.plugins.module_utils.handover import handover
from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import Store
from ansible_collections.undercloud.deploy.plugins.module_utils.model import PREVIOUS, ContainerFact, UnitFact
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman
from ansible_collections.undercloud.deploy.plugins.module_utils.systemd import Systemd

from tests.unit.collection.collection_world import HOST, STACK

Json = dict[str, Any]


class Killed(BaseException):
    """The run is gone; nothing may catch this."""


class Fuse:
    """Counts operations and kills the run at one of them; a killed run does nothing more."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.burnt = False
        self.passed: list[str] = []

    def point(self, what: str) -> None:
        """A moment at which the run may be killed."""
        if self.burnt:
            raise Killed
        self.passed.append(what)
        if self.left is not None:
            if self.left == 0:
                self.burnt = True
                raise Killed
            self.left -= 1


@dataclasses.dataclass
class Container:
    """A simulated container."""

    labels: dict[str, str]
    image: str
    command: tuple[str, ...]
    volumes: tuple[str, ...]
    checked: bool
    state: str = "created"
    sees: dict[str, str] = dataclasses.field(default_factory=dict)
    starts: int = 0
    exit_code: int = 0

    @property
    def bad(self) -> bool:
        return any("bad" in text for text in (*self.sees.values(), *self.command))


class FakePodman(Podman):
    """Podman in memory."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self.there: dict[str, Container] = {}
        self.local: dict[str, str] = {}
        self.registry = {"img:1", "img:2"}
        self.volumes: set[str] = set()
        self.calls: list[str] = []
        self._fuse = fuse

    @contextlib.contextmanager
    def _operation(self, *what: str) -> Iterator[None]:
        self._fuse.point("before " + " ".join(what))
        self.calls.append(" ".join(what))
        yield
        self._fuse.point("after " + " ".join(what))

    def containers(self) -> dict[str, ContainerFact]:
        return {
            name: ContainerFact(
                one.state,
                one.labels,
                one.image,
                self.local.get(one.image, ""),
                one.exit_code,
                ("unhealthy" if one.bad else "healthy") if one.checked and one.state == "running" else "",
            )
            for name, one in self.there.items()
        }

    def images(self, references: Iterable[str]) -> dict[str, str]:
        return {name: self.local[name] for name in references if name in self.local}

    def pull(self, image: str) -> None:
        with self._operation("pull", image):
            if image not in self.registry:
                raise errors.NodeError.of(errors.IMAGE, f"no {image}", "push it")
            self.local[image] = f"id of {image}"

    def create(self, name: str, arguments: Sequence[str], secret_environment: Mapping[str, str]) -> None:
        with self._operation("create", name):
            assert name not in self.there, f"{name} is there already"
            options = list(itertools.pairwise(arguments))
            labels = dict(value.split("=", 1) for option, value in options if option == "--label")
            image = next(text for text in arguments if text in self.local)
            self.there[name] = Container(
                labels,
                image,
                tuple(arguments[list(arguments).index(image) + 1 :]),
                tuple(value.split(":")[0] for option, value in options if option == "--volume"),
                "--health-cmd" in arguments,
            )

    def start(self, name: str) -> None:
        with self._operation("start", name):
            one = self.there[name]
            other = name.removesuffix(PREVIOUS) if name.endswith(PREVIOUS) else name + PREVIOUS
            assert other not in self.there or self.there[other].state != "running", (
                f"{name} and {other} both run"
            )
            if one.state != "running":
                one.state = "running"
                one.starts += 1
                one.sees = {path: Path(path).read_text() for path in one.volumes if Path(path).is_file()}
            if one.command[:1] == ("once",):
                one.state, one.exit_code = "exited", 3 if one.bad else 0

    def stop(self, name: str) -> None:
        with self._operation("stop", name):
            if name in self.there and self.there[name].state == "running":
                self.there[name].state = "exited"

    def remove(self, name: str) -> None:
        with self._operation("remove", name):
            self.there.pop(name, None)

    def rename(self, name: str, new: str) -> None:
        with self._operation("rename", name, new):
            assert new not in self.there
            self.there[new] = self.there.pop(name)

    def state(self, name: str) -> Json:
        one = self.there[name]
        return {
            "running": one.state == "running",
            "exit_code": one.exit_code,
            "started": str(one.starts),
            "restarts": 0,
            "image_id": self.local[one.image],
            "oom": False,
            "checked": one.checked,
        }

    def wait(self, name: str, timeout: float) -> int | None:
        with self._operation("wait", name):
            return self.there[name].exit_code

    def healthy(self, name: str, timeout: float) -> bool:
        self._fuse.point(f"health of {name}")
        return not self.there[name].bad

    def execute(self, name: str, command: Sequence[str], timeout: float) -> Result:
        return Result(0 if name in self.there and self.there[name].state == "running" else 125)

    def logs(self, name: str, until: str = "") -> tuple[str, ...]:
        return (f"{name} says what it sees: {' '.join(self.there[name].sees.values())}".strip(),)

    def remove_volume(self, name: str) -> None:
        with self._operation("remove volume", name):
            self.volumes.discard(name)

    def remove_image(self, image: str) -> bool:
        with self._operation("remove image", image):
            return self.local.pop(image, None) is not None


class FakeSystemd(Systemd):
    """systemd in memory; a unit is known when its file is there and was loaded."""

    def __init__(self, fuse: Fuse, directory: Path) -> None:
        super().__init__()
        self._fuse = fuse
        self._directory = directory
        self.known: dict[str, UnitFact] = {}
        self.loaded: dict[str, str] = {}

    def units(self, names: Iterable[str]) -> dict[str, UnitFact]:
        found = {}
        for name in names:
            if name in self.known:
                stale = self._texts().get(name) != self.loaded.get(name)
                found[name] = dataclasses.replace(self.known[name], reload=stale)
        return found

    def do(self, verb: str, unit: str = "") -> None:
        self._fuse.point(f"before {verb} {unit}")
        if verb == "daemon-reload":
            self.loaded = self._texts()
            there = {name: self.known.get(name, UnitFact()) for name in self.loaded}
            running = {name: fact for name, fact in self.known.items() if fact.active and name not in there}
            self.known = {**there, **running}
        else:
            fact = self.known[unit]
            if verb in ("start", "restart", "stop"):
                fact = dataclasses.replace(fact, active=verb != "stop")
            else:
                fact = dataclasses.replace(fact, enabled=f"{verb}d")
            self.known[unit] = fact
        self._fuse.point(f"after {verb} {unit}")

    def _texts(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self._directory.glob("*.service")}


class SimulatedNode:
    """A node under a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fuse = Fuse()
        self.unit_directory = root / "units"
        self.unit_directory.mkdir(parents=True)
        self.podman = FakePodman(self.fuse)
        self.systemd = FakeSystemd(self.fuse, self.unit_directory)

    def task(
        self, steps: Json, secrets: Mapping[str, str] | None = None, *, check: bool = False, **task: Any
    ) -> Json:
        """One task on the node, as the playbook runs it; the module's result."""
        document = {"version": 1, "stack": STACK, "hosts": {HOST: {"steps": steps}}}
        with self.patched():
            goes = task.get("purge") and not task.get("finish")
            arguments = handover({"stack": STACK, **task}, HOST, None if goes else document, secrets or {})
            node = work.Node(Store(str(self.root / "state")), self.podman, self.systemd)
            return work.reconcile(arguments, node, check=check, diff=True)

    def deploy(
        self, steps: Json, secrets: Mapping[str, str] | None = None, *, check: bool = False
    ) -> list[Json]:
        """All steps and the finish; ends with the first that fails."""
        results = []
        tasks: list[Json] = [*({"step": number} for number in range(6)), {"finish": True}]
        for task in tasks:
            results.append(self.task(steps, secrets, check=check, fence=1, **task))
            if results[-1].get("failed"):
                break
        return results

    def delete(self) -> list[Json]:
        """Everything goes."""
        return [self.task({}, fence=1, purge=True)]

    def killed_at(self, moment: int, work_: Callable[[], object]) -> bool:
        """Do something that is killed at the given moment; False when it came to its end before."""
        self.fuse.left, self.fuse.burnt = moment, False
        try:
            work_()
        except Killed:
            return True
        finally:
            self.fuse.left, self.fuse.burnt = None, False
        return False

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        """Units lie under the root, time does not pass, no disk is synced, files are where a run can end."""
        with contextlib.ExitStack() as stack:
            for target, name, value in (
                (desired, "UNIT_DIRECTORY", str(self.unit_directory)),
                (health, "STEADY", 0.0),
                (health, "FIRST_PAUSE", 0.001),
                (health, "LONGEST_PAUSE", 0.001),
                (os, "fsync", lambda _: None),
                (files, "write", self._write(files.write)),
            ):
                stack.enter_context(mock.patch.object(target, name, value))
            for name in (
                "make_directory",
                "set_attributes",
                "remove",
                "remove_directory",
                "link",
                "remove_unfinished",
            ):
                stack.enter_context(mock.patch.object(files, name, self._point(name, getattr(files, name))))
            yield

    def _point(self, name: str, function: Callable[..., None]) -> Callable[..., None]:
        def wrapped(path: str, *arguments: Any, **options: Any) -> None:
            self.fuse.point(f"before {name} {path}")
            function(path, *arguments, **options)
            self.fuse.point(f"after {name} {path}")

        return wrapped

    def _write(self, function: Callable[..., None]) -> Callable[..., None]:
        def wrapped(path: str, content: bytes, *attributes: int) -> None:
            self.fuse.point(f"before writing {path}")
            half = Path(path).parent / f".{Path(path).name}.undercloud-new"
            half.write_bytes(content[: len(content) // 2])
            self.fuse.point(f"while writing {path}")
            function(path, content, *attributes)
            self.fuse.point(f"after writing {path}")

        return wrapped

    def summary(self) -> Json:
        """The node as far as a deployment is about it, without what tells one run from another."""
        paths = {}
        for path in sorted(self.root.rglob("*")):
            if path.name in ("manifest.json", "lock") or "versions" in path.parts:
                continue
            text = path.read_text() if path.is_file() else None
            paths[str(path.relative_to(self.root))] = (text, oct(path.lstat().st_mode))
        manifest = self.root / "state" / "manifest.json"
        owned = json.loads(manifest.read_text()) if manifest.exists() else {}
        for container in owned.get("containers", {}).values():
            container["files"] = {path: seen[0] for path, seen in container["files"].items()}
        return {
            "paths": paths,
            "manifest": owned,
            "containers": {
                name: (one.labels, one.state, one.image, one.command, one.sees)
                for name, one in sorted(self.podman.there.items())
            },
            "units": {name: dataclasses.astuple(fact) for name, fact in sorted(self.systemd.known.items())},
            "loaded": self.systemd.loaded,
        }
