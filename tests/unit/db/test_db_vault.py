"""The key: made once, refused when it cannot be trusted, never replaced."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from undercloud.db.database import Database, open_database
from undercloud.db.vault import open_vault
from undercloud.diagnostics import UndercloudError


def opened(directory: Path) -> Database:
    return open_database("", directory / "undercloud.db", directory / "secret.key")


def refusal(directory: Path) -> str:
    with pytest.raises(UndercloudError) as caught:
        opened(directory)
    (finding,) = caught.value.findings
    assert finding.fix
    assert finding.locations[0].file == str(directory / "secret.key")
    return finding.code


def test_the_key_is_made_once(tmp_path: Path) -> None:
    opened(tmp_path).close()
    key = tmp_path / "secret.key"
    made = key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    opened(tmp_path).close()
    assert key.read_bytes() == made


def _chmod(key: Path) -> None:
    key.chmod(0o640)


def _truncate(key: Path) -> None:
    key.write_bytes(b"")


def _garbage(key: Path) -> None:
    key.write_bytes(b"not a key\n")


def _another(key: Path) -> None:
    key.write_bytes(Fernet.generate_key())


def _link(key: Path) -> None:
    elsewhere = key.with_name("elsewhere")
    key.rename(elsewhere)
    key.symlink_to(elsewhere)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (Path.unlink, "VAULT-001"),
        (_chmod, "VAULT-002"),
        (_link, "VAULT-002"),
        (_truncate, "VAULT-003"),
        (_garbage, "VAULT-003"),
        (_another, "VAULT-004"),
    ],
)
def test_a_key_that_cannot_be_trusted_is_refused_and_left(
    tmp_path: Path, spoil: Callable[[Path], None], code: str
) -> None:
    opened(tmp_path).close()
    key = tmp_path / "secret.key"
    spoil(key)
    before = key.read_bytes() if key.exists() else None
    assert refusal(tmp_path) == code
    assert (key.read_bytes() if key.exists() else None) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "secret.key").chmod(0)
    assert refusal(tmp_path) == "VAULT-002"


def test_a_key_without_its_first_record_is_used(tmp_path: Path) -> None:
    """The engine may die between making the key and writing down that it did."""
    opened(tmp_path).close()
    made = (tmp_path / "secret.key").read_bytes()
    with sqlite3.connect(tmp_path / "undercloud.db") as raw:
        raw.execute("DELETE FROM key_check")
    opened(tmp_path).close()
    assert (tmp_path / "secret.key").read_bytes() == made


def test_a_new_key_opens_what_the_old_one_sealed(tmp_path: Path) -> None:
    database = opened(tmp_path)
    sealed = database.vault.seal_json({"password": "geheim"})
    database.close()
    key = tmp_path / "secret.key"
    key.write_bytes(Fernet.generate_key() + b"\n" + key.read_bytes())
    database = opened(tmp_path)
    assert database.vault.open_json(sealed) == {"password": "geheim"}
    rotated = database.vault.rotate(sealed)
    database.close()
    key.write_bytes(key.read_bytes().splitlines()[0])
    vault = open_vault(key)
    assert vault.open_json(rotated) == {"password": "geheim"}
    with pytest.raises(UndercloudError):
        vault.open(sealed)


def test_several_processes_may_be_the_first(tmp_path: Path) -> None:
    sealed: list[bytes] = []

    def first() -> None:
        database = opened(tmp_path)
        sealed.append(database.vault.seal(b"x"))
        database.close()

    threads = [threading.Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    vault = open_vault(tmp_path / "secret.key")
    assert [vault.open(one) for one in sealed] == [b"x"] * 4


def test_a_state_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UndercloudError) as caught:
        opened(tmp_path / "file")
    assert caught.value.findings[0].code == "DB-005"
    assert "--state-dir" in caught.value.findings[0].fix
