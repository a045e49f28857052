"""Functions that the first versions took over from CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from undercloud.hot.expressions import Compiler, Const, Expr, evaluate
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.functions.text import str_replace
from undercloud.hot.scope import Scope
from undercloud.hot.values import is_list, kind_of, shown
from undercloud.plan.secrets import Secret, conceal


def select(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``Fn::Select: [INDEX, LIST or MAP or JSON]``: '' where nothing is."""
    site = compiler.site(path)
    if not isinstance(args, list) or len(args) != 2:
        return compiler.fault("HOT-021", "Fn::Select takes an index and a list or map", path)
    index_expr, items_expr = (compiler.compile(item, (path, number)) for number, item in enumerate(args))

    def run(scope: Scope) -> Any:
        return _selected(evaluate(index_expr, scope), evaluate(items_expr, scope), site)

    return run


def _selected(index: Any, items: Any, site: Site) -> Any:
    if items is None or items == "":
        return ""
    if isinstance(items, str):
        items = _from_json(items, site)
    if isinstance(items, Mapping):
        if not isinstance(index, str):
            raise Fault("HOT-022", f"the key in Fn::Select is {kind_of(index)}", site, fix="Quote it.")
        return items.get(index, "")
    if not is_list(items):
        raise Fault("HOT-022", f"Fn::Select cannot look into {kind_of(items)}", site)
    try:
        number = int(index)
    except (ValueError, TypeError):
        raise Fault("HOT-022", f"the index in Fn::Select is {shown(index)}", site) from None
    try:
        return items[number]
    except IndexError:
        return ""


def _from_json(text: str, site: Site) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Fault("HOT-022", f"Fn::Select was given text that is not JSON: {error}", site) from None
    return conceal(value) if isinstance(text, Secret) else value


def split(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``Fn::Split: [DELIMITER, TEXT]``."""
    site = compiler.site(path)
    if not isinstance(args, list) or len(args) != 2:
        return compiler.fault("HOT-021", "Fn::Split takes a delimiter and a text", path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> list[str]:
        value = evaluate(expr, scope)
        if len(value) != 2 or not all(isinstance(item, str) for item in value) or not value[0]:
            raise Fault("HOT-022", "Fn::Split takes a delimiter and a text", site)
        parts: list[str] = value[1].split(value[0])
        return [Secret(part) for part in parts] if isinstance(value[1], Secret) else parts

    return run


def base64(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``Fn::Base64: TEXT``: in HOT the text itself, as it is encoded where it is used."""
    site = compiler.site(path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> str:
        value = evaluate(expr, scope)
        if not isinstance(value, str):
            raise Fault("HOT-022", f"Fn::Base64 takes text, not {kind_of(value)}", site)
        return value

    return run


def replace(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``Fn::Replace``: ``str_replace`` in its first form."""
    if isinstance(args, list) and len(args) == 2:
        args = {"params": args[0], "template": args[1]}
    return str_replace(json=False)(compiler, args, path)


def availability_zones(compiler: Compiler, args: Any, path: Path) -> Expr:  # noqa: ARG001 - a handler's form
    """``Fn::GetAZs``: there is no cloud to ask, so the one zone that every Nova has."""
    return Const(["nova"])


def member_list_to_map(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``Fn::MemberListToMap: [KEY, VALUE, [".member.0.KEY=…", …]]``."""
    site = compiler.site(path)
    if not isinstance(args, list) or len(args) != 3:
        return compiler.fault("HOT-021", "Fn::MemberListToMap takes two names and a list", path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> dict[str, str]:
        value = evaluate(expr, scope)
        if len(value) != 3 or not is_list(value[2]) or not all(isinstance(item, str) for item in value[2]):
            raise Fault("HOT-022", "Fn::MemberListToMap takes a list of strings", site)
        return _members(value[0], value[1], value[2])

    return run


def _members(key_name: str, value_name: str, items: list[str]) -> dict[str, str]:
    members: dict[str, dict[str, str]] = {}
    for item in items:
        left, _, text = item.partition("=")
        parts = left.strip().split(".")
        if len(parts) >= 4 and parts[1] == "member":
            members.setdefault(parts[2], {})[parts[3]] = text
    return {
        member[key_name]: member[value_name]
        for member in members.values()
        if key_name in member and value_name in member
    }
