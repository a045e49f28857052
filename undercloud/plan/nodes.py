"""YAML by PyYAML's C parser: nodes with positions, values from nodes, and positions of keys in nodes.

Values are those of PyYAML's safe rules (YAML 1.1) as Heat changes them: timestamps stay texts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

from yaml._yaml import CParser
from yaml.error import Mark, MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError
from yaml.resolver import Resolver

from undercloud.diagnostics import Finding, Location, Severity, UndercloudError

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 150
MAX_NODES = 1_000_000

_YAML = "tag:yaml.org,2002:"
_STR, _MAP, _SEQ, _MERGE = _YAML + "str", _YAML + "map", _YAML + "seq", _YAML + "merge"
_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def compose(text: str, file: str) -> Node | None:
    """The root node of a text, None if it is empty; raises UndercloudError (codes: ``documents.parse``)."""
    if len(text) > MAX_BYTES:
        _fail("PLAN-003", f"the file is larger than {MAX_BYTES >> 20} MiB", "Split the file.", Location(file))
    try:
        root: Node | None = _Composer(text).get_single_node()
    except MarkedYAMLError as error:
        _syntax_error(error, text, file)
    except ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        _fail(
            "PLAN-004",
            f"the character U+{_code(error.character):04X} may not stand in YAML ({error.reason})",
            "Remove the character, or write it as an escape in double quotes.",
            Location(file, before.count("\n") + 1, len(before) - before.rfind("\n")),
        )
    except UnicodeEncodeError as error:
        before = text[: error.start]
        _fail(
            "PLAN-004",
            f"the character U+{ord(text[error.start]):04X} is half of a pair, no character of its own",
            "Save the file as UTF-8 text.",
            Location(file, before.count("\n") + 1, len(before) - before.rfind("\n")),
        )
    return root


def _syntax_error(error: MarkedYAMLError, text: str, file: str) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    location = _at(file, mark) if mark else Location(file)
    if isinstance(error, _TooDeepError):
        _fail(
            "PLAN-003", f"maps and lists are nested more than {MAX_DEPTH} deep", "Flatten the file.", location
        )
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if mark and line[mark.column : mark.column + 1] == "\t":
        _fail("PLAN-006", "a tab stands where YAML allows only spaces", "Indent with spaces.", location)
    context = error.context or ""
    if error.context_mark and mark and error.context_mark.line != mark.line:
        context += f" (line {error.context_mark.line + 1})"
    _fail(
        "PLAN-001",
        f"this is not valid YAML: {context}{', ' if context else ''}{error.problem}",
        "Look at the indentation, the quotes and the brackets here and in the lines before; quote a text "
        "that holds ': ' or ' #', or starts with one of @ ` % & * ! | > { [.",
        location,
    )


def _code(character: int | str | bytes) -> int:
    """libyaml gives the code of a character, PyYAML itself the character."""
    return character if isinstance(character, int) else ord(character[:1] or "\0")


def _fail(code: str, message: str, fix: str, location: Location) -> NoReturn:
    raise UndercloudError.of(code, message, fix=fix, location=location) from None


def _at(file: str, mark: Mark) -> Location:
    return Location(file, mark.line + 1, mark.column + 1)


class _TooDeepError(MarkedYAMLError):
    """Raised inside the composer, which recurses on the C stack: the limit guards against its overflow."""


@functools.lru_cache(maxsize=65536)
def _plain_tag(value: str) -> str:
    """The tag of an unquoted scalar: PyYAML's own table, asked once a text."""
    table = Resolver.yaml_implicit_resolvers
    for tag, regexp in [*table.get(value[:1], ()), *table.get(None, ())]:
        if regexp.match(value):
            return str(tag)
    return _STR


