"""Which archives are taken from the machine's apt sources; apt-get and apt-config are replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.images import sources


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`known` and `listed` are what indextargets says with and without release data, `dump` the settings."""
    programs = {
        "apt-get": 'case "$*" in *--no-release-info*) cat $APT/listed;; *) cat $APT/known;; esac',
        "apt-config": "cat $APT/dump",
    }
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    for name in ("known", "listed", "dump"):
        (tmp_path / name).write_text("")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("APT", str(tmp_path))
    return tmp_path


def uris(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line.startswith("URIs:")]


def test_debians_own_archives_of_our_suite(apt: Path) -> None:
    (apt / "known").write_text(
        "http://a.example.org/|bookworm|main|bookworm|Debian\n"
        "http://a.example.org/|bookworm|main|bookworm|Debian\n"
        "http://a.example.org/|bookworm|contrib|bookworm|Debian\n"
        "http://a.example.org/|bookworm-updates|main|bookworm-updates|Debian\n"
        "http://b.example.org/|oldstable-security|main|bookworm-security|Debian\n"
        "http://c.example.org/|bookworm|main|bookworm|Somebody\n"
        "http://d.example.org/|trixie|main|trixie|Debian\n"
        "file:/srv/e/|bookworm|main|bookworm|Debian\n"
    )

    text = sources.debian_sources()

    assert uris(text) == ["http://a.example.org/", "http://a.example.org/", "http://b.example.org/"]
    assert "Suites: oldstable-security\n" in text
    assert text.count(f"Signed-By: {sources.KEYRING}\n") == 3


def test_before_lists_were_ever_fetched_the_suite_decides(apt: Path) -> None:
    (apt / "listed").write_text(
        "http://a.example.org/|bookworm|main|$(CODENAME)|$(ORIGIN)\n"
        "http://f.example.org/|stable|main|$(CODENAME)|$(ORIGIN)\n"
    )

    assert uris(sources.debian_sources()) == ["http://a.example.org/"]


def test_no_archive_of_our_suite(apt: Path) -> None:
    with pytest.raises(UndercloudError, match="IMG-014"):
        sources.debian_sources()


def test_no_apt_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(UndercloudError, match="IMG-014"):
        sources.debian_sources()


def test_how_archives_are_reached_goes_with_us_and_nothing_else(apt: Path) -> None:
    (apt / "dump").write_text(
        'APT::Install-Recommends "1";\n'
        'Acquire::http::Proxy "http://p.example.org";\n'
        'Acquire::cdrom::mount "/media";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'Dir::Etc "etc";\n'
    )

    assert sources.apt_settings() == (
        'Acquire::http::Proxy "http://p.example.org";\nAcquire::Check-Valid-Until "false";\n'
    )
