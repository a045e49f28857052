"""Building disk images with the tools replaced: what is kept, what a failure leaves behind."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.unit.diskimages.test_disk_definitions import DISK, definitions
from tests.unit.images.conftest import Tools
from undercloud.diagnostics import UndercloudError
from undercloud.diskimages import tools as programs
from undercloud.diskimages.build import build, directory, find
from undercloud.diskimages.definitions import DiskImages
from undercloud.images.build import BuildEvent, BuildSettings
from undercloud.images.store import Store, StoreSettings

RAMDISK = "name: agent\ndescription: An agent\ntree: node\nformat: ramdisk\n"


@pytest.fixture
def settings(tmp_path: Path) -> BuildSettings:
    return BuildSettings(StoreSettings(tmp_path / "store"))


@pytest.fixture
def tree(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the replaced buildah mounts: a tree with a kernel."""
    monkeypatch.setattr(programs, "GRUB_MODULES", tools.state)
    root = tools.state / "tree"
    for path in ("lib/modules/6.1.0-test", "boot", "etc", "usr/bin"):
        (root / path).mkdir(parents=True)
    (root / "boot/vmlinuz-6.1.0-test").write_text("kernel")
    (root / "etc/resolv.conf").write_text("nameserver 192.0.2.1\n")
    return root


@pytest.fixture
def images(tmp_path: Path) -> DiskImages:
    return definitions(tmp_path, DISK, RAMDISK)


def test_images_are_made_once_and_then_found(
    tools: Tools, tree: Path, images: DiskImages, settings: BuildSettings
) -> None:
    events: list[BuildEvent] = []
    first = build(images, [], settings, events.append)

    assert [(one.image.name, one.made, sorted(one.image.files)) for one in first] == [
        ("node", True, ["disk"]),
        ("agent", True, ["esp", "initramfs", "kernel"]),
    ]
    store = Store(settings.store)
    for one in first:
        place = directory(store, one.image.name, one.image.tag)
        for file in one.image.files.values():
            assert (place / file.name).stat().st_size == file.size
        assert find(store, one.image.name, one.image.tag) == one.image
    assert [event.name for event in events if event.state == "built"] == ["node", "node", "agent"]

    calls = len(tools.calls("buildah"))
    second = build(images, [], settings)
    assert [one.made for one in second] == [False, False]
    assert [one.image for one in second] == [one.image for one in first]
    assert len(tools.calls("buildah")) == calls


def test_what_only_the_machine_may_decide_is_not_in_the_disk(
    tools: Tools, tree: Path, images: DiskImages, settings: BuildSettings
) -> None:
    (built,) = build(images, ["node"], settings)
    assert (tree / "etc/machine-id").read_text() == ""
    assert (tree / "etc/resolv.conf").readlink() == Path("../run/systemd/resolve/stub-resolv.conf")
    (made,) = tools.calls("mke2fs")
    root = made["words"][made["words"].index("-U") + 1]
    assert f"root=UUID={root} ro" in (tree / "boot/grub/grub.cfg").read_text()
    assert f"UUID={root} / ext4" in (tree / "etc/fstab").read_text()
    assert built.image.files["disk"].size > 40 * 1024**2


def test_all_that_is_in_a_disk_was_changed_and_read_at_one_time(
    tools: Tools, tree: Path, images: DiskImages, settings: BuildSettings
) -> None:
    build(images, ["node"], settings)
    told = (tools.state / "times").read_text().splitlines()
    assert [line.split()[1:3] for line in told] == [
        [inode, field] for inode in ("<2>", "<11>", "<13>") for field in ("ctime", "atime")
    ]
    assert {line.split()[3] for line in told} == {f"@{programs.EPOCH}"}


def test_a_tool_that_fails_is_told_and_nothing_is_kept(
    tools: Tools, tree: Path, images: DiskImages, settings: BuildSettings
) -> None:
    tools.fail("img-rootfs", "mke2fs: not enough inodes")
    with pytest.raises(UndercloudError) as raised:
        build(images, [], settings)
    (finding,) = raised.value.findings
    assert finding.code == "IMG-041"
    assert "mke2fs failed" in finding.message and "not enough inodes" in finding.message
    assert not list((settings.store.root / "disk").glob("*"))
    assert not list((settings.store.root / "tmp").glob("*"))
    assert tools.calls("buildah", "rm")

    tools.mend()
    assert [one.made for one in build(images, [], settings)] == [True, True]


def test_a_full_disk_is_told_as_such(
    tools: Tools, tree: Path, images: DiskImages, settings: BuildSettings
) -> None:
    tools.fail("img-rootfs", "No space left on device")
    with pytest.raises(UndercloudError, match=r"IMG-041(.|\n)*is full: make room"):
        build(images, ["node"], settings)


def test_python_packages_need_the_python_of_the_tree(
    tools: Tools, tree: Path, tmp_path: Path, settings: BuildSettings
) -> None:
    (tree / "usr/bin/python3.4").touch()
    with_python = RAMDISK + "python: {directory: /opt/agent, requirements: [agent>=1]}\n"
    with pytest.raises(UndercloudError, match=r"IMG-042.*the tree 'node' has python3\.4"):
        build(definitions(tmp_path, with_python), [], settings)


def test_python_packages_that_cannot_be_fetched_are_told(
    tools: Tools, tree: Path, tmp_path: Path, settings: BuildSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / f"usr/bin/python{sys.version_info.major}.{sys.version_info.minor}").touch()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with_python = RAMDISK + "python: {directory: /opt/agent, requirements: [agent==1]}\n"
    with pytest.raises(UndercloudError, match=r"IMG-041(.|\n)*No matching distribution"):
        build(definitions(tmp_path, with_python), [], settings)
    assert not list((settings.store.root / "cache/python").glob("[!.]*"))


def test_all_missing_packages_are_told_before_anything_is_built(
    tools: Tools, tree: Path, images: DiskImages, settings: BuildSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        programs, "PACKAGES", {"no-such-program": "one", "neither-this": "other", "cpio": "cpio"}
    )
    monkeypatch.setattr(programs, "GRUB_MODULES", tools.state / "none")
    with pytest.raises(UndercloudError, match=r"IMG-011.*packages: grub-efi-amd64-bin one other"):
        build(images, [], settings)
    assert not tools.calls("mmdebstrap")


def test_a_list_that_cannot_be_read_is_told(
    tools: Tools, tree: Path, images: DiskImages, settings: BuildSettings
) -> None:
    (built,) = build(images, ["node"], settings)
    file = directory(Store(settings.store), "node", built.image.tag) / "image.json"
    for text in ("{", json.dumps({"name": "node"}), "[]"):
        file.write_text(text)
        with pytest.raises(UndercloudError, match=r"IMG-043"):
            build(images, ["node"], settings)
