"""Options held against their definitions: what is unknown, what does not fit, what has another name by now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import nearest
from undercloud.validation.options.definitions import ConfigFile, Option, config_file
from undercloud.validation.options.source import Given
from undercloud.validation.options.values import Kind, misfit, plain

_SHOWN = 60
_MANY = 6


def judge(given: Iterable[Given]) -> Iterator[Finding]:
    """OPT-001 … OPT-006 for options that a plan writes; files without definitions are passed over."""
    sections: dict[tuple[str, str], list[Given]] = {}
    for each in given:
        sections.setdefault((each.path, each.section), []).append(each)
    for (path, section), options in sections.items():
        file = config_file(options[0].like or path)
        if file is None:
            continue
        if _is_unknown(file, section, options):
            yield _unknown_section(file, options)
            continue
        for each in options:
            yield from _judge(file, each)


def _is_unknown(file: ConfigFile, section: str, options: Sequence[Given]) -> bool:
    if file.spelled(section) is not None or file.is_foreign(section) or all(each.fixed for each in options):
        return False
    names = [each.option for each in options]
    return not file.is_chosen(section, names) and not any(file.renamed(section, name) for name in names)


def _judge(file: ConfigFile, given: Given) -> Iterator[Finding]:
    option = file.find(given.section, given.option)
    if option is None:
        if given.fixed or (file.spelled(given.section) is None and file.is_foreign(given.section)):
            return
        option = file.renamed(given.section, given.option)
        if option is None:
            yield _unknown_option(file, given)
            return
        yield _renamed(given, option)
    elif option.removal is not None and given.own and not given.fixed:
        reason = f": {option.removal[:200]}" if option.removal else ""
        text = f"{_place(given, option)} is deprecated and will go{reason}"
        yield _finding(given, "OPT-006", text, "Do without it.", Severity.INFO)
    wrong = misfit(option, given.value)
    if wrong is None:
        return
    secret = given.secret or option.secret
    value = "its value" if secret else f"{plain(given.value)[:_SHOWN]!r}"
    code = "OPT-003" if wrong.kind is Kind.TYPE else "OPT-004"
    subject = given.wording if given.fixed else _place(given, option)
    target = f", which becomes {_place(given, option)}" if given.fixed else ""
    kept = "is not of its type" if wrong.kind is Kind.TYPE else "is not among what is allowed"
    why = kept if secret else wrong.text
    fix = f"Write {wrong.better!r}." if wrong.better and not secret else f"Give it {_wanted(option)}."
    yield _finding(given, code, f"{subject}{target}: {value} {why}", fix)


def _unknown_section(file: ConfigFile, options: Sequence[Given]) -> Finding:
    """OPT-001, once for a section."""
    first = options[0]
    near = nearest(first.section, file.sections)
    text = f"{_name(first)} has no section [{first.section}]: {file.service} reads nothing of it"
    fix = f"Did you mean [{near}]?" if near else "Remove it."
    homes = dict.fromkeys(home for each in options for home in file.elsewhere(each.option))
    if not near and 0 < len(homes) <= _MANY:
        fix = f"{first.option} belongs into {' or '.join(f'[{home}]' for home in homes)}."
    # Where operators name sections themselves, an unknown one may be another driver's.
    severity = Severity.ERROR if near or not file.is_chosen("any name", ()) else Severity.WARNING
    return _finding(first, "OPT-001", text, fix, severity)


def _unknown_option(file: ConfigFile, given: Given) -> Finding:
    """OPT-002."""
    near = nearest(given.option, file.names(given.section))
    homes = file.elsewhere(given.option)
    text = (
        f"{_name(given)} has no option {given.option} in [{given.section}]: {file.service} does not read it"
    )
    if 0 < len(homes) <= _MANY:
        fix = f"It belongs into {' or '.join(f'[{home}]' for home in homes)}."
    else:
        fix = f"Did you mean {near}?" if near else "Remove it."
    known = file.spelled(given.section) is not None
    return _finding(
        given, "OPT-002", text, fix, Severity.ERROR if near or homes or known else Severity.WARNING
    )


def _renamed(given: Given, option: Option) -> Finding:
    """OPT-005."""
    text = f"[{given.section}] {given.option} of {_name(given)} is an old name"
    fix = f"Use [{option.section}] {option.name}."
    return _finding(given, "OPT-005", text, fix, Severity.WARNING if given.own else Severity.INFO)


def _finding(given: Given, code: str, text: str, fix: str, severity: Severity = Severity.ERROR) -> Finding:
    if severity is Severity.ERROR and not given.own:
        severity = Severity.WARNING
    return Finding(code, text, fix, severity, given.locations, given.names)


def _name(given: Given) -> str:
    return PurePosixPath(given.path).name


def _place(given: Given, option: Option) -> str:
    return f"[{option.section}] {option.name} of {_name(given)}"


def _wanted(option: Option) -> str:
    """What an option takes, in words."""
    if option.choices:
        return f"one of {', '.join(each or repr('') for each in option.choices)}"
    limits = [
        *([f"from {option.min}"] if option.min is not None else []),
        *([f"to {option.max}"] if option.max is not None else []),
    ]
    named = {
        "boolean": "true or false",
        "integer": "a whole number",
        "float": "a number",
        "port": "a port",
        "list": "a list",
        "dict": "a list of KEY:VALUE",
        "range": "a number or a range",
        "ip": "an IP address",
        "host": "a host name or an IP address",
        "hostname": "a host name",
        "uri": f"a URI{' with ' + ' or '.join(option.schemes) if option.schemes else ''}",
    }.get(option.type, f"a value that matches {option.regex}" if option.regex else "another value")
    return " ".join([named, *limits])
