"""Handing images to Ironic: what is served, what stays for who still reads it, and what cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.diskimages.built import SUFFIXES, Built, measure
from undercloud.diskimages.published import INDEX, load, publish


def image(
    directory: Path, tag: str, name: str = "agent", kinds: tuple[str, ...] = ("kernel", "esp")
) -> Built:
    directory.mkdir(exist_ok=True)
    files = {}
    for kind in kinds:
        path = directory / f"{name}-{tag}{SUFFIXES[kind]}"
        path.write_text(f"{kind} {tag}")
        files[kind] = measure(path, path.name)
    return Built(name, tag, "An image", files)


def test_an_image_is_served_under_its_tag_and_a_link(tmp_path: Path) -> None:
    source, served = tmp_path / "store", tmp_path / "files"
    built = image(source, "0123456789ab")

    assert publish(built, source, served).sent
    assert load(served) == {"agent": built}
    assert (served / "agent.kernel").read_text() == "kernel 0123456789ab"
    assert (served / "agent.kernel").readlink() == Path("agent-0123456789ab.kernel")
    assert not publish(built, source, served).sent


def test_the_image_before_stays_and_older_ones_go(tmp_path: Path) -> None:
    source, served = tmp_path / "store", tmp_path / "files"
    other = image(source, "0123456789ab", name="agent-old")
    publish(other, source, served)
    tags = ("a" * 12, "b" * 12, "c" * 12)
    for tag in tags:
        publish(image(source, tag), source, served)

    assert sorted(path.name for path in served.glob("agent-?????" + "?" * 7 + ".kernel")) == [
        f"agent-{tag}.kernel" for tag in tags[1:]
    ]
    assert load(served)["agent"].tag == tags[2]
    assert (served / "agent-old-0123456789ab.kernel").exists()
    assert (served / "agent.esp").read_text() == f"esp {tags[2]}"


def test_a_served_file_that_is_gone_is_put_back(tmp_path: Path) -> None:
    source, served = tmp_path / "store", tmp_path / "files"
    built = image(source, "0123456789ab")
    publish(built, source, served)
    (served / "agent-0123456789ab.esp").unlink()
    assert publish(built, source, served).sent
    assert (served / "agent.esp").read_text() == "esp 0123456789ab"


@pytest.mark.parametrize("text", ["{", "[]", '{"agent": {}}', '{"agent": 5}'])
def test_a_list_that_cannot_be_used_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    source, served = tmp_path / "store", tmp_path / "files"
    built = image(source, "0123456789ab")
    served.mkdir()
    (served / INDEX).write_text(text)
    with pytest.raises(UndercloudError, match=r"IMG-043"):
        publish(built, source, served)
    assert (served / INDEX).read_text() == text


def test_files_that_are_not_there_change_nothing(tmp_path: Path) -> None:
    source, served = tmp_path / "store", tmp_path / "files"
    first = image(source, "a" * 12)
    publish(first, source, served)
    second = image(source, "b" * 12)
    (source / f"agent-{'b' * 12}.esp").unlink()
    with pytest.raises(UndercloudError, match=r"IMG-044.*cannot be put"):
        publish(second, source, served)
    assert load(served) == {"agent": first}
