"""A new key while the service runs: nothing is lost, whenever it dies, and old keys go only when unused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.unit.db.conftest import Opener
from undercloud.db import plans, rotation, states
from undercloud.db.database import Database, open_database
from undercloud.db.models import Base, Blob, PlanVersion, State
from undercloud.diagnostics import UndercloudError

FILES = {f"{number}.yaml": str(number).encode() for number in range(120)}


def fill(database: Database) -> None:
    with database.write() as session:
        plan = plans.ensure(session, "overcloud")
        plans.add_version(session, database.vault, plan, FILES, {"root": "/t"})
        states.commit(session, database.vault, plan.id, {"passwords": {"A": "1"}}, 0)


def kept(database: Database) -> tuple[dict[str, bytes], object]:
    with database.read() as session:
        version = session.scalars(select(PlanVersion)).one()
        state = session.scalars(select(State)).one()
        files = plans.version_files(session, database.vault, version.id)
        return files, database.vault.open_json(state.sealed)


def test_every_secret_gets_the_new_key_while_others_work(opener: Opener, tmp_path: Path) -> None:
    database, other = opener(), opener()
    fill(database)
    key = tmp_path / "secret.key"
    old = key.read_bytes()
    assert rotation.rotate(database, key) == len(FILES) + 3, "files, the version, the state, the key's check"
    assert key.read_bytes().endswith(old)
    assert len(key.read_bytes().splitlines()) == 2
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    sealed_by_other = other.vault.seal(b"x")
    assert database.vault.is_newest(sealed_by_other), "a running process takes the new key up"
    assert rotation.retire(database, key) == 1
    assert len(key.read_bytes().splitlines()) == 1
    assert old not in key.read_bytes()
    assert kept(other) == kept(opener()) == (FILES, {"passwords": {"A": "1"}})
    assert not list(tmp_path.glob(".*.new"))


def test_a_rotation_that_died_goes_on(
    opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, key = opener(), tmp_path / "secret.key"
    fill(database)
    with monkeypatch.context() as patch:
        real, left = database.vault.rotate, iter(range(60))

        def dies(sealed: bytes) -> bytes:
            next(left)  # StopIteration after 60: the power went
            return real(sealed)

        patch.setattr(database.vault, "rotate", dies)
        with pytest.raises((RuntimeError, StopIteration)):
            rotation.rotate(database, key)
    assert kept(opener()) == (FILES, {"passwords": {"A": "1"}})
    with pytest.raises(UndercloudError) as caught:
        rotation.retire(database, key)
    assert caught.value.findings[0].code == "VAULT-005"
    assert len(key.read_bytes().splitlines()) == 2
    rotation.rotate(database, key)
    assert rotation.retire(database, key) == 2
    assert kept(opener()) == (FILES, {"passwords": {"A": "1"}})


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_open_to_others_is_refused_and_left(embedded: Database, tmp_path: Path, mode: int) -> None:
    key = tmp_path / "secret.key"
    fill(embedded)
    before = key.read_bytes()
    key.chmod(mode)
    for what in (rotation.rotate, rotation.retire):
        with pytest.raises(UndercloudError) as caught:
            what(embedded, key)
        assert caught.value.findings[0].code == "VAULT-002"
    assert key.read_bytes() == before


def test_a_key_that_went_while_the_service_ran_is_not_made_anew(embedded: Database, tmp_path: Path) -> None:
    (tmp_path / "secret.key").unlink()
    for what in (lambda: fill(embedded), lambda: rotation.rotate(embedded, tmp_path / "secret.key")):
        with pytest.raises(UndercloudError) as caught:
            what()
        assert caught.value.findings[0].code == "VAULT-001"
    assert not (tmp_path / "secret.key").exists()


def test_a_secret_of_another_key_stops_the_rotation_before_it_begins(
    embedded: Database, tmp_path: Path
) -> None:
    fill(embedded)
    elsewhere = tmp_path / "elsewhere"
    foreign = open_database("", elsewhere / "undercloud.db", elsewhere / "secret.key")
    with embedded.write() as session:
        session.execute(update(Blob).values(sealed=foreign.vault.seal(b"x")))
    foreign.close()
    before = (tmp_path / "secret.key").read_bytes()
    with pytest.raises(UndercloudError) as caught:
        rotation.rotate(embedded, tmp_path / "secret.key")
    assert caught.value.findings[0].code == "VAULT-004"
    assert (tmp_path / "secret.key").read_bytes() == before


def test_every_table_with_secrets_has_one_key_column() -> None:
    assert {table.name for table in Base.sealed_columns()} == {
        "key_check", "blobs", "plan_versions", "states", "compilations", "deployments", "placed_nodes",
    }  # fmt: skip
    assert all(len(table.primary_key.columns) == 1 for table in Base.sealed_columns())
