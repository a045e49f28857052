"""The commands about ramdisk and disk images, through the real shell; nothing is built here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.diskimages.test_disk_definitions import DISK, definitions
from tests.unit.diskimages.test_disk_published import image
from undercloud.diskimages.build import directory
from undercloud.diskimages.published import load
from undercloud.images.store import Store, StoreSettings


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """`overcloud image` with one definition, after the global option that keeps everything with the test."""
    definitions(tmp_path, DISK)
    return ["--undercloud-state-dir", str(tmp_path / "state"), "overcloud", "image"]


def built(tmp_path: Path, kernel: str = "linux-image-amd64") -> str:
    """Put an image into the store as if it had been built; its tag."""
    tag = definitions(tmp_path, DISK).with_kernel(kernel).tags()["node"]
    place = directory(Store(StoreSettings(tmp_path / "state/images")), "node", tag)
    place.parent.mkdir(parents=True, exist_ok=True)
    made = image(place, tag, "node", ("disk",))
    (place / "image.json").write_text(json.dumps(made.as_dict()))
    return tag


def test_the_stock_images_are_listed(openstack: Openstack, tmp_path: Path) -> None:
    outcome = openstack("--undercloud-state-dir", tmp_path / "s", "overcloud", "image", "list", "-f", "json")
    rows = json.loads(outcome.out)
    assert [(row["Image"], row["Format"], row["Built"], row["Uploaded"]) for row in rows] == [
        ("ironic-python-agent", "ramdisk", "no", ""),
        ("overcloud-full", "disk", "no", ""),
    ]
    assert not (tmp_path / "s").exists()


def test_what_is_built_is_uploaded_and_listed(openstack: Openstack, words: list[str], tmp_path: Path) -> None:
    tag = built(tmp_path)
    own = ["--definitions", str(tmp_path), "-f", "json"]

    (sent,) = json.loads(openstack(*words, "upload", *own).out)
    assert (sent["File"], sent["State"]) == (f"node-{tag}.raw", "uploaded")
    (again,) = json.loads(openstack(*words, "upload", *own).out)
    assert again["State"] == "there already"

    (row,) = json.loads(openstack(*words, "list", *own).out)
    assert (row["Tag"], row["Built"], row["Uploaded"]) == (tag, "yes", tag)
    (file,) = json.loads(openstack(*words, "list", "--files", *own).out)
    assert file["SHA-256"] == load(tmp_path / "state/files")["node"].files["disk"].sha256


def test_another_kernel_is_another_image(openstack: Openstack, words: list[str], tmp_path: Path) -> None:
    built(tmp_path)
    outcome = openstack(*words, "upload", "--definitions", tmp_path, "--kernel", "linux-image-cloud-amd64")
    assert outcome.status == 2
    assert "not built as they are defined now: node" in outcome.err + outcome.out
    assert not (tmp_path / "state/files").exists()


@pytest.mark.parametrize("verb", ["build", "upload"])
def test_an_unknown_image_is_told(openstack: Openstack, words: list[str], tmp_path: Path, verb: str) -> None:
    outcome = openstack(*words, verb, "--definitions", tmp_path, "nodes")
    assert outcome.status == 1
    assert "IMG-008" in outcome.err + outcome.out
