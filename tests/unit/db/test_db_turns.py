"""Many who write at once in SQLite: everybody gets a turn, and whoever waits too long is told."""

from __future__ import annotations

import multiprocessing
import threading
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from undercloud.db.database import Database, open_database
from undercloud.diagnostics import UndercloudError


def test_nobody_starves(embedded: Database) -> None:
    """Each holds the place for 20 ms and comes back at once; SQLite alone lets one wait until the end."""
    begun = time.monotonic()
    waits: dict[int, list[float]] = {number: [] for number in range(4)}

    def write(number: int) -> None:
        while time.monotonic() - begun < 3:
            asked = time.monotonic()
            with embedded.write() as session:
                waits[number].append(time.monotonic() - asked)
                session.connection().exec_driver_sql("UPDATE key_check SET created = created")
                time.sleep(0.02)

    threads = [threading.Thread(target=write, args=(number,)) for number in waits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = [len(of_one) for of_one in waits.values()]
    assert max(turns) - min(turns) <= 2, turns
    assert max(map(max, waits.values())) < 2


def test_whoever_waits_too_long_is_told_and_the_next_one_is_served(tmp_path: Path) -> None:
    database = open_database("", tmp_path / "undercloud.db", tmp_path / "secret.key", 1)
    other = open_database("", tmp_path / "undercloud.db", tmp_path / "secret.key", 1)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with database.write():
            held.set()
            free.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    with pytest.raises(UndercloudError) as caught, other.write():
        pass
    assert caught.value.findings[0].code == "DB-004"
    with other.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM plans").scalar() == 0
    free.set()
    thread.join()
    with other.write() as session:
        session.connection().exec_driver_sql("UPDATE key_check SET created = created")
    database.close()
    other.close()


def _open(directory: Path, together: Barrier) -> None:
    together.wait()
    open_database("", directory / "undercloud.db", directory / "secret.key").close()


@pytest.mark.parametrize("attempt", range(4))
def test_a_new_database_may_be_opened_by_several_processes_at_once(tmp_path: Path, attempt: int) -> None:
    _ = attempt
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(4)
    processes = [context.Process(target=_open, args=(tmp_path, together)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
