"""Deployments over HTTP: started, watched as a page and as a stream, cancelled, resumed, taken back."""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.unit.api.conftest import BUNDLE, Client, Serve
from tests.unit.deploy.world import PASSWORD, PLAYS, ok
from undercloud.db import plans
from undercloud.db.database import open_database
from undercloud.deploy.backup import MANIFEST, SUMS
from undercloud.deploy.compiling import Judged, Node
from undercloud.deploy.runner import Ending
from undercloud.diagnostics import Finding, Location, Severity


def prepared(client: Client, text: bytes = b"kept") -> Client:
    """With a version that the fake compiler understands: one file named site.yaml."""
    paths = client.world.settings.paths
    database = open_database("", paths.database, paths.key_file)
    with database.write() as session:
        plan = plans.ensure(session, "overcloud")
        plans.add_version(session, database.vault, plan, {"site.yaml": text}, {"stack": "overcloud"})
    database.close()
    return client


def start(client: Client, status: int = 202, **fields: Any) -> Any:
    body = {"stack": "overcloud", "version": 1, **fields}
    answer = client.ask("POST", "/v1/deployments", json=body)
    assert answer.status_code == status, answer.text
    if status == 202:
        assert answer.headers["Location"] == f"/v1/deployments/{answer.json()['id']}"
    return answer.json()


def ended(client: Client, place: str) -> Any:
    deadline = time.monotonic() + 60
    while True:
        found = client.get(place)
        if found["status"] not in {"pending", "running"}:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_an_unknown_host_key_leads_to_the_addresses_of_nodes(client: Client) -> None:
    begun = start(prepared(client))
    ended(client, f"/v1/deployments/{begun['id']}")
    answer = client.ask("DELETE", "/v1/host-keys/192.0.2.99")
    (finding,) = answer.json()["findings"]
    assert (answer.status_code, finding["code"]) == (404, "API-010")
    path = finding["fix"].partition("GET ")[2].rstrip(".").replace("STACK", "overcloud")
    assert client.get(path)["hosts"][0]["address"]


