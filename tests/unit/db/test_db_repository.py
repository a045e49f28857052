"""Plans, states, compilations, events and locks, over a real SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import func, select

from tests.unit.db.conftest import Opener
from undercloud.db import deployments, events, locks, plans, states
from undercloud.db.database import Database, open_database
from undercloud.db.models import Base, Blob, Compilation, Deployment, Event, Plan, PlanVersion
from undercloud.db.types import utcnow
from undercloud.diagnostics import UndercloudError

T = TypeVar("T")
FILES = {"a.yaml": b"same", "b.yaml": b"same", "dir/c.yaml": b"other \xff\x00 bytes"}


def add(database: Database, files: dict[str, bytes], name: str = "overcloud") -> int:
    with database.write() as session:
        plan = plans.ensure(session, name)
        return plans.add_version(session, database.vault, plan, files, {"root": "/t"}).number


def count(database: Database, table: type[Base]) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_files_are_kept_once_by_content(database: Database) -> None:
    assert add(database, FILES) == 1
    assert count(database, Blob) == 2
    assert add(database, FILES) == 1, "nothing changed, no new version"
    assert add(database, {**FILES, "a.yaml": b"new"}) == 2
    assert add(database, FILES, "edge") == 1
    assert count(database, Blob) == 3
    with database.read() as session:
        plan = plans.find(session, "overcloud")
        assert plan is not None
        first = plans.numbered(session, plan, 1)
        assert first is not None
        assert plans.version_files(session, database.vault, first.id) == FILES
        assert database.vault.open_json(first.sealed_source) == {"root": "/t"}
        assert [(plan.name, number, files) for plan, number, files in plans.listing(session)] == [
            ("edge", 1, 3),
            ("overcloud", 2, 3),
        ]


def test_contents_are_sealed_on_the_disk(embedded: Database, tmp_path: Path) -> None:
    add(embedded, FILES)
    for file in tmp_path.glob("undercloud.db*"):
        assert b"other" not in file.read_bytes()


def test_removing_a_plan_keeps_what_others_share(database: Database) -> None:
    add(database, FILES)
    add(database, {"a.yaml": b"same"}, "edge")
    with database.write() as session:
        plan = plans.find(session, "overcloud")
        assert plan is not None
        plans.remove(session, plan)
    assert count(database, Blob) == count(database, PlanVersion) == 1


def test_many_files_at_once(database: Database) -> None:
    files = {f"{number}.yaml": str(number).encode() for number in range(1200)}
    add(database, files)
    add(database, files | {"x": b"x"})
    assert count(database, Blob) == 1201


def test_a_state_is_never_lost_to_a_second_writer(database: Database) -> None:
    add(database, FILES)
    with database.write() as session:
        assert states.commit(session, database.vault, 1, {"passwords": {"A": "1"}}, 0).number == 1
        assert states.commit(session, database.vault, 1, {"passwords": {"A": "1"}}, 1).number == 1
        assert states.commit(session, database.vault, 1, {"passwords": {"A": "2"}}, 1).number == 2
    with pytest.raises(UndercloudError), database.write() as session:
        states.commit(session, database.vault, 1, {}, 1)
    with database.read() as session:
        current = states.current(session, 1)
        assert current is not None
        assert database.vault.open_json(current.sealed) == {"passwords": {"A": "2"}}


def test_an_equal_compilation_is_not_kept_twice(database: Database) -> None:
    add(database, FILES)
    ids = set()
    contents: list[tuple[dict[str, bytes], dict[str, str]]] = [
        (FILES, {"a": "1"}),
        (FILES, {"a": "1"}),
        (FILES, {"a": "2"}),
        ({"z": b"z"}, {"a": "2"}),
    ]
    for files, secrets in contents:
        with database.write() as session:
            plan = plans.ensure(session, "overcloud")
            version = plans.newest(session, plan)
            assert version is not None
            state = states.current(session, plan.id) or states.commit(session, database.vault, plan.id, {}, 0)
            made = states.keep_compilation(
                session, database.vault, version=version, state=state, files=files, facts={}, secrets=secrets
            )
            ids.add(made.id)
    assert len(ids) == count(database, Compilation) == 3


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        plans.ensure(session, "overcloud")
        raise ZeroDivisionError
    assert count(database, Plan) == 0


def deployment(database: Database, name: str = "d1") -> str:
    with database.write() as session:
        row = Deployment(
            id=name, stack="s", operation="deploy", status="running", stage="", version=0,
            compilation_id=None, sealed_request=b"", holder="", fence=1, started=utcnow(), ended=None,
            hosts={}, findings=[], directory="", cancel=None, limited_to="", rollback_of="",
            playbook={},
        )  # fmt: skip
        deployments.add(session, row, ["plan", "compile"], "pending")
    return name


def event(message: str) -> Event:
    return Event(
        time=utcnow(), kind="log", stage="", step=-1, host="", status="", message=message, data={"a": [1]}
    )


def test_events_are_numbered_without_gaps(database: Database) -> None:
    deployment(database)
    deployment(database, "d2")
    with database.write() as session:
        assert events.append(session, "d1", [event("a"), event("b")]) == 2
        assert events.append(session, "d2", [event("x")]) == 1
    with database.write() as session:
        assert events.append(session, "d1", [event("c")]) == 3
    with database.read() as session:
        assert [e.message for e in events.after(session, "d1", 1, 10)] == ["b", "c"]
        assert [e.seq for e in events.after(session, "d1", 0, 2)] == [1, 2]
        found = events.after(session, "d1", 2, 1)[0]
        assert (found.data, found.time.tzinfo is not None) == ({"a": [1]}, True)
        assert [e.seq for e in events.of_kind(session, "d1", "log")] == [1, 2, 3]
    with database.write() as session:
        deployments.remove_all(session, "s")
    assert count(database, Event) == 0


def test_texts_that_programs_print_are_kept_as_far_as_they_are_text(database: Database) -> None:
    deployment(database)
    told = "naïve ☃ 𝄞 \\ '\" a\0b \udc80"
    with database.write() as session:
        events.append(session, "d1", [event(told), event("x" * 16_000 + "☃")])
    with database.read() as session:
        first, second = events.after(session, "d1", 0, 10)
        assert first.message == "naïve ☃ 𝄞 \\ '\" a\ufffdb ?"
        assert second.message.endswith("x☃")


def test_names_differ_by_case(database: Database) -> None:
    add(database, FILES, "overcloud")
    add(database, FILES, "Overcloud")
    assert count(database, Plan) == 2


def test_a_large_file_is_kept_whole(database: Database) -> None:
    content = random.Random(1).randbytes(3 << 20)  # does not compress
    add(database, {"large.bin": content})
    with database.read() as session:
        plan = plans.find(session, "overcloud")
        assert plan is not None
        version = plans.newest(session, plan)
        assert version is not None
        assert plans.version_files(session, database.vault, version.id) == {"large.bin": content}


def test_a_reader_sees_one_moment(database: Database) -> None:
    add(database, FILES)
    with database.read() as session:
        before = session.scalar(select(func.count()).select_from(PlanVersion))
        writer = threading.Thread(target=add, args=(database, {"new.yaml": b"new"}))
        writer.start()
        writer.join()
        assert session.scalar(select(func.count()).select_from(PlanVersion)) == before
    assert count(database, PlanVersion) == 2


def test_the_number_of_a_lock_only_grows(database: Database) -> None:
    now = utcnow()
    with database.write() as session:
        assert locks.take(session, "s", holder="one", process={"pid": 1}, now=now) == 1
        assert locks.take(session, "s", holder="two", process={}, now=now) is None
        assert locks.take(session, "s", holder="two", process={}, now=now, over=0) is None
        assert locks.take(session, "s", holder="two", process={}, now=now, over=1) == 2
        assert not locks.beat(session, "s", 1, now)
        assert not locks.release(session, "s", 1)
        assert locks.beat(session, "s", 2, now)
        assert locks.release(session, "s", 2)
        assert not locks.release(session, "s", 2)
        assert locks.take(session, "s", holder="three", process={}, now=now) == 3
        lock = locks.look(session, "s")
        assert lock is not None
        assert (lock.holder, lock.fence) == ("three", 3)


def test_of_many_takers_one_gets_it(opener: Opener) -> None:
    def take(mine: Database) -> int | None:
        with mine.write() as session:
            return locks.take(session, "s", holder="x", process={}, now=utcnow())

    assert sorted(at_once(opener, take), key=str) == [1, *[None] * 7]


def at_once(opener: Opener, do: Callable[[Database], T]) -> list[T]:
    """What eight got who did it at the same moment, each with a database of its own."""
    gate = threading.Barrier(8)

    def one(mine: Database) -> T:
        gate.wait()
        return do(mine)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, [opener() for _ in range(8)]))


def test_many_may_keep_the_same_files_at_once(opener: Opener) -> None:
    files = {f"{number}.yaml": str(number).encode() for number in range(40)}
    names = iter("abcdefgh")
    assert at_once(opener, lambda mine: add(mine, files, next(names))) == [1] * 8
    assert count(opener(), Blob) == 40


def test_a_plan_may_be_removed_while_another_takes_up_its_files(opener: Opener) -> None:
    files = {f"{number}.yaml": str(number).encode() for number in range(40)}
    add(opener(), files)
    turns = iter(range(8))

    def add_or_remove(mine: Database) -> None:
        turn = next(turns)
        if turn % 2:
            add(mine, files, f"plan-{turn}")
        with mine.write() as session:
            plan = plans.find(session, f"plan-{turn}") or plans.find(session, "overcloud")
            if turn != 1 and plan is not None:
                plans.remove(session, plan)

    at_once(opener, add_or_remove)
    with opener().read() as session:
        (plan,) = session.scalars(select(Plan))
        version = plans.newest(session, plan)
        assert version is not None
        assert plans.version_files(session, opener().vault, version.id) == files


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as session:
        plans.ensure(session, "overcloud")
        began = time.monotonic()
        assert count(database, Plan) == 0
        assert time.monotonic() - began < 1
    assert count(database, Plan) == 1


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path) -> None:
    first = open_database("", tmp_path / "u.db", tmp_path / "k")
    second = open_database("", tmp_path / "u.db", tmp_path / "k", busy_timeout=1)
    with first.write(), pytest.raises(UndercloudError) as caught, second.write():
        pass
    assert caught.value.findings[0].code == "DB-004"
    assert "others have written" in caught.value.findings[0].message
    with second.write() as session:
        plans.ensure(session, "overcloud")
    first.close()
    second.close()


def test_a_full_disk_is_told_and_loses_nothing(embedded: Database) -> None:
    add(embedded, FILES)
    with embedded.write() as session:
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UndercloudError) as caught:
        add(embedded, {str(number): str(number).encode() * 1000 for number in range(300)})
    assert caught.value.findings[0].code == "DB-003"
    assert count(embedded, PlanVersion) == 1


def test_opening_it_once_more_frees_no_lock_of_this_process(embedded: Database, tmp_path: Path) -> None:
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0.2).execute('BEGIN IMMEDIATE')"
    with embedded.write() as session:
        plans.ensure(session, "overcloud")
        with pytest.raises(UndercloudError, match="locked"):
            open_database("", tmp_path / "undercloud.db", tmp_path / "secret.key", busy_timeout=1)
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "undercloud.db")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "database is locked" in other.stderr
    assert count(embedded, Plan) == 1


def test_who_asks_for_the_same_name_waits(opener: Opener) -> None:
    one, two = opener(), opener()
    said: list[str] = []

    def second() -> None:
        with two.write() as session:
            locks.alone(session, "all addresses")
            said.append("second")

    with one.write() as session:
        locks.alone(session, "all addresses")
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.5)
        said.append("first")
    thread.join(30)
    assert said == ["first", "second"]
