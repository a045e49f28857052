"""What is written is read back to the same value, by PyYAML's two readers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from undercloud.plan.secrets import Secret
from undercloud.playbooks.upstream.yamltext import dump

_TEXTS = st.one_of(
    st.text(), st.text(alphabet=" \n\t:-#'\"{}[]a1,|>&*!%@`?\r\x85\u2028\x7f\x00\ufeff\U0001f600=<~.0_eE+")
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner) | st.dictionaries(st.integers(), inner),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(_VALUES)
def test_read_back(value: Any) -> None:
    text = dump(value)
    assert yaml.load(text, Loader=yaml.CSafeLoader) == value
    assert yaml.load(text, Loader=yaml.SafeLoader) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": {"b": [1, {"c": None, "d": []}]}}, "a:\n  b:\n  - 1\n  - c: null\n    d: []\n"),
        ({"when": "step|int == 1"}, 'when: "step|int == 1"\n'),
        ({"nova::api::workers": "yes"}, 'nova::api::workers: "yes"\n'),
        ({"shell": "set -e\n\nrun\n"}, "shell: |\n  set -e\n\n  run\n"),
        ({"x": "a\nb"}, "x: |-\n  a\n  b\n"),
        ({"x": "a\n\n"}, "x: |+\n  a\n\n"),
        ({"x": "12"}, 'x: "12"\n'),
        ({"x": Secret("word")}, "x: word\n"),
        ([], "[]\n"),
        ({}, "{}\n"),
        ("text", "text\n"),
        ([["a"], ["b"]], "- - a\n- - b\n"),
    ],
)
def test_form(value: Any, text: str) -> None:
    assert dump(value) == text


def test_long_key_is_read_back() -> None:
    value = {"k" * 2000: 1, "short": {"l" * 2000: ["a"]}}
    assert yaml.safe_load(dump(value)) == value


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(TypeError):
        dump({"x": object()})
