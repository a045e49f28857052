"""`container image show` and `delete`, through the real shell, against the real docker-registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.unit.cli.conftest import Openstack
from undercloud.images import served
from undercloud.images.registry import Server
from undercloud.images.remote import Registry

pytestmark = pytest.mark.skipif(
    shutil.which("docker-registry") is None, reason="docker-registry is not installed"
)
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_IMAGE = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-01-02T03:04:05Z",
    "config": {"Labels": {"version": "7"}},
    "rootfs": {"type": "layers", "diff_ids": []},
}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = served.ensure(tmp_path / "state/registry", port=port)
    with Server(made.settings).running():
        yield made.client


@pytest.fixture
def words(registry: Registry, tmp_path: Path) -> list[str]:
    return ["--undercloud-state-dir", str(tmp_path / "state"), "overcloud", "container", "image"]


def push(registry: Registry, repository: str, *tags: str) -> tuple[str, int]:
    """Put an image of one small layer there; its digest, and the size of its layer."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify, session.auth = str(registry.authority), (registry.username, registry.password)
        base = f"https://{registry.endpoint}/v2/{repository}"

        def blob(data: bytes) -> dict[str, object]:
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            begun = session.post(f"{base}/blobs/uploads/", timeout=10)
            place = begun.headers["Location"]
            joint = "&" if "?" in place else "?"
            session.put(f"{place}{joint}digest={digest}", data=data, timeout=10).raise_for_status()
            return {"digest": digest, "size": len(data)}

        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as layer:
            layer.addfile(tarfile.TarInfo("empty"))
        packed = blob(gzip.compress(stream.getvalue()))
        config = blob(json.dumps(_IMAGE).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **packed}],
        }
        text = json.dumps(manifest).encode()
        for tag in tags:
            headers = {"Content-Type": _MANIFEST}
            session.put(f"{base}/manifests/{tag}", data=text, headers=headers, timeout=10).raise_for_status()
    return f"sha256:{hashlib.sha256(text).hexdigest()}", len(gzip.compress(stream.getvalue()))


def test_an_image_is_shown_and_taken_out(openstack: Openstack, registry: Registry, words: list[str]) -> None:
    digest, size = push(registry, "undercloud/keystone", "a")
    push(registry, "undercloud/mariadb", "x")
    shown = openstack(*words, "show", "undercloud/keystone", "-f", "json")
    assert shown.status == 0, shown.err
    assert json.loads(shown.out) == {
        "image": f"{registry.endpoint}/undercloud/keystone:a",
        "digest": digest,
        "created": _IMAGE["created"],
        "bytes": size,
        "layers": 1,
        "labels": {"version": "7"},
    }
    whole = f"{registry.endpoint}/undercloud/keystone:a"
    asked = openstack(*words, "delete", whole, answer="n\n")
    assert (asked.status, registry.tags("undercloud/keystone")) == (2, ("a",))
    assert openstack(*words, "delete", whole, "--yes").status == 0
    assert not registry.has("undercloud/keystone", "a")
    assert registry.has("undercloud/mariadb", "x")


def test_what_is_not_there_or_not_clear_is_told(
    openstack: Openstack, registry: Registry, words: list[str]
) -> None:
    push(registry, "undercloud/keystone", "a", "b")
    for name, said in (
        ("undercloud/keystone", "its tags are a, b"),
        ("undercloud/keystone:c", "its tags are a, b"),
        ("undercloud/nothing", "it has no undercloud/nothing"),
    ):
        for verb in (["show"], ["delete", "--yes"]):
            told = openstack(*words, *verb, name)
            assert (told.status, said in told.err) == (2, True), (verb, name)
    assert registry.tags("undercloud/keystone") == ("a", "b")
