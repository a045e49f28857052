"""The real server: TLS, HTTP basic, RPC in memory, an engine over SQLite; its compiler and nodes are fake."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from oslo_service import backend

from tests.unit.deploy.simulated_ironic import SimulatedIronic
from tests.unit.deploy.world import World, make_world
from undercloud.api import main, server, users
from undercloud.conf import load
from undercloud.plan import archive
from undercloud.plan.bundle import Bundle

assert backend.get_backend_type() is backend.BackendType.THREADING, main.__doc__
PASSWORD = "correct horse battery"
TEMPLATE = """\
heat_template_version: wallaby
parameters:
  Greeting: {type: string, default: hello, description: What to say}
  AdminPassword: {type: string, hidden: true}
resources:
  inner:
    type: OS::Heat::Value
    properties: {value: {get_param: Greeting}}
outputs:
  Greeting: {value: {get_param: Greeting}}
  Password: {value: {get_param: AdminPassword}}
"""
SITE = "parameter_defaults:\n  Greeting: good day\n  AdminPassword: v3ryS3cret\n"
ROLES = "- name: Controller\n  description: all\n  ServicesDefault: [OS::TripleO::Services::Ntp]\n"
NETWORKS = """\
- name: Storage
  name_lower: storage
  subnets:
    storage_subnet:
      ip_subnet: 172.16.1.0/24
"""
BUNDLE = Bundle(
    "overcloud",
    "/home/me/templates",
    {
        "overcloud.yaml": TEMPLATE.encode(),
        "roles_data.yaml": ROLES.encode(),
        "network_data.yaml": NETWORKS.encode(),
        "site.yaml": b"{}",
        "/home/me/site.yaml": SITE.encode(),
    },
    named={"roles": "roles_data.yaml", "networks": "network_data.yaml"},
    environments=("/home/me/site.yaml",),
    real_root="/home/me/templates",
)


@dataclasses.dataclass
class Client:
    """A client of the real server; it trusts the server's own authority alone."""

    running: server.Running
    world: World
    name: str = "admin"
    password: str = PASSWORD
    session: requests.Session = dataclasses.field(default_factory=requests.Session)

    @property
    def authority(self) -> str:
        return str(self.world.settings.paths.state_dir / "api" / "tls" / "ca.crt")

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("auth", (self.name, self.password))
        options.setdefault("timeout", 30)
        return self.session.request(method, self.running.address + path, verify=self.authority, **options)

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        answer = self.ask("GET", path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def upload(self, bundle: Bundle = BUNDLE, status: int = 201) -> Any:
        stream = io.BytesIO()
        archive.pack(bundle, stream)
        stream.seek(0)
        answer = self.ask(
            "POST",
            f"/v1/plans/{bundle.name}/versions",
            data=stream,
            headers={"Content-Type": "application/gzip"},
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    def codes(self, method: str, path: str, status: int, **options: Any) -> list[str]:
        answer = self.ask(method, path, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = answer.json()
        assert told["status"] == status
        return [finding["code"] for finding in told["findings"]]

    def as_user(self, name: str) -> Client:
        return dataclasses.replace(self, name=name, session=requests.Session())


Serve = Callable[..., Client]


@pytest.fixture(scope="session")
def user_lines(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with a user of each role, made once because bcrypt is slow by design."""
    file = tmp_path_factory.mktemp("users") / "users"
    for name in ("reader", "member", "admin"):
        users.put_user(file, name, PASSWORD, name)
    return file.read_bytes()


@contextlib.contextmanager
def serving(directory: Path, user_lines: bytes) -> Iterator[Serve]:
    """Starts servers with options of [api], without an engine where there is a transport; ends them."""
    started: list[tuple[server.Running, threading.Thread]] = []

    def start(options: Mapping[str, Any] | None = None, *, transport_url: str = "") -> Client:
        world = make_world(directory)
        file = directory / "undercloud.conf"
        lines = "".join(f"{name} = {value}\n" for name, value in (options or {}).items())
        bus = f"[messaging]\ntransport_url = {transport_url}\n" if transport_url else ""
        file.write_text(f"{file.read_text()}{bus}[api]\nport = 0\n{lines}")
        world.settings = load(state_dir=str(directory / "state"), config_file=str(file), environment={})
        user_file = world.settings.api.users(world.settings.paths.state_dir)
        user_file.parent.mkdir(mode=0o700, parents=True)
        user_file.write_bytes(user_lines)
        user_file.chmod(0o600)
        running = server.prepare(world.settings, None if transport_url else world.engine())
        thread = threading.Thread(target=running.run, daemon=True)
        thread.start()
        started.append((running, thread))
        return Client(running, world)

    yield start
    for running, thread in started:
        running.stop()
        thread.join(20)
        running.close()


@pytest.fixture
def serve(tmp_path: Path, user_lines: bytes) -> Iterator[Serve]:
    """Starts a server with options of [api]."""
    with serving(tmp_path, user_lines) as start:
        yield start


@pytest.fixture
def client(serve: Serve) -> Client:
    """An administrator of a server with default options."""
    return serve()


@pytest.fixture
def ironic(client: Client, tmp_path: Path) -> SimulatedIronic:
    """The Ironic that the client's server uses."""
    made = SimulatedIronic(tmp_path, hurry=True)
    client.world.ironic = lambda: made
    return made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, user_lines: bytes) -> Iterator[Client]:
    """The same, once for a module whose tests leave nothing behind that disturbs another."""
    with serving(tmp_path_factory.mktemp("shared"), user_lines) as start:
        yield start()
