"""Definitions of disk images: what is refused, what a tag depends on, and those that come with undercloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.conf import installed
from undercloud.diagnostics import UndercloudError
from undercloud.diskimages.definitions import KERNEL, DiskImages, load

TREE = "name: node\ndescription: A node\npackages: [linux-image-amd64, curl]\n"
DISK = "name: node\ndescription: A node's disk\ntree: node\nformat: disk\n"


def definitions(directory: Path, *images: str, tree: str = TREE) -> DiskImages:
    (directory / "trees").mkdir(exist_ok=True)
    (directory / "trees/node.yaml").write_text(tree)
    for number, text in enumerate(images):
        (directory / f"{number}.yaml").write_text(text)
    return load(directory)


REFUSED = {
    "no such tree": ([DISK.replace("tree: node", "tree: nodes")], ["IMG-040"], "0.yaml:1:"),
    "twice": ([DISK, DISK], ["IMG-002"], "1.yaml:1:"),
    "unknown key": ([DISK + "size: 5\n"], ["IMG-001"], "0.yaml:5:"),
    "unknown format": ([DISK.replace("disk\n", "floppy\n")], ["IMG-001"], "0.yaml:4:"),
    "shell in a requirement": (
        [DISK + "python: {directory: /opt/x, requirements: ['--index-url=http://x']}\n"],
        ["IMG-001"],
        "0.yaml:5:",
    ),
    "all at once": ([DISK + "size: 5\n", DISK.replace("format: disk\n", "")], ["IMG-001", "IMG-001"], ""),
}


@pytest.mark.parametrize(("images", "codes", "place"), REFUSED.values(), ids=REFUSED)
def test_mistakes_are_told_with_their_places(
    tmp_path: Path, images: list[str], codes: list[str], place: str
) -> None:
    with pytest.raises(UndercloudError) as raised:
        definitions(tmp_path, *images)
    assert [finding.code for finding in raised.value.findings] == codes
    assert place in str(raised.value.findings[0].locations[0])


CHANGES = {
    "the tree": lambda: (DISK, TREE.replace("curl", "wget"), ""),
    "the format": lambda: (DISK.replace("format: disk", "format: ramdisk"), TREE, ""),
    "spare room": lambda: (DISK + "spare_mib: 1\n", TREE, ""),
    "Python packages": lambda: (DISK + "python: {directory: /opt/x, requirements: [x>=1]}\n", TREE, ""),
    "the edition": lambda: (DISK, TREE, "2025-11-20"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_tag_changes_with_what_the_image_is_made_of(tmp_path: Path, change: object) -> None:
    before = definitions(tmp_path, DISK).tags()["node"]
    assert callable(change)
    image, tree, edition = change()
    assert definitions(tmp_path, image, tree=tree).tags(edition)["node"] != before


def test_a_tag_does_not_change_with_where_the_definition_lies(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert definitions(one, DISK).tags() == definitions(other, "# moved\n" + DISK).tags()


def test_another_kernel_is_another_image(tmp_path: Path) -> None:
    images = definitions(tmp_path, DISK)
    changed = images.with_kernel("linux-image-cloud-amd64")
    assert changed.trees["node"].packages == ("linux-image-cloud-amd64", "curl")
    assert changed.tags() != images.tags()
    assert images.with_kernel(KERNEL).tags() == images.tags()


def test_an_unknown_image_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UndercloudError, match=r"IMG-008.*no image 'nodes'(.|\n)*node"):
        definitions(tmp_path, DISK).select(["nodes"])


def test_the_stock_images_have_what_a_deployment_needs() -> None:
    images = load(installed.data_directory() / "disk-images")
    assert {name: image.format for name, image in images.items()} == {
        "ironic-python-agent": "ramdisk",
        "overcloud-full": "disk",
    }
    trees = images.trees
    packages = {name: {*tree.packages, *trees["machine"].packages} for name, tree in trees.items()}
    assert {"podman", "crun", "netavark", "cloud-init", "cloud-guest-utils", "sudo"} <= packages[
        "overcloud-full"
    ]
    assert not {"chrony", "ntp"} & packages["overcloud-full"]  # time is a service of the cloud
    assert {"efibootmgr", "psmisc", "bsdextrautils", "gdisk", "parted"} <= packages["ironic-python-agent"]
    assert all(KERNEL in trees["machine"].packages and tree.run for tree in trees.values())
