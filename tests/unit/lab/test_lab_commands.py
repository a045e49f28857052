"""A program that fails tells its command and its last words."""

import pytest

from tools.lab.commands import run
from tools.lab.errors import LabError


def test_output_comes_back() -> None:
    assert run(["printf", "a\\nb\\n"]) == "a\nb"
    assert run(["cat"], stdin=b"given") == "given"
    assert run(["sh", "-c", "echo $LAB"], env={"LAB": "1"}) == "1"


def test_a_failure_tells_command_status_and_last_words() -> None:
    with pytest.raises(LabError) as caught:
        run(["sh", "-c", "seq 30 >&2; exit 3"], fix="do better")
    text = str(caught.value)
    assert "exit status 3 from: sh -c 'seq 30 >&2; exit 3'" in text
    assert text.splitlines()[-2].strip() == "30"
    assert "\n    18\n" not in text
    assert text.endswith("fix: do better")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(LabError, match="no-such-program is not installed") as caught:
        run(["no-such-program"])
    assert "bootstrap" in caught.value.fix


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(LabError, match=r"no answer in 0 s"):
        run(["sleep", "30"], timeout=0.1)
