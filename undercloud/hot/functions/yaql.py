"""The function ``yaql``: a query over data, with Heat's engine options, parsed once.

yaql's own engine evaluates; its functions that build text are wrapped, so that text built from a secret is
secret.
"""

from __future__ import annotations

import functools
import string
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaql as library
from yaql.language import exceptions as yaql_errors
from yaql.language import specs, yaqltypes
from yaql.language import utils as yaql_data

from undercloud.hot.expressions import Compiler, Const, Expr, code_of, evaluate
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.scope import Scope
from undercloud.hot.values import kind_of
from undercloud.plan.secrets import Secret, is_secret

LIMIT_ITERATORS = 9000
MEMORY_QUOTA = 900_000
_TEXT_MODULES = tuple(f"yaql.standard_library.{name}" for name in ("strings", "regex", "common", "math"))
_FORM = "Write expression: QUERY and data: {NAME: VALUE, ...} below it; the query reads $.data.NAME."
_lock = threading.Lock()

Statement = Callable[[Any], Any]


def yaql(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``yaql: {expression, data}``."""
    if not isinstance(args, dict) or "expression" not in args or set(args) - {"expression", "data"}:
        return compiler.fault("HOT-021", "yaql takes expression and data", path, _FORM)
    site = compiler.site(path)
    text = compiler.compile(args["expression"], (path, "expression"))
    data = code_of(compiler.compile(args.get("data", {}), (path, "data")))
    fixed: Statement | None = None
    if type(text) is Const:
        try:
            fixed = _statement(text.value, site.below("expression"))
        except Fault as fault:
            return compiler.fault(fault.code, fault.message, (path, "expression"), fault.fix)

    def run(scope: Scope) -> Any:
        statement = fixed or _statement(evaluate(text, scope), site)
        result = query(statement, data(scope), site)
        if not scope.normaliser.odd_keys and _has_odd_keys(result):
            scope.normaliser.odd_keys = True
        return result

    return run


def _has_odd_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return any(not isinstance(key, str) or _has_odd_keys(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_has_odd_keys(item) for item in value)
    return isinstance(value, set | frozenset)


def _statement(text: Any, site: Site) -> Statement:
    if not isinstance(text, str):
        raise Fault("HOT-021", f"a yaql expression is text, not {kind_of(text)}", site, fix=_FORM)
    try:
        return parse(text)
    except yaql_errors.YaqlException as error:
        raise Fault("HOT-025", f"this yaql expression cannot be read: {error}", site) from None


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Statement:
    """The parsed expression; raises YaqlException."""
    with _lock:
        return _engine()(text).evaluate  # type: ignore[no-any-return]


def query(statement: Statement, data: Any, site: Site) -> Any:
    """What the expression gives for the data; raises Fault."""
    context = _context().create_child_context()
    try:
        return statement({"data": data}, context)  # type: ignore[call-arg]
    except yaql_errors.YaqlException as error:
        raise Fault("HOT-026", f"the yaql expression fails: {error}", site) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        message = f"{type(error).__name__}: {error}"
        raise Fault("HOT-026", f"the yaql expression fails on this data: {message}", site) from None


@functools.cache
def _engine() -> Any:
    options = {"yaql.limitIterators": LIMIT_ITERATORS, "yaql.memoryQuota": MEMORY_QUOTA}
    return library.YaqlFactory().create(options)


@functools.cache
def _context() -> Any:
    context = library.create_context()
    layer = context
    while layer is not None:
        for definitions in layer._functions.values():  # noqa: SLF001 - yaql offers no other way to them
            for definition in _definitions(definitions):
                if getattr(definition.payload, "__module__", "") in _TEXT_MODULES:
                    definition.payload = _keeping_secrets(definition.payload)
        layer = layer.parent
    context.register_function(_keeping_secrets(_format), name="format")
    return context


class _Formatter(string.Formatter):
    """``{0}`` and ``{name}`` only: attributes and items of a value would lead into Python itself."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        """The argument of a field; raises ValueError for what is no plain name or number."""
        if not field_name.replace("_", "a").isalnum():
            raise ValueError(f"format knows {{0}} and {{name}}, not {{{field_name}}}")
        return super().get_field(field_name, args, kwargs)


@specs.parameter("__format_string", yaqltypes.String())  # type: ignore[untyped-decorator]
@specs.extension_method  # type: ignore[untyped-decorator]
def _format(__format_string: str, *args: Any, **kwargs: Any) -> str:
    """yaql's ``format``, which its third version no longer has."""
    return _Formatter().vformat(__format_string, args, kwargs)


def _definitions(entry: Any) -> Iterator[Any]:
    for item in entry if isinstance(entry, set | frozenset | list | tuple) else [entry]:
        if hasattr(item, "payload"):
            yield item
        elif isinstance(item, set | frozenset | list | tuple):
            yield from _definitions(item)


def _keeping_secrets(payload: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose text is secret if an argument was."""

    @functools.wraps(payload)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        given = [list(arg) if yaql_data.is_iterator(arg) else arg for arg in args]
        result = payload(*given, **kwargs)
        if isinstance(result, str | list | tuple) and _any_secret(given, kwargs):
            return _secret(result)
        return result

    return wrapped


def _any_secret(args: list[Any], kwargs: Mapping[str, Any]) -> bool:
    return any(is_secret(arg) for arg in args) or any(is_secret(arg) for arg in kwargs.values())


def _secret(value: Any) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, Secret) else Secret(value)
    return type(value)(_secret(item) if isinstance(item, str) else item for item in value)
