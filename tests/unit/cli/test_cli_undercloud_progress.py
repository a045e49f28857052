"""What a person is told while the undercloud is installed."""

from __future__ import annotations

import io
import re
import threading
import types
from typing import Any

import pytest

from undercloud.cli import undercloud_options


class Heard(io.StringIO):
    """A stream that a test can wait on for a number of lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.more = threading.Condition()

    def write(self, text: str) -> int:
        with self.more:
            self.lines += text.splitlines()
            self.more.notify_all()
        return len(text)

    def wait_for(self, count: int) -> None:
        with self.more:
            assert self.more.wait_for(lambda: len(self.lines) >= count, timeout=20)


def app(stream: Heard, verbose_level: int) -> Any:
    return types.SimpleNamespace(stderr=stream, options=types.SimpleNamespace(verbose_level=verbose_level))


def test_each_step_is_told_and_a_long_one_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undercloud_options, "_REMINDER", 1)
    heard = Heard()
    with undercloud_options.progress(app(heard, 1)) as say:
        say("api: database")
        say("ironic: packages")
        heard.wait_for(3)
    told = [re.fullmatch(r" *\d+\.\d s  (.*)", line) for line in heard.lines]
    assert [match[1] for match in told if match][:3] == [
        "api: database",
        "ironic: packages",
        "ironic: packages …",
    ]


def test_quiet_is_quiet() -> None:
    heard = Heard()
    with undercloud_options.progress(app(heard, 0)) as say:
        say("api: database")
    assert heard.lines == []
