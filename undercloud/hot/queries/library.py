"""yaql's own library as the evaluator, with Heat's engine options.

Its functions that build text are wrapped, so that text built from a secret is secret.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaql
from yaql.language import exceptions as yaql_errors
from yaql.language import specs, yaqltypes
from yaql.language import utils as yaql_data

from undercloud.hot.queries.methods import Formatter
from undercloud.plan.secrets import Secret, is_secret

LIMIT_ITERATORS = 9000
MEMORY_QUOTA = 900_000
_TEXT_MODULES = tuple(f"yaql.standard_library.{name}" for name in ("strings", "regex", "common", "math"))
_lock = threading.Lock()


class QueryError(ValueError):
    """An expression that cannot be read, or fails on its data; the message is yaql's."""


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Any:
    """The parsed expression; raises QueryError."""
    with _lock:
        try:
            return _engine()(text)
        except (yaql_errors.YaqlException, ValueError) as error:
            raise QueryError(str(error)) from None


def query(text: str, data: Any) -> Any:
    """What the expression gives for the data; raises QueryError."""
    statement = parse(text)
    try:
        return statement.evaluate({"data": data}, _context().create_child_context())
    except yaql_errors.YaqlException as error:
        raise QueryError(str(error)) from None
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        RuntimeError,
        StopIteration,
        TypeError,
        ValueError,
    ) as error:
        raise QueryError(f"{type(error).__name__}: {error}") from None


@functools.cache
def _engine() -> Any:
    options = {"yaql.limitIterators": LIMIT_ITERATORS, "yaql.memoryQuota": MEMORY_QUOTA}
    return yaql.YaqlFactory().create(options)


@functools.cache
def _context() -> Any:
    context = yaql.create_context()
    layer = context
    while layer is not None:
        for definitions in layer._functions.values():  # noqa: SLF001 - yaql offers no other way to them
            for definition in _definitions(definitions):
                if getattr(definition.payload, "__module__", "") in _TEXT_MODULES:
                    definition.payload = _keeping_secrets(definition.payload)
        layer = layer.parent
    context.register_function(_keeping_secrets(_format), name="format")
    return context


@specs.parameter("__format_string", yaqltypes.String())  # type: ignore[untyped-decorator]
@specs.extension_method  # type: ignore[untyped-decorator]
def _format(__format_string: str, *args: Any, **kwargs: Any) -> str:
    """yaql's ``format``, which its third version no longer has."""
    return Formatter().vformat(__format_string, args, kwargs)


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
