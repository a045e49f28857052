"""Plans over HTTP: uploaded, listed, looked into."""

from __future__ import annotations

import dataclasses
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.conftest import BUNDLE, PASSWORD, SITE, Client, Serve
from undercloud.client.remote import RemoteEngine
from undercloud.client.settings import Remote
from undercloud.deploy.compiler import NativeCompiler
from undercloud.deploy.requests import PlanRef


def test_a_plan_is_uploaded_and_looked_into(client: Client) -> None:
    made = client.upload()
    assert (made["plan"], made["number"], made["files"]) == ("overcloud", 1, 5)
    assert client.upload()["number"] == 1, "equal files are no new version"
    changed = {**BUNDLE.files, "/home/me/site.yaml": SITE.replace("good day", "hi").encode()}
    assert client.upload(dataclasses.replace(BUNDLE, files=changed))["number"] == 2
    assert [plan["name"] for plan in client.get("/v1/plans")["plans"]] == ["overcloud"]
    assert client.get("/v1/plans/overcloud")["version"] == 2
    versions = client.get("/v1/plans/overcloud/versions")["versions"]
    assert [version["number"] for version in versions] == [2, 1]
    assert client.get("/v1/plans/overcloud/versions?before=2")["versions"] == versions[1:]
    assert client.get("/v1/plans/overcloud/versions/1")["digest"] == made["digest"]
    base = "/v1/plans/overcloud/versions/1"
    paths = [each["path"] for each in client.get(f"{base}/files")["files"]]
    assert paths == sorted(BUNDLE.files)
    page = client.get(f"{base}/files?limit=2&marker={paths[0]}")["files"]
    assert [each["path"] for each in page] == paths[1:3]
    answer = client.ask("GET", f"{base}/file?path=/home/me/site.yaml")
    assert (answer.content, answer.headers["Content-Type"]) == (SITE.encode(), "application/octet-stream")


def test_parameters_say_where_they_were_set_and_hide_what_is_secret(client: Client) -> None:
    client.upload()
    base = "/v1/plans/overcloud/versions/1"
    found = {each["name"]: each for each in client.get(f"{base}/parameters?limit=1000")["parameters"]}
    greeting = found["Greeting"]
    assert (greeting["value"], greeting["type"], greeting["hidden"]) == ("good day", "string", False)
    place = {"file": "/home/me/site.yaml", "line": 2, "column": 3, "origin": "operator"}
    assert greeting["set"] == [place]
    assert (found["AdminPassword"]["value"], found["AdminPassword"]["hidden"]) == ("********", True)
    outputs = client.get(f"{base}/outputs")["outputs"]
    assert outputs == {"Greeting": "good day", "Password": "********"}
    (role,) = client.get(f"{base}/roles")["roles"]
    assert role["services"] == ["OS::TripleO::Services::Ntp"]
    (network,) = client.get(f"{base}/networks")["networks"]
    assert network["subnets"]["storage_subnet"]["cidr"] == "172.16.1.0/24"
    (resource,) = client.get(f"{base}/resources")["resources"]
    assert (resource["name"], resource["type"], resource["members"]) == ("inner", "OS::Heat::Value", 0)
    assert resource["location"]["line"] == 6
    assert client.get(f"{base}/resources?path=inner")["resources"] == []
    assert client.codes("GET", f"{base}/resources?path=none", 404) == ["API-010"]
    files = [each["path"] for each in client.get(f"{base}/environments")["environments"]]
    assert "/home/me/site.yaml" in files


def test_what_is_wrong_with_a_plan_is_said_when_it_is_looked_into(client: Client) -> None:
    files = {**BUNDLE.files, "/home/me/site.yaml": b"parameter_defaults: [1\n"}
    client.upload(dataclasses.replace(BUNDLE, files=files))
    told = client.ask("GET", "/v1/plans/overcloud/versions/1/parameters").json()
    assert told["status"] == 422
    assert told["findings"][0]["code"].startswith("PLAN-")
    assert told["findings"][0]["locations"][0]["file"] == "/home/me/site.yaml"


