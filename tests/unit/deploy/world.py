"""A small world for the engine: a compiler, nodes and a runner that do as they are told."""

from __future__ import annotations

import dataclasses
import fnmatch
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from undercloud.baremetal.ironic import Ironic
from undercloud.conf import Settings, load
from undercloud.db.database import open_database
from undercloud.deploy.compiling import (
    Access,
    Compiled,
    Compiler,
    FreeTask,
    Judged,
    Known,
    Loaded,
    Node,
    NodePlaybook,
    Reserved,
    Wanted,
)
from undercloud.deploy.ironic_access import no_ironic
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.requests import DeployRequest, PlanPaths, SshAccess
from undercloud.deploy.runner import INVENTORY, Ending, OnEvent, PlaybookRunner, Result, Run
from undercloud.deploy.ssh import LOOK, Answer, Cancelled
from undercloud.deploy.work import Borders
from undercloud.deploy.workspace import Workspace
from undercloud.diagnostics import Finding, UndercloudError

PASSWORD = "tops3cret/&value"
PLAYS = ("Node checks", "Host preparation", *(f"Step {n}" for n in range(1, 6)), "Finish", "Final checks")
NODES = (Node("ctl-0", "192.0.2.11"), Node("db-0", "192.0.2.12", port=2222))
GOOD = "python /usr/bin/python3\nuid 0\nsudo no\n"


@dataclasses.dataclass
class FakeCompiler:
    """Generates a password at the first time and keeps it; ``text`` stands for the operator's file."""

    text: str = "one"
    made: int = 0
    error: Exception | None = None
    findings: tuple[Finding, ...] = ()
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    nodes: tuple[Node, ...] = NODES
    reserved: Reserved = dataclasses.field(default_factory=dict)
    known: list[Known] = dataclasses.field(default_factory=list)
    machines: tuple[Wanted, ...] = ()
    playbooks: tuple[NodePlaybook, ...] = ()

    def load(self, request: DeployRequest) -> Loaded:
        return self.reload({"site.yaml": self.text.encode()}, {"stack": request.stack})

    def reload(self, files: Mapping[str, bytes], source: Mapping[str, Any]) -> Loaded:
        return Loaded(files, source, plan=files["site.yaml"])

    def compile(self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved) -> Compiled:
        self.reserved = reserved
        if self.error:
            raise self.error
        if state is None:
            self.made += 1
            addresses = {"ctlplane": {"vip": f"192.0.2.{100 + self.made}"}}
            state = {"passwords": {"AdminPassword": f"{PASSWORD}{self.made}"}, "addresses": addresses}
        password = state["passwords"]["AdminPassword"]
        return Compiled(
            files={
                "deploy_steps_playbook.yaml": b"[]\n",
                INVENTORY: b"",
                "site/plan.txt": loaded.plan,
                **self.files,
            },
            secrets={"admin": password},
            sensitive=frozenset({password}),
            state=state,
            nodes=self.nodes,
            access=Access("https://192.0.2.5:13000/v3", "regionOne", password=password),
            tasks=(FreeTask("ctl-0", 2, "Open the door"),),
            described={"version": 1, "text": loaded.plan.decode()},
            machines=self.machines,
            playbooks=self.playbooks,
        )

    def judge(
        self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved, known: Known
    ) -> Judged:
        self.known.append(known)
        try:
            made = self.compile(loaded, state, reserved)
        except UndercloudError as error:
            return Judged((*self.findings, *error.findings), None)
        return Judged(self.findings, made, made.sensitive)

    def texts(self, loaded: Loaded, files: Iterable[str]) -> dict[str, str]:
        return {name: loaded.files[name].decode() for name in files if name in loaded.files}


