"""The function ``yaql``: a query over data.

The quick evaluator does what it is sure of; all else yaql's own library does, which is loaded only then.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from undercloud.hot.expressions import Compiler, Const, Expr, code_of, evaluate
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.queries.compiler import Query, compile_query
from undercloud.hot.queries.syntax import NotRead, read
from undercloud.hot.queries.values import Unsure
from undercloud.hot.scope import Scope
from undercloud.hot.values import kind_of

_FORM = "Write expression: QUERY and data: {NAME: VALUE, ...} below it; the query reads $.data.NAME."


def yaql(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``yaql: {expression, data}``."""
    if not isinstance(args, dict) or "expression" not in args or set(args) - {"expression", "data"}:
        return compiler.fault("HOT-021", "yaql takes expression and data", path, _FORM)
    site = compiler.site(path)
    text = compiler.compile(args["expression"], (path, "expression"))
    data = code_of(compiler.compile(args.get("data", {}), (path, "data")))
    fixed: Query | None = None
    if type(text) is Const:
        try:
            fixed = statement(text.value, site.below("expression"))
        except Fault as fault:
            return compiler.fault(fault.code, fault.message, (path, "expression"), fault.fix)

    def run(scope: Scope) -> Any:
        query = fixed or statement(evaluate(text, scope), site)
        try:
            result = query(_given(data(scope)))
        except ValueError as error:
            raise Fault("HOT-026", f"the yaql expression fails: {error}", site) from None
        if not scope.normaliser.odd_keys and _has_odd_keys(result, set()):
            scope.normaliser.odd_keys = True
        return result

    return run


def _given(data: Any) -> Any:
    return None if data is ... else data


def _has_odd_keys(value: Any, seen: set[int]) -> bool:
    """Whether a map in a value has keys that are no text; ``seen`` are the parts that were looked at."""
    if not isinstance(value, dict | list):
        return isinstance(value, set | frozenset)
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, dict):
        return any(not isinstance(key, str) or _has_odd_keys(item, seen) for key, item in value.items())
    return any(_has_odd_keys(item, seen) for item in value)


def statement(text: Any, site: Site) -> Query:
    """An expression as a function of its data, which raises ValueError; raises Fault if it cannot be read."""
    if not isinstance(text, str):
        raise Fault("HOT-021", f"a yaql expression is text, not {kind_of(text)}", site, fix=_FORM)
    try:
        return _statement(text)
    except ValueError as error:
        raise Fault("HOT-025", f"this yaql expression cannot be read: {error}", site) from None


@functools.lru_cache(maxsize=4096)
def _statement(text: str) -> Query:
    quick = compile_query(text)
    if quick is None and not _is_read(text):
        _library().parse(text)

    def run(data: Any) -> Any:
        if quick is not None:
            try:
                return quick(data)
            except Unsure:
                pass
        return _library().query(text, data)

    return run


def _is_read(text: str) -> bool:
    try:
        read(text)
    except (NotRead, UnicodeDecodeError):
        return False
    return True


@functools.cache
def _library() -> Any:
    """Loaded when it is needed first: it takes longer than most plans take to compile."""
    return importlib.import_module("undercloud.hot.queries.library")
