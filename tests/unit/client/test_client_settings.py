"""underclouds.yaml: what is found in it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.client.http import Http
from undercloud.client.settings import Remote, find
from undercloud.diagnostics import UndercloudError

GOOD = "underclouds:\n  prod:\n    url: https://192.0.2.1:13989/\n    username: anna\n    cacert: ca.crt\n"


def written(directory: Path, text: str, mode: int = 0o600) -> tuple[Path, ...]:
    file = directory / "underclouds.yaml"
    file.write_text(text)
    file.chmod(mode)
    return (directory / "elsewhere", directory)


def refusal(places: tuple[Path, ...], name: str = "prod") -> str:
    with pytest.raises(UndercloudError) as caught:
        find(name, {}, places)
    (finding,) = caught.value.findings
    assert finding.fix
    return finding.code


def test_an_undercloud_is_found(tmp_path: Path) -> None:
    found = find("prod", {"UNDERCLOUD_PASSWORD": "x"}, written(tmp_path, GOOD, 0o644))
    url = "https://192.0.2.1:13989"
    assert found == Remote("prod", url, "anna", "x", "", str(tmp_path / "ca.crt"))
    assert "'x'" not in repr(found)


def test_an_undercloud_whose_users_are_keystones(tmp_path: Path) -> None:
    found = find("prod", {}, written(tmp_path, GOOD.replace("username: anna", "cloud: central"), 0o644))
    assert (found.cloud, found.username) == ("central", "")
    (tmp_path / "clouds.yaml").write_text("clouds: {}\n")
    with pytest.raises(UndercloudError) as caught:
        Http(found, retries=0).ask("GET", "/v1/plans")
    assert caught.value.findings[0].code == "CLI-048", "before anything is sent anywhere"


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        (GOOD.replace("prod", "other"), 0o600, "CLI-040"),
        ("x: 1\n", 0o600, "CLI-040"),
        (GOOD.replace("https", "http"), 0o600, "CLI-041"),
        (GOOD.replace("username", "user"), 0o600, "CLI-041"),
        (GOOD.replace("anna", "1"), 0o600, "CLI-041"),
        ("underclouds: {prod: x}\n", 0o600, "CLI-041"),
        (GOOD + "    password: x\n", 0o644, "CLI-042"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, text: str, mode: int, code: str) -> None:
    assert refusal(written(tmp_path, text, mode)) == code


def test_no_file_at_all(tmp_path: Path) -> None:
    assert refusal((tmp_path,)) == "CLI-040"
