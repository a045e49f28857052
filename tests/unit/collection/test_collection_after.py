"""Checks of a deployed node: what is picked, what is seen through podman and sockets, what is told."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.undercloud.deploy.plugins.module_utils import checks_after, checks_network, commands
from ansible_collections.undercloud.deploy.plugins.module_utils.commands import Result
from ansible_collections.undercloud.deploy.plugins.module_utils.model import ContainerFact
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman

DEMANDS: dict[str, Any] = {
    "networks": {"ctlplane": {"address": "192.0.2.11"}},
    "vips": {"ctlplane": {"address": "192.0.2.100", "holders": ["192.0.2.11", "192.0.2.12"]}},
}
ALONE = {**DEMANDS, "vips": {"ctlplane": {"address": "192.0.2.100", "holders": ["192.0.2.11"]}}}
STEP = {
    "containers": {
        "keepalived": {"kind": "service", "origin": {"service": "keepalived"}},
        "setup": {"kind": "once"},
    },
    "validations": [
        {"name": "Usual", "command": ["true"], "code": "NODE-203"},
        {"name": "Deep", "command": ["true"], "group": "deep"},
    ],
}
STATE = {"hosts": {"ctl-0": {"steps": {"2": STEP}}}}


def codes(facts: dict[str, Any], demands: dict[str, Any] = DEMANDS) -> list[tuple[str, str]]:
    return [(one["code"], one["severity"]) for one in checks_after.judge(facts, demands)]


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        ({}, (True, ["keepalived"], ["Usual"], "")),
        ({"groups": ["post-deployment"]}, (True, ["keepalived"], ["Usual"], "")),
        ({"groups": ["pre-deployment"]}, (False, [], [], "")),
        ({"groups": ["deep"]}, (False, [], ["Deep"], "")),
        ({"groups": ["vip-moves"]}, (False, [], [], "keepalived")),
        ({"names": ["Deep"]}, (False, [], ["Deep"], "")),
        ({"names": ["NODE-203", "NODE-207"]}, (True, [], ["Usual"], "")),
        ({"names": ["NODE-208"]}, (False, ["keepalived"], [], "")),
    ],
)
def test_what_is_picked(task: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    asked = checks_after.asked_of(STATE, "ctl-0", task)
    names = [raw["name"] for raw in asked["validations"]]
    assert (asked["builtin"], asked["containers"], names, asked["moves"]) == wanted


def test_the_end_of_a_deployment_looks_only_at_what_no_step_could() -> None:
    assert checks_after.asked_of(STATE, "ctl-0", {"final": True}) == {"builtin": True}


@pytest.mark.parametrize(
    ("here", "answered", "demands", "wanted"),
    [
        (True, [], DEMANDS, []),
        (False, ["02:00:00:00:00:12"], DEMANDS, []),
        (True, ["02:00:00:00:00:12"], DEMANDS, [("NODE-206", "error")]),
        (False, [], DEMANDS, [("NODE-206", "error")]),
        (False, None, DEMANDS, []),
        (False, None, ALONE, [("NODE-206", "error")]),
        (True, None, ALONE, []),
    ],
)
def test_a_virtual_address_is_on_exactly_one_node(
    here: bool, answered: Any, demands: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert codes({"vips": {"ctlplane": {"here": here, "answered": answered}}}, demands) == wanted


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [(2.5, ("NODE-210", "info")), (None, ("NODE-209", "error")), ("alone", ("NODE-209", "warning"))],
)
def test_whether_a_virtual_address_moves(taken: Any, wanted: tuple[str, str]) -> None:
    assert codes({"moves": {"ctlplane": taken}}) == [wanted]


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A node whose virtual address is on another one while its keepalived is stopped."""
    world: dict[str, Any] = {"here": True, "calls": [], "follows": True}

    def run(command: list[str], **_options: Any) -> Result:
        world["calls"].append(command[1])
        world["here"] = command[1] == "start"
        return Result(0)

    def addresses() -> tuple[dict[str, Any], dict[str, Any]]:
        own = {"192.0.2.11": {"link": "eth0"}}
        return {"eth0": {}}, {**own, **({"192.0.2.100": {"link": "eth0"}} if world["here"] else {})}

    def claims(wanted: dict[str, str], _links: Any) -> dict[str, list[str]]:
        there = not world["here"] and world["follows"]
        return {address: ["02:00:00:00:00:12"] for address in wanted if there}

    monkeypatch.setattr(commands, "run", run)
    monkeypatch.setattr(checks_network, "addresses", addresses)
    monkeypatch.setattr(checks_network, "claims", claims)
    monkeypatch.setattr(checks_after, "MOVE_WAIT", 0.2)
    return world


