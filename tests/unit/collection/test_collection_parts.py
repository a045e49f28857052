"""The small parts: secrets, files, the manifest, diffs, arguments for podman, what is handed over."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.undercloud.deploy.plugins.module_utils import (
    diffs,
    errors,
    files,
    handover,
    manifest,
    secrets,
    specs,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.desired import container_hash, parse
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    Manifest,
    OwnedContainer,
    OwnedDirectory,
    OwnedFile,
    OwnedUnit,
    PathFact,
    unfinished,
)

from tests.unit.collection.collection_world import HOST, STACK, deployed, request, whole

ME, GROUP = os.geteuid(), os.getegid()


# Secrets


def test_secrets_are_put_in_everywhere() -> None:
    value = {"a": ["x <<secret:n/1>> y<<secret:b>>", 3, None], "b": {"c": "<<secret:b>>"}}
    assert secrets.reveal(value, {"n/1": "1", "b": "2"}) == {"a": ["x 1 y2", 3, None], "b": {"c": "2"}}
    assert secrets.names_in(value) == {"n/1", "b"}


def test_secrets_are_not_put_into_secrets() -> None:
    assert secrets.reveal("<<secret:a>>", {"a": "<<secret:b>>", "b": "no"}) == "<<secret:b>>"


def test_unknown_secrets_are_all_named() -> None:
    with pytest.raises(NodeError) as raised:
        secrets.reveal(["<<secret:b>>", "<<secret:a>>", "<<secret:c>>"], {"c": ""})
    assert raised.value.problems[0].message == "unknown secrets are referred to: a, b"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("pw=correct horse;", "pw=<<secret:pw>>;"),
        ("correct horse battery", "<<secret:longer>>"),
        ("the id is 42", "the id is 42"),
        ("bad line: MIIEpAIBAAKCAQEA.", "bad line: <<secret:key>>."),
        ("", ""),
    ],
)
def test_mask(text: str, masked: str) -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END KEY-----\n"
    mask = secrets.Mask({"pw": "correct horse", "longer": "correct horse battery", "short": "42", "key": key})
    assert mask(text) == masked


def test_mask_without_secrets() -> None:
    assert secrets.Mask({})("text") == "text"


# Files


def test_written_whole_with_owner_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    other = tmp_path / "hard"
    os.link(path, other)
    files.write(str(path), b"new", ME, GROUP, 0o4750)
    assert path.read_text() == "new"
    assert other.read_text() == "old", "the old file was not written into"
    assert oct(path.stat().st_mode) == "0o104750"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch("os.fsync", side_effect=full), pytest.raises(NodeError) as raised:
        files.write(str(path), b"new", ME, GROUP, 0o644)
    assert raised.value.problems[0].code == errors.DISK_FULL
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    assert path.read_text() == "old"


def test_what_a_killed_run_left_is_taken_up(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    Path(unfinished(path)).write_text("a longer half of a file")
    files.write(path, b"new", ME, GROUP, 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    Path(unfinished(path)).write_text("half")
    files.remove(path)
    assert list(tmp_path.iterdir()) == []
    files.remove(path)


def test_a_link_in_the_way_of_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = str(tmp_path / "a")
    Path(unfinished(path)).symlink_to(victim)
    with pytest.raises(NodeError):
        files.write(path, b"new", ME, GROUP, 0o644)
    assert victim.read_text() == "precious"
    files.write(path, b"new", ME, GROUP, 0o644)
    assert (victim.read_text(), Path(path).read_text()) == ("precious", "new")


def test_looking(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("x\n")
    file.chmod(0o640)
    (tmp_path / "l").symlink_to("f")
    (tmp_path / "d").symlink_to(tmp_path)
    found = files.look(str(file), hashed=True)
    assert found
    assert (found.kind, found.owner, found.group, found.mode) == ("file", ME, GROUP, 0o640)
    assert found.sha256 == "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
    assert found.identity
    link = files.look(str(tmp_path / "l"), hashed=True)
    assert link
    assert (link.kind, link.target, link.sha256) == ("link", "f", "")
    through = files.look(str(tmp_path / "d"), follow=True, listed=True)
    assert through
    assert (through.kind, through.entries) == ("directory", ("d", "f", "l"))
    assert files.look(str(file / "below")) is None
    assert files.look(str(tmp_path / "none")) is None
    os.mkfifo(tmp_path / "p")
    fifo = files.look(str(tmp_path / "p"), hashed=True)
    assert fifo
    assert fifo.kind == "other"


def test_identity_tells_rewritten_files(tmp_path: Path) -> None:
    path = str(tmp_path / "f")
    files.write(path, b"x", ME, GROUP, 0o644)
    first = files.look(path)
    files.set_attributes(path, ME, GROUP, 0o600)
    second = files.look(path)
    files.write(path, b"y", ME, GROUP, 0o644)
    files.write(path, b"x", ME, GROUP, 0o644)
    third = files.look(path)
    assert first
    assert second
    assert third
    assert first.identity == second.identity != third.identity


def test_directories(tmp_path: Path) -> None:
    path = tmp_path / "d"
    files.make_directory(str(path), ME, GROUP, 0o2770)
    files.make_directory(str(path), ME, GROUP, 0o2770)
    assert oct(path.stat().st_mode) == "0o42770"
    (path / "f").write_text("")
    with pytest.raises(NodeError) as raised:
        files.remove_directory(str(path), recursive=False)
    assert raised.value.problems[0].code == errors.FILE
    files.remove_directory(str(path), recursive=True)
    files.remove_directory(str(path), recursive=True)
    assert not path.exists()


def test_a_mount_in_a_directory_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "d" / "mounted").mkdir(parents=True)
    real = os.lstat

    def pretended(path: Any, *more: Any, **options: Any) -> os.stat_result:
        status = list(real(path, *more, **options))
        status[2] += str(path).endswith("mounted")
        return os.stat_result(status)

    with mock.patch("os.lstat", pretended), pytest.raises(NodeError) as raised:
        files.remove_directory(str(tmp_path / "d"), recursive=True)
    assert "is mounted in it" in raised.value.problems[0].message
    assert (tmp_path / "d" / "mounted").exists()


def test_versions(tmp_path: Path) -> None:
    versions = files.Versions(str(tmp_path / "versions"))
    (tmp_path / "f").write_text("x\n")
    kept = versions.keep(str(tmp_path / "f"))
    (tmp_path / "f").write_text("y\n")
    other = versions.keep(str(tmp_path / "f"))
    assert versions.read(kept) == b"x\n"
    assert {oct(path.stat().st_mode) for path in (tmp_path / "versions").iterdir()} == {"0o100600"}
    versions.prune({kept})
    assert (versions.has(kept), versions.has(other), versions.has("")) == (True, False, False)
    files.Versions(str(tmp_path / "none")).prune(set())


# The manifest

FULL = Manifest(
    "overcloud",
    7,
    {"/f": OwnedFile("s", "12", True, "text", PathFact("link", 1, 2, 0o777, target="/x"))},
    {"/d": OwnedDirectory("s", False, PathFact("directory", 1, 2, 0o700, entries=("a",)))},
    {"u.service": OwnedUnit("s", "ab", True, None)},
    {"c": OwnedContainer("s", "service", "h", "i", "id", "healthy", {"/f": ("12", "3:4")}, ("vol",), "{}")},
)


def test_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    store = manifest.Store(str(tmp_path / "state"))
    assert store.load() == Manifest()
    store.save(FULL)
    assert manifest.Store(str(tmp_path / "state")).load() == FULL
    assert oct((tmp_path / "state").stat().st_mode) == "0o40700"
    assert oct((tmp_path / "state" / "manifest.json").stat().st_mode) == "0o100600"


def test_manifest_is_written_only_when_it_differs(tmp_path: Path) -> None:
    manifest.Store(str(tmp_path)).save(FULL)
    before = (tmp_path / "manifest.json").stat().st_ino
    store = manifest.Store(str(tmp_path))
    store.save(store.load())
    assert (tmp_path / "manifest.json").stat().st_ino == before


def test_cleared_state_leaves_nothing_and_the_lock_is_free(tmp_path: Path) -> None:
    store = manifest.Store(str(tmp_path / "state"))
    with store.locked(1):
        store.save(FULL)
        assert manifest.Store(str(tmp_path / "state")).busy()
        store.clear()
    assert not (tmp_path / "state").exists()
    assert not store.busy()
    with store.locked(0):
        assert store.busy()


# Diffs


def test_nobody_is_shown_what_not_everybody_may_read() -> None:
    entry = request(whole({"1": {"files": {"/f": {"content": "new"}}}}), {"step": 1}).desired.files["/f"]
    ours, theirs = OwnedFile("s", "12"), OwnedFile("s", "34")
    private, public = PathFact("file", mode=0o600, sha256="12"), PathFact("file", mode=0o644, sha256="12")
    assert diffs.shows_disk(private, ours, entry)
    assert not diffs.shows_disk(private, theirs, entry)
    assert not diffs.shows_disk(private, None, entry)
    assert diffs.shows_disk(public, None, entry)
    assert not diffs.shows_disk(public, OwnedFile("s", "12", secret=True), entry)


# Arguments for podman


def arguments(raw: dict[str, Any], values: dict[str, str] | None = None) -> tuple[list[str], dict[str, str]]:
    steps = whole({"1": {"containers": {"a": {"image": "img:1", **raw}}}})
    entry = request(steps, {"step": 1}, values).desired.containers["a"]
    made, environment = specs.create_arguments(entry, STACK)
    labels = [f"undercloud.stack={STACK}", "undercloud.service=svc", f"undercloud.hash={entry.hash}"]
    beginning = ["--pull", "never", *(text for label in labels for text in ("--label", label))]
    assert made[: len(beginning)] == beginning
    return made[len(beginning) :], environment


ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({}, "--network host --restart always --no-healthcheck img:1"),
    ({"kind": "once"}, "--network host --restart no --no-healthcheck img:1"),
    (
        {
            "net": "none",
            "restart": "on-failure",
            "privileged": True,
            "command": ["a", "b c"],
            "entrypoint": ["/e", "-x"],
        },
        (
            "--network none --restart on-failure --privileged --no-healthcheck "
            """--entrypoint '["/e", "-x"]' img:1 a 'b c'"""
        ),
    ),
    (
        {
            "healthcheck": {
                "command": ["sh", "-c", "x"],
                "interval": 2.5,
                "timeout": 0.5,
                "retries": 3,
                "start_period": 4,
            }
        },
        (
            """--network host --restart always --health-cmd '["sh", "-c", "x"]' """
            "--health-interval 2.5s --health-start-period 4s --health-timeout 1s --health-retries 3 img:1"
        ),
    ),
    (
        {
            "limits": {"memory": "1g", "cpus": "2", "pids": "9", "shm": "1m"},
            "tmpfs": ["/t"],
            "ulimits": ["nofile=1:2"],
        },
        (
            "--network host --restart always --tmpfs /t --ulimit nofile=1:2 --memory 1g --cpus 2 "
            "--pids-limit 9 --shm-size 1m --no-healthcheck img:1"
        ),
    ),
]


@pytest.mark.parametrize(("raw", "wanted"), ARGUMENTS)
def test_arguments(raw: dict[str, Any], wanted: str) -> None:
    assert arguments(raw) == (shlex.split(wanted), {})


def test_secret_variables_go_another_way() -> None:
    made, environment = arguments({"environment": {"A": "1", "B": "x<<secret:b>>"}}, {"b": "yz"})
    assert made[-6:] == ["--no-healthcheck", "--env", "A=1", "--env", "B", "img:1"]
    assert environment == {"B": "xyz"}


def test_hash_covers_what_matters() -> None:
    spec = {"image": "i", "command": ["a"], "order": 1, "rerun": "never", "timeout": 5, "kind": "once"}
    same = container_hash(spec, {"/f": "1"})
    assert container_hash({**spec, "order": 2, "rerun": "image", "timeout": 6}, {"/f": "1"}) == same
    assert container_hash({**spec, "command": ["b"]}, {"/f": "1"}) != same
    assert container_hash(spec, {"/f": "2"}) != same
    assert container_hash({**spec, "kind": "service"}, {"/f": "1"}) != same


# What is handed over


def test_a_node_gets_no_more_secrets_than_its_own() -> None:
    steps = whole(
        {
            "1": {"files": {"/f": {"content": "<<secret:first>>"}}},
            "2": {"containers": {"a": {"command": ["<<secret:second>>"]}}, "validations": []},
        }
    )
    document = {"version": 1, "stack": STACK, "hosts": {HOST: {"steps": steps}}}
    values = {"first": "1", "second": "2", "of another node": "3"}
    given = handover.handover({"stack": STACK, "step": 2}, HOST, document, values)
    assert given["secrets"] == {"first": "1", "second": "2"}
    assert list(given["desired"]) == ["containers"]
    assert given["keep"]["containers"] == {"a": 2}


@pytest.mark.parametrize(
    ("task", "document", "message"),
    [
        ({}, None, "a task without 'state' is one that removes everything, with 'purge: true' alone"),
        ({"finish": True, "purge": True}, None, "a task without 'state' is one that removes everything"),
        ({"purge": True}, {}, "'purge: true' without 'finish: true' removes everything and takes no 'state'"),
        ({"step": 1}, {"version": 2}, "the desired state has version 2, known is 1"),
        (
            {"step": 1},
            {"version": 1, "stack": "x"},
            "the desired state is of the stack 'x', the task of 'overcloud'",
        ),
        (
            {"step": 1},
            {"version": 1, "stack": STACK, "hosts": {"b": {}, "a": {}}},
            "has no host 'node1', only a, b",
        ),
        ({"step": 6}, {"version": 1, "stack": STACK, "hosts": {HOST: {}}}, "'step' must be 0 to 5, not 6"),
        (
            {"step": "x"},
            {"version": 1, "stack": STACK, "hosts": {HOST: {}}},
            "'step' must be 0 to 5, not 'x'",
        ),
        ({}, {"version": 1, "stack": STACK, "hosts": {HOST: {}}}, "'step' must be 0 to 5, not None"),
    ],
)
def test_tasks_that_cannot_be(task: dict[str, Any], document: dict[str, Any] | None, message: str) -> None:
    with pytest.raises(NodeError) as raised:
        handover.handover({"stack": STACK, **task}, HOST, document, {})
    assert raised.value.problems[0].code == errors.INPUT
    assert message in raised.value.problems[0].message


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"containers": {"a-previous": {"image": "i"}}}, "a container cannot be called 'a-previous'"),
        (
            {"containers": {"a": {"image": "i", "files": ["/none"]}}},
            "reads /none, which no step up to its own writes",
        ),
        ({"files": {"/f": {"content": "x"}}}, "the desired state cannot be read: KeyError('owner')"),
        (
            {"files": {"/f": {"content": "", "owner": "root", "group": "0", "mode": "0"}}},
            "invalid literal for int()",
        ),
    ],
)
def test_desired_states_that_cannot_be(state: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeError) as raised:
        parse({"stack": STACK, "desired": state})
    assert raised.value.problems[0].code == errors.ENTRY
    assert message in raised.value.problems[0].message


def test_problems_read_well() -> None:
    problem = errors.Problem("NODE-009", "it is ill", "heal it", "a", ("one", "two"))
    assert str(problem) == "NODE-009: it is ill\n    fix: heal it\n    | one\n    | two"
    assert problem.as_dict()["log"] == ["one", "two"]
    assert "log" not in errors.Problem("NODE-009", "it is ill", "heal it").as_dict()


def test_deployed_in_the_tests_is_what_the_planner_takes_for_deployed() -> None:
    facts = deployed(whole({"1": {"files": {"/srv/f": {"content": "x"}}}}))
    assert facts.manifest.files["/srv/f"].sha256
