"""Plain data as YAML in block style, fast: TripleO's directory has a megabyte of it, in hundreds of files.

PyYAML reads it back to the same value. Texts of several lines stand as blocks, others plain where nothing
else could be read into them, else in double quotes with JSON's escapes, which are YAML's too. Secrets are
written in the clear, as TripleO does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z_/](?:[\w/.\-()'\"]|:(?=[^\s])| (?=[\w/.\-('\"]))*", re.ASCII)
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
_ODD = re.compile("[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = re.compile(r'[^\x20-\x7e]|["\\]')
_BLANK_LINE = re.compile(r"\n[ \t]+(?=\n|\Z)")
_LONGEST_KEY = 1000


def dump(value: Any) -> str:
    """The text; the same value gives the same text. Raises TypeError for what is no plain data."""
    lines: list[str] = []
    if isinstance(value, Mapping) and value:
        _map(lines, value, "")
    elif isinstance(value, list | tuple) and value:
        _list(lines, value, "")
    else:
        lines.append(_inline(value))
    return "\n".join(lines) + "\n"


def _map(lines: list[str], value: Mapping[Any, Any], pad: str) -> None:
    inner = pad + "  "
    for key, item in value.items():
        name = _key(key, pad)
        if isinstance(item, str):
            _text(lines, f"{pad}{name}: ", item, inner)
        elif isinstance(item, Mapping) and item:
            lines.append(f"{pad}{name}:")
            _map(lines, item, inner)
        elif isinstance(item, list | tuple) and item:
            lines.append(f"{pad}{name}:")
            _list(lines, item, pad)
        else:
            lines.append(f"{pad}{name}: {_inline(item)}")


def _list(lines: list[str], value: list[Any] | tuple[Any, ...], pad: str) -> None:
    inner = pad + "  "
    for item in value:
        if isinstance(item, str):
            _text(lines, f"{pad}- ", item, inner)
        elif isinstance(item, Mapping | list | tuple) and item:
            first = len(lines)
            (_map if isinstance(item, Mapping) else _list)(lines, item, inner)  # type: ignore[arg-type]
            lines[first] = f"{pad}- {lines[first][len(inner) :]}"
        else:
            lines.append(f"{pad}- {_inline(item)}")


def _text(lines: list[str], head: str, text: str, pad: str) -> None:
    if "\n" not in text or text[0] in " \n\t" or _ODD.search(text) or _BLANK_LINE.search(text):
        lines.append(head + _scalar(text))
        return
    chomping = "-" if text[-1] != "\n" else "+" if text[-2] == "\n" else ""
    lines.append(f"{head}|{chomping}")
    lines += [pad + line if line else line for line in (text[:-1] if text[-1] == "\n" else text).split("\n")]


def _key(key: Any, pad: str) -> str:
    text = _scalar(key) if isinstance(key, str) else _inline(key)
    # A key that is longer has to be announced.
    return text if len(text) < _LONGEST_KEY else f"? {text}\n{pad}"


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if _ODD.search(text):
        return f'"{_ESCAPED.sub(_escape, text)}"'
    return json.dumps(text, ensure_ascii=False)


def _inline(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, float):
        return yaml.dump(value, Dumper=yaml.CSafeDumper).removesuffix("...\n").rstrip("\n")
    if isinstance(value, Mapping | list | tuple) and not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    raise TypeError(f"{type(value).__name__} is no plain data")


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
