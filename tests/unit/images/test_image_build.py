"""Building: what is skipped, in which order, and what a failure leaves behind."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from tests.unit.images.conftest import Tools
from undercloud.diagnostics import UndercloudError
from undercloud.images.build import BuildEvent, BuildSettings, build, stored_references
from undercloud.images.definitions import Definitions, load
from undercloud.images.store import Store, StoreSettings

TEXTS = {
    "base": "name: base\ndescription: Debian\npackages: [curl]\n",
    "shared": "name: shared\ndescription: S\nparent: base\n",
    "api": "name: api\ndescription: A\nparent: shared\nuser: '5'\n",
    "cache": "name: cache\ndescription: C\nparent: base\n",
    "queue": "name: queue\ndescription: Q\nparent: base\n",
}


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    directory = tmp_path / "definitions"
    directory.mkdir()
    for name, text in TEXTS.items():
        (directory / f"{name}.yaml").write_text(text)
    return load([directory])


@pytest.fixture
def settings(tmp_path: Path) -> BuildSettings:
    return BuildSettings(StoreSettings(tmp_path / "store"))


def names_of(calls: list[dict[str, str]]) -> list[str]:
    tags = (next(word for word in call["words"] if word.startswith("--tag=")) for call in calls)
    return [tag.rpartition("/")[2].partition(":")[0] for tag in tags]


def test_all_is_built_once_and_then_found(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    events: list[BuildEvent] = []

    first = build(definitions, [], settings, events.append)

    assert [(image.name, image.built) for image in first] == [(name, True) for name in definitions]
    assert {image.reference for image in first} == set(stored_references(definitions, settings).values())
    assert sorted(names_of(tools.calls("buildah", "bud"))) == sorted(definitions)
    assert {(event.name, event.state) for event in events} == {
        (name, state) for name in definitions for state in ("started", "built")
    }

    events.clear()
    second = build(definitions, [], settings, events.append)

    assert [image.built for image in second] == [False] * 5
    assert [event.state for event in events] == ["present"] * 5
    assert len(tools.calls("buildah", "bud")) == 5
    assert len(tools.calls("apt-get", "indextargets")) == 1


def test_only_what_was_asked_and_what_it_stands_on(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    build(definitions, ["api"], settings)

    assert names_of(tools.calls("buildah", "bud")) == ["base", "shared", "api"]


def test_another_edition_is_built_beside_the_first(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    build(definitions, ["cache"], settings)
    build(definitions, ["cache"], dataclasses.replace(settings, edition="later"))

    assert names_of(tools.calls("buildah", "bud")) == ["base", "cache"] * 2


def test_a_parent_is_finished_before_what_stands_on_it_and_leaves_go_side_by_side(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    for name in ("shared:", "cache:"):
        tools.slow(name, 0.4)

    build(definitions, [], settings)

    calls = tools.calls("buildah", "bud")
    by_name = dict(zip(names_of(calls), calls, strict=True))
    for name, call in by_name.items():
        for ancestor in definitions.ancestors(name):
            assert by_name[ancestor]["ended"] < call["began"]
    assert by_name["cache"]["began"] < by_name["shared"]["ended"]
    assert by_name["shared"]["began"] < by_name["cache"]["ended"]
    limit = max(sum(one["began"] <= other["began"] < one["ended"] for one in calls) for other in calls)
    assert limit == 2


def test_what_buildah_is_given(tools: Tools, definitions: Definitions, settings: BuildSettings) -> None:
    build(definitions, ["api"], dataclasses.replace(settings, isolation="oci"))

    base, shared, api = tools.calls("buildah", "bud")
    references = stored_references(definitions, settings)
    assert base["containerfile"].startswith(
        'FROM scratch\nADD root.tar /\nRUN ["/bin/sh", "/mnt/build.sh"]\n'
    )
    assert base["tar"]
    assert "apt-get install -qy --no-install-recommends curl" in base["script"]
    # its parent's user is not root
    assert api["containerfile"].startswith(f"FROM {references['shared']}\nUSER root\n")
    assert not api["tar"]
    assert "--isolation=oci" in shared["words"]
    assert 'Acquire::http::Proxy "http://proxy.example.org:3128";' in api["apt"]
    assert "/media" not in api["apt"]
    [bootstrap] = tools.calls("mmdebstrap")
    assert '--aptopt=Acquire::http::Proxy "http://proxy.example.org:3128"' in bootstrap["words"]


def test_packages_come_from_debians_archives_only(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    build(definitions, ["base"], settings)

    text = (settings.store.root / "cache/debian.sources").read_text()
    assert "http://deb.example.org/debian/" in text
    assert "other.example.org" not in text


def test_a_file_of_sources_takes_the_machines_place(
    tools: Tools, definitions: Definitions, settings: BuildSettings, tmp_path: Path
) -> None:
    file = tmp_path / "mirror.sources"
    file.write_text("Types: deb\nURIs: http://mirror.example.org/\nSuites: bookworm\nComponents: main\n")

    build(definitions, ["base"], dataclasses.replace(settings, apt_sources=file))

    assert (settings.store.root / "cache/debian.sources").read_text() == file.read_text()
    with pytest.raises(UndercloudError, match="IMG-014"):
        build(definitions, ["cache"], dataclasses.replace(settings, apt_sources=tmp_path / "gone"))


def test_what_takes_long_tells_how_far_it_is(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    tools.slow("bookworm", 1.5)
    events: list[BuildEvent] = []
    build(definitions, ["base"], dataclasses.replace(settings, heartbeat=0.2), events.append)
    told = [event for event in events if event.state == "running"]
    assert len(told) >= 2
    assert {event.name for event in told} == {"base"}
    assert told[0].seconds < told[-1].seconds


def test_a_failure_tells_the_last_lines_keeps_what_was_built_and_begins_nothing_more(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    said = "\n".join(f"line {number}" for number in range(30)) + "\nE: Unable to locate package nonsense"
    tools.fail("shared:", said)
    events: list[BuildEvent] = []

    with pytest.raises(UndercloudError) as caught:
        build(definitions, ["api"], settings, events.append)

    [finding] = caught.value.findings
    assert finding.code == "IMG-010"
    assert finding.locations == (definitions["shared"].location,)
    assert "E: Unable to locate package nonsense" in finding.message
    assert "line 29" in finding.message
    assert "line 3\n" not in finding.message
    assert [(event.name, event.state) for event in events] == [
        ("base", "started"),
        ("base", "built"),
        ("shared", "started"),
        ("shared", "failed"),
    ]
    assert events[-1].log is not None
    assert str(events[-1].log) in finding.fix
    assert said in events[-1].log.read_text()
    assert list((settings.store.root / "tmp").iterdir()) == []

    tools.mend()
    assert [image.built for image in build(definitions, ["api"], settings)] == [False, True, True]


def test_all_failures_of_images_side_by_side_are_told(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    for name in ("cache:", "queue:"):
        tools.slow(name, 0.2)
        tools.fail(name)

    with pytest.raises(UndercloudError) as caught:
        build(definitions, ["cache", "queue"], settings)

    files = {Path(finding.locations[0].file).name for finding in caught.value.findings}
    assert files == {"cache.yaml", "queue.yaml"}


def test_a_full_disk_is_named(tools: Tools, definitions: Definitions, settings: BuildSettings) -> None:
    tools.fail("root.tar", "tar: write error: No space left on device")

    with pytest.raises(UndercloudError, match="is full: make room"):
        build(definitions, ["base"], settings)


def test_archives_out_of_reach(tools: Tools, definitions: Definitions, settings: BuildSettings) -> None:
    tools.fail("update", "E: Failed to fetch http://deb.example.org/debian")

    with pytest.raises(UndercloudError) as caught:
        build(definitions, ["base"], settings)

    assert [finding.code for finding in caught.value.findings] == ["IMG-015"]
    assert "Failed to fetch" in str(caught.value)
    assert tools.calls("buildah", "bud") == []


def test_a_second_builder_is_refused(tools: Tools, definitions: Definitions, settings: BuildSettings) -> None:
    store = Store(settings.store)
    store.prepare()
    with (store.root / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        with pytest.raises(UndercloudError, match="IMG-013"):
            build(definitions, ["base"], settings)

    assert tools.calls("buildah", "bud") == []
    build(definitions, ["base"], settings)


def test_tools_hold_the_lock_of_a_builder_that_is_gone(tools: Tools, settings: BuildSettings) -> None:
    tools.slow("containers", 1.0)
    store = Store(settings.store)
    store.prepare()
    with store.lock(), (store.root / "log").open("w") as log:
        thread = threading.Thread(target=store.run, args=(["buildah", "containers"], log))
        thread.start()
        time.sleep(0.3)

    with pytest.raises(UndercloudError, match="IMG-013"), Store(settings.store).lock():
        pass
    thread.join()
    with Store(settings.store).lock():
        pass


def test_what_a_killed_build_left_is_cleared(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    (tools.state / "left").write_text("abc\n")
    left = settings.store.root / "tmp/base-xyz/root.tar"
    left.parent.mkdir(parents=True)
    left.write_text("half")

    build(definitions, ["base"], settings)

    assert tools.calls("buildah", "rm")[0]["words"] == ["rm", "--all"]
    assert not left.exists()


def test_an_interrupt_ends_the_tools_at_once(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    tools.slow("cache:", 60)

    def interrupt(event: BuildEvent) -> None:
        if event.name == "queue" and event.state == "built":
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build(definitions, ["cache", "queue"], settings, interrupt)

    assert time.monotonic() - began < 20
    assert "cache" not in names_of(tools.calls("buildah", "bud"))
    with Store(settings.store).lock():
        pass


def test_building_wants_root_finding_does_not(
    tools: Tools, definitions: Definitions, settings: BuildSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(definitions, ["base"], settings)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert not build(definitions, ["base"], settings)[0].built
    with pytest.raises(UndercloudError, match="IMG-012"):
        build(definitions, ["cache"], settings)


def test_a_missing_tool_is_named(
    tools: Tools, definitions: Definitions, settings: BuildSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tools.state.parent / "bin/mmdebstrap").unlink()
    monkeypatch.setenv("PATH", str(tools.state.parent / "bin") + ":/usr/bin/none")

    with pytest.raises(UndercloudError, match="the program mmdebstrap is not installed"):
        build(definitions, ["base"], settings)


def test_a_store_that_cannot_be_written(
    tools: Tools, definitions: Definitions, settings: BuildSettings
) -> None:
    settings.store.root.write_text("a file")

    with pytest.raises(UndercloudError, match="IMG-016"):
        build(definitions, ["base"], settings)
    assert settings.store.root.read_text() == "a file"


def test_the_tools_see_our_settings_only(tmp_path: Path) -> None:
    store = Store(StoreSettings(tmp_path / "store", tmp_path / "run"))
    store.prepare()

    for name in ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF"):
        assert Path(store.environment()[name]).is_relative_to(store.root)
        assert Path(store.environment()[name]).is_file()
    assert f'graphroot = "{store.root}/storage"' in (store.root / "storage.conf").read_text()
    assert f'runroot = "{tmp_path}/run"' in (store.root / "storage.conf").read_text()
    assert store.location == f"overlay@{store.root}/storage+{tmp_path}/run"


def test_sizes_are_read(tools: Tools, definitions: Definitions, settings: BuildSettings) -> None:
    build(definitions, ["base"], settings)

    [image] = Store(settings.store).images().values()
    assert image.size == 1_500_000
    assert image.reference.startswith("localhost/undercloud/base:")
