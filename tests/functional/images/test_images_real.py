"""Images for real: built from Debian's archives, pushed over TLS with a password, pulled by someone else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.images import served
from undercloud.images.build import BuildSettings, BuiltImage, build
from undercloud.images.definitions import Definitions, load
from undercloud.images.push import push
from undercloud.images.registry import Server
from undercloud.images.remote import Registry
from undercloud.images.store import Store, StoreSettings

STOCK = Path(__file__).parents[3] / "container-images"
TOOLS = ("buildah", "docker-registry", "mmdebstrap")

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(os.geteuid() != 0, reason="images are built by root"),
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}"),
]

OWN = """\
name: own
description: An image of the test
parent: memcached
files:
  /usr/local/bin/hello: {mode: '0750', owner: 42425, group: 42457, content: "#!/bin/sh\\necho hello $WHO\\n"}
run: [touch /from-run]
environment: {WHO: "the $world"}
user: memcache
"""


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    directory = tmp_path_factory.mktemp("definitions")
    (directory / "own.yaml").write_text(OWN)
    (directory / "broken.yaml").write_text(
        "name: broken\ndescription: Fails\nparent: base\npackages: [no-such-package]\n"
    )
    return load([STOCK, directory])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildSettings]:
    root = tmp_path_factory.mktemp("store")
    yield BuildSettings(StoreSettings(root))
    discard(root)


@pytest.fixture(scope="module")
def built(definitions: Definitions, settings: BuildSettings) -> tuple[BuiltImage, ...]:
    return build(definitions, ["own"], settings)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = served.ensure(tmp_path_factory.mktemp("registry"), port=port)
    with Server(made.settings).running():
        yield made.client


def discard(root: Path) -> None:
    """Remove a store: some hundred megabytes, and a mount that containers/storage makes for itself."""
    subprocess.run(["umount", "-q", root / "storage/overlay"], check=False)
    shutil.rmtree(root)


def buildah(store: Store, *words: str) -> str:
    done = subprocess.run(
        ["buildah", *words], env=store.environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


def run_in(store: Store, reference: str, user: str, command: str) -> str:
    """What a shell command says in a container of the image."""
    container = buildah(store, "from", "--pull-never", reference).strip()
    words = ["--isolation=chroot", "--network=host", f"--user={user}", container, "sh", "-c", command]
    said = buildah(store, "run", *words)
    buildah(store, "rm", container)
    return said


def test_images_are_as_defined(built: tuple[BuiltImage, ...], settings: BuildSettings) -> None:
    store = Store(settings.store)
    own = built[-1].reference

    assert [image.name for image in built] == ["base", "memcached", "own"]
    said = run_in(
        store,
        own,
        "root",
        "stat -c '%a %u %g' /usr/local/bin/hello; id -u memcache; id -u keystone; ls /from-run; hello; "
        "which curl nc memcached; find /etc/apt/sources.list* /mnt /var/lib/apt/lists -type f -size +0",
    )
    assert said.splitlines() == [
        "750 42425 42457",
        "42457",
        "42425",
        "/from-run",
        "hello the $world",
        "/usr/bin/curl",
        "/usr/bin/nc",
        "/usr/bin/memcached",
    ]
    assert run_in(store, own, "memcache", "id -un; hello").splitlines() == ["memcache", "hello the $world"]


def test_nothing_is_built_twice(
    built: tuple[BuiltImage, ...], definitions: Definitions, settings: BuildSettings
) -> None:
    began = time.monotonic()
    again = build(definitions, ["own"], settings)

    assert time.monotonic() - began < 2
    assert [image.reference for image in again] == [image.reference for image in built]
    assert not any(image.built for image in again)


def test_a_failure_leaves_nothing(
    built: tuple[BuiltImage, ...], definitions: Definitions, settings: BuildSettings
) -> None:
    store = Store(settings.store)
    before = store.images()

    with pytest.raises(UndercloudError, match="Unable to locate package no-such-package"):
        build(definitions, ["broken"], settings)

    assert store.images() == before
    assert buildah(store, "containers", "--quiet") == ""
    assert list((store.root / "tmp").iterdir()) == []


def test_pushed_once_and_pulled_by_another(
    built: tuple[BuiltImage, ...],
    definitions: Definitions,
    settings: BuildSettings,
    registry: Registry,
    tmp_path: Path,
) -> None:
    first = push(definitions, ["own"], settings, registry)
    second = push(definitions, ["own"], settings, registry)

    assert [image.pushed for image in first] == [True] * 3
    assert [image.pushed for image in second] == [False] * 3
    assert registry.tags("undercloud/own") == (built[-1].tag,)

    other = Store(StoreSettings(tmp_path / "other"))
    other.prepare()
    assert registry.authority is not None
    (tmp_path / "certs").mkdir()
    shutil.copy(registry.authority, tmp_path / "certs/ca.crt")
    (tmp_path / "auth.json").write_text(registry.auth_file())
    trust = [f"--cert-dir={tmp_path / 'certs'}", f"--signature-policy={other.root / 'policy.json'}"]
    with pytest.raises(subprocess.CalledProcessError):
        buildah(other, "pull", *trust, first[-1].reference)
    buildah(other, "pull", *trust, f"--authfile={tmp_path / 'auth.json'}", first[-1].reference)

    assert run_in(other, first[-1].reference, "memcache", "id -u; hello").split("\n")[:2] == [
        "42457",
        "hello the $world",
    ]
    discard(other.root)