def test_moving_stops_the_holder_and_starts_it_again(node: dict[str, Any]) -> None:
    asked = {"moves": "keepalived"}
    assert codes(checks_after.gather(asked, DEMANDS, {})) == [("NODE-210", "info")]
    assert node["calls"] == ["stop", "start"]
    node["follows"] = False
    assert codes(checks_after.gather(asked, DEMANDS, {})) == [("NODE-209", "error")]
    assert node["calls"] == ["stop", "start"] * 2, "it is started again whatever happened"
    assert codes(checks_after.gather(asked, ALONE, {}), ALONE) == [("NODE-209", "warning")]
    node["here"] = False
    assert codes(checks_after.gather(asked, DEMANDS, {})) == []
    assert len(node["calls"]) == 4, "nothing is stopped where no other node could take it"


def test_containers_and_validations(monkeypatch: pytest.MonkeyPatch) -> None:
    up = ContainerFact("running", {}, "", "", 0, "healthy")
    known = {
        "a": up,
        "b": ContainerFact("exited", {}, "", "", 0, ""),
        "c": ContainerFact("running", {}, "", "", 0, "unhealthy"),
    }
    monkeypatch.setattr(Podman, "containers", lambda self: known)
    monkeypatch.setattr(
        Podman, "execute", lambda self, name, command, timeout: Result(125, "", f"no {name}: word")
    )
    checks = [
        {"name": "Good", "command": ["true"]},
        {
            "name": "Bad",
            "command": ["x", "<<secret:p>>"],
            "container": "b",
            "delay": 0,
            "code": "OPS-001",
            "fix": "start it",
        },
    ]
    facts = checks_after.gather(
        {"containers": ["a", "b", "c", "d"], "validations": checks}, DEMANDS, {"p": "word"}
    )
    assert facts["containers"] == {"b": "is exited", "c": "is unhealthy", "d": "is not there"}
    found = checks_after.judge(facts, DEMANDS)
    assert [one["code"] for one in found] == ["NODE-208"] * 3 + ["OPS-001"]
    assert (found[-1]["severity"], found[-1]["fix"], found[-1]["log"]) == (
        "error",
        "start it",
        ["no b: word"],
    )
    json.dumps(facts)


class Api(http.server.BaseHTTPRequestHandler):
    """An endpoint that works at /v3 alone."""

    def do_GET(self) -> None:
        self.send_response(300 if self.path == "/v3" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def api() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_endpoints_are_asked_as_clients_do(api: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_after, "ENDPOINT_TRIES", 1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    usual = {"address": "127.0.0.1", "port": api, "mode": "http", "tls": False, "path": "/v3"}
    endpoints = [
        {**usual, "name": "good"},
        {**usual, "name": "broken", "path": "/"},
        {**usual, "name": "tcp", "mode": "tcp"},
        {**usual, "name": "shut", "port": closed},
        {**usual, "name": "plain", "tls": True},
    ]
    facts = checks_after.gather({"builtin": True}, {"endpoints": endpoints}, {})
    found = checks_after.judge(facts, {})
    assert [one["code"] for one in found] == ["NODE-207"] * 3
    told = " | ".join(one["message"] for one in found)
    assert "broken does not answer at 127.0.0.1" in told
    assert "status 503" in told
    assert "shut does not answer" in told
    assert "plain does not answer" in told