def test_a_deployment_from_its_beginning_to_its_end(client: Client) -> None:
    prepared(client)
    begun = start(client)
    place = f"/v1/deployments/{begun['id']}"
    found = ended(client, place)
    assert (found["status"], found["version"], found["findings"]) == ("succeeded", 1, [])
    assert client.world.runner.plays == list(PLAYS)
    assert (client.world.stack_dir / "config-download/site/plan.txt").read_text() == "kept"
    events = client.get(f"{place}/events?limit=1000")["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert client.get(f"{place}/events?after={len(events) - 2}&limit=1")["events"] == [events[-2]]
    assert client.get(f"{place}/events?after={len(events)}&wait=1")["events"] == []
    stack = client.get("/v1/stacks/overcloud")
    assert (stack["status"], stack["nodes"]) == ("deployed", 2)
    assert [each["name"] for each in client.get("/v1/stacks")["stacks"]] == ["overcloud"]
    assert client.get("/v1/deployments?stack=overcloud")["deployments"][0]["id"] == begun["id"]
    log = client.ask("GET", f"{place}/log")
    assert len(log.text.splitlines()) >= len(events)
    assert client.get("/v1/plans/overcloud/passwords")["passwords"] == [
        {"name": "AdminPassword", "kind": "password"}
    ]
    secret = json.loads(client.world.runner.secrets[0])["admin"]
    assert client.get("/v1/stacks/overcloud/credentials")["clouds"]["auth"]["password"] == secret
    assert client.codes("DELETE", "/v1/plans/overcloud", 409) == ["DEP-006"]


def streamed(client: Client, place: str, **headers: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    event: dict[str, Any] = {}
    with client.ask("GET", f"{place}/events/stream", stream=True, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
            name, _, value = line.partition(": ")
            if not line and event.get("data"):
                found.append(event)
                event = {}
            elif name:
                event[name] = value
    return found


def test_events_are_streamed_while_they_happen_and_again_from_any_number(client: Client) -> None:
    prepared(client)
    client.world.runner.hold = threading.Event()
    place = f"/v1/deployments/{start(client)['id']}"
    seen: list[dict[str, Any]] = []
    watcher = threading.Thread(target=lambda: seen.extend(streamed(client.as_user("reader"), place)))
    watcher.start()
    time.sleep(1)
    client.world.runner.hold.set()
    watcher.join(60)
    assert not watcher.is_alive()
    assert seen.pop()["event"] == "end"
    numbers = [int(event["id"]) for event in seen]
    assert numbers == list(range(1, len(numbers) + 1))
    whole = client.get(f"{place}/events?limit=1000")["events"]
    assert [json.loads(event["data"]) for event in seen] == whole
    again = streamed(client, place, **{"Last-Event-ID": str(numbers[-3])})
    assert [event["id"] for event in again[:-1]] == [str(number) for number in numbers[-2:]]
    for wrong in ("9" * 5000, "9" * 26, "2147483648", "-1", "x"):
        told = client.codes("GET", f"{place}/events/stream", 400, headers={"Last-Event-ID": wrong})
        assert told == ["API-001"]


def test_streams_have_a_cap_and_their_places_come_back(serve: Serve) -> None:
    client = prepared(serve({"event_streams": 1}))
    client.world.runner.hold = threading.Event()
    place = f"/v1/deployments/{start(client)['id']}"
    first = client.ask("GET", f"{place}/events/stream", stream=True)
    assert first.status_code == 200
    assert client.codes("GET", f"{place}/events/stream", 429) == ["API-007"]
    client.world.runner.hold.set()
    assert first.text.rstrip().endswith("data: {}")
    assert streamed(client, place)[-1]["event"] == "end"


def test_two_at_once_are_refused_and_one_is_cancelled_and_resumed(client: Client) -> None:
    prepared(client)
    client.world.runner.hold = threading.Event()
    place = f"/v1/deployments/{start(client)['id']}"
    refused = start(client, status=409)
    assert refused["findings"][0]["code"] == "DEP-001"
    assert "since" in refused["title"]
    assert list(client.get("/v1/locks")["locks"]) == ["overcloud"]
    assert client.ask("POST", f"{place}/cancel", json={"reason": "lunch"}).status_code == 202
    found = ended(client, place)
    assert found["status"] == "interrupted"
    assert client.get("/v1/locks") == {"locks": {}}
    client.world.runner.hold = None
    assert client.ask("POST", f"{place}/resume").status_code == 202
    assert ended(client, place)["status"] == "succeeded"
    assert client.codes("POST", f"{place}/resume", 409) == ["DEP-007"]


def test_a_restore_is_resumed_and_stopped_by_those_who_may_begin_it(client: Client) -> None:
    prepared(client)
    member, backups = client.as_user("member"), "/v1/stacks/overcloud/backups"
    ended(client, f"/v1/deployments/{start(client)['id']}")
    ended(client, client.ask("POST", backups, json={"action": "backup"}).headers["Location"])
    (directory,) = client.world.settings.paths.backups_dir("overcloud").iterdir()
    for name in (MANIFEST, SUMS):
        (directory / name).write_text("")
    client.world.runner.ending = Ending.FAILED
    place = client.ask("POST", backups, json={"action": "restore"}).headers["Location"]
    assert ended(client, place)["status"] == "failed"
    client.world.runner.ending = None
    assert member.codes("POST", f"{place}/resume", 403) == ["API-006"]
    assert ended(client, place)["status"] == "failed"
    client.world.runner.hold = threading.Event()
    assert client.ask("POST", f"{place}/resume").status_code == 202
    assert member.codes("POST", f"{place}/cancel", 403) == ["API-006"]
    client.world.runner.hold.set()
    assert ended(client, place)["status"] == "succeeded", "nobody stopped it"


def test_what_failed_is_tried_again_with_less_and_taken_back(client: Client) -> None:
    prepared(client)
    good = f"/v1/deployments/{start(client)['id']}"
    ended(client, good)
    prepared(client, b"changed")
    client.world.runner.ending = Ending.FAILED
    place = f"/v1/deployments/{start(client, version=2)['id']}"
    assert ended(client, place)["status"] == "failed"
    wrong = {"json": {"skip": ["compile"]}}
    assert client.codes("POST", f"{place}/resume", 400, **wrong) == ["DEP-033"]
    client.world.runner.ending = None
    less = {"limit": "ctl-0", "skip": ["credentials"]}
    assert client.ask("POST", f"{place}/resume", json=less).status_code == 202
    found = ended(client, place)
    assert (found["status"], found["limit"]) == ("succeeded", "ctl-0")
    assert found["stages"][-1]["status"] == "skipped"
    assert client.codes("POST", "/v1/stacks/overcloud/rollback", 409, json={"version": 2}) == ["DEP-034"]
    answer = client.ask("POST", "/v1/stacks/overcloud/rollback")
    assert answer.status_code == 202, answer.text
    back = ended(client, answer.headers["Location"])
    assert (back["version"], back["rollback_of"]) == (1, found["id"])
    newest = client.get("/v1/deployments?limit=1")["deployments"][0]
    rest = client.get(f"/v1/deployments?marker={newest['id']}")["deployments"]
    assert [one["id"] for one in rest] == [place[-32:], good[-32:]]
    assert client.codes("GET", "/v1/deployments?marker=none", 404) == ["DEP-004"]


def test_a_failure_is_told_and_a_stack_is_taken_off(client: Client) -> None:
    prepared(client)
    client.world.runner.ending = Ending.FAILED
    place = f"/v1/deployments/{start(client)['id']}"
    assert ended(client, place)["status"] == "failed"
    (failure,) = client.get("/v1/stacks/overcloud/failures")["failures"]
    assert failure["finding"]["code"].startswith("DEP-")
    client.world.runner.ending = None
    answer = client.ask("DELETE", "/v1/stacks/overcloud?abandon=true")
    assert answer.status_code == 202
    assert ended(client, answer.headers["Location"])["operation"] == "delete"
    assert client.get("/v1/stacks/overcloud")["status"] == "deleted"


def test_a_dry_run_lists_changes(client: Client) -> None:
    prepared(client)
    place = f"/v1/deployments/{start(client, dry_run=True)['id']}"
    assert ended(client, place)["operation"] == "dry-run"
    changes = client.get(f"{place}/changes")["changes"]
    assert ("ctl-0", "task", "Open the door") in [(c["host"], c["kind"], c["name"]) for c in changes]
    assert client.get(f"{place}/changes?limit=1&offset=1")["changes"] == changes[1:2]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "stack"),
        ({"stack": "overcloud"}, "version"),
        ({"stack": "overcloud", "version": "1"}, "version"),
        ({"stack": "../x", "version": 1}, "stack"),
        ({"stack": "overcloud", "version": 1, "plan": {"templates": "/etc"}}, "plan"),
        ({"stack": "overcloud", "version": 1, "ssh_user": "a b; c"}, "ssh_user"),
        ([], "body"),
    ],
)
def test_a_body_that_is_wrong_is_named(shared: Client, body: Any, named: str) -> None:
    answer = shared.ask("POST", "/v1/deployments", json=body)
    assert answer.status_code == 400
    assert all(finding["code"] == "API-001" for finding in answer.json()["findings"])
    assert named in answer.text


