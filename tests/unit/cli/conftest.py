from __future__ import annotations

import dataclasses
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.cli import metadata
from tests.unit.cli.world import World


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Our entry points, found by `openstack` in this process and in those that it starts."""
    # stevedore keeps what it found in a cache, which is not to outlive the tests
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        directory = metadata.install(tmp_path_factory.mktemp("installed"))
        patch.syspath_prepend(str(directory))
        yield directory


@dataclasses.dataclass
class Outcome:
    status: int
    out: str
    err: str


class Terminal(io.StringIO):
    """A stream that a person sits at."""

    def isatty(self) -> bool:
        return True


Openstack = Callable[..., Outcome]


@pytest.fixture
def openstack(installed: Path) -> Iterator[Openstack]:
    """Run the real shell of python-openstackclient in this process: ``openstack("overcloud", "status")``."""
    environment, handlers = dict(os.environ), list(logging.getLogger().handlers)

    def run(*words: str, answer: str | None = None) -> Outcome:
        from openstackclient import shell

        app = shell.OpenStackShell()
        app.stdin = io.StringIO() if answer is None else Terminal(answer)
        app.stdout, app.stderr = io.StringIO(), io.StringIO()
        kept, sys.stderr = sys.stderr, app.stderr
        try:
            status = app.run([str(word) for word in words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            sys.stderr = kept
        return Outcome(status, app.stdout.getvalue(), app.stderr.getvalue())

    yield run
    os.environ.clear()
    os.environ.update(environment)
    logging.getLogger().handlers[:] = handlers


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An engine in memory behind every command: the border that these tests do not cross."""
    world = World()
    monkeypatch.setattr("undercloud.cli.plugin.make_client", lambda instance: world)
    return world
