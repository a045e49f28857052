"""The text of systemd units, and marks of what processes read."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.install.part import Process
from undercloud.install.processes import systemd


def lines(process: Process) -> list[str]:
    return systemd.unit(process).splitlines()


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", '"plain"'),
        ("two words", '"two words"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
    ],
)
def test_words_of_a_command_reach_the_program_as_they_are(word: str, written: str) -> None:
    assert f'ExecStart="/bin/echo" {written}' in lines(Process("p", "P", ("/bin/echo", word)))


def test_a_unit_comes_back_and_ends_with_the_target(tmp_path: Path) -> None:
    process = Process(
        "api", "The API", ("/bin/api",), {"COLOUR": "50% $blue"}, after=("registry",), stop_seconds=7
    )
    text = lines(process)
    for wanted in (
        "PartOf=undercloud.target",
        "WantedBy=undercloud.target",
        "After=network-online.target undercloud-registry.service",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "TimeoutStopSec=7",
        'Environment="COLOUR=50%% $blue"',
        'Environment="LANG=C.UTF-8"',
    ):
        assert wanted in text
    assert not [line for line in text if line.startswith(("User=", "Protect"))]


def test_a_process_that_says_where_it_writes_is_confined() -> None:
    text = lines(Process("p", "P", ("/bin/p",), writes=(Path("/var/a b"), Path("/srv")), user="nobody"))
    assert 'ReadWritePaths="/var/a b" "/srv"' in text
    assert {"User=nobody", "ProtectSystem=strict", "CapabilityBoundingSet=", "NoNewPrivileges=yes"} < set(
        text
    )


def test_the_unit_differs_when_a_read_file_does(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    process = Process("p", "P", ("/bin/p",), reads=(first, second))
    seen = {systemd.unit(process)}
    for file, content in ((first, "x"), (second, "x"), (first, "y")):
        file.write_text(content)
        seen.add(systemd.unit(process))
    assert len(seen) == 4
    first.write_text("x")
    assert systemd.unit(process) in seen


def test_what_survives_its_process_is_not_killed_with_it() -> None:
    assert "KillMode=mixed" in lines(Process("p", "P", ("/bin/p",)))
    assert "KillMode=process" in lines(Process("p", "P", ("/bin/p",), survives=True))
