"""Where options come from, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.conf import Settings, load
from undercloud.conf.settings import list_opts
from undercloud.diagnostics import UndercloudError


def settings(
    tmp_path: Path, text: str, environment: dict[str, str] | None = None, state: str = ""
) -> Settings:
    file = tmp_path / "undercloud.conf"
    file.write_text(text)
    return load(state, "", {"UNDERCLOUD_CONFIG_FILE": str(file), **(environment or {})})


def test_the_state_directory_in_order(tmp_path: Path) -> None:
    text = "[paths]\nstate_dir = /from/file\n"
    assert settings(tmp_path, text).paths.state_dir == Path("/from/file")
    variable = {"UNDERCLOUD_STATE_DIR": "/from/env"}
    assert settings(tmp_path, text, variable).paths.state_dir == Path("/from/env")
    assert settings(tmp_path, text, variable, "/given").paths.state_dir == Path("/given")


def test_the_default_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert settings(tmp_path, "").paths.state_dir == Path("/var/lib/undercloud")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert settings(tmp_path, "").paths.state_dir == tmp_path / "undercloud"


def test_tripleos_own_options_in_the_same_file_do_not_hurt(tmp_path: Path) -> None:
    text = "[DEFAULT]\nlocal_ip = 192.168.24.1/24\n[runner]\nforks = 7\n"
    assert settings(tmp_path, text).runner.forks == 7


@pytest.mark.parametrize("text", ["[runner]\nforks = many\n", "[runner]\nforks = 0\n", "forks = 1\n["])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(UndercloudError) as caught:
        settings(tmp_path, text)
    (finding,) = caught.value.findings
    assert finding.code == "DEP-020"
    assert finding.locations[0].file == str(tmp_path / "undercloud.conf")
    assert "LocationInfo" not in finding.message


def test_an_absent_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UndercloudError) as caught:
        load(config_file=str(tmp_path / "none.conf"), environment={})
    assert "none.conf" in caught.value.findings[0].message


def test_every_option_has_a_help() -> None:
    assert all(option.help for _, options in list_opts() for option in options)


def test_a_named_state_directory_may_have_its_own_configuration(tmp_path: Path) -> None:
    own = tmp_path / "state" / "etc" / "undercloud.conf"
    own.parent.mkdir(parents=True)
    own.write_text("[runner]\nforks = 7\n")
    assert load(str(tmp_path / "state"), "", {}).runner.forks == 7
    assert load("", "", {"UNDERCLOUD_STATE_DIR": str(tmp_path / "state")}).file == str(own)
    assert settings(tmp_path, "[runner]\nforks = 8\n", state=str(tmp_path / "state")).runner.forks == 8