def test_a_validation_is_long_work(client: Client) -> None:
    prepared(client)
    answer = client.ask("POST", "/v1/validations", json={"plan": "overcloud"})
    assert answer.status_code == 202
    found = ended(client, answer.headers["Location"])
    assert (found["status"], found["version"]) == ("succeeded", 1)
    listed = client.get("/v1/validations?plan=overcloud")["validations"]
    assert [each["id"] for each in listed] == [found["id"]]
    assert client.codes("POST", "/v1/validations", 404, json={"plan": "none"}) == ["DEP-003"]
    assert client.codes("POST", "/v1/validations", 404, json={"plan": BUNDLE.name, "version": 9}) == [
        "DEP-028"
    ]


def test_what_was_found_is_reported_in_every_form(client: Client) -> None:
    prepared(client, b"a line of the file")
    told_of = Finding(
        *("NET-014", f"<b> & {PASSWORD}1", "mend it", Severity.WARNING), locations=(Location("site.yaml", 1),)
    )
    client.world.compiler.findings = (told_of,)
    deployment = f"/v1/deployments/{start(client)['id']}"
    ended(client, deployment)
    place = client.ask("POST", "/v1/validations", json={"plan": "overcloud"}).headers["Location"]
    ended(client, place)
    for of in (deployment, place):
        asked = ("", "?format=json", "?format=junit", "?format=sarif")
        page, plain, junit, sarif = (client.ask("GET", f"{of}/report{query}") for query in asked)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Content-Security-Policy"] == "sandbox allow-scripts"
        assert "&lt;b&gt; &amp; ********" in page.text
        assert plain.json()["findings"][0]["code"] == "NET-014"
        assert "NET-014" in ET.fromstring(junit.text).findtext(".//system-out", "")
        assert sarif.headers["Content-Type"] == "application/sarif+json"
        assert [result["ruleId"] for result in sarif.json()["runs"][0]["results"]] == ["NET-014"]
        for told in (page, plain, junit, sarif):
            assert PASSWORD not in told.text
            assert "a line of the file" not in told.text, "that takes the role member"
    assert client.codes("GET", f"{place}/report?format=pdf", 400) == ["API-001"]
    assert client.codes("GET", f"/v1/validations/{'0' * 32}/report", 404) == ["API-010"]


