"""What the service says of itself, with its engine in another process."""

from __future__ import annotations

import contextlib

import pytest

from tests.unit.api.conftest import Client, Serve
from undercloud.api import answering
from undercloud.deploy import rpc


def test_an_engine_of_the_same_process_needs_no_check(client: Client) -> None:
    assert client.get("/v1/health") == {"status": "ok", "checks": {"database": "ok"}}


def test_without_an_engine_it_is_not_well(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_PATIENCE", 1)
    monkeypatch.setattr(answering, "_KEPT", 0.0)
    client = serve(transport_url="fake://")
    told = {"status": "failing", "checks": {"database": "ok", "engine": "DEP-031"}}
    assert client.get("/v1/health", 503) == told
    settings = client.world.settings
    transport = rpc.open_transport(settings)
    with contextlib.closing(client.world.engine()) as local:
        engine = rpc.Server(settings, transport, local, "elsewhere")
        engine.start()
        try:
            well = {"status": "ok", "checks": {"database": "ok", "engine": "ok"}}
            assert client.get("/v1/health") == well
        finally:
            engine.stop()
