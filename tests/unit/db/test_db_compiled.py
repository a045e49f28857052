"""What compilations keep of machines: sealed, also where an earlier version left it in the open."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from tests.unit.deploy.machine_world import wanted
from tests.unit.deploy.world import make_world
from undercloud.db import plans, states
from undercloud.db.database import Database
from undercloud.db.models import Compilation
from undercloud.deploy import background, compiled, wire
from undercloud.deploy.compiling import Compiled

PIN = "very-secret-pin"
DRIVE = {"cloud_config": {"chpasswd": {"list": f"root:{PIN}"}}}
MACHINES = (wanted(0, config_drive=DRIVE), wanted(1), wanted(2, config_drive={"_x": {}}))


def keep(database: Database, made: Compiled) -> int:
    with database.write() as session:
        plan = plans.ensure(session, "overcloud")
        version = plans.add_version(session, database.vault, plan, {}, {})
        last = states.current(session, plan.id)
        state = states.commit(session, database.vault, plan.id, {}, last.number if last else 0)
        return compiled.keep(session, database.vault, version, state, made, left=())


def as_earlier(database: Database, compilation: int) -> None:
    """As versions before this one kept it."""
    with database.write() as session:
        row = session.get(Compilation, compilation)
        assert row is not None
        row.facts = {**row.facts, "machines": [wire.to_plain(one) for one in MACHINES]}
        secrets = database.vault.open_json(row.sealed)
        del secrets["config_drives"]
        row.sealed = database.vault.seal_json(secrets)


def plain(database: Database) -> str:
    with database.read() as session:
        return str(session.scalars(select(Compilation.facts)).all())


def test_what_an_earlier_version_kept_plain_is_sealed_once(database: Database) -> None:
    made = Compiled(files={"site/a": b"a"}, secrets={"<<secret:A>>": "a"}, state={}, machines=MACHINES)
    bare = keep(database, replace(made, machines=(wanted(1),)))
    old = keep(database, made)
    as_earlier(database, old)
    before = {number: compiled.read(database, number) for number in (old, bare)}
    assert before[old].machines == MACHINES
    assert PIN in plain(database)
    assert compiled.seal_drives(database) == 1
    assert PIN not in plain(database)
    assert {number: compiled.read(database, number) for number in (old, bare)} == before
    assert compiled.seal_drives(database) == 0
    assert keep(database, made) == old, "it is as this version keeps it"


def test_the_engine_of_a_service_seals_it(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    engine = world.engine()
    made = Compiled(files={}, secrets={}, state={}, machines=MACHINES)
    as_earlier(engine._database, keep(engine._database, made))
    parts = background.beside(engine, 60)
    for part in parts:
        part.start()
    deadline = time.monotonic() + 30
    while PIN in plain(engine._database):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for part in parts:
        part.stop()
    engine.close()
    files = [file.read_bytes() for file in world.settings.paths.state_dir.rglob("*") if file.is_file()]
    assert not any(PIN.encode() in content for content in files), "nor in what the database freed"
