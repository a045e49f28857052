"""Commands that do not end."""

from __future__ import annotations

import time

import pytest

from undercloud.install import commands


def test_what_a_command_says() -> None:
    done = commands.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 30)
    assert (done.status, done.out, done.err) == (3, "out\n", "err\n")
    with pytest.raises(FileNotFoundError):
        commands.run(["/no/such/program"], 30)


def test_what_a_command_prints_or_why_it_fails() -> None:
    assert commands.output(["echo", "out"], 30) == "out\n"
    for script, why in (("echo no >&2; exit 3", "no"), ("exit 3", "sh -c exit 3: status 3")):
        with pytest.raises(OSError, match=why):
            commands.output(["sh", "-c", script], 30)


@pytest.mark.parametrize("script", ["trap '' TERM; sleep 60; sleep 60", "sleep 60 & wait", "exec sleep 60"])
def test_nothing_is_waited_for_longer_than_told(script: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"did not end within 0\.3 s"):
        commands.run(["sh", "-c", script], 0.3)
    assert time.monotonic() - begun < 10
