"""The pages as Markdown."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from tools.reference.codes import Code, Family
from tools.reference.commands import Command, Upstream
from tools.reference.parameters import Described

MADE = "<!-- Made by `make reference`; do not edit. -->"
_ABOUT_CODES = """\
Whatever undercloud has to tell is a *finding*: a code that stays the same, what is wrong, where (file, line,
column), and how to mend it. Each code has a section here: what it means, why it matters, how to mend it, and
what the message looks like; words in braces are filled in. `error` stops a deployment, `warning` and `info`
do not.
"""
_ABOUT_PARAMETERS = """\
Every parameter that an operator can set under `parameter_defaults` with the templates that come with
undercloud. `ROLE` at the beginning of a name stands for the name of a role.
"""
_ABOUT_COMMANDS = """\
Every command that the package adds to `openstack`. `--help` has the options and examples; [the command
line](../cli.md) says what all of them share.
"""
_ABOUT_UPSTREAM = """\
The commands of python-tripleoclient 20.0.0, and what became of each: `same` works here by that name,
`otherwise` is done by something else, `missing` is not built, with what helps until then, `no meaning here`
has none.
"""
_ABOUT_OPTIONS = """\
What a plan writes into these files is held against the services' own definitions (`OPT-`
[findings](codes/opt.md)): our own templates' files of the format `oslo_config` with what `SERVICEExtraConfig`
adds, and with TripleO's templates the hieradata of `ExtraConfig` and `ROLEExtraConfig`, and parameters that
Puppet hands on as they are. The definitions come from the packages of Debian 12 (OpenStack Zed), which our
images install, by `python -m tools.options`.
"""
_SPECIAL = re.compile(r"([\\*_<>\[\]|])")


def index(found: tuple[Family, ...]) -> str:
    """The page that lists the families."""
    lines = [
        "# Codes of findings",
        "",
        _ABOUT_CODES,
        "| codes | about | how many |",
        "| --- | --- | --- |",
    ]
    for family in found:
        link = f"[{family.name}-](codes/{family.name.lower()}.md)"
        lines.append(f"| {link} | {_text(family.title)} | {len(family.codes)} |")
    total = sum(len(family.codes) for family in found)
    return _page([*lines, "", f"{total} codes. Operators add rules of their own in `rules/*.yaml`."])


def family_page(family: Family) -> str:
    """The page of one family."""
    lines = [f"# {family.name}: {_text(family.title)}", "", sentence(family.why), ""]
    for code in family.codes:
        lines += _code(code)
    return _page(lines)


def _code(code: Code) -> Iterator[str]:
    yield from (f"## {code.name}", "")
    yield from (f"**What**: {sentence(code.what)}", "", f"**Why**: {sentence(code.why)}", "")
    yield from (f"**How to mend**: {sentence(code.mend)}", "")
    if code.severities:
        yield from (f"Severity: {', '.join(code.severities)}.", "")
    if code.reads:
        yield from (f"Reads: {', '.join(f'`{name}`' for name in code.reads)}.", "")
    if code.source:
        yield from (f"Source: {sentence(code.source)}", "")
    if code.rule:
        yield from ("Does not pass:", "", *_block(dict(code.rule.failing)), "")
        yield from ("Passes:", "", *_block(dict(code.rule.passing)), "")
    if code.says:
        yield from ("Messages:", "", *(f"- {_text(text)}" for text in code.says), "")
    if code.mends:
        yield from ("Fixes:", "", *(f"- {_text(text)}" for text in code.mends), "")


def commands_page(ours: Iterable[Command], theirs: Iterable[Upstream]) -> str:
    """All commands: ours, and what became of TripleO's."""
    theirs = tuple(theirs)
    lines = ["# Commands", "", _ABOUT_COMMANDS, "| command | does |", "| --- | --- |"]
    lines += [f"| `{command.name}` | {_text(command.does)} |" for command in ours]
    lines += [
        "",
        "## TripleO's commands",
        "",
        _ABOUT_UPSTREAM,
        "| command | here | with |",
        "| --- | --- | --- |",
    ]
    lines += [f"| `{each.name}` | {each.became} | {each.instead} |" for each in theirs]
    counts = collections.Counter(each.became for each in theirs)
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return _page([*lines, "", f"{len(theirs)} commands: {told}."])


def parameters_page(found: Iterable[Described]) -> str:
    """All parameters of our own templates."""
    listed = sorted(found, key=lambda each: each.name)
    lines = [
        "# Parameters of our templates",
        "",
        _ABOUT_PARAMETERS,
        f"{len(listed)} parameters.",
        "",
    ]
    for each in listed:
        lines += [f"## {each.name}", "", sentence(each.description), ""]
        default = "required" if each.required else f"default `{_inline(each.default)}`"
        kind = f"{each.type}, {'hidden, ' if each.hidden else ''}{default}"
        lines += [f"- Type: {kind}"]
        lines += [f"- Constraint: {_text(text)}" for text in each.constraints]
        lines += [f"- Read by: {', '.join(f'`{path}`' for path in each.templates)}"]
        if each.roles:
            lines += [f"- Roles that have it: {', '.join(each.roles)}"]
        lines += [""]
    return _page(lines)


def options_page(services: Iterable[tuple[str, dict[str, str], int, list[str]]]) -> str:
    """Whose definitions of options are there, in which versions."""
    lines = [
        "# Options of the services",
        "",
        _ABOUT_OPTIONS,
        "| service | options | packages | files |",
        "| --- | --- | --- | --- |",
    ]
    for name, packages, count, files in services:
        versions = "<br>".join(f"{package} {version}" for package, version in packages.items())
        lines.append(f"| {name} | {count} | {versions} | {'<br>'.join(f'`{file}`' for file in files)} |")
    return _page(lines)


def _page(lines: Iterable[str]) -> str:
    return "\n".join([MADE, "", *lines]).rstrip() + "\n"


def _block(values: dict[str, Any]) -> list[str]:
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100).rstrip()
    return ["```yaml", text, "```"]


def _inline(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=2**16).strip()
    return text.removesuffix("\n...").removesuffix("...").strip() or "''"


def sentence(text: str) -> str:
    """A text as a sentence: a capital at its beginning unless it is a name, a full stop at its end."""
    text = text.strip().rstrip(".")
    first = text.partition(" ")[0]
    if first.islower() and first.isalpha():
        text = text[:1].upper() + text[1:]
    return _text(text) + ("" if text.endswith(("!", "?", ":")) else ".")


def _text(text: str) -> str:
    """A text in which Markdown sees nothing of its own, but for code between backquotes and links."""
    if re.search(r"\]\([^)]+\)", text):
        return text
    parts = text.replace("``", "`").split("`")
    if len(parts) % 2 == 0:
        return _SPECIAL.sub(r"\\\1", text)
    return "`".join(part if index % 2 else _SPECIAL.sub(r"\\\1", part) for index, part in enumerate(parts))
