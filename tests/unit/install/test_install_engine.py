"""The engine as a part of its own: there where the API reaches it over RabbitMQ."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.install.test_install_ironic import site
from undercloud.install.parts import all_parts

BUS = "[messaging]\ntransport_url = rabbit://undercloud:x@127.0.0.1:5672/\n"


@pytest.mark.parametrize(("own", "there"), [("", False), (BUS, True)])
def test_it_is_a_part_where_there_is_a_transport(tmp_path: Path, own: str, there: bool) -> None:
    parts = {part.name: part for part in all_parts(site(tmp_path, own=own))}
    assert ("engine" in parts) == there
    if there:
        (process,) = parts["engine"].processes()
        (api,) = parts["api"].processes()
        assert "undercloud.api.engine" in process.command
        assert process.command[3:] == api.command[3:], "both read the same configuration"
        assert process.survives
        assert list(parts).index("api") < list(parts).index("engine")


def test_nobody_answers(tmp_path: Path) -> None:
    here = site(tmp_path, own=f"{BUS}[api]\nport = 1\n")
    for part in all_parts(here):
        if part.name in {"api", "engine"}:
            health = part.healthy()
            assert not health.ok
            assert "does not answer" in health.message
