"""Functions that build or take apart text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlunsplit

from undercloud.hot.expressions import Compiler, Expr, Handler, code_of, evaluate
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.scope import Scope
from undercloud.hot.values import LONGEST, TooLarge, is_list, json_text, kind_of, shown
from undercloud.plan.secrets import Secret, is_secret, secret_if

_REPLACE_FORM = "Write template: TEXT and params: {PLACEHOLDER: VALUE, ...} below it."


def str_replace(*, strict: bool = False, empty: bool = True, json: bool = True) -> Handler:
    """The family of ``str_replace``.

    ``strict``: a placeholder that the text lacks is an error; ``empty``: empty values are allowed;
    ``json``: maps and lists are written as JSON (since 2015-10-15).
    """

    def compile_replace(compiler: Compiler, args: Any, path: Path) -> Expr:
        if not isinstance(args, dict) or "params" not in args or "template" not in args:
            return compiler.fault("HOT-021", f"{_name(path)} lacks template or params", path, _REPLACE_FORM)
        site = compiler.site(path)
        template = compiler.compile(args["template"], (path, "template"))
        params = compiler.compile(args["params"], (path, "params"))
        if not isinstance(args["params"], dict):
            return compiler.fault("HOT-021", "params must be a map", (path, "params"), _REPLACE_FORM)

        def run(scope: Scope) -> str:
            text = evaluate(template, scope)
            if not isinstance(text, str):
                raise Fault("HOT-022", f"the template is {kind_of(text)}, not text", site, fix=_REPLACE_FORM)
            mapping = evaluate(params, scope)
            if not isinstance(mapping, Mapping):
                raise Fault("HOT-022", f"the params are {kind_of(mapping)}", site, fix=_REPLACE_FORM)
            return _replace(text, mapping, site, strict=strict, empty=empty, json=json)

        return run

    return compile_replace


def _replace(
    text: str, mapping: Mapping[str, Any], site: Site, *, strict: bool, empty: bool, json: bool
) -> str:
    """Longest placeholder first, then in lexical order; replaced text is not looked at again."""
    pairs = []
    for key in sorted(mapping, key=lambda name: (-len(name), name)):
        if not key:
            raise Fault("HOT-022", "an empty placeholder cannot be replaced", site)
        pairs.append((key, _replacement(key, mapping[key], site, empty, json)))
    secret = isinstance(text, Secret)
    used: set[str] = set()

    def fill(part: str, start: int) -> str:
        for index in range(start, len(pairs)):
            key, value = pairs[index]
            if key in part:
                used.add(key)
                pieces = part.split(key)
                _check_length(len(part) + (len(pieces) - 1) * len(value), site)
                return value.join([fill(piece, index + 1) for piece in pieces])
        return part

    result = fill(text, 0)
    if strict and len(used) < len(pairs):
        unused = [key for key, _ in pairs if key not in used]
        raise Fault(
            "HOT-022",
            f"the template does not contain {', '.join(unused)}",
            site,
            fix="Remove these params, or add the placeholders to the template.",
        )
    if secret or any(isinstance(value, Secret) and key in used for key, value in pairs):
        return Secret(result)
    return result


def _replacement(key: str, value: Any, site: Site, empty: bool, json: bool) -> str:
    if isinstance(value, str):
        text = value
    elif value is None:
        text = ""
    elif isinstance(value, bool | int | float):
        text = str(value)
    elif json:
        if not empty and not value:
            raise _empty(key, site)
        text = _json(value, f"the value of {key}", site)
    else:
        raise Fault("HOT-022", f"the value of {key} is {kind_of(value)}, not text or a number", site)
    if not empty and not text:
        raise _empty(key, site)
    return text


def _empty(key: str, site: Site) -> Fault:
    return Fault("HOT-022", f"the value of {key} is empty", site, fix="Give it a value, or use str_replace.")


def _json(value: Any, what: str, site: Site) -> str:
    try:
        return json_text(value)
    except TooLarge as error:
        raise Fault("HOT-052", f"{what} cannot be written as JSON: {error}", site) from None
    except (TypeError, ValueError) as error:
        raise Fault("HOT-022", f"{what} cannot be written as JSON: {error}", site) from None


def _check_length(length: int, site: Site) -> None:
    if length > LONGEST:
        raise Fault("HOT-052", f"the text would have more than {LONGEST:,} characters", site)


def list_join(*, several: bool = True) -> Handler:
    """``list_join: [DELIMITER, LIST, …]``; before 2015-10-15 one list of strings (not ``several``)."""

    def compile_join(compiler: Compiler, args: Any, path: Path) -> Expr:
        site = compiler.site(path)
        form = f"Write {_name(path)}: [DELIMITER, [ITEM, ...]]."
        if not isinstance(args, list) or len(args) < 2 or (len(args) > 2 and not several):
            return compiler.fault("HOT-021", f"{_name(path)} takes a delimiter and a list", path, form)
        delimiter = compiler.compile(args[0], (path, 0))
        lists = code_of(compiler.compile(args[1:], path))

        def run(scope: Scope) -> str:
            items: list[Any] = []
            for part in lists(scope):
                if not part and (part is None or several or is_list(part)):
                    continue
                if not is_list(part):
                    raise Fault("HOT-022", f"{_name(path)} joins lists, not {kind_of(part)}", site, fix=form)
                items += part
            text = evaluate(delimiter, scope)
            if not isinstance(text, str):
                raise Fault("HOT-022", f"the delimiter is {kind_of(text)}", site, fix=form)
            return _joined(text, items, site, several)

        return run

    return compile_join


def _joined(delimiter: str, items: list[Any], site: Site, json: bool) -> str:
    parts: list[str] = []
    secret = isinstance(delimiter, Secret)
    for item in items:
        if isinstance(item, str):
            part = item
        elif item is None:
            part = ""
        elif json and isinstance(item, list | tuple | Mapping):
            part = _json(item, "an item", site)
        else:
            raise Fault(
                "HOT-022", f"an item to join is {kind_of(item)}: {shown(item)}", site, fix="Quote it."
            )
        secret = secret or type(part) is Secret
        parts.append(part)
    _check_length(sum(map(len, parts)) + len(parts) * len(delimiter), site)
    text = delimiter.join(parts)
    return Secret(text) if secret else text


def str_split(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``str_split: [DELIMITER, TEXT, INDEX]``: the parts, or one of them; null stays null."""
    site = compiler.site(path)
    form = "Write str_split: [DELIMITER, TEXT] or [DELIMITER, TEXT, INDEX]."
    if isinstance(args, str | dict):
        return compiler.fault("HOT-021", "str_split takes a list", path, form)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> Any:
        value = evaluate(expr, scope)
        if not isinstance(value, list) or len(value) < 2:
            raise Fault("HOT-021", "str_split takes a delimiter and a text", site, fix=form)
        delimiter, text = value[0], value[1]
        if text is None:
            return None
        if not isinstance(text, str) or not isinstance(delimiter, str) or not delimiter:
            raise Fault("HOT-022", f"cannot split {kind_of(text)} at {shown(delimiter)}", site, fix=form)
        parts: list[str] = text.split(delimiter)
        if isinstance(text, Secret):
            parts = [Secret(part) for part in parts]
        return parts if len(value) == 2 else _item(parts, value[2], site)

    return run


