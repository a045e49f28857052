"""The two golden plans: the same inputs give the outputs and the directory that Heat and TripleO gave."""

from __future__ import annotations

import functools

import pytest

from tests.conformance import golden
from tests.conformance.golden import Result


@functools.cache
def _both(name: str) -> tuple[Result, Result]:
    folder, templates, missing = golden.need(name)
    if folder is None or templates is None:
        pytest.skip(missing)
    return golden.expected(folder), golden.compiled(name, folder, templates)


@pytest.mark.parametrize("name", golden.PLANS)
def test_outputs_are_equal(name: str) -> None:
    theirs, ours = _both(name)
    assert not list(golden.difference(theirs.outputs, ours.outputs))


@pytest.mark.parametrize("name", golden.PLANS)
def test_directories_are_equal(name: str) -> None:
    theirs, ours = _both(name)
    assert sorted(theirs.files) == sorted(ours.files)
    assert not list(golden.difference(theirs.files, ours.files))


def test_what_the_client_adds_follows_from_the_plan() -> None:
    """Without the files that TripleO's client and its provisioning commands wrote: the same outputs."""
    folder, templates, missing = golden.need("overcloud-3-1")
    if folder is None or templates is None:
        pytest.skip(missing)
    theirs = golden.expected(folder)
    ours = golden.from_the_plan("overcloud-3-1", folder, templates)
    assert not list(golden.difference(theirs.outputs, ours.outputs))
    assert sorted(theirs.files) == sorted(ours.files)
