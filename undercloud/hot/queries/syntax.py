"""The grammar of yaql read into a tree. Source of the grammar: the operator table and lexer of yaql 3."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any, NamedTuple


class NotRead(Exception):  # noqa: N818 - yaql's own parser then has the word
    """An expression outside of the part of the grammar that is known here."""


class Constant(NamedTuple):
    """A literal."""

    value: Any


class Keyword(NamedTuple):
    """A bare word: a property's name, an argument's name, or a text."""

    name: str


class Variable(NamedTuple):
    """``$``, ``$1``, ``$name``, without the dollar sign; ``$`` is ``1``."""

    name: str


class Call(NamedTuple):
    """A function with positional and named arguments; ``receiver`` of a method."""

    name: str
    args: tuple[Any, ...]
    named: tuple[tuple[Any, Any], ...] = ()
    receiver: Any = None


class Property(NamedTuple):
    """``receiver.name``."""

    receiver: Any
    name: str


class Index(NamedTuple):
    """``receiver[key]``."""

    receiver: Any
    key: Any


class Listing(NamedTuple):
    """``[a, b]``."""

    items: tuple[Any, ...]


class Mapping(NamedTuple):
    """``{a => b}``."""

    pairs: tuple[tuple[Any, Any], ...]


class Operator(NamedTuple):
    """A unary (``left`` None) or binary operator."""

    name: str
    left: Any
    right: Any


Node = Constant | Keyword | Variable | Call | Property | Index | Listing | Mapping | Operator

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<variable>\$\w*)
    | (?P<number>\b\d+(?:\.?\d+)?\b)
    | (?P<call>\b[^\W\d]\w*\()
    | (?P<word>(?!__)\b[^\W\d]\w*\b)
    | (?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<verbatim>`(?:[^`\\]|\\.)*`)
    | (?P<symbol>->|=>|>=|<=|!=|[()\[\]{},.+\-*/><=])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""\\U........|\\u....|\\x..|\\[0-7]{1,3}|\\N\{[^}]+\}|\\[\\'"abfnrtv]""",
)
_SIMPLE: dict[str, Callable[[Any], Node]] = {"constant": Constant, "variable": Variable, "word": Keyword}
_WORDS = {"true": True, "false": False, "null": None}
_BINARY = {
    "->": 1,
    "or": 2,
    "and": 3,
    ">": 5,
    "<": 5,
    ">=": 5,
    "<=": 5,
    "!=": 5,
    "=": 5,
    "in": 5,
    "+": 6,
    "-": 6,
    "*": 7,
    "/": 7,
    "mod": 7,
}
_NOT, _SIGN = 4, 9
_MAX_DEPTH = 60

Token = tuple[str, Any]


def read(text: str) -> Node:
    """The tree of an expression; raises NotRead."""
    reader = _Reader(_tokens(text))
    node = reader.expression(0)
    if reader.kind != "end":
        raise NotRead(text)
    return node


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NotRead(text)
        place = match.end()
        kind, value = str(match.lastgroup), match.group()
        if kind != "space":
            tokens.append(_token(kind, value))
    tokens.append(("end", None))
    return tokens


def _token(kind: str, value: str) -> Token:
    if kind == "word":
        if value in _WORDS:
            return "constant", _WORDS[value]
        return ("symbol", value) if value in _BINARY or value == "not" else ("word", value)
    make = _LITERALS.get(kind)
    return make(value) if make else (kind, value)


_LITERALS: dict[str, Callable[[str], Token]] = {
    "number": lambda value: ("constant", float(value) if "." in value else int(value)),
    "quoted": lambda value: ("constant", _ESCAPE.sub(_escaped, value[1:-1])),
    "verbatim": lambda value: ("constant", value[1:-1].replace("\\`", "`")),
    "call": lambda value: ("call", value[:-1]),
    "variable": lambda value: ("variable", value[1:] or "1"),
}


def _escaped(match: re.Match[str]) -> str:
    return codecs.decode(match.group(0), "unicode-escape")


class _Reader:
    """A reader by operator precedence."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self._tokens[self._place][0]

    def _take(self) -> Token:
        token = self._tokens[self._place]
        self._place += 1
        return token

    def _is(self, symbol: str) -> bool:
        return self._tokens[self._place] == ("symbol", symbol)

    def _skip(self, symbol: str) -> bool:
        if self._is(symbol):
            self._place += 1
            return True
        return False

    def _need(self, symbol: str) -> None:
        if not self._skip(symbol):
            raise NotRead(symbol)

    def expression(self, least: int) -> Node:
        """An expression whose operators bind at least so tightly."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise NotRead("too deep")
        node = self._prefix()
        while True:
            kind, symbol = self._tokens[self._place]
            strength = _BINARY.get(symbol, -1) if kind == "symbol" else -1
            if strength < least or strength < 0:
                break
            self._place += 1
            right = self.expression(strength if symbol == "->" else strength + 1)
            node = Operator(symbol, node, right)
        self._depth -= 1
        return node

    def _prefix(self) -> Node:
        if self._skip("not"):
            return Operator("not", None, self.expression(_NOT))
        for sign in ("-", "+"):
            if self._skip(sign):
                operand = self.expression(_SIGN)
                if isinstance(operand, Constant) and type(operand.value) in (int, float):
                    return Constant(-operand.value if sign == "-" else operand.value)
                return Operator(sign, None, operand)
        return self._postfix(self._atom())

    def _atom(self) -> Node:
        kind, value = self._take()
        simple = _SIMPLE.get(kind)
        if simple is not None:
            return simple(value)
        if kind == "call":
            return self._call(value, None)
        return self._bracket(value)

    def _bracket(self, opening: Any) -> Node:
        if opening == "(":
            node = self.expression(0)
            self._need(")")
            return node
        if opening not in ("[", "{"):
            raise NotRead(str(opening))
        items, named = self._args("]" if opening == "[" else "}")
        if opening == "[" and not named:
            return Listing(items)
        if opening == "{" and not items:
            return Mapping(named)
        raise NotRead("items with and without keys")

    def _postfix(self, node: Node) -> Node:
        while True:
            if self._skip("."):
                kind, value = self._take()
                if kind == "call":
                    node = self._call(value, node)
                elif kind == "word":
                    node = Property(node, value)
                else:
                    raise NotRead(str(value))
            elif self._skip("["):
                items, named = self._args("]")
                if len(items) != 1 or named:
                    raise NotRead("an index of several parts")
                node = Index(node, items[0])
            else:
                return node

    def _call(self, name: str, receiver: Node | None) -> Node:
        args, named = self._args(")")
        return Call(name, args, named, receiver)

    def _args(self, end: str) -> tuple[tuple[Node, ...], tuple[tuple[Node, Node], ...]]:
        args: list[Node] = []
        named: list[tuple[Node, Node]] = []
        if self._skip(end):
            return (), ()
        while True:
            node = self.expression(0)
            if self._skip("=>"):
                named.append((node, self.expression(0)))
            elif named:
                raise NotRead("an argument after named ones")
            else:
                args.append(node)
            if self._skip(end):
                return tuple(args), tuple(named)
            self._need(",")
