"""Pushing: what is sent, with what, and what is not sent again. The registry answers from memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.images.conftest import Tools
from undercloud.diagnostics import UndercloudError
from undercloud.images.build import BuildSettings, build, stored_references
from undercloud.images.definitions import Definitions, load
from undercloud.images.push import push
from undercloud.images.remote import Registry
from undercloud.images.store import StoreSettings


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    directory = tmp_path / "definitions"
    directory.mkdir()
    (directory / "base.yaml").write_text("name: base\ndescription: Debian\n")
    (directory / "leaf.yaml").write_text("name: leaf\ndescription: L\nparent: base\n")
    return load([directory])


@pytest.fixture
def settings(tmp_path: Path) -> BuildSettings:
    return BuildSettings(StoreSettings(tmp_path / "store"))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """What the registry has."""
    images: set[tuple[str, str]] = set()
    monkeypatch.setattr(Registry, "check", lambda self: None)
    monkeypatch.setattr(Registry, "has", lambda self, repository, tag: (repository, tag) in images)
    return images


def test_what_the_registry_lacks_is_sent(
    tools: Tools,
    definitions: Definitions,
    settings: BuildSettings,
    held: set[tuple[str, str]],
    tmp_path: Path,
) -> None:
    build(definitions, [], settings)
    authority = tmp_path / "ca.pem"
    authority.write_text("pem")
    registry = Registry("images.example.org:5000", authority, username="me", password="geheim")
    local = stored_references(definitions, settings)
    tag = local["base"].rpartition(":")[2]
    held.add(("undercloud/base", tag))
    told: list[tuple[str, str]] = []

    done = push(definitions, [], settings, registry, lambda name, state, _: told.append((name, state)))

    assert [(image.name, image.pushed) for image in done] == [("base", False), ("leaf", True)]
    assert told == [("base", "present"), ("leaf", "started"), ("leaf", "pushed")]
    [call] = tools.calls("buildah", "push")
    assert call["words"][-2:] == [local["leaf"], f"docker://{done[1].reference}"]
    assert done[1].reference.startswith("images.example.org:5000/undercloud/leaf:")
    assert any(word.startswith("--cert-dir=") for word in call["words"])
    assert "geheim" not in json.dumps(call)
    # the file with the password does not stay
    assert list((settings.store.root / "tmp").iterdir()) == []


def test_plain_http_is_said(
    tools: Tools, definitions: Definitions, settings: BuildSettings, held: set[tuple[str, str]]
) -> None:
    build(definitions, [], settings)

    push(definitions, ["base"], settings, Registry("127.0.0.1:5000", plain=True))

    [call] = tools.calls("buildah", "push")
    assert "--tls-verify=false" in call["words"]


def test_what_is_not_built_is_told_all_at_once(
    tools: Tools, definitions: Definitions, settings: BuildSettings, held: set[tuple[str, str]]
) -> None:
    with pytest.raises(UndercloudError) as caught:
        push(definitions, [], settings, Registry("127.0.0.1:5000"))

    assert [finding.code for finding in caught.value.findings] == ["IMG-024", "IMG-024"]
    assert tools.calls("buildah", "push") == []


def test_a_push_that_fails_says_why(
    tools: Tools, definitions: Definitions, settings: BuildSettings, held: set[tuple[str, str]]
) -> None:
    build(definitions, [], settings)
    tools.fail("docker:", "Error: writing blob: no space left")

    with pytest.raises(UndercloudError, match=r"IMG-023.*writing blob: no space left"):
        push(definitions, [], settings, Registry("127.0.0.1:5000"))
