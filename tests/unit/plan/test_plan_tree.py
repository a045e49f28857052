"""Trees: paths, documents, digests."""

from __future__ import annotations

import pytest

from undercloud.diagnostics import Location, UndercloudError
from undercloud.plan.tree import SourceFile, Tree, beside, normalise


def test_paths_have_one_spelling() -> None:
    tree = Tree({"./a//b.yaml": "x", "c/../d.yaml": "y", "file:///etc/e.yaml": "z"})
    assert sorted(tree) == ["/etc/e.yaml", "a/b.yaml", "d.yaml"]
    assert tree["a/./b.yaml"].text == "x" and "d.yaml" in tree and "file:///etc/e.yaml" in tree
    assert "nope" not in tree and len(tree) == 3


@pytest.mark.parametrize(
    ("file", "reference", "path"),
    [
        ("a/b.yaml", "c.yaml", "a/c.yaml"),
        ("a/b.yaml", "../c.yaml", "c.yaml"),
        ("a/b.yaml", "/x/c.yaml", "/x/c.yaml"),
        ("a/b.yaml", "file:///x/c.yaml", "/x/c.yaml"),
        ("b.yaml", "./c.yaml", "c.yaml"),
        ("/x/b.yaml", "../y/c.yaml", "/y/c.yaml"),
    ],
)
def test_beside(file: str, reference: str, path: str) -> None:
    assert beside(file, reference) == path


@pytest.mark.parametrize(
    ("reference", "file", "path"),
    [
        ("t.yaml", "a/env.yaml", "a/t.yaml"),
        ("only-root.yaml", "a/env.yaml", "only-root.yaml"),
        ("../t.yaml", "a/env.yaml", "t.yaml"),
        ("/root/t.yaml", "/else/env.yaml", "t.yaml"),
        ("file:///root/a/t.yaml", "a/env.yaml", "a/t.yaml"),
        ("mine.yaml", "/else/env.yaml", "/else/mine.yaml"),
        ("t.yaml", "/else/env.yaml", "t.yaml"),
        ("none.yaml", "a/env.yaml", None),
        ("../../t.yaml", "a/env.yaml", None),
    ],
)
def test_find(reference: str, file: str, path: str | None) -> None:
    tree = Tree({"t.yaml": "", "a/t.yaml": "", "only-root.yaml": "", "/else/mine.yaml": ""}, root="/root")
    assert tree.find(reference, file) == path


def test_documents_are_parsed_once_and_located_under_the_root() -> None:
    tree = Tree({"a.yaml": b"x: 1\n"}, root="/root")
    assert tree.document("a.yaml") is tree.document("./a.yaml")
    assert tree.document("a.yaml").locate("x") == Location("/root/a.yaml", 1, 1)
    assert tree.shown("/else/b.yaml") == "/else/b.yaml"
    with pytest.raises(KeyError):
        tree.document("b.yaml")


def test_what_is_no_text_is_told_when_it_is_used() -> None:
    tree = Tree({"a.bin": b"\xff\x00"}, root="/root")
    assert "a.bin" in tree and len(tree.digest) == 64
    with pytest.raises(UndercloudError, match="PLAN-004"):
        tree["a.bin"]


def test_faults_of_a_rendered_file_stand_in_its_template() -> None:
    source = SourceFile("a.yaml", "x: [\n", "a.j2.yaml", lambda line: Location("/root/a.j2.yaml", line + 40))
    with pytest.raises(UndercloudError) as raised:
        Tree({"a.yaml": source}, root="/root").document("a.yaml")
    assert raised.value.findings[0].locations == (Location("/root/a.j2.yaml", 42),)


def test_more_files_make_a_new_tree() -> None:
    tree = Tree({"a": "1", "b": "2"})
    more = tree.with_files({"./b": "3", "c": "4"})
    assert {path: more[path].text for path in more} == {"a": "1", "b": "3", "c": "4"}
    assert {path: tree[path].text for path in tree} == {"a": "1", "b": "2"}


def test_digest_is_that_of_the_content() -> None:
    assert (
        Tree({"a": "1", "b": "2"}).digest == Tree({"b": b"2", "./a": SourceFile("a", "1")}, root="/r").digest
    )
    digests = {Tree(files).digest for files in ({}, {"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "", "1": ""})}
    assert len(digests) == 5


def test_normalise() -> None:
    assert [normalise(path) for path in ("a/../b", "./a", "file:///x/./y", "../a")] == [
        "b",
        "a",
        "/x/y",
        "../a",
    ]
