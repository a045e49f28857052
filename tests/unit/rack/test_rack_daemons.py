"""Programs that go on without the command that started them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tools.lab.errors import LabError
from tools.rack.daemons import Daemon

SLEEPS = ("sh", "-c", "echo ready; exec sleep 60")


def ready(daemon: Daemon) -> bool:
    return daemon.log.exists() and "ready" in daemon.log.read_text()


def test_one_runs_once_and_ends(tmp_path: Path) -> None:
    daemon = Daemon("one", tmp_path, SLEEPS)
    assert daemon.pid() is None
    daemon.start(lambda: ready(daemon))
    pid = daemon.pid()
    try:
        assert pid and Daemon("one", tmp_path).pid() == pid
        daemon.start(lambda: ready(daemon))
        assert daemon.pid() == pid
    finally:
        daemon.stop()
    assert daemon.pid() is None
    daemon.stop()


def test_another_process_with_its_number_is_not_it(tmp_path: Path) -> None:
    (tmp_path / "one.pid").write_text(f"{os.getpid()} 1\n")
    daemon = Daemon("one", tmp_path)
    assert daemon.pid() is None
    daemon.stop()  # and is left alone


@pytest.mark.parametrize("content", ["", "no number", "5"])
def test_an_unreadable_file_is_no_process(tmp_path: Path, content: str) -> None:
    (tmp_path / "one.pid").write_text(content)
    assert Daemon("one", tmp_path).pid() is None


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon("one", tmp_path, ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"))
    daemon.start(lambda: ready(daemon))
    monkeypatch.setattr("tools.rack.daemons.ENDINGS", ((signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)))
    daemon.stop()
    assert daemon.pid() is None


def test_one_that_ends_at_once_tells_its_last_words(tmp_path: Path) -> None:
    daemon = Daemon("one", tmp_path, ("sh", "-c", "echo cannot open the socket; exit 1"))
    with pytest.raises(LabError, match=r"one does not answer(.|\n)*cannot open the socket"):
        daemon.start(lambda: False)


def test_one_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no-such-program is not installed(.|\n)*--rack"):
        Daemon("one", tmp_path, ("no-such-program",)).start(lambda: True)
