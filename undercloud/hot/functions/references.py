"""Functions that refer to something: parameters, resources, attributes, files, the facade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.hot.expressions import Compiler, Const, Expr, code_of, evaluate
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.scope import Scope
from undercloud.hot.values import OMIT, kind_of, shown

_PARAM_FORM = "Write get_param: NAME, or get_param: [NAME, KEY, ...]."
_ATTR_FORM = "Write get_attr: [RESOURCE, ATTRIBUTE, KEY, ...]."


def get_param(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``get_param: NAME`` or ``[NAME, key, …]``; a path that leads nowhere gives ''."""
    site = compiler.site(path)
    if isinstance(args, str) and args:
        return _whole_parameter(args, site)
    if not args or not isinstance(args, list | dict):
        return compiler.fault("HOT-021", f"get_param takes a name, not {kind_of(args)}", path, _PARAM_FORM)
    if isinstance(args, list) and all(isinstance(item, str | int) for item in args):
        if isinstance(args[0], str):
            return _part_of_parameter(args[0], args[1:], site)
        return compiler.fault("HOT-021", "the name in get_param must be a string", path, _PARAM_FORM)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> Any:
        value = evaluate(expr, scope)
        if isinstance(value, str) and value:
            return parameter(scope, value, site)
        if not isinstance(value, list) or not value or not isinstance(value[0], str):
            raise Fault("HOT-022", f"get_param was given {shown(value)} for a name", site, fix=_PARAM_FORM)
        return follow(parameter(scope, value[0], site), value[1:])

    return run


def _whole_parameter(name: str, site: Site) -> Expr:
    def run(scope: Scope) -> Any:
        try:
            return scope.parameters[name]
        except KeyError:
            raise scope.missing_parameter(name, site) from None

    return run


def _part_of_parameter(name: str, keys: list[Any], site: Site) -> Expr:
    def run(scope: Scope) -> Any:
        try:
            value = scope.parameters[name]
        except KeyError:
            raise scope.missing_parameter(name, site) from None
        return follow(value, keys)

    return run


def parameter(scope: Scope, name: str, site: Site) -> Any:
    """The value of a parameter; raises Fault if there is none."""
    try:
        return scope.parameters[name]
    except KeyError:
        raise scope.missing_parameter(name, site) from None


def follow(value: Any, keys: list[Any]) -> Any:
    """What a path of keys and indexes leads to in a parameter's value, '' if nowhere."""
    for key in keys:
        try:
            if isinstance(value, Mapping):
                value = value[key]
            elif isinstance(value, Sequence) and isinstance(key, str | int):
                value = value[int(key)]
            else:
                return ""
        except (KeyError, IndexError, ValueError, TypeError):
            return ""
    return value


def select(value: Any, keys: tuple[Any, ...]) -> Any:
    """What a path leads to in an attribute's value, None if nowhere. Indexes must be numbers here."""
    for key in keys:
        if not isinstance(value, Mapping | Sequence) or not isinstance(key, str | int):
            return None
        try:
            value = value[key]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def get_attr(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``get_attr: [RESOURCE, ATTRIBUTE, key, …]``; with the resource alone, all its attributes."""
    if isinstance(args, list) and len(args) == 1:
        return _all_attributes(compiler, args[0], path)
    return get_attr_one(compiler, args, path)


def get_attr_one(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``get_attr`` of the versions before 2015-10-15: the attribute must be named."""
    if not isinstance(args, list) or len(args) < 2:
        return compiler.fault(
            "HOT-021", "get_attr takes a list of resource, attribute and keys", path, _ATTR_FORM
        )
    site = compiler.site(path)
    compiler.refer(args[0], path)
    expr = compiler.compile(args, path)
    if type(expr) is Const:
        name, attribute, keys = args[0], args[1], tuple(args[2:])

        def run(scope: Scope) -> Any:
            return scope.resource(name, site).attribute(attribute, _keys(keys, site), site)

        return run
    code = code_of(expr)

    def run_dynamic(scope: Scope) -> Any:
        value = code(scope)
        if len(value) < 2:
            raise Fault("HOT-022", "get_attr was left without an attribute", site, fix=_ATTR_FORM)
        return scope.resource(value[0], site).attribute(value[1], _keys(value[2:], site), site)

    return run_dynamic


def _keys(keys: Sequence[Any], site: Site) -> tuple[Any, ...]:
    """The keys of a path into an attribute; raises Fault for a map or a list among them."""
    for key in keys:
        if isinstance(key, dict | list):
            message = f"a key of get_attr is {kind_of(key)}: {shown(key)}"
            raise Fault("HOT-022", message, site, fix=_ATTR_FORM)
    return tuple(keys)


def _all_attributes(compiler: Compiler, name: Any, path: Path) -> Expr:
    site = compiler.site(path)
    compiler.refer(name, path)
    expr = compiler.compile(name, (path, 0))

    def run(scope: Scope) -> Any:
        return scope.resource(evaluate(expr, scope), site).attributes(site)

    return run


def get_resource(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``get_resource: NAME``: the resource's reference."""
    site = compiler.site(path)
    compiler.refer(args, path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> Any:
        return scope.resource(evaluate(expr, scope), site).identity(site)

    return run


def ref(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``Ref: NAME`` of the oldest version: a resource or a parameter."""
    if not isinstance(args, str):
        return compiler.fault("HOT-021", f"Ref takes a name, not {kind_of(args)}", path)
    site = compiler.site(path)

    def run(scope: Scope) -> Any:
        if scope.has_resource(args):
            return scope.resource(args, site).identity(site)
        return parameter(scope, args, site)

    return run


def get_file(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``get_file: PATH``: the text of a file, the path relative to the template."""
    site, base = compiler.site(path), compiler.base
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> Any:
        value = evaluate(expr, scope)
        if not isinstance(value, str):
            raise Fault("HOT-022", f"get_file takes a path, not {kind_of(value)}", site)
        return scope.file(value, base, site)

    return run


def resource_facade(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``resource_facade: metadata|deletion_policy|update_policy`` of the resource around it."""
    return _facade(compiler, args, path, {name: name for name in _FACADE.values()})


def cfn_resource_facade(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``Fn::ResourceFacade`` with the names of CloudFormation."""
    return _facade(compiler, args, path, _FACADE)


_FACADE = {
    "Metadata": "metadata",
    "DeletionPolicy": "deletion_policy",
    "UpdatePolicy": "update_policy",
}


def _facade(compiler: Compiler, args: Any, path: Path, names: Mapping[str, str]) -> Expr:
    part = names.get(args) if isinstance(args, str) else None
    if part is None:
        return compiler.fault("HOT-021", f"the facade has only {', '.join(names)}", path)
    site = compiler.site(path)

    def run(scope: Scope) -> Any:
        value = scope.facade(part, site)
        return None if value is OMIT else value

    return run
