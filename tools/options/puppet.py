"""What parameters of Puppet classes write into which option, read from the modules' manifests.

TripleO's images are configured by Puppet: a key of hieradata is a parameter of a class, and most of them go
to an option of the service as they are. Manifests are read by form, not run: where a value takes another way
than ``'SECTION/OPTION': value => $parameter`` (or a comma separated list of it), only the name is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MODULES = "usr/share/puppet/modules.available"
Targets = dict[str, list[tuple[str, str, str]]]
"""Parameter → what it sets: type of resource, section, option."""

_FILE = re.compile(r"def (?:self\.)?file_path\s+['\"]([^'\"]+)")
_HEAD = re.compile(r"^(class|define)\s+([\w:]+)\s*(?:inherits\s+[\w:]+\s*)?([({])", re.MULTILINE)
_PARAMETER = re.compile(r"\$(\w+)")
_VARIABLE = r"(?:\$(?:::)?(?P<plain>\w+)|join\((?:any2array\()?\$(?P<joined>\w+)\)?,\s*','\))"
_ENTRY = re.compile(
    rf"""['"](?P<section>[^'"/\s]+)/(?P<option>[\w.-]+)['"]\s*(?::|=>\s*\{{)\s*
        ['"]?value['"]?\s*=>\s*{_VARIABLE}(?=\s*[,;}}\n])""",
    re.VERBOSE,
)
_REAL = re.compile(
    r"^\s*\$(?P<name>\w+)\s*=\s*(?:pick\()?join\((?:any2array\()?\$(?P<of>\w+)\)?,\s*','\)", re.MULTILINE
)
_CALL = re.compile(r"\b(?P<define>(?:oslo|keystone::resource)(?:::\w+)+)\s*\{")
_TITLE = re.compile(r"^\s*['\"](?P<title>\w+)['\"]\s*:(?!:)", re.MULTILINE)
_PASSED = re.compile(
    rf"^\s*(?P<parameter>\w+)\s*=>\s*(?:{_VARIABLE}|'(?P<text>[^']*)')\s*[,;}}\n]", re.MULTILINE
)
_CREATE = re.compile(r"create_resources\('(\w+)',\s*\$(\w+)\)")


@dataclass
class Manifest:
    """One class or define: its parameters, in order of their names, and its body."""

    kind: str
    name: str
    parameters: list[str]
    body: str
    defaults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    """One Puppet module.

    ``files``: type of resource → path; ``configs``: key of hieradata that holds options → type; ``classes``:
    class or define → its parameters with what they set; ``defines``: which of them are defines.
    """

    files: Mapping[str, str]
    configs: Mapping[str, str]
    classes: Mapping[str, Targets]
    defines: tuple[str, ...]


def read_modules(root: Path, names: list[str]) -> dict[str, Module]:
    """The modules of those names below ``root``."""
    place = root / MODULES
    defines = {
        manifest.name: manifest
        for name in ("oslo", "keystone")
        for manifest in _manifests(place / name)
        if manifest.kind == "define"
    }
    return {name: _module(place / name, defines) for name in names}


def _module(place: Path, defines: Mapping[str, Manifest]) -> Module:
    files = {
        path.parent.name: match.group(1)
        for path in sorted((place / "lib/puppet/provider").glob("*/*.rb"))
        if (match := _FILE.search(path.read_text("utf-8")))
    }
    configs: dict[str, str] = {}
    classes: dict[str, Targets] = {}
    kinds: dict[str, str] = {}
    for manifest in _manifests(place):
        kinds[manifest.name] = manifest.kind
        classes[manifest.name] = _targets(manifest, files, defines)
        for kind, parameter in _CREATE.findall(manifest.body):
            name = parameter.removesuffix("_real")
            if kind in files and name in manifest.parameters:
                configs[f"{manifest.name}::{name}"] = kind
    return Module(
        files, configs, classes, tuple(sorted(name for name, kind in kinds.items() if kind == "define"))
    )


def _manifests(place: Path) -> Iterator[Manifest]:
    for path in sorted((place / "manifests").rglob("*.pp")):
        text = re.sub(r"(?m)^\s*#.*$", "", path.read_text("utf-8"))
        match = _HEAD.search(text)
        if not match:
            continue
        head, rest = "", text[match.end() - 1 :]
        if match.group(3) == "(":
            end = _closing(rest)
            head, rest = rest[1:end], rest[end + 1 :]
        start = rest.index("{")
        body = rest[start + 1 : start + _closing(rest[start:])]
        parameters, defaults = _parameters(head)
        yield Manifest(match.group(1), match.group(2), parameters, body, defaults)


def _parameters(head: str) -> tuple[list[str], dict[str, str]]:
    """The parameters of a class's head, and the defaults that are plain words."""
    names, defaults, depth, start = [], {}, 0, 0
    for position, sign in enumerate(head + ","):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            part = head[start:position]
            start = position + 1
            match = _PARAMETER.search(part)
            if match:
                names.append(match.group(1))
                word = re.search(r"=\s*'([^']*)'\s*$", part)
                if word:
                    defaults[match.group(1)] = word.group(1)
    return names, defaults


def _closing(text: str) -> int:
    """Where the bracket that ``text`` begins with is closed."""
    depth, quote = 0, ""
    for position, sign in enumerate(text):
        if quote:
            if sign == quote and text[position - 1] != "\\":
                quote = ""
        elif sign in "'\"":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                return position
    raise ValueError(f"a bracket is never closed: {text[:60]!r}")


def _targets(manifest: Manifest, files: Mapping[str, str], defines: Mapping[str, Manifest]) -> Targets:
    found: Targets = {name: [] for name in manifest.parameters}
    alias = {match["name"]: match["of"] for match in _REAL.finditer(manifest.body)}

    def note(variable: str, target: tuple[str, str, str]) -> None:
        name = alias.get(variable, variable)
        if name in found and "$" not in target[1] and target not in found[name]:
            found[name].append(target)

    for kind in files:
        for block in _blocks(manifest.body, rf"\b{kind}\s*\{{"):
            for match in _ENTRY.finditer(block):
                note(match["plain"] or match["joined"], (kind, match["section"], match["option"]))
    for call in _CALL.finditer(manifest.body):
        define = defines.get(call["define"])
        if define is not None:
            block = manifest.body[call.end() - 1 :]
            for variable, target in _passed_on(define, block[: _closing(block)], files):
                note(variable, target)
    return found


def _blocks(body: str, opening: str) -> Iterator[str]:
    for match in re.finditer(opening, body):
        rest = body[match.end() - 1 :]
        yield rest[: _closing(rest) + 1]


def _passed_on(
    define: Manifest, block: str, files: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """What a call of a define sets: the caller's variable, and the target."""
    passed: dict[str, str] = {}
    words = dict(define.defaults)
    for match in _PASSED.finditer(block):
        if match["text"] is not None:
            words[match["parameter"]] = match["text"]
        else:
            passed[match["parameter"]] = match["plain"] or match["joined"]
    title = _TITLE.search(block.replace("{", "\n", 1))
    kind = words.get("config") or (title["title"] if title else "")
    if kind not in files:
        return
    for entry in _ENTRY.finditer(define.body):
        inner = entry["plain"] or entry["joined"]
        section = re.sub(r"\$\{(\w+)\}", lambda match: words.get(match[1], "$"), entry["section"])
        if inner in passed:
            yield passed[inner], (kind, section, entry["option"])
