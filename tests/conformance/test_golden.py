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
