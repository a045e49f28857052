"""`undercloud secrets rotate` and `undercloud upgrade`, over a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from undercloud.db import schema
from undercloud.db.database import make_engine, open_database


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNDERCLOUD_STATE_DIR", str(tmp_path))
    return tmp_path


def test_rotate_and_retire(openstack: Openstack, state: Path) -> None:
    database = open_database("", state / "undercloud.db", state / "secret.key")
    sealed = database.vault.seal(b"x")
    database.close()
    old = (state / "secret.key").read_bytes()
    done = openstack("undercloud", "secrets", "rotate")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"1 rows are encrypted with the new key in {state}/secret.key\n"
    done = openstack("undercloud", "secrets", "rotate", "--retire")
    assert (done.status, done.out) == (0, f"1 old keys left {state}/secret.key\n")
    assert old not in (state / "secret.key").read_bytes()
    database = open_database("", state / "undercloud.db", state / "secret.key")
    assert not database.vault.is_newest(sealed)
    database.close()


def test_a_key_open_to_others_is_refused(openstack: Openstack, state: Path) -> None:
    openstack("undercloud", "secrets", "rotate")
    (state / "secret.key").chmod(0o644)
    before = (state / "secret.key").read_bytes()
    done = openstack("undercloud", "secrets", "rotate")
    assert done.status == 2
    assert "VAULT-002" in done.err
    assert (state / "secret.key").read_bytes() == before


def test_upgrade_brings_a_database_on_a_server_to_this_version(
    openstack: Openstack, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A URL is a server's, whatever is behind it: nothing but this command may migrate it.
    file = state / "undercloud.conf"
    url = f"sqlite:///{state}/other.db"
    file.write_text(f"[database]\nconnection = {url}\n")
    engine = make_engine(url)
    schema.upgrade(engine)
    schema.downgrade(engine, "-1")
    engine.dispose()
    monkeypatch.setenv("UNDERCLOUD_CONFIG_FILE", str(file))
    refused = openstack("overcloud", "plan", "list")
    assert "DB-002" in refused.out + refused.err
    done = openstack("undercloud", "upgrade", "-f", "json")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == {"database": url, "schema": schema.HEAD}
    assert openstack("overcloud", "plan", "list").status == 0