class FakeSsh:
    """Nodes that answer, unless ``answers`` says otherwise by name."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, str]] = {n.name: {"ssh-ed25519": f"AAAA{n.name}"} for n in NODES}
        self.answers: dict[str, Answer] = {}
        self.looked: list[str] = []
        self.hold: threading.Event | None = None
        self.known_hosts = ""

    def scan(self, node: Node, timeout: int, cancelled: Cancelled) -> dict[str, str]:
        return self.keys[node.name]

    def run(
        self, node: Node, access: SshAccess, workspace: Workspace, script: str, cancelled: Cancelled
    ) -> Answer:
        if workspace.known_hosts.exists():
            self.known_hosts = workspace.known_hosts.read_text()
        if script == LOOK:
            self.looked.append(node.name)
            while self.hold and not self.hold.wait(0.01):
                if cancelled():
                    return Answer(255, "", "Connection timed out")
        return self.answers.get(node.name, Answer(0, GOOD, ""))


@dataclasses.dataclass
class FakeRunner:
    """Plays all plays on all nodes; ``script`` may change what happens in a play.

    A script gets the play's name and returns events to emit instead of the usual ones, or None.
    """

    script: Callable[[str, Run], list[dict[str, Any]] | None] | None = None
    runs: list[Run] = dataclasses.field(default_factory=list)
    secrets: list[str] = dataclasses.field(default_factory=list)
    plays: list[str] = dataclasses.field(default_factory=list)
    ending: Ending | None = None
    hold: threading.Event | None = None

    def run(self, run: Run, on_event: OnEvent, cancelled: Callable[[], bool]) -> Result:
        self.runs.append(run)
        self.secrets.append(run.workspace.secrets_file.read_text())
        failed = False
        for play in plays_of(run):
            self.plays.append(play)
            on_event({"event": "playbook_on_play_start", "event_data": {"play": play}})
            told = self.script(play, run) if self.script else None
            for event in told if told is not None else usual(play):
                on_event(event)
                failed = failed or event["event"] in {"runner_on_failed", "runner_on_unreachable"}
            if failed:
                # As Ansible does: the plays that are left begin, without hosts.
                for rest in plays_of(run)[plays_of(run).index(play) + 1 :]:
                    on_event({"event": "playbook_on_play_start", "event_data": {"play": rest}})
                return Result(self.ending or Ending.FAILED, ("PLAY RECAP",))
            while self.hold and not self.hold.wait(0.01):
                if cancelled():
                    return Result(Ending.CANCELLED)
            if cancelled():
                return Result(Ending.CANCELLED)
        return Result(self.ending or Ending.SUCCESSFUL)

    def hosts(self, inventory: Path, pattern: str) -> set[str]:
        return {node.name for node in NODES if fnmatch.fnmatch(node.name, pattern)}


def plays_of(run: Run) -> tuple[str, ...]:
    if run.operators:
        return (Path(run.playbook).stem,)
    if run.playbook == "delete_playbook.yaml":
        return ("Delete everything",)
    if run.playbook == "checks_playbook.yaml":
        return ("Checks",)
    if run.playbook == "scale_playbook.yaml":
        return tuple(tag.capitalize() for tag in run.tags)
    wanted = [tag.removeprefix("step") for tag in run.tags]
    tags = ("nodechecks", "0", "1", "2", "3", "4", "5", "finish", "finalchecks")
    return tuple(play for tag, play in zip(tags, PLAYS, strict=True) if not wanted or tag in wanted)


def usual(play: str) -> list[dict[str, Any]]:
    task = {"task": f"{play}: reconcile", "task_action": "undercloud.deploy.reconcile"}
    events = [{"event": "playbook_on_task_start", "event_data": task}]
    return events + [ok(node.name, task["task"], changed=node.name == "ctl-0") for node in NODES]


def ok(host: str, task: str, *, changed: bool = False, **result: Any) -> dict[str, Any]:
    data = {"host": host, "task": task, "task_action": "undercloud.deploy.reconcile", "duration": 0.25}
    return {"event": "runner_on_ok", "event_data": {**data, "res": {"changed": changed, **result}}}


def failed(host: str, task: str, *, kind: str = "failed", **result: Any) -> dict[str, Any]:
    data = {"host": host, "task": task, "task_action": "x", "duration": 1.0, "res": result}
    return {"event": f"runner_on_{kind}", "event_data": data}


@dataclasses.dataclass
class World:
    """Settings, borders and engines over one state directory."""

    settings: Settings
    compiler: FakeCompiler = dataclasses.field(default_factory=FakeCompiler)
    ssh: FakeSsh = dataclasses.field(default_factory=FakeSsh)
    runner: FakeRunner = dataclasses.field(default_factory=FakeRunner)
    real_compiler: Compiler | None = None
    real_runner: PlaybookRunner | None = None
    ironic: Callable[[], Ironic] = no_ironic
    engines: list[LocalEngine] = dataclasses.field(default_factory=list)

    def engine(self, busy_timeout: int = 30) -> LocalEngine:
        paths, url = self.settings.paths, self.settings.database.connection
        database = open_database(url, paths.database, paths.key_file, busy_timeout)
        runner = self.real_runner or self.runner
        borders = Borders(lambda: self.real_compiler or self.compiler, runner, self.ssh, self.ask_ironic)
        engine = LocalEngine(self.settings, database, borders)
        self.engines.append(engine)
        return engine

    def ask_ironic(self) -> Ironic:
        """The Ironic that there is now: a test may change its mind."""
        return self.ironic()

    @property
    def stack_dir(self) -> Path:
        return self.settings.paths.stack_dir("overcloud")


LEASE = 10
"""Seconds; no busy machine keeps a living engine from its heartbeat for as long."""


def make_world(directory: Path, more: str = "") -> World:
    """A world in a directory; ``more`` goes into its configuration."""
    memory = directory / "memory"
    memory.mkdir(parents=True, exist_ok=True)
    file = directory / "undercloud.conf"
    text = f"[paths]\nsecure_tmp = {memory}\n[deployment]\nheartbeat = 0.2\nlease = {LEASE}\n"
    file.write_text(text + more)
    return World(load(state_dir=str(directory / "state"), config_file=str(file), environment={}))


def request(**changes: Any) -> DeployRequest:
    return dataclasses.replace(DeployRequest("overcloud", PlanPaths("/templates")), **changes)
