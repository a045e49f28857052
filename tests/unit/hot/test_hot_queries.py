"""The quick evaluator of yaql against yaql's own library: where it gives a result, it is the same one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undercloud.hot.queries import library
from undercloud.hot.queries.compiler import compile_query
from undercloud.hot.queries.values import Unsure

EXPRESSIONS = [
    "$.data",
    "$.data.a",
    "$.data.a.b",
    "$.data[0]",
    "$.data[-1]",
    "$.data.get(a)",
    "$.data.get(a, 5)",
    "$.data.a.where($ != null)",
    "$.data.where($ != null).select($.get('a')).where($ != null)",
    "list(coalesce($.data, []).where($ != null).select($.get(a)).where($ != null)).flatten()",
    "coalesce($.data, []).where($ != null).select($.get(a)).where($ != null).flatten().distinct()",
    "$.data.where($ != null).reduce($1.mergeWith($2), {})",
    "$.data.reduce($1 + $2)",
    "$.data.flatten()",
    "$.data.distinct()",
    "distinct($.data)",
    "$.data.first()",
    "$.data.first(null)",
    "$.data.last(default => x)",
    "$.data.keys().toList()",
    "$.data.keys().last(default => '')",
    "$.data.values().toList()",
    "$.data.values().select($)",
    "$.data.items().select($[0])",
    "dict($.data.items())",
    "dict($.data.items().groupBy($[1], $[0]))",
    "dict($.data.where($ != null).selectMany($.items()).groupBy($[0], $[1]).select([$[0], $[1].flatten()]))",
    "let(root => $) -> $.data.items().where($[0] in $root.data.a).select($[1])",
    "let(a => $.data.a, b => $.data.b) -> [$a, $b]",
    "$.data.a.zip($.data.b)",
    "$.data.a.zip($.data.b).where($[1] != null).select($[0])",
    "$.data.a + $.data.b",
    "$.data.a * 2",
    "$.data.a - 1",
    "$.data.a / 2",
    "$.data.a mod 2",
    "-$.data.a",
    "$.data.a > $.data.b",
    "$.data.a <= $.data.b",
    "$.data.a = $.data.b",
    "$.data.a != $.data.b",
    "$.data.a in $.data.b",
    "not $.data.a",
    "$.data.a and $.data.b",
    "$.data.a or $.data.b",
    "switch($.data.a = null => 1, $.data.a = b => two, true => $.data.a)",
    "switch(isList($.data) => list, isDict($.data) => map, isString($.data) => text)",
    "str($.data)",
    "str($.data.a)",
    "int($.data)",
    "len($.data)",
    "$.data.len()",
    "$.data.where($ = 1).len()",
    "concat($.data, '/', a)",
    "$.data.split(',')",
    "$.data.split(',')[0]",
    "$.data.rightSplit(separator => ',', maxSplits => 1)",
    "$.data.replace(a, b)",
    "$.data.toLower() + $.data.toUpper()",
    "$.data.startsWith(a)",
    "$.data.endsWith(a, b)",
    "$.data.trim().isEmpty()",
    "$.data.join(',')",
    "','.join($.data)",
    "$.data.contains(a)",
    "$.data.containsKey(a)",
    "$.data.any($ = a)",
    "$.data.all($ != null)",
    "$.data.orderBy($)",
    "$.data.items().orderBy($[0]).first()[1]",
    "$.data.max()",
    "$.data.deleteAll([a, b])",
    "$.data.mergeWith({a => 1, c => [1, 2]})",
    "{a => $.data, b => 1}.items().select($[1])",
    "$.data.repeat(2).toList()",
    "range(3).join(',')",
    "regex('[ab]+').matches($.data)",
    "regex('([ab])').replace($.data, '<\\\\1>')",
    "regex('[,]').split($.data)",
    "regex('a.').search($.data)",
    "$.data.matches('^a')",
    "[$.data, 1].flatten()",
    "dict(a => $.data)",
    "$.data.toList()",
    '"{0}-{1}".format($.data, true)',
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.floats(-2, 2, allow_nan=False)
    | st.sampled_from(["", "a", "b", "a,b,,A", " a ", "12", "B"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_known(text: str) -> None:
    assert compile_query(text) is not None


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EXPRESSIONS), VALUES)
def test_same_as_the_library(text: str, data: Any) -> None:
    query = compile_query(text)
    assert query is not None
    try:
        quick = query(data)
    except Unsure:
        return
    slow = library.query(text, data)
    assert quick == slow
    assert shape(quick) == shape(slow)


def shape(value: Any) -> Any:
    """The types inside of a value: 1, 1.0 and true are equal, but not the same; so is the order of keys."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


@pytest.mark.parametrize(
    "text",
    ["$.data.(", "$.data..a", "f(,)", "'open", "$.data.where($ =)", "let(1) ->", "a b", "[1", "{a}", "$$"],
)
def test_what_cannot_be_read_is_left_to_the_library(text: str) -> None:
    assert compile_query(text) is None


@pytest.mark.parametrize("text", ["$.data.keys()", "$.data.items()", "$.data.accumulate($1 + $2)", "now()"])
def test_what_is_not_sure_is_left_to_the_library(text: str) -> None:
    query = compile_query(text)
    if query is not None:
        with pytest.raises(Unsure):
            query({"a": 1})


def test_format_does_not_lead_into_python() -> None:
    with pytest.raises(library.QueryError):
        library.query('"{0.__class__}".format($.data)', "a")
    query = compile_query('"{0.__class__}".format($.data)')
    assert query is not None
    with pytest.raises(Unsure):
        query("a")


def test_heats_limits_hold_for_what_is_made_of_nothing() -> None:
    with pytest.raises(library.QueryError):
        library.query("range(100000).toList()", None)
    query = compile_query("range(100000).toList()")
    assert query is not None
    with pytest.raises(Unsure):
        query(None)
