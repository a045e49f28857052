"""Snippets of a template compiled to closures: parsed once, evaluated in many stacks.

An expression is a :class:`Const` or a callable that takes the scope. Values are shared between stacks and
never changed in place.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.diagnostics import Severity
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.scope import Scope
from undercloud.hot.values import OMIT, json_key
from undercloud.plan.documents import Document
from undercloud.plan.names import nearest

_FEW_LETTERS = 2

Code = Callable[[Scope], Any]
Handler = Callable[["Compiler", Any, Path], "Expr"]


class Const:
    """An expression that is the same everywhere."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


Expr = Const | Code


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """That a part of a template needs a resource."""

    name: str
    site: Site
    guarded: bool


class Compiler:
    """Compiles the snippets of one template for one version of the language.

    ``problems`` are the faults that hold whatever the parameters are; inside a branch of an ``if`` a fault
    is raised only when the branch is taken. ``references`` are the resources that snippets name.
    """

    def __init__(
        self,
        functions: Mapping[str, Handler],
        condition_functions: Mapping[str, Handler],
        *,
        document: Document | None = None,
        base: str = "",
        later: Mapping[str, str] | None = None,
    ) -> None:
        """``later`` are functions of later versions, with the version, for a warning."""
        self.document = document
        self.base = base
        self.problems: list[Fault] = []
        self.warnings: list[Fault] = []
        self.references: list[Reference] = []
        self.in_condition = False
        self._main = functions
        self._conditions = condition_functions
        self._functions = functions
        self._later = later or {}
        self._guards = 0

    def compile(self, snippet: Any, path: Path) -> Expr:
        """The expression of any snippet."""
        kind = type(snippet)
        if kind is dict:
            return self._mapping(snippet, path)
        if kind is list:
            return self._sequence(snippet, path)
        return Const(snippet)

    def condition(self, snippet: Any, path: Path) -> Expr:
        """The expression of a condition: other functions are known there."""
        before = self.in_condition, self._functions
        self.in_condition, self._functions = True, self._conditions
        try:
            return self.compile(snippet, path)
        finally:
            self.in_condition, self._functions = before

    def branch(self, snippet: Any, path: Path) -> Expr:
        """The expression of what may not be evaluated at all."""
        self._guards += 1
        try:
            return self.compile(snippet, path)
        finally:
            self._guards -= 1

    def fault(self, code: str, message: str, path: Path, fix: str = "") -> Expr:
        """An expression that cannot be compiled; the fault is a problem unless a guard stands before it."""
        fault = Fault(code, message, Site(self.document, path), fix=fix)
        if not self._guards:
            self.problems.append(fault)

        def refuse(_scope: Scope) -> Any:
            raise fault

        return refuse

    def refer(self, name: Any, path: Path) -> None:
        """Note that the snippet needs a resource."""
        if isinstance(name, str):
            self.references.append(Reference(name, Site(self.document, path), self._guards > 0))

    def site(self, path: Path) -> Site:
        """The place of a snippet in the template."""
        return Site(self.document, path)

    def _mapping(self, snippet: dict[Any, Any], path: Path) -> Expr:
        if len(snippet) == 1:
            ((name, args),) = snippet.items()
            handler = self._functions.get(name)
            if handler is not None:
                return handler(self, args, (path, name))
            if name in self._later:
                self._warn_later(name, (path, name))
            elif type(name) is str and ("_" in name or name.startswith("Fn::")):
                self._warn_misspelt(name, (path, name))
        fixed: dict[str, Any] = {}
        dynamic: list[tuple[str, Code]] = []
        for key, value in snippet.items():
            name = key if type(key) is str else json_key(key)
            kind = type(value)
            if kind is not dict and kind is not list:
                fixed[name] = value
                continue
            expr = self.compile(value, (path, key))
            if type(expr) is Const:
                fixed[name] = expr.value
            else:
                fixed[name] = None
                dynamic.append((name, expr))  # type: ignore[arg-type]
        return _mapping_code(fixed, dynamic) if dynamic else Const(fixed)

    def _sequence(self, snippet: list[Any], path: Path) -> Expr:
        fixed: list[Any] = []
        dynamic: list[tuple[int, Code]] = []
        for index, value in enumerate(snippet):
            kind = type(value)
            if kind is not dict and kind is not list:
                fixed.append(value)
                continue
            expr = self.compile(value, (path, index))
            if type(expr) is Const:
                fixed.append(expr.value)
            else:
                fixed.append(None)
                dynamic.append((index, expr))  # type: ignore[arg-type]
        return _sequence_code(fixed, dynamic) if dynamic else Const(fixed)

    def _warn_later(self, name: str, path: Path) -> None:
        self.warnings.append(
            Fault(
                "HOT-024",
                f"{name} is a function only since {self._later[name]}; here it is plain data",
                self.site(path),
                fix=f"Use heat_template_version: {self._later[name]} or later.",
                severity=Severity.WARNING,
            )
        )

    def _warn_misspelt(self, name: str, path: Path) -> None:
        meant = _nearest(name, tuple(self._functions))
        if not meant and not name.startswith("Fn::"):
            return
        self.warnings.append(
            Fault(
                "HOT-027",
                f"{name} is not a function; here it is plain data",
                self.site(path),
                fix=f"Did you mean {meant}?" if meant else "",
                severity=Severity.WARNING,
            )
        )


@functools.lru_cache(maxsize=4096)
def _nearest(name: str, functions: tuple[str, ...]) -> str:
    """The function of several words that a name is nearly, or nothing; few names are worth comparing."""
    alike = [
        other
        for other in functions
        if "_" in other and other[0] == name[0] and abs(len(other) - len(name)) <= _FEW_LETTERS
    ]
    return nearest(name, alike) or ""


def _mapping_code(fixed: dict[str, Any], dynamic: list[tuple[str, Code]]) -> Code:
    def build(scope: Scope) -> dict[str, Any]:
        result = fixed.copy()
        for key, code in dynamic:
            value = code(scope)
            if value is OMIT:
                del result[key]
            else:
                result[key] = value
        return result

    return build


def _sequence_code(fixed: list[Any], dynamic: list[tuple[int, Code]]) -> Code:
    def build(scope: Scope) -> list[Any]:
        result = fixed.copy()
        omitted = False
        for index, code in dynamic:
            value = code(scope)
            result[index] = value
            if value is OMIT:
                omitted = True
        return [item for item in result if item is not OMIT] if omitted else result

    return build


def evaluate(expr: Expr, scope: Scope) -> Any:
    """The value of an expression as an argument: an omitted one counts as null."""
    if type(expr) is Const:
        return expr.value
    value = expr(scope)  # type: ignore[operator]
    return None if value is OMIT else value


def code_of(expr: Expr) -> Code:
    """The expression as a callable; what is omitted stays so."""
    if type(expr) is Const:
        value = expr.value
        return lambda _scope: value
    return expr  # type: ignore[return-value]
