"""supervisord with real processes: started, changed, killed, brought back, removed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from undercloud.install.part import Process
from undercloud.install.processes.manager import Condition, State
from undercloud.install.processes.supervisor import Supervisor

pytestmark = pytest.mark.functional


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "p", tmp_path / "log")
    yield made
    made.remove()


def sleeper(name: str, text: str = "", *reads: Path) -> Process:
    script = "printf 'said: %s\\n' \"$TEXT\"; exec sleep 1000"
    return Process(name, name, ("/bin/sh", "-c", script), environment={"TEXT": text}, reads=reads)


def until(done: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.1)
    return done()


def pid(supervisor: Supervisor, name: str) -> int:
    return supervisor.states().get(name, State(Condition.STOPPED)).pid


def ended(process: int) -> bool:
    """A zombie has ended, too: in a container nobody may be there to bury it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_only_what_differs_is_started_anew(supervisor: Supervisor, tmp_path: Path) -> None:
    read = tmp_path / "read"
    read.write_text("1")
    assert supervisor.states() == {}
    assert set(supervisor.put([sleeper("one", "", read), sleeper("two")])) == {"one", "two"}
    before = {name: pid(supervisor, name) for name in ("one", "two")}
    assert all(before.values())
    assert supervisor.put([sleeper("one", "", read), sleeper("two")]) == ()

    read.write_text("2")
    assert set(supervisor.put([sleeper("one", "", read), sleeper("two"), sleeper("three")])) == {
        "one",
        "three",
    }
    assert pid(supervisor, "two") == before["two"]
    assert pid(supervisor, "one") not in {0, before["one"]}

    supervisor.put([sleeper("three")])
    assert set(supervisor.states()) == {"three"}
    assert all(ended(process) for process in before.values())


def test_a_killed_process_comes_back_and_a_killed_supervisord_leaves_none(supervisor: Supervisor) -> None:
    supervisor.put([sleeper("one", "100% 'of' \\this $HOME")])
    assert until(lambda: supervisor.states()["one"].condition is Condition.RUNNING)
    first = pid(supervisor, "one")
    os.kill(first, signal.SIGKILL)
    assert until(lambda: pid(supervisor, "one") not in {0, first})
    assert supervisor.log("one", 1) == "said: 100% 'of' \\this $HOME"

    second = pid(supervisor, "one")
    own = int((supervisor._directory / "supervisord.pid").read_text())
    os.kill(own, signal.SIGKILL)
    assert until(lambda: ended(second))
    assert supervisor.states() == {"one": State(Condition.STOPPED)}
    assert supervisor.put([sleeper("one")]) == ("one",)
    assert until(lambda: pid(supervisor, "one") not in {0, second})


def test_stop_and_remove(supervisor: Supervisor) -> None:
    supervisor.put([sleeper("one")])
    running = pid(supervisor, "one")
    supervisor.stop()
    assert ended(running)
    assert supervisor.states() == {"one": State(Condition.STOPPED)}
    supervisor.remove()
    supervisor.remove()
    assert supervisor.states() == {}


def test_a_program_that_does_not_exist_is_a_failed_one(supervisor: Supervisor) -> None:
    supervisor.put([Process("broken", "Broken", ("/nowhere/program",))])
    assert until(lambda: supervisor.states()["broken"].condition is Condition.FAILED)
    assert "/nowhere/program" in supervisor.log("broken")
