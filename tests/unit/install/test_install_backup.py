"""Backups: whole while the database is written, and refused when they are not what was written."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.db import servers
from undercloud.db import plans
from undercloud.db.database import Database, open_database
from undercloud.diagnostics import UndercloudError
from undercloud.install import backup, installation, installer, restore
from undercloud.install.installation import Installation, Record

CONF = "[DEFAULT]\nlocal_ip = 127.24.0.1/24\nenable_ironic = false\n"


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    record = Record("/root/undercloud.conf", CONF, str(tmp_path / "etc"), "supervisor")
    made = installation.intended(record, tmp_path / "state")
    made.site.state_dir.mkdir(mode=0o700)
    made.write_record()
    settings = tmp_path / "etc/undercloud.conf.d"
    settings.mkdir(parents=True)
    (settings / "mine.conf").write_text("[api]\nthreads = 8\n")
    return installation.intended(record, tmp_path / "state")


@pytest.fixture
def database(installed: Installation) -> Iterator[Database]:
    paths = installed.site.settings.paths
    made = open_database("", paths.database, paths.key_file)
    yield made
    made.close()


def names(database: Database) -> list[str]:
    with database.read() as session:
        return [plan.name for plan, _, _ in plans.listing(session)]


def add(database: Database, name: str) -> None:
    with database.write() as session:
        plan = plans.ensure(session, name)
        plans.add_version(session, database.vault, plan, {"site.yaml": name.encode() * 5000}, {"root": "/"})


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        streams = {entry.name: tar.extractfile(entry) for entry in tar.getmembers()}
        return {name: stream.read() for name, stream in streams.items() if stream}


def test_a_backup_is_whole_while_the_database_is_written(
    installed: Installation, database: Database, tmp_path: Path
) -> None:
    add(database, "first")
    stop, written = threading.Event(), list[str]()

    def write() -> None:
        while not stop.is_set():
            add(database, f"plan-{len(written)}")
            written.append(f"plan-{len(written)}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(written) < 3:
            stop.wait(0.01)
        archive = tmp_path / "backup.tar.gz"
        backup.write(installed, archive, lambda _text: None)
    finally:
        stop.set()
        writer.join()
    assert archive.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".undercloud")] == []
    kept = members(archive)
    assert kept["config/undercloud.conf.d/mine.conf"] == b"[api]\nthreads = 8\n"
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "undercloud.db").write_bytes(kept["state/undercloud.db"])
    (copy / "secret.key").write_bytes(kept["state/secret.key"])
    (copy / "secret.key").chmod(0o600)
    opened = open_database("", copy / "undercloud.db", copy / "secret.key")
    found = names(opened)
    opened.close()
    assert "first" in found
    assert len(found) >= 4
    assert set(found) <= {"first", *written}


def test_a_file_that_is_there_is_not_replaced(installed: Installation, tmp_path: Path) -> None:
    (tmp_path / "backup.tar.gz").write_text("precious")
    with pytest.raises(UndercloudError, match="INST-030"):
        backup.write(installed, tmp_path / "backup.tar.gz", lambda _text: None)
    assert (tmp_path / "backup.tar.gz").read_text() == "precious"


def test_a_database_that_cannot_be_copied_is_told(installed: Installation, tmp_path: Path) -> None:
    installed.site.settings.paths.database.write_bytes(b"no database" * 1000)
    with pytest.raises(UndercloudError, match="INST-031"):
        backup.write(installed, tmp_path / "backup.tar.gz", lambda _text: None)
    assert not (tmp_path / "backup.tar.gz").exists()


Change = Callable[[dict[str, bytes]], dict[str, bytes]]


def _manifest(**changes: Any) -> Change:
    def change(kept: dict[str, bytes]) -> dict[str, bytes]:
        return {
            **kept,
            "manifest.json": json.dumps({**json.loads(kept["manifest.json"]), **changes}).encode(),
        }

    return change


def _agreeing(name: str, data: bytes) -> Change:
    """Another content, and a manifest that was made to agree."""

    def change(kept: dict[str, bytes]) -> dict[str, bytes]:
        told = json.loads(kept["manifest.json"])
        told["members"][name] = {"size": len(data), "mode": 0o600, "sha256": hashlib.sha256(data).hexdigest()}
        return {**kept, "manifest.json": json.dumps(told).encode(), name: data}

    return change


def repacked(archive: Path, changed: Path, change: Change) -> None:
    """Another archive, with changed members."""
    with tarfile.open(changed, "w:gz") as tar:
        for name, data in change(members(archive)).items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda kept: {**kept, "state/more": b""}, "INST-032"),
        (lambda kept: {name: kept[name] for name in kept if name != "state/secret.key"}, "INST-032"),
        (lambda kept: {name: kept[name] for name in kept if name != "manifest.json"}, "INST-032"),
        (lambda kept: dict(reversed(kept.items())), "INST-032"),
        (lambda kept: {**kept, "state/secret.key": kept["state/secret.key"][::-1]}, "INST-032"),
        (_manifest(format=2), "INST-032"),
        (_manifest(members=[]), "INST-032"),
        (_manifest(more=1), "INST-032"),
        (_agreeing("state/../../outside", b"x"), "INST-032"),
        (_agreeing("elsewhere/file", b"x"), "INST-032"),
        (_agreeing("state/installation.json", b"{}"), "INST-032"),
        (_agreeing("state/undercloud.db", b"no database" * 1000), "INST-032"),
        (_agreeing("state/secret.key", b"no key\n"), "VAULT-003"),
    ],
)
def test_what_is_not_a_backup_is_refused_and_changes_nothing(
    installed: Installation, database: Database, tmp_path: Path, change: Change, code: str
) -> None:
    archive, changed = tmp_path / "backup.tar.gz", tmp_path / "changed.tar.gz"
    backup.write(installed, archive, lambda _text: None)
    repacked(archive, changed, change)
    place = tmp_path / "deeper/new"
    with pytest.raises(UndercloudError) as caught:
        restore.restore(changed, restore.Target(place, tmp_path / "new-etc"), lambda _text: None)
    assert caught.value.findings[0].code == code
    assert not place.exists()
    assert not (tmp_path / "new-etc").exists()
    assert not (tmp_path / "outside").exists()
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", gzip.compress(b"no tar"), gzip.compress(b"")],
)
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(UndercloudError, match="INST-032"):
        restore.restore(tmp_path / "file", restore.Target(tmp_path / "new"), lambda _text: None)


def test_an_archive_that_was_cut_anywhere_is_refused(
    installed: Installation, database: Database, tmp_path: Path
) -> None:
    archive = tmp_path / "backup.tar.gz"
    backup.write(installed, archive, lambda _text: None)
    data = archive.read_bytes()
    # The end is tar's padding: without that, all files are there and as they were.
    for length in range(0, len(data) - 200, max(1, len(data) // 40)):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(UndercloudError, match="INST-032"):
            restore.restore(tmp_path / "cut", restore.Target(tmp_path / "new"), lambda _text: None)
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_that_cannot_be_put_back_leaves_the_rest_and_names_it(
    installed: Installation, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not servers.installed(kind):
        pytest.skip(f"the packages of {kind} are not installed")
    monkeypatch.setattr(installer, "check", lambda _installation: ())
    monkeypatch.setattr(installer, "install", lambda _installation, _say: ())
    archive, changed = tmp_path / "backup.tar.gz", tmp_path / "changed.tar.gz"
    state = installed.site.state_dir
    target = restore.Target(state, tmp_path / "etc", replace=True)
    with servers.running(kind) as server:
        url = server.new_database()
        (tmp_path / "etc/undercloud.conf.d/mine.conf").write_text(f"[database]\nconnection = {url}\n")
        here = installation.needed(state)

        def opened() -> Database:
            return open_database(url, state / "none.db", here.site.settings.paths.key_file)

        database = opened()
        add(database, "first")
        backup.write(here, archive, lambda _text: None)
        add(database, "later")
        database.close()
        broken = _agreeing("state/database.sql", b"CREATE TABLE one (id INTEGER);\nNONSENSE;\n")
        repacked(archive, changed, broken)
        (state / "mine").write_text("as it was")
        elsewhere = opened()
        with pytest.raises(UndercloudError, match="INST-037") as caught:
            restore.restore(archive, target, lambda _text: None)
        assert "is used from localhost" in caught.value.findings[0].message
        assert names(elsewhere) == ["first", "later"]
        elsewhere.close()
        with pytest.raises(UndercloudError, match="DB-008") as caught:
            restore.restore(changed, target, lambda _text: None)
        (copy,) = tmp_path.glob("state.before-*")
        assert "later" in copy.read_text()
        fix = caught.value.findings[0].fix
        assert f"the former database is in {copy}; the state directory {state} is as it was" in fix
        assert (state / "mine").read_text() == "as it was"
        if kind == "postgresql":
            database = opened()
            assert names(database) == ["first", "later"]
            database.close()

        copy.rename(tmp_path / "earlier.sql")
        _, former = restore.restore(archive, target, lambda _text: None)
        assert sorted(former) == sorted(tmp_path.glob("state.before-*"))
        assert [path.is_dir() for path in former][:1] == [True]
        assert not (state / "mine").exists()
        assert not (state / "database.sql").exists()
        database = opened()
        assert names(database) == ["first"]
        database.close()