class _Composer(CParser):
    """PyYAML's C composer with a quick resolver and a limit of depth."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def descend_resolver(self, parent: Node | None, _index: Any) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeepError(problem="too deep", problem_mark=parent.start_mark if parent else None)

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        if kind is ScalarNode:
            return _plain_tag(value or "") if implicit[0] else _STR
        return _SEQ if kind is SequenceNode else _MAP


class Constructor:
    """Values from nodes, by the rules of PyYAML's SafeConstructor as Heat changes them."""

    def __init__(self, file: str, duplicate_keys: Severity) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._duplicate_keys = duplicate_keys
        self._count = 0
        self._done: dict[int, tuple[Any, int] | None] = {}

    def construct(self, node: Node) -> Any:
        """The value of a node; aliases share theirs, counted as often as they stand."""
        self._count += 1
        if type(node) is ScalarNode:
            return node.value if node.tag == _STR else self._scalar(node)
        key = id(node)
        if key in self._done:
            return self._alias(node)
        self._done[key] = None
        before = self._count
        value: Any
        if node.tag == _MAP and isinstance(node, MappingNode):
            value = self._mapping(node)
        elif node.tag == _SEQ and isinstance(node, SequenceNode):
            value = [self.construct(item) for item in node.value]
        else:
            self._unknown_tag(node)
        self._done[key] = (value, self._count - before)
        return value

    def _alias(self, node: Node) -> Any:
        done = self._done[id(node)]
        if done is None:
            _fail(
                "PLAN-003", "an alias refers to a value it is part of", "Write the value out.", self._at(node)
            )
        self._count += done[1]
        if self._count > MAX_NODES:
            _fail(
                "PLAN-003",
                f"with its aliases expanded the file has more than {MAX_NODES} values",
                "Use fewer aliases (*name) of large or nested values.",
                self._at(node),
            )
        return done[0]

    def _mapping(self, node: MappingNode) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                self._merge(value_node, merged)
                continue
            key = key_node.value if key_node.tag == _STR else self._key(key_node)
            if key in own:
                self._duplicate(key, key_node, node)
            own[key] = self.construct(value_node)
        return {**merged, **own} if merged else own

    def _key(self, node: Node) -> Any:
        if not isinstance(node, ScalarNode):
            _fail(
                "PLAN-005",
                "a map or list stands where a key belongs",
                "Quote the text if it starts with { or [, as a Jinja2 or Ansible expression does.",
                self._at(node),
            )
        return self._scalar(node)

    def _merge(self, node: Node, into: dict[Any, Any]) -> None:
        """A ``<<`` key: YAML 1.1's merge, in which an earlier map of a list wins."""
        parts = list(reversed(node.value)) if isinstance(node, SequenceNode) else [node]
        for part in parts:
            value = self.construct(part)
            if not isinstance(value, dict):
                _fail(
                    "PLAN-005", "<< merges maps only", "Refer to a map, or to a list of maps.", self._at(part)
                )
            into.update(value)

    def _duplicate(self, key: Any, node: Node, where: MappingNode) -> None:
        first = next(each for each, _ in where.value if isinstance(each, ScalarNode) and _same_key(each, key))
        self.findings.append(
            Finding(
                "PLAN-002",
                f"the key {key!r} stands twice in the same map; only the last one would count",
                "Remove one of the two.",
                self._duplicate_keys,
                (self._at(node), self._at(first)),
            )
        )

    def _scalar(self, node: ScalarNode) -> Any:
        kind = node.tag.removeprefix(_YAML)
        try:
            return _SCALARS[kind](node.value)
        except KeyError:
            self._unknown_tag(node)
        except ValueError as error:
            _fail("PLAN-005", f"{node.value!r:.60} is no valid {kind}: {error}", "Quote it.", self._at(node))

    def _unknown_tag(self, node: Node) -> NoReturn:
        shown = "!!" + node.tag.removeprefix(_YAML) if node.tag.startswith(_YAML) else node.tag
        _fail(
            "PLAN-005",
            f"the tag {shown} is not supported here",
            "Remove the tag, or quote the value if it is meant as text.",
            self._at(node),
        )

    def _at(self, node: Node) -> Location:
        return _at(self._file, node.start_mark)


def _integer(text: str) -> int:
    """YAML 1.1: signs, underscores, 0b, 0x, leading 0 for octal, and base 60 with colons."""
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if digits.startswith(("0b", "0x")):
        return sign * int(digits, 0)
    if ":" in digits:
        return sign * functools.reduce(lambda total, part: total * 60 + int(part), digits.split(":"), 0)
    return sign * (int(digits, 8) if digits.startswith("0") and digits != "0" else int(digits))


def _real(text: str) -> float:
    """YAML 1.1: as :func:`_integer`, with .inf and .nan."""
    digits = text.replace("_", "").lower()
    sign = -1.0 if digits.startswith("-") else 1.0
    digits = digits.lstrip("+-")
    if digits in {".inf", ".nan"}:
        return sign * float(digits[1:])
    return sign * functools.reduce(lambda total, part: total * 60 + float(part), digits.split(":"), 0.0)


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError("it is neither true nor false")
    return _BOOLEANS[text.lower()]


_SCALARS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": _boolean,
    "int": _integer,
    "float": _real,
    "timestamp": str,
    "str": str,
}


def child(node: Node | None, step: str | int | float | None) -> tuple[Mark, Node] | None:
    """The mark and node of one step down; the last of two equal keys, as in the value."""
    if isinstance(node, SequenceNode):
        if isinstance(step, int) and -len(node.value) <= step < len(node.value):
            item: Node = node.value[step]
            return item.start_mark, item
        return None
    if not isinstance(node, MappingNode):
        return None
    for key, value in reversed(node.value):
        if key.tag != _MERGE and isinstance(key, ScalarNode) and _same_key(key, step):
            return key.start_mark, value
    for key, value in node.value:
        if key.tag == _MERGE:
            for part in value.value if isinstance(value, SequenceNode) else [value]:
                found = child(part, step)
                if found:
                    return found
    return None


def _same_key(key: ScalarNode, step: str | int | float | None) -> bool:
    if key.tag == _STR:
        return bool(key.value == step)
    try:
        return bool(_SCALARS[key.tag.removeprefix(_YAML)](key.value) == step)
    except (KeyError, ValueError):
        return False