def test_a_validation_that_says_nothing_yet_has_no_report(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(client)
    judge, told = client.world.compiler.judge, threading.Event()

    def judge_later(*given: Any) -> Judged:
        told.wait(30)
        return judge(*given)

    monkeypatch.setattr(client.world.compiler, "judge", judge_later)
    place = client.ask("POST", "/v1/validations", json={"plan": "overcloud"}).headers["Location"]
    assert client.codes("GET", f"{place}/report", 409) == ["API-012"]
    told.set()
    ended(client, place)
    assert client.ask("GET", f"{place}/report").status_code == 200


def test_validations_are_listed_page_by_page(client: Client) -> None:
    prepared(client)
    asked = [client.ask("POST", "/v1/validations", json={"plan": "overcloud"}).json()["id"] for _ in range(5)]
    seen: list[str] = []
    marker = ""
    while page := client.get(f"/v1/validations?limit=2&marker={marker}")["validations"]:
        seen += [each["id"] for each in page]
        marker = seen[-1]
    assert seen == asked[::-1]
    assert client.codes("GET", "/v1/validations?marker=nothing", 404) == ["API-010"]


def test_ten_thousand_hosts_are_read_page_by_page(client: Client) -> None:
    client.world.compiler.nodes = tuple(
        Node(f"n-{n:05}", f"10.0.{n >> 8}.{n & 255}", "Compute") for n in range(10_000)
    )
    prepared(client)
    client.world.ssh.keys = {node.name: {"ssh-rsa": "AAAA"} for node in client.world.compiler.nodes}
    client.world.runner.script = lambda play, _run: (
        [ok(node.name, play) for node in client.world.compiler.nodes] if play == "Step 1" else []
    )
    deployment = f"/v1/deployments/{start(client)['id']}"
    whole = ended(client, deployment)
    others = ("changed", "failed", "unreachable", "skipped")
    assert whole["host_counts"] == {"ok": 10_000, **dict.fromkeys(others, 0)}
    assert client.get("/v1/stacks/overcloud")["nodes"] == 10_000
    for place in (deployment, "/v1/deployments", "/v1/stacks/overcloud", "/v1/stacks"):
        assert len(client.ask("GET", place).content) < 10_000
    begun = time.monotonic()
    for place in (deployment, "/v1/stacks/overcloud"):
        marker, names = "", list[str]()
        while page := client.get(f"{place}/hosts?limit=1000&marker={marker}")["hosts"]:
            assert len(page) == 1000
            names += [host["name"] for host in page]
            marker = names[-1]
        assert names == [node.name for node in client.world.compiler.nodes]
    assert time.monotonic() - begun < 20
    assert client.get("/v1/stacks/overcloud/hosts?limit=1") == {
        "hosts": [{"name": "n-00000", "address": "10.0.0.0", "role": "Compute"}]
    }
    assert client.get(f"{deployment}/hosts?limit=1")["hosts"][0]["counts"]["ok"] == 1
    assert client.codes("GET", "/v1/stacks/none/hosts", 404) == ["DEP-003"]
    assert client.codes("GET", f"/v1/deployments/{'0' * 32}/hosts", 404) == ["DEP-004"]
