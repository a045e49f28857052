"""Functions of conditions, and ``if``."""

from __future__ import annotations

from typing import Any

from undercloud.hot.expressions import Compiler, Const, Expr, Handler, code_of, evaluate
from undercloud.hot.faults import Path, Site
from undercloud.hot.scope import Scope
from undercloud.hot.values import OMIT


def equals(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``equals: [VALUE, VALUE]``."""
    if not isinstance(args, list) or len(args) != 2:
        return compiler.fault("HOT-021", "equals compares two values", path, "Write equals: [VALUE, VALUE].")
    first, second = (compiler.compile(item, (path, index)) for index, item in enumerate(args))

    def run(scope: Scope) -> bool:
        return bool(evaluate(first, scope) == evaluate(second, scope))

    return run


def not_(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``not: CONDITION``."""
    if args is None:
        return compiler.fault("HOT-021", "not takes a condition", path, "Write not: CONDITION.")
    site = compiler.site(path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> bool:
        return not holds(evaluate(expr, scope), scope, site)

    return run


def both(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``and: [CONDITION, CONDITION, …]``."""
    return _combined(compiler, args, path, all_hold=True)


def either(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``or: [CONDITION, CONDITION, …]``."""
    return _combined(compiler, args, path, all_hold=False)


def _combined(compiler: Compiler, args: Any, path: Path, all_hold: bool) -> Expr:
    name = "and" if all_hold else "or"
    if not isinstance(args, list) or len(args) < 2:
        form = f"Write {name}: [CONDITION, CONDITION, ...]."
        return compiler.fault("HOT-021", f"{name} takes a list of at least two conditions", path, form)
    site = compiler.site(path)
    expr = code_of(compiler.compile(args, path))
    combine = all if all_hold else any

    def run(scope: Scope) -> bool:
        return combine(holds(item, scope, site) for item in expr(scope))

    return run


def holds(value: Any, scope: Scope, site: Site) -> bool:
    """Whether a condition (a boolean, or the name of one) holds."""
    return value if isinstance(value, bool) else scope.condition(value, site)


def if_(*, nullable: bool = True) -> Handler:
    """``if: [CONDITION, THEN, ELSE]``; without ELSE (since 2021-04-16) the item is left out."""

    def compile_if(compiler: Compiler, args: Any, path: Path) -> Expr:
        counts = (2, 3) if nullable else (3,)
        if not isinstance(args, list) or len(args) not in counts:
            form = "Write if: [CONDITION, THEN, ELSE]" + (", or without ELSE." if nullable else ".")
            return compiler.fault("HOT-021", "if takes a condition and the values to choose from", path, form)
        site = compiler.site((path, 0))
        condition = compiler.condition(args[0], (path, 0))
        then = code_of(compiler.branch(args[1], (path, 1)))
        other = compiler.branch(args[2], (path, 2)) if len(args) == 3 else Const(OMIT)
        otherwise = code_of(other)

        def run(scope: Scope) -> Any:
            return then(scope) if holds(evaluate(condition, scope), scope, site) else otherwise(scope)

        return run

    return compile_if


def not_in_conditions(compiler: Compiler, args: Any, path: Path) -> Expr:  # noqa: ARG001 - a handler's form
    """A function that a condition may not use."""
    name = path[1] if path else ""
    return compiler.fault(
        "HOT-023",
        f"{name} cannot be used in a condition",
        path,
        "Conditions know get_param, equals, not, and, or, contains and yaql.",
    )


def removed(compiler: Compiler, args: Any, path: Path) -> Expr:  # noqa: ARG001 - a handler's form
    """A function of older versions."""
    name = path[1] if path else ""
    return compiler.fault(
        "HOT-020",
        f"{name} is not a function of this heat_template_version",
        path,
        _INSTEAD.get(str(name), ""),
    )


_INSTEAD = {
    "Ref": "Use get_resource or get_param.",
    "Fn::Join": "Use list_join.",
    "Fn::Split": "Use str_split.",
    "Fn::Replace": "Use str_replace.",
    "Fn::Select": "Use get_param or get_attr with a path, or str_split with an index.",
    "Fn::ResourceFacade": "Use resource_facade.",
    "Fn::Base64": "Leave it out: it does nothing.",
}