def _item(parts: list[str], index: Any, site: Site) -> str:
    try:
        return parts[int(index)]
    except (ValueError, TypeError):
        raise Fault("HOT-022", f"the index is {shown(index)}, not a number", site) from None
    except IndexError:
        raise Fault("HOT-022", f"the index {index} is not between 0 and {len(parts) - 1}", site) from None


def digest(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``digest: [ALGORITHM, TEXT]`` in hexadecimal."""
    site = compiler.site(path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> str:
        value = evaluate(expr, scope)
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, str) for v in value):
            raise Fault(
                "HOT-021", "digest takes an algorithm and a text", site, fix="Write digest: [sha512, TEXT]."
            )
        algorithm, text = value
        if algorithm.lower() not in hashlib.algorithms_available:
            known = ", ".join(sorted(hashlib.algorithms_guaranteed))
            raise Fault("HOT-022", f"{algorithm} is not a known digest", site, fix=f"Use one of {known}.")
        try:
            result = hashlib.new(algorithm, text.encode("latin-1"), usedforsecurity=False).hexdigest()
        except (UnicodeEncodeError, ValueError, TypeError) as error:
            raise Fault("HOT-022", f"the digest cannot be made: {error}", site) from None
        return secret_if(result, text)

    return run


_URL_KEYS = ("scheme", "username", "password", "host", "port", "path", "query", "fragment")


def make_url(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``make_url: {scheme, username, password, host, port, path, query, fragment}``, escaped."""
    site = compiler.site(path)
    if not isinstance(args, dict):
        return compiler.fault("HOT-021", f"make_url takes a map, not {kind_of(args)}", path)
    unknown = [str(key) for key in args if key not in _URL_KEYS]
    if unknown:
        return compiler.fault(
            "HOT-021", f"make_url does not know {', '.join(unknown)}", path, f"It has {', '.join(_URL_KEYS)}."
        )
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> str:
        parts = evaluate(expr, scope)
        if not isinstance(parts, Mapping):
            raise Fault("HOT-022", f"make_url was given {kind_of(parts)}", site)
        _check_url(parts, site)
        url = _url(parts)
        return Secret(url) if any(is_secret(part) for part in parts.values()) else url

    return run


def _check_url(parts: Mapping[str, Any], site: Site) -> None:
    for key in _URL_KEYS:
        if key not in parts:
            continue
        value = parts[key]
        if key == "query":
            if not isinstance(value, Mapping):
                raise Fault("HOT-022", f"the query is {kind_of(value)}, not a map", site)
        elif key == "port":
            try:
                valid = 0 < int(value) <= 65535
            except (ValueError, TypeError):
                valid = False
            if not valid:
                raise Fault("HOT-022", f"the port {shown(value)} is not a number from 1 to 65535", site)
        elif not isinstance(value, str):
            raise Fault("HOT-022", f"the {key} is {kind_of(value)}, not text", site)
    if ":" in parts.get("scheme", ""):
        raise Fault("HOT-022", "the scheme may not contain ':'", site, fix="Leave out ://.")


def _url(parts: Mapping[str, Any]) -> str:
    user, password = (quote(parts.get(key, ""), safe="") for key in ("username", "password"))
    login = (user + (":" + password if password else "") + "@") if user or password else ""
    host = parts.get("host", "")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    host = quote(host, safe=":")
    if ":" in host:
        host = "[" + host + "]"
    port = parts.get("port", "")
    netloc = login + host + (":" + str(port) if port else "")
    query = urlencode(parts.get("query", {})).replace("%2F", "/")
    url: str = urlunsplit(
        (
            parts.get("scheme", ""),
            netloc,
            quote(parts.get("path", "")),
            query,
            quote(parts.get("fragment", "")),
        )
    )
    return url


def _name(path: Path) -> str:
    return str(path[1]) if path else "the function"
