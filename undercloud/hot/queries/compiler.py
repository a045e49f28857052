"""Trees of yaql as closures. ``compile_query`` gives None for what it does not know at all."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from undercloud.hot.queries import syntax
from undercloud.hot.queries.methods import FUNCTIONS, METHODS
from undercloud.hot.queries.values import (
    Lazy,
    Unsure,
    a_key,
    a_list,
    a_map,
    a_number,
    an_integer,
    items_of,
    limited,
    settled,
    tainted,
)

Scope = tuple[Any, Any, dict[str, Any]]
"""``$1``, ``$2`` and the named variables."""
Code = Callable[[Scope], Any]
Query = Callable[[Any], Any]


class NotKnown(Exception):  # noqa: N818 - the library then has the word
    """A function or form that is not among those known here."""


def compile_query(text: str) -> Query | None:
    """A function from the data to the result, or None if the library has to do it.

    The function raises Unsure where the library has to decide after all.
    """
    try:
        code = _code(syntax.read(text))
    except (syntax.NotRead, NotKnown, UnicodeDecodeError):
        return None

    def run(data: Any) -> Any:
        try:
            result = code(({"data": data}, None, {}))
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, re.error):
            raise Unsure from None
        return output(result)

    return run


def output(value: Any) -> Any:
    """The result as plain data; raises Unsure if there is a view in it, which yaql makes a set of."""
    if isinstance(value, Lazy):
        if type(value) is not Lazy:
            raise Unsure
        return [output(item) if isinstance(item, Lazy) else item for item in value]
    return value


def _code(node: syntax.Node) -> Code:
    return _FORMS[type(node)](node)


def _constant(node: syntax.Constant) -> Code:
    value = node.value
    return lambda _scope: value


def _keyword(node: syntax.Keyword) -> Code:
    name = node.name
    return lambda _scope: name


def _variable(node: syntax.Variable) -> Code:
    name = node.name
    if name == "1":
        return lambda scope: scope[0]
    if name == "2":
        return lambda scope: scope[1]
    return lambda scope: scope[2][name]


def _property(node: syntax.Property) -> Code:
    receiver, name = _code(node.receiver), node.name

    def run(scope: Scope) -> Any:
        value = receiver(scope)
        if isinstance(value, dict):
            return settled(value[name])
        return Lazy([settled(a_map(item)[name]) for item in items_of(value)])

    return run


def _index(node: syntax.Index) -> Code:
    receiver = _code(node.receiver)
    if isinstance(node.key, syntax.Constant) and type(node.key.value) is int:
        place = node.key.value

        def pick(scope: Scope) -> Any:
            value = receiver(scope)
            return settled(value[place] if isinstance(value, dict) else a_list(value)[place])

        return pick
    key = _code(node.key)
    return lambda scope: settled(a_map(receiver(scope))[a_key(key(scope))])


def _listing(node: syntax.Listing) -> Code:
    items = [_code(item) for item in node.items]

    def run(scope: Scope) -> list[Any]:
        values = [item(scope) for item in items]
        if any(isinstance(value, Lazy) and type(value) is not Lazy for value in values):
            raise Unsure
        return values

    return run


def _mapping(node: syntax.Mapping) -> Code:
    pairs = [(_code(key), _code(value)) for key, value in node.pairs]
    return lambda scope: {a_key(key(scope)): settled(value(scope)) for key, value in pairs}


def _operator(node: syntax.Operator) -> Code:
    if node.name == "->":
        return _let(node)
    right = _code(node.right)
    if node.left is None:
        if node.name == "not":
            return lambda scope: not settled(right(scope))
        sign = -1 if node.name == "-" else 1
        return lambda scope: sign * a_number(right(scope))
    left = _code(node.left)
    if node.name == "and":
        return lambda scope: settled(left(scope)) and settled(right(scope))
    if node.name == "or":
        return lambda scope: settled(left(scope)) or settled(right(scope))
    binary = _BINARY.get(node.name)
    if binary is None:
        raise NotKnown(node.name)
    return lambda scope: binary(left(scope), right(scope))


def _let(node: syntax.Operator) -> Code:
    """``let(name => value, …) -> expression``."""
    call = node.left
    if not isinstance(call, syntax.Call) or call.name != "let" or call.args or call.receiver is not None:
        raise NotKnown("->")
    names = []
    for key, value in call.named:
        if not isinstance(key, syntax.Keyword):
            raise NotKnown("let")
        names.append((key.name, _code(value)))
    body = _code(node.right)

    def run(scope: Scope) -> Any:
        values = {name: settled(value(scope)) for name, value in names}
        return body((scope[0], scope[1], {**scope[2], **values}))

    return run


def _equal(left: Any, right: Any) -> bool:
    return bool(settled(left) == settled(right))


def _less(compare: Callable[[Any, Any], bool], null_left: bool, null_right: bool, nulls: bool) -> Any:
    """An order of numbers, of texts, and of null before everything."""

    def run(left: Any, right: Any) -> bool:
        if left is None or right is None:
            settled(left), settled(right)
            return nulls if left is right else null_left if left is None else null_right
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        return compare(a_number(left), a_number(right))

    return run


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return tainted(left + right, left, right)
    if isinstance(left, list) and isinstance(right, list):
        if type(left) is list and type(right) is list:
            return left + right
        return Lazy([*left, *right])
    if isinstance(left, dict) and isinstance(right, dict):
        return {**left, **right}
    return a_number(left) + a_number(right)


def _times(left: Any, right: Any) -> Any:
    if isinstance(left, list):
        return limited(a_list(left) * an_integer(right))
    return a_number(left) * a_number(right)


def _over(left: Any, right: Any) -> Any:
    return an_integer(left) // an_integer(right)


def _minus(left: Any, right: Any) -> Any:
    return a_number(left) - a_number(right)


def _modulo(left: Any, right: Any) -> Any:
    return an_integer(left) % an_integer(right)


def _in(value: Any, container: Any) -> bool:
    if isinstance(container, str) and isinstance(value, str):
        return value in container
    return settled(value) in items_of(container)


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "=": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _less(operator.lt, True, False, False),
    "<=": _less(operator.le, True, False, True),
    ">": _less(operator.gt, False, True, False),
    ">=": _less(operator.ge, False, True, True),
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _over,
    "mod": _modulo,
    "in": _in,
}


def _call(node: syntax.Call) -> Code:
    if node.receiver is None and node.name in _SPECIAL:
        return _SPECIAL[node.name](node)
    if node.receiver is not None and node.name in _WITH_LAMBDA:
        return _with_lambda(node)
    table = FUNCTIONS if node.receiver is None else METHODS
    function = table.get(node.name)
    if function is None:
        raise NotKnown(node.name)
    args = [_code(arg) for arg in (*((node.receiver,) if node.receiver is not None else ()), *node.args)]
    named: list[tuple[str, Code]] = []
    for key, value in node.named:
        if not isinstance(key, syntax.Keyword):
            raise NotKnown(node.name)
        named.append((key.name, _code(value)))
    if named:
        return lambda scope: function(
            *[arg(scope) for arg in args], **{name: value(scope) for name, value in named}
        )
    if len(args) == 1:
        only = args[0]
        return lambda scope: function(only(scope))
    return lambda scope: function(*[arg(scope) for arg in args])


def _coalesce(node: syntax.Call) -> Code:
    if node.named:
        raise NotKnown("coalesce")
    args = [_code(arg) for arg in node.args]

    def run(scope: Scope) -> Any:
        for arg in args:
            value = arg(scope)
            if value is not None:
                return value
        return None

    return run


def _switch(node: syntax.Call) -> Code:
    if node.args:
        raise NotKnown("switch")
    cases = [(_code(test), _code(value)) for test, value in node.named]

    def run(scope: Scope) -> Any:
        for test, value in cases:
            if settled(test(scope)):
                return value(scope)
        return None

    return run


def _dict(node: syntax.Call) -> Code:
    """``dict(key => value, …)`` or ``dict(pairs)``."""
    if node.args and (node.named or len(node.args) != 1):
        raise NotKnown("dict")
    if not node.args:
        return _mapping(syntax.Mapping(node.named))
    source = _code(node.args[0])

    def run(scope: Scope) -> dict[Any, Any]:
        result = {}
        for pair in items_of(source(scope)):
            key, value = a_list(pair)[:2]
            if isinstance(value, Lazy):
                value = output(value)
            result[a_key(key)] = value
        return result

    return run


_SPECIAL: dict[str, Callable[[syntax.Call], Code]] = {"coalesce": _coalesce, "switch": _switch, "dict": _dict}


def _with_lambda(node: syntax.Call) -> Code:
    least, most = _WITH_LAMBDA[node.name]
    if node.named or not least <= len(node.args) <= most:
        raise NotKnown(node.name)
    build = _BUILD[node.name]
    return build(_code(node.receiver), *[_code(arg) for arg in node.args])


def _where(source: Code, test: Code) -> Code:
    def run(scope: Scope) -> Lazy:
        _, two, names = scope
        return Lazy([item for item in items_of(source(scope)) if settled(test((settled(item), two, names)))])

    return run


def _select(source: Code, selector: Code) -> Code:
    def run(scope: Scope) -> Lazy:
        _, two, names = scope
        values = [selector((settled(item), two, names)) for item in items_of(source(scope))]
        if any(isinstance(value, Lazy) for value in values):
            raise Unsure
        return Lazy(values)

    return run


def _select_many(source: Code, selector: Code) -> Code:
    def run(scope: Scope) -> Lazy:
        _, two, names = scope
        result = Lazy()
        for item in items_of(source(scope)):
            value = selector((settled(item), two, names))
            if isinstance(value, list):
                result.extend(value)
            else:
                result.append(value)
        return result

    return run


def _reduce(source: Code, step: Code, start: Code | None = None) -> Code:
    def run(scope: Scope) -> Any:
        names = scope[2]
        items = items_of(source(scope))
        if start is None:
            if not items:
                raise Unsure
            total, items = settled(items[0]), items[1:]
        else:
            total = settled(start(scope))
        for item in items:
            total = settled(step((total, settled(item), names)))
        return total

    return run


def _group_by(source: Code, key: Code, value: Code | None = None) -> Code:
    def run(scope: Scope) -> Lazy:
        _, two, names = scope
        groups: dict[Any, list[Any]] = {}
        for item in items_of(source(scope)):
            inner = (settled(item), two, names)
            groups.setdefault(a_key(key(inner)), []).append(settled(value(inner)) if value else item)
        return Lazy([[name, items] for name, items in groups.items()])

    return run


def _any(source: Code, test: Code) -> Code:
    def run(scope: Scope) -> bool:
        _, two, names = scope
        results = [settled(test((settled(item), two, names))) for item in items_of(source(scope))]
        return any(results)

    return run


def _all(source: Code, test: Code) -> Code:
    def run(scope: Scope) -> bool:
        _, two, names = scope
        results = [settled(test((settled(item), two, names))) for item in items_of(source(scope))]
        return all(results)

    return run


def _order_by(source: Code, key: Code) -> Code:
    def run(scope: Scope) -> Lazy:
        _, two, names = scope
        pairs = [(key((settled(item), two, names)), item) for item in items_of(source(scope))]
        if not all(isinstance(mark, str) for mark, _ in pairs):
            raise Unsure
        return Lazy([item for _, item in sorted(pairs, key=lambda pair: pair[0])])

    return run


_WITH_LAMBDA = {
    "where": (1, 1),
    "select": (1, 1),
    "selectMany": (1, 1),
    "reduce": (1, 2),
    "aggregate": (1, 2),
    "groupBy": (1, 2),
    "any": (1, 1),
    "all": (1, 1),
    "orderBy": (1, 1),
}
"""Methods whose arguments are evaluated for each item, with how many arguments."""
_BUILD: dict[str, Callable[..., Code]] = {
    "where": _where,
    "select": _select,
    "selectMany": _select_many,
    "reduce": _reduce,
    "aggregate": _reduce,
    "groupBy": _group_by,
    "any": _any,
    "all": _all,
    "orderBy": _order_by,
}
_FORMS: dict[type[Any], Callable[[Any], Code]] = {
    syntax.Constant: _constant,
    syntax.Keyword: _keyword,
    syntax.Variable: _variable,
    syntax.Property: _property,
    syntax.Index: _index,
    syntax.Listing: _listing,
    syntax.Mapping: _mapping,
    syntax.Operator: _operator,
    syntax.Call: _call,
}
