"""The service with Keystone: a real one decides who somebody is, and `openstack` fetches its tokens there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml

pytest.importorskip("keystone", reason="keystone is not installed (test-requirements.txt)")

from tests.functional.service.identity import PASSWORD, Identity
from tests.functional.service.site import Site
from tests.unit.cli.metadata import install
from undercloud.conf import installed

pytestmark = pytest.mark.functional
_ROOT = Path(__file__).resolve().parents[3]
_UPLOAD = {"data": b"x", "headers": {"Content-Type": "application/x-tar"}}


@dataclass
class Guarded:
    """An undercloud whose users are Keystone's."""

    site: Site
    identity: Identity
    directory: Path

    def ask(
        self, token: str, method: str = "GET", path: str = "/v1/plans", **options: object
    ) -> requests.Response:
        """One request with a token."""
        headers = {"X-Auth-Token": token, **options.pop("headers", {})}  # type: ignore[dict-item]
        authority = str(self.site.state / "api" / "tls" / "ca.crt")
        return requests.request(
            method,
            self.site.url + path,
            headers=headers,
            verify=authority,
            timeout=90,
            **options,  # type: ignore[arg-type]
        )

    def refused(self, token: str) -> tuple[int, list[str]]:
        """Status and codes of a request that is not answered."""
        answer = self.ask(token)
        assert answer.headers["Content-Type"] == "application/problem+json", answer.text
        return answer.status_code, [finding["code"] for finding in answer.json()["findings"]]

    def openstack(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of an operator on another machine."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory / "home"),
            "PYTHONPATH": f"{_ROOT}:{self.directory / 'installed'}",
            "PYTHONWARNINGS": "ignore",
            "UNDERCLOUD_DATA_DIR": str(installed.data_directory()),
        }
        command = [sys.executable, "-m", "openstackclient.shell", *words]
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            cwd=self.directory,
        )

    def audit(self) -> list[dict[str, object]]:
        """What the audit log says."""
        return [json.loads(line) for line in (self.site.state / "log" / "audit.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("keystone")
    identity = Identity(directory)
    auth = "".join(f"{name} = {value}\n" for name, value in identity.auth("admin").items())
    more = (
        "[api]\nauth = keystone\nkeystone_project = operations\nlogin_limit = 5/hour\n"
        f"[keystone_authtoken]\nauth_type = password\nwww_authenticate_uri = {identity.url}\n"
        f"token_cache_time = -1\n{auth}"
    )
    site = Site(directory, directory / "state", more=more)
    install(directory / "installed")
    home = directory / "home" / ".config" / "openstack"
    home.mkdir(parents=True)
    clouds = {name: {"auth": identity.auth(name)} for name in ("reader", "admin")}
    clouds["wrong"] = {"auth": {**identity.auth("reader"), "password": "not it"}}
    (home / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    try:
        site.start("api")
        entries = {
            name: {"url": site.url, "cloud": name, "cacert": "state/api/tls/ca.crt"}
            for name in (*clouds, "unknown")
        }
        (directory / "underclouds.yaml").write_text(yaml.safe_dump({"underclouds": entries}))
        yield Guarded(site, identity, directory)
    finally:
        site.close()
        identity.close()


def test_keystones_roles_are_the_services(guarded: Guarded) -> None:
    tokens = {name: guarded.identity.token(name) for name in ("reader", "member", "admin", "stranger")}
    assert {name: guarded.ask(token).status_code for name, token in tokens.items()} == {
        "reader": 200, "member": 200, "admin": 200, "stranger": 403,
    }  # fmt: skip
    uploads = {
        name: guarded.ask(token, "POST", "/v1/plans/other/versions", **_UPLOAD).status_code
        for name, token in tokens.items()
    }
    assert uploads == {"reader": 403, "member": 422, "admin": 422, "stranger": 403}, "no tar, but let in"
    deleted = {
        name: guarded.ask(token, "DELETE", "/v1/plans/other").status_code for name, token in tokens.items()
    }
    assert deleted == {"reader": 403, "member": 403, "admin": 404, "stranger": 403}
    assert {entry["who"] for entry in guarded.audit()} == set(tokens)


def test_a_role_elsewhere_is_none_here(guarded: Guarded) -> None:
    """Keystone's own administrator, who is one in the project admin: here it is operations that counts."""
    token = guarded.identity.token("admin", "admin")
    answer = guarded.ask(token)
    assert answer.status_code == 403
    assert "the role reader in the project operations of the domain Default" in answer.json()["title"]
    assert guarded.ask(token, path="/v1/health").status_code == 200


def test_wrong_expired_and_revoked_tokens_are_refused(guarded: Guarded) -> None:
    answer = guarded.ask("gAAAAABnot-a-token")
    assert (answer.status_code, answer.json()["findings"][0]["code"]) == (401, "API-005")
    assert answer.headers["WWW-Authenticate"].startswith("Keystone")
    short = guarded.identity.short_token("admin")
    time.sleep(2)
    assert guarded.refused(short) == (401, ["API-005"])
    token = guarded.identity.token("admin")
    assert guarded.ask(token).status_code == 200
    guarded.identity.revoke(token)
    assert guarded.refused(token) == (401, ["API-005"])
    good = guarded.identity.token("reader")
    headers = {"X-Identity-Status": "Confirmed", "X-Roles": "admin", "X-User-Name": "admin"}
    assert guarded.ask("", headers=headers).status_code == 401, "a client cannot say it for Keystone"
    assert guarded.ask(good, "DELETE", "/v1/plans/other", headers=headers).status_code == 403
    assert token not in (guarded.directory / "api.log").read_text()


def test_openstack_fetches_its_tokens_with_clouds_yaml(guarded: Guarded) -> None:
    listed = guarded.openstack("--undercloud", "reader", "overcloud", "plan", "list", "-f", "json")
    assert listed.returncode == 0, listed.stderr
    assert [plan["Plan"] for plan in json.loads(listed.stdout)] == ["overcloud"]
    delete = ("overcloud", "plan", "delete", "overcloud", "--yes")
    refused = guarded.openstack("--undercloud", "reader", *delete)
    assert (refused.returncode, "API-006" in refused.stderr) == (2, True), refused.stderr
    for name in ("wrong", "unknown"):
        failed = guarded.openstack("--undercloud", name, "overcloud", "plan", "list")
        assert (failed.returncode, "CLI-048" in failed.stderr) == (2, True), failed.stderr
        assert "Traceback" not in failed.stderr
    deleted = guarded.openstack("--undercloud", "admin", *delete)
    assert deleted.returncode == 0, deleted.stderr
    assert guarded.audit()[-1]["who"] == "admin"
    assert PASSWORD not in (guarded.directory / "api.log").read_text()


def test_while_keystone_is_away_nobody_is_let_in(guarded: Guarded) -> None:
    token = guarded.identity.token("admin")
    assert guarded.ask(token).status_code == 200
    statuses = [guarded.ask(f"wrong-{number}").status_code for number in range(6)]
    assert statuses == sorted(statuses)
    assert statuses[-1] == 429
    assert guarded.ask(token).status_code == 200, "it need not suffer from a neighbour's"
    guarded.identity.stop()
    for _ in range(3):
        assert guarded.refused(token) == (503, ["API-011"])
    assert guarded.refused("wrong") == (429, ["API-007"]), "Keystone is not asked about it"
    assert guarded.ask("", path="/v1/health").status_code == 200
