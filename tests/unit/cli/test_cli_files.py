"""What is written into the operator's home: in one step, private, and without losing what was there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from undercloud.cli import clouds_file, files, output_directory
from undercloud.diagnostics import UndercloudError

ENTRY = {"auth": {"auth_url": "http://x", "project_name": "admin"}, "region_name": "one"}
COMMENTED = """\
# my clouds
clouds:
    home:  # the old one
        auth:
            auth_url: http://home   # do not touch

    # the lab
    overcloud:
        auth: {auth_url: old}
        regions:
            - a
    # behind the lab
    work: {auth: {auth_url: http://work}}
# the end
cache: {expiration_time: 3}
"""


def put(path: Path, text: str, name: str = "overcloud") -> str:
    path.write_text(text)
    before = yaml.safe_load(text) or {}
    assert clouds_file.put(path, name, ENTRY) is True
    after = yaml.safe_load(path.read_text())
    assert after == {**before, "clouds": {**(before.get("clouds") or {}), name: ENTRY}}
    assert clouds_file.put(path, name, ENTRY) is False
    return path.read_text()


def test_a_cloud_is_replaced_and_every_comment_stays(tmp_path: Path) -> None:
    text = put(tmp_path / "clouds.yaml", COMMENTED)
    for comment in (
        "# my clouds",
        "# the old one",
        "# do not touch",
        "# the lab",
        "# behind the lab",
        "# the end",
    ):
        assert comment in text


def test_a_cloud_is_added_behind_the_others(tmp_path: Path) -> None:
    text = put(tmp_path / "clouds.yaml", COMMENTED, name="new")
    assert text.index("work:") < text.index("new:") < text.index("# the end")
    assert all(line in text for line in COMMENTED.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "clouds:\n",
        "clouds: {}\n",
        "clouds: {home: {auth: {auth_url: http://home}}}\n",
        "clouds:\n  home:\n    auth: {auth_url: http://home}",
        "clouds:\n  home:\n    auth:\n      auth_url: |\n        http://home\n",
        "cache: {}\n",
        "clouds:\n  overcloud:\n  home: {}\n",
        "clouds:\n  overcloud: {auth: {\n    auth_url: x}}\n  home: {}\n",
        "clouds:\n  overcloud: &a {auth: {auth_url: x}}\n  home: *a\n",
    ],
)
def test_any_style_of_clouds_yaml(tmp_path: Path, text: str) -> None:
    put(tmp_path / "clouds.yaml", text)


@pytest.mark.parametrize(
    "text",
    ["", "clouds: {home: {}}\n", "clouds:\n  home: {}\n", "clouds:\n  home: {}\n  work: {}\n# the end\n"],
)
def test_a_cloud_that_is_taken_out_leaves_what_was_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(text)
    clouds_file.put(path, "overcloud", ENTRY)
    assert clouds_file.drop(path, "overcloud", {**ENTRY, "region_name": "another"}) is False
    assert clouds_file.drop(path, "overcloud", ENTRY) is True
    assert yaml.safe_load(path.read_text()) == (yaml.safe_load(text) or {"clouds": {}})
    assert "# the end" not in text or "# the end" in path.read_text()
    assert clouds_file.drop(path, "overcloud", ENTRY) is False


@pytest.mark.parametrize("text", ["- a\n", "clouds: [a]\n", "clouds: {\n", "clouds: text\n"])
def test_what_is_not_a_clouds_yaml_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(text)
    with pytest.raises(UndercloudError, match="CLI-020"):
        clouds_file.put(path, "overcloud", ENTRY)
    assert path.read_text() == text


def test_a_file_is_private_and_nothing_temporary_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    files.write(path, "text")
    assert path.read_text() == "text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_stays(tmp_path: Path) -> None:
    target = tmp_path / "directory"
    target.mkdir()
    (target / "kept").write_text("kept")
    with pytest.raises(UndercloudError, match="CLI-005"):
        files.write(target, "text")
    assert list(tmp_path.iterdir()) == [target]
    assert (target / "kept").read_text() == "kept"


def file(text: str) -> tuple[bytes, int]:
    return text.encode(), 0o600


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_an_output_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    output_directory.check(out)
    output_directory.replace(out, {"plan.json": file("1"), "books/x/one": file("1"), "books/two": file("1")})
    (out / "state.json").write_text("kept")
    (out / "notes").write_text("mine")
    output_directory.check(out)
    output_directory.replace(out, {"plan.json": file("2"), "books/x/three": file("2")})
    assert tree(out) == {"plan.json": "2", "books/x/three": "2", "state.json": "kept", "notes": "mine"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [out, *out.rglob("*")] if path.is_dir()}
    assert modes == {0o700}
    assert stat.S_IMODE((out / "books/x/three").stat().st_mode) == 0o600


def test_somebody_elses_directory_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    for occupied in (tmp_path, tmp_path / "letter"):
        with pytest.raises(UndercloudError, match="CLI-030"):
            output_directory.check(occupied)


def test_an_earlier_output_outlives_a_failure(tmp_path: Path) -> None:
    output_directory.replace(tmp_path, {"plan.json": file("1"), "books/one": file("1")})
    with pytest.raises(UndercloudError, match="CLI-005"):
        output_directory.replace(
            tmp_path, {"books/one": file("2"), "plan.json": file("2"), "plan.json/x": file("2")}
        )
    assert tree(tmp_path) == {"plan.json": "1", "books/one": "1"}


def test_a_failed_exchange_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output_directory.replace(tmp_path, {"plan.json": file("1"), "books/one": file("1")})
    rename, target = Path.rename, tmp_path / "plan.json"

    def failing(self: Path, to: Path) -> Path:
        if Path(to) == target and self.parent.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(UndercloudError, match="No space left"):
        output_directory.replace(tmp_path, {"plan.json": file("2"), "books/one": file("2")})
    assert tree(tmp_path) == {"plan.json": "1", "books/one": "1"}
