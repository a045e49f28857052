"""Which image a node gets, and what is told before any machine is asked to take one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.machine_world import wanted
from undercloud.baremetal.deploying import Image
from undercloud.deploy.node_images import choose
from undercloud.diagnostics import UndercloudError
from undercloud.diskimages.built import DISK, Built, measure
from undercloud.diskimages.published import publish

ENDPOINT = "https://192.0.2.1:6385"
SUM = "5" * 64


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What an undercloud serves: one disk image."""
    store = tmp_path / "store"
    store.mkdir()
    disk = store / "overcloud-full-0123456789ab.raw"
    disk.write_text("a disk")
    built = Built("overcloud-full", "0123456789ab", "A disk", {DISK: measure(disk, disk.name)})
    publish(built, store, tmp_path / "files")
    return tmp_path / "files"


def chosen(files: Path, *images: dict[str, Any]) -> dict[str, Image]:
    nodes = [replace(wanted(number), image=image) for number, image in enumerate(images)]
    return choose(files, ENDPOINT, "overcloud-full", nodes)


@pytest.mark.parametrize(
    "image",
    [{}, {"href": "overcloud-full"}, {"href": "file:///var/lib/ironic/images/overcloud-full.qcow2"}],
)
def test_ours_is_meant_by_its_name_and_by_the_path_that_tripleo_gives_it(
    files: Path, image: dict[str, Any]
) -> None:
    (found,) = chosen(files, image).values()
    assert found.href.startswith("http://192.0.2.1:")
    assert found.href.endswith("/overcloud-full-0123456789ab.raw")
    assert len(found.checksum) == 64


def test_others_are_taken_as_they_are(files: Path) -> None:
    file = (files / "own.raw").as_uri()
    found = chosen(files, {"href": "https://192.0.2.9/a.raw", "checksum": SUM}, {"href": file})
    assert [(one.href, one.checksum) for one in found.values()] == [
        ("https://192.0.2.9/a.raw", SUM),
        (file, ""),
    ]


def test_all_that_ironic_would_refuse_is_told_at_once(files: Path) -> None:
    with pytest.raises(UndercloudError) as refused:
        chosen(
            files,
            {"href": "centos"},
            {"href": "http://192.0.2.9/a.raw"},
            {"href": "file:///home/me/a.raw"},
            {"href": f"file://{files}/../secret.key"},
            {"href": "glance://0000"},
            {},
        )
    told = [(one.code, one.message.split(" of ")[1].split()[0]) for one in refused.value.findings]
    assert told == [
        ("BM-143", "compute-0"),
        ("BM-137", "compute-1"),
        ("BM-138", "compute-2"),
        ("BM-138", "compute-3"),
        ("BM-138", "compute-4"),
    ]
    assert all(one.fix for one in refused.value.findings)
