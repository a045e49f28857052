"""Killed at any moment and run again, a deployment gets to where it would have got undisturbed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.unit.collection.collection_states import SECRETS, World, broken, first, nothing, prepared, second


def moments() -> itertools.count[int]:
    return itertools.count()


@pytest.mark.parametrize(
    ("before", "after"),
    [(nothing, first), (first, second), (second, first), (first, broken)],
    ids=["new", "changed", "changed back", "broken"],
)
def test_deploying(before: World, after: World, quick_path: Path) -> None:
    undisturbed = prepared(quick_path / "node", before)
    result = undisturbed.deploy(after(undisturbed.root), SECRETS)[-1]
    assert bool(result.get("failed")) == (after is broken)
    wanted = undisturbed.summary()

    for moment in moments():
        node = prepared(quick_path / "node", before)
        steps = after(node.root)
        if not node.killed_at(moment, lambda node=node, steps=steps: node.deploy(steps, SECRETS)):  # type: ignore[misc]
            break
        where = node.fuse.passed[-1]
        again = node.deploy(steps, SECRETS)[-1]
        assert bool(again.get("failed")) == (after is broken), (where, again)
        assert node.summary() == wanted, where
        if after is not broken:
            assert [one["actions"] for one in node.deploy(steps, SECRETS)] == [[]] * 7, where
    assert moment > 20


def test_killed_and_changed_since(quick_path: Path) -> None:
    """Killed on the way from the first state to the second; then a third is deployed: the first again."""
    undisturbed = prepared(quick_path / "node", first)
    wanted = undisturbed.summary()
    for moment in moments():
        node = prepared(quick_path / "node", first)
        steps = second(node.root)
        if not node.killed_at(moment, lambda node=node, steps=steps: node.deploy(steps, SECRETS)):  # type: ignore[misc]
            break
        where = node.fuse.passed[-1]
        assert not node.deploy(first(node.root), SECRETS)[-1].get("failed"), where
        found = node.summary()
        # An image that was pulled on the way stays, and is known as ours.
        found["manifest"]["images"] = wanted["manifest"]["images"]
        assert found == wanted, where


def test_deleting(quick_path: Path) -> None:
    for moment in moments():
        node = prepared(quick_path / "node", first)
        (node.root / "data" / "ibdata").write_text("rows")
        if not node.killed_at(moment, node.delete):
            break
        where = node.fuse.passed[-1]
        result = node.delete()[-1]
        assert not result.get("failed"), (where, result)
        assert node.podman.there == {}, where
        left = sorted(str(path.relative_to(node.root)) for path in node.root.rglob("*"))
        assert left == ["etc", "etc/motd", "units"], where
        assert (node.root / "etc" / "motd").read_text() == "the distribution's\n", where
        assert not any(fact.active for fact in node.systemd.known.values()), where
    assert moment > 20
