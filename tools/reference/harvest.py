"""Every code of a finding, with what the code that makes it says: read from the sources, never run.

A code stands as a text in a call (``Finding("NET-014", message, fix, …)``, ``UndercloudError.of(…)``, and
the helpers of each room), and in the docstring of what raises it (``PLAN-001 no valid YAML, PLAN-002 …``).
Messages are followed to the variable that holds them; what an f-string fills in becomes a word in braces.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CODE = re.compile(r"[A-Z][A-Z0-9]*-\d{3}")
_TOLD = re.compile(
    r"\b([A-Z][A-Z0-9]*-\d{3})(?:\s+|: )((?!to\b|and [A-Z0-9]+-\d|…)[^\s,;.…][^;]*?)"
    r"(?=[,;:.]?\s*(?:and |or |…\s*)?\b[A-Z][A-Z0-9]*-\d{3}|[;.](?:\s|$)|\s*\n\s*\n|$)"
)
_NOT_CODES = frozenset({"SHA-256", "UTF-008", "ISO-8601"})
_SEVERITIES = ("ERROR", "WARNING", "INFO")
_FAR = 3
_EMPTY = ("see ", "for ", "if ", "when ", "where ", "while ", "too", "tells", "as ", "and ")
"""How words begin that follow a code and say nothing of what it is."""


@dataclass
class Seen:
    """What the sources say about one code: short descriptions, messages, fixes, severities, and where."""

    code: str
    titles: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    fixes: list[str] = field(default_factory=list)
    severities: set[str] = field(default_factory=set)
    modules: list[str] = field(default_factory=list)


def harvest(root: Path, directories: tuple[str, ...]) -> dict[str, Seen]:
    """Every code that stands in the Python files below the directories."""
    trees = {
        str(path.relative_to(root)): ast.parse(path.read_text("utf-8"))
        for directory in directories
        for path in sorted((root / directory).rglob("*.py"))
    }
    named = _named_codes(trees.values())
    found: dict[str, Seen] = {}
    for module, tree in trees.items():
        _module(tree, module, named, found)
    return {code: found[code] for code in sorted(found)}


def _named_codes(trees: Iterable[ast.Module]) -> dict[str, ast.expr]:
    """Constants of modules that hold a code, as ``FENCED = "NODE-001"``."""
    return {
        name: value
        for tree in trees
        for name, value in _constants(tree).items()
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and is_code(value.value)
    }


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                found[target.id] = value
    return found


def _module(tree: ast.Module, module: str, named: Mapping[str, ast.expr], found: dict[str, Seen]) -> None:
    constants = {**named, **_constants(tree)}
    for name, value in _constants(tree).items():
        if isinstance(value, ast.Dict):
            _table(name, value, module, found)
    for scope in _scopes(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            for code, text in told(ast.get_docstring(scope) or ""):
                _add(_seen(found, code, module).titles, text)
        reader = _Reader(scope, constants)
        for node in _own(scope):
            if isinstance(node, ast.Call):
                _call(node, reader, module, found)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and is_code(node.value):
                _seen(found, node.value, module)


def _table(name: str, table: ast.Dict, module: str, found: dict[str, Seen]) -> None:
    """A map from codes to texts: fixes if its name says so, else titles."""
    for key, value in zip(table.keys, table.values, strict=True):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str) and is_code(key.value)):
            continue
        last = value.elts[-1] if isinstance(value, ast.Tuple) and value.elts else value
        if isinstance(last, ast.Constant) and isinstance(last.value, str):
            seen = _seen(found, key.value, module)
            _add(seen.fixes if "FIX" in name else seen.titles, _tidy(last.value))


def told(docstring: str) -> Iterator[tuple[str, str]]:
    """The codes that a docstring explains, each with its words."""
    for match in _TOLD.finditer(docstring):
        text = " ".join(match.group(2).split()).strip(" .,")
        if text.count("(") != text.count(")"):
            text = text.partition("(")[0].strip()
        if is_code(match.group(1)) and text and not CODE.search(text) and not text.startswith(_EMPTY):
            yield match.group(1), text


def is_code(text: str) -> bool:
    """Whether a text is a code and nothing else."""
    return bool(CODE.fullmatch(text)) and text not in _NOT_CODES


def _call(node: ast.Call, reader: _Reader, module: str, found: dict[str, Seen]) -> None:
    """A call with a code among its arguments: what follows is the message, then the fix."""
    arguments = list(node.args)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    for index, argument in enumerate(arguments):
        codes = [each for each in reader.texts(argument) if is_code(each)]
        if not codes or not isinstance(argument, ast.Constant | ast.IfExp | ast.Name | ast.Attribute):
            continue
        rest = arguments[index + 1 :]
        texts = [reader.texts(each) for each in rest]
        said = [text for text in texts if text and not any(map(is_code, text))]
        message = reader.texts(keywords["message"]) if "message" in keywords else said[0] if said else []
        has_fix = len(said) > 1 and said.index(said[1]) == 1
        fix = reader.texts(keywords["fix"]) if "fix" in keywords else said[1] if has_fix else []
        for code in codes:
            seen = _seen(found, code, module)
            for text in message:
                _add(seen.messages, text)
            for text in fix:
                _add(seen.fixes, text)
            seen.severities |= _severities(node)
        return


def _severities(node: ast.Call) -> set[str]:
    return {
        each.attr.lower()
        for argument in (*node.args, *(keyword.value for keyword in node.keywords))
        for each in ast.walk(argument)
        if isinstance(each, ast.Attribute) and each.attr in _SEVERITIES
    }


class _Reader:
    """Reads expressions as the texts that they may be, within one function."""

    def __init__(self, scope: ast.AST, constants: Mapping[str, ast.expr]) -> None:
        self._constants = constants
        self._assigned: dict[str, list[tuple[int, ast.expr]]] = {}
        self._branches: list[tuple[int, int]] = []
        for node in _own(scope):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._assign(target, node.value, node.lineno)
            elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple | ast.List):
                for item in node.iter.elts:
                    self._assign(node.target, item, node.lineno)
            elif isinstance(node, ast.If):
                self._branches.append((node.lineno, node.end_lineno or node.lineno))

    def _assign(self, target: ast.expr, value: ast.expr, line: int) -> None:
        if isinstance(target, ast.Name):
            self._assigned.setdefault(target.id, []).append((line, value))
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for each, inner in zip(target.elts, value.elts, strict=False):
                self._assign(each, inner, line)

    def _values(self, node: ast.Name | ast.Attribute) -> list[ast.expr]:
        """What a name stands for where it is read: what it was given last, by all branches of an ``if``."""
        name = node.id if isinstance(node, ast.Name) else node.attr
        before = [(line, value) for line, value in self._assigned.get(name, ()) if line <= node.lineno]
        if not before:
            return [self._constants[name]] if name in self._constants else []
        last = max(line for line, _ in before)
        around = [(first, end) for first, end in self._branches if first <= last <= end < node.lineno]
        start = min((first for first, _ in around), default=last)
        return [value for line, value in before if line >= start]

    def texts(self, node: ast.expr, depth: int = 0) -> list[str]:  # noqa: PLR0911 - one for each form
        """The texts that an expression may be, as far as that can be read."""
        match node:
            case ast.Constant(value=str(value)):
                return [_tidy(value)] if value.strip() else []
            case ast.JoinedStr(values=values):
                return [_tidy("".join(self._part(value, depth) for value in values))]
            case ast.IfExp(body=body, orelse=other):
                return [*self.texts(body, depth), *self.texts(other, depth)]
            case ast.BoolOp(values=values):
                return [text for value in values for text in self.texts(value, depth)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [f"{a} {b}" for a in self.texts(left, depth)[:1] for b in self.texts(right, depth)[:1]]
            case ast.Name() | ast.Attribute() if depth < _FAR:
                values = self._values(node)
                return list(dict.fromkeys(text for value in values for text in self.texts(value, depth + 1)))
            case ast.Call(func=ast.Name(id="did_you_mean")):
                return ["Did you mean {name}?"]
            case ast.Call(func=ast.Attribute(attr="strip" | "rstrip", value=value)):
                return self.texts(value, depth)
        return []

    def _part(self, node: ast.expr, depth: int) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        value = node.value if isinstance(node, ast.FormattedValue) else node
        if isinstance(value, ast.Constant | ast.IfExp):
            known = self.texts(value, depth)
            return " / ".join(known) if len(known) == 1 else "{…}"
        return f"{{{_word(value)}}}"


def _word(node: ast.expr) -> str:
    """A word for what is filled in: the last name in the expression."""
    if isinstance(node, ast.Attribute):
        own = getattr(node.value, "id", "")
        return node.attr if node.attr not in {"name", "value", "text"} or own in {"", "self"} else own
    if isinstance(node, ast.Name):
        return node.id.rstrip("_")
    if isinstance(node, ast.Call) and node.args:
        return _word(node.args[-1])
    if isinstance(node, ast.Subscript | ast.Starred):
        return _word(node.value)
    return "…"


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions and classes inside of it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _seen(found: dict[str, Seen], code: str, module: str) -> Seen:
    seen = found.setdefault(code, Seen(code))
    _add(seen.modules, module)
    return seen


def _add(known: list[str], text: str) -> None:
    if text and text not in known and not is_code(text):
        known.append(text)


def _tidy(text: str) -> str:
    return " ".join(text.split())
