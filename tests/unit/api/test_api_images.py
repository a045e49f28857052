"""Container images over HTTP: what a registry behind the service has, and one that is not there."""

from __future__ import annotations

import json

import pytest

from tests.unit.api.conftest import Client
from tests.unit.images import test_image_remote as registry
from undercloud.images import tls

served = registry.served
_IMAGE = "/v2/undercloud/keystone"


def known(client: Client, endpoint: str, authority: object, password: str = "geheim") -> None:
    """Tell the service of a registry, as setting one up does."""
    directory = client.world.settings.paths.state_dir / "registry"
    directory.mkdir(exist_ok=True)
    told = {"endpoint": endpoint, "authority": str(authority), "username": "me", "password": password}
    (directory / "client.json").write_text(json.dumps(told))


def test_what_the_registry_has_is_listed_page_by_page(
    client: Client, served: tuple[str, tls.Certificates], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"created": "2026-01-01T00:00:00Z", "config": {"Labels": {"version": "3"}}}
    manifest = {"layers": [{"size": 5}, {"size": 7}], "config": {"digest": "sha256:0"}}
    monkeypatch.setattr(registry, "REPOSITORIES", ["undercloud/empty", "undercloud/keystone"])
    monkeypatch.setitem(registry.ANSWERS, f"{_IMAGE}/manifests/a", manifest)
    monkeypatch.setitem(registry.ANSWERS, f"{_IMAGE}/blobs/sha256:0", config)
    endpoint, certificates = served
    assert client.codes("GET", "/v1/container-images", 404) == ["API-010"]
    known(client, endpoint, certificates.authority)
    first = client.get("/v1/container-images?limit=1")["repositories"]
    assert first == [{"name": "undercloud/empty", "images": []}]
    (second,) = client.as_user("reader").get("/v1/container-images?marker=undercloud/empty")["repositories"]
    (image,) = second["images"]  # of b only the tag is there: somebody deletes it just now
    assert (image["tag"], image["size"], image["layers"]) == ("a", 12, 2)
    assert (image["created"], image["labels"]) == ("2026-01-01T00:00:00Z", {"version": "3"})
    known(client, endpoint, certificates.authority, "another password")
    refused = client.ask("GET", "/v1/container-images")
    assert (refused.status_code, refused.json()["findings"][0]["code"]) == (502, "IMG-021")
    assert "another password" not in refused.text
    known(client, "127.0.0.1:1", certificates.authority)
    assert client.codes("GET", "/v1/container-images", 502) == ["IMG-020"]