def tar(name: str, **fields: Any) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        for field, value in fields.items():
            setattr(info, field, value)
        archive.addfile(info)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (tar("../x"), 422, "PLAN-101"),
        (tar("tree/x", type=tarfile.SYMTYPE, linkname="/etc/shadow"), 422, "PLAN-101"),
        (b"nonsense" * 100, 422, "PLAN-100"),
        (b"", 422, "PLAN-100"),
    ],
)
def test_an_archive_that_cannot_be_a_plan(shared: Client, data: bytes, status: int, code: str) -> None:
    options: dict[str, Any] = {"data": data, "headers": {"Content-Type": "application/x-tar"}}
    assert shared.codes("POST", "/v1/plans/refused/versions", status, **options) == [code]
    assert "refused" not in [plan["name"] for plan in shared.get("/v1/plans")["plans"]]


def test_an_archive_larger_than_allowed(serve: Serve) -> None:
    client = serve({"upload_limit": 1})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo("tree/zeros")
        info.size = 3 << 20
        archive.addfile(info, io.BytesIO(b"\0" * info.size))
    options = {"data": stream.getvalue(), "headers": {"Content-Type": "application/gzip"}}
    assert client.codes("POST", "/v1/plans/overcloud/versions", 413, **options) == ["PLAN-102"]


def test_a_body_longer_than_any_archive(shared: Client) -> None:
    length = shared.running.server.max_request_body_size + 1
    headers = {"Content-Type": "application/gzip", "Content-Length": str(length)}
    codes = shared.codes("POST", "/v1/plans/overcloud/versions", 413, headers=headers)
    assert codes == ["API-009"], "said before any of it is read"


def test_a_body_that_says_no_type_or_another(shared: Client) -> None:
    path = "/v1/plans/overcloud/versions"
    assert shared.codes("POST", path, 415, data=b"x") == ["API-008"]
    assert shared.codes("POST", path, 415, data=b"x", headers={"Content-Type": "text/plain"}) == ["API-008"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/plans/none", "DEP-003"),
        ("/v1/plans/none/versions", "DEP-003"),
        ("/v1/plans/overcloud/versions/7", "DEP-028"),
        ("/v1/plans/overcloud/versions/7/parameters", "DEP-028"),
        ("/v1/plans/overcloud/versions/1/file?path=/etc/passwd", "API-010"),
        ("/v1/plans/overcloud/versions/1/file?path=../../../etc/passwd", "API-010"),
        ("/v1/validations/" + "0" * 32, "API-010"),
        ("/v1/deployments/" + "0" * 32, "DEP-004"),
        ("/v1/stacks/none", "DEP-003"),
        ("/v1/nothing", "API-003"),
        ("/v1/plans/a%2Fb", "API-003"),
    ],
)
def test_what_is_not_there(shared: Client, path: str, code: str) -> None:
    shared.upload()
    told = shared.ask("GET", path)
    assert told.status_code in {400, 404}, told.text
    assert told.json()["findings"][0]["code"] in {code, "API-001"}


def test_a_plan_is_forgotten(client: Client) -> None:
    client.upload()
    assert client.ask("DELETE", "/v1/plans/overcloud").status_code == 204
    assert client.get("/v1/plans") == {"plans": []}
    assert client.codes("DELETE", "/v1/plans/overcloud", 404) == ["DEP-003"]


def test_a_version_is_explained(client: Client, tmp_path: Path) -> None:
    client.world.real_compiler = NativeCompiler("registry.example:5000", tmp_path)
    client.upload()
    place = "/v1/plans/overcloud/versions/1/explanation"
    found = client.as_user("reader").get(f"{place}?name=Greeting")
    assert "site.yaml:2" in found["text"]
    assert found["document"]["answers"][0]["kind"] == "parameter"
    hidden = client.ask("GET", f"{place}?name=AdminPassword&effects=false")
    assert (hidden.status_code, "v3ryS3cret" in hidden.text) == (200, False)
    assert client.codes("GET", f"{place}?name=Nothing", 404) == ["EXP-001"]
    assert client.codes("GET", place, 400) == ["API-001"]
    remote = RemoteEngine(Remote("prod", client.running.address, "admin", PASSWORD, "", client.authority))
    assert remote.explain_plan(PlanRef("overcloud"), "Greeting").document == found["document"]
    remote.close()
