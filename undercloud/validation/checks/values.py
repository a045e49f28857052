"""Values by their form: what a parameter's name, default and description say that it takes."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.entries import brief
from undercloud.plan.names import did_you_mean, nearest
from undercloud.validation.checks import check
from undercloud.validation.composition import Composition, is_operators
from undercloud.validation.subject import Subject
from undercloud.validation.values import FORMS

_WHOLE = frozenset({"pattern", "hosts_entry", "socket_memory", "url", "email", "path", "kernel_arguments"})
"""Forms whose texts may hold commas: such a text is one entry."""

_LISTED = re.compile(
    r"(?:[Vv]alid (?:values|options)|[Oo]ne of|[Pp]ossible values|[Aa]llowed values|[Oo]ptions are|[Ss]upported (?:values )?are)"
    r"[^'\"]{0,30}((?:['\"][\w.-]+['\"](?:\s*\([^)]*\))?(?:,\s*|\s+)?(?:(?:and|or)\s+)?){2,})"
)
_PLACEHOLDER = re.compile(
    r"<[A-Za-z][\w .:/-]*>|(?i:change[-_ ]?me|replace[-_ ]?me|fix[-_ ]?me|to[-_ ]?do|x{4,}(-x{4,})*|your[-_ ]\w+)"
    r"|\*\*.*\*\*|(?s:.*\*\*The contents of.*)"
)
_PATH = re.compile(r"/[A-Za-z][\w./-]*")
_QUOTED = re.compile(r"['\"]([\w.-]+)['\"]")
_TRUTH = ("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n", "")


@dataclasses.dataclass(frozen=True)
class Shape:
    """One entry of forms.yaml or choices.yaml."""

    names: re.Pattern[str]
    code: str
    title: str
    source: str
    form: str = ""
    choices: tuple[str, ...] = ()
    is_open: bool = False
    excepted: re.Pattern[str] | None = None
    unless: str = ""
    unless_described: tuple[str, ...] = ()
    good: tuple[Any, ...] = ()
    bad: tuple[Any, ...] = ()

    def takes(self, name: str) -> bool:
        """Whether a parameter of that name has this shape."""
        return bool(self.names.fullmatch(name)) and not (self.excepted and self.excepted.fullmatch(name))


def _pattern(listed: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in listed))


@functools.cache
def shapes() -> tuple[Shape, ...]:
    """Everything that is known of forms and choices."""
    folder = importlib.resources.files("undercloud.validation").joinpath("data")
    read = {
        name: yaml.load(folder.joinpath(f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)
        for name in ("forms", "choices")
    }
    found = [
        Shape(
            _pattern(each["names"]),
            each["code"],
            each["title"],
            each["source"],
            form=each["form"],
            excepted=_pattern(each["except"]) if each.get("except") else None,
            unless_described=tuple(each.get("unless_described", ())),
            good=tuple(each["good"]),
            bad=tuple(each["bad"]),
        )
        for each in read["forms"]
    ]
    found += [
        Shape(
            _pattern(each["names"]),
            "FRM-040",
            "Values are among those that the service takes",
            each["source"],
            choices=tuple(each["values"]),
            is_open=bool(each.get("open")),
            unless=each.get("unless", ""),
        )
        for each in read["choices"]
    ]
    return tuple(found)


def _codes() -> dict[str, str]:
    return {shape.code: shape.title for shape in shapes()} | {
        "FRM-041": "Values are among those that the template's description names",
        "FRM-042": "A text whose default is a truth value is one",
        "FRM-043": "The text of a sample is replaced",
        "FRM-044": "What is a map by default stays one, and a list a list",
        "FRM-045": "What is an absolute path by default stays one",
    }


@check(
    _codes(),
    reads=("every parameter that is set",),
    source="descriptions of the parameters; the services' documentation",
)
def values(subject: Subject) -> Iterator[Finding]:
    """Every value that a file gives, against its form."""
    composition = subject.composition
    for name, role, value, places, severity in given(composition):
        default, description = _declaration(composition, name)
        if value in (None, "", [], {}) or (default is not None and value == default):
            continue
        code, wrong, fix = _wrong(composition, name, value, default, description)
        if not wrong:
            continue
        mild = severity if not code.endswith("?") else Severity.WARNING
        if code == "FRM-043" and name in composition.declared:
            mild = Severity.ERROR
        whose = f" for the role {role}" if role else ""
        names = (name, *((f"{role}Parameters", role) if role else ()))
        yield Finding(code.rstrip("?"), f"{name}{whose}: {wrong}", fix, mild, places, names)


Given = tuple[str, str, Any, tuple[Location, ...], Severity]
"""Name, role or empty, value, places, severity."""


def given(composition: Composition) -> Iterator[Given]:
    """Every parameter that a file sets, for the plan and for single roles."""
    names = dict.fromkeys(
        name
        for layer in composition.environment.layers
        if layer.path
        for section in ("parameter_defaults", "parameters")
        for name in layer.section(section)
        if isinstance(name, str)
    )
    for name in names:
        settings = composition.settings(name)
        if not settings or name.endswith("Parameters"):
            continue
        severity = Severity.ERROR if is_operators(settings[-1].layer.path) else Severity.WARNING
        yield name, "", composition.given.get(name), (settings[-1].location,), severity
    roles_file = composition.plan.bundle.named.get("roles", "")
    for role in composition.plan.roles:
        for name, value in composition.role_parameters(role.name).items():
            settings = composition.settings(f"{role.name}Parameters")
            own = any(is_operators(each.layer.path) for each in settings) or is_operators(roles_file)
            severity = Severity.ERROR if own else Severity.WARNING
            yield name, role.name, value, composition.locate(name, role.name), severity


def _declaration(composition: Composition, name: str) -> tuple[Any, str]:
    """A parameter's default and description; nothing where no template of the plan declares it."""
    declared = composition.declared.get(name, ())
    first = next((each for each in declared if each.description), declared[0] if declared else None)
    return (first.default, first.description) if first else (None, "")


def _wrong(
    composition: Composition, name: str, value: Any, default: Any, description: str
) -> tuple[str, str, str]:
    """The code (with a question mark where it may be right), what is wrong, and how to mend it."""
    secret = composition.is_hidden(name)
    known = False
    for shape in shapes():
        if not shape.takes(name):
            continue
        if any(word in description for word in shape.unless_described) or _is_negative(default):
            continue
        if shape.unless and composition.value(shape.unless) not in (None, "", [], {}):
            continue
        for entry in _entries(value, shape.form, default):
            if shape.form:
                problem = FORMS[shape.form](entry)
                if problem:
                    shown = "" if secret else f"{brief(entry)}: "
                    return shape.code, f"{shown}{problem}", f"{shape.title}; mend the value."
                continue
            known = True
            code, fix = _choice(shape, entry)
            if code:
                return code, f"{brief(entry)} is not among {', '.join(shape.choices)}", fix
    if known or name in _EITHER:
        return "", "", ""
    is_path = isinstance(default, str) and _PATH.fullmatch(default) and not name.endswith("Address")
    if is_path and isinstance(value, str) and not value.startswith("/"):
        return "FRM-045", f"{brief(value)} is no absolute path, as {default} is", "Begin it with a slash."
    return _described(value, default, description)


def _choice(shape: Shape, entry: str) -> tuple[str, str]:
    folded = {choice.lower() for choice in shape.choices}
    if entry in shape.choices or (entry.lower() in folded and not shape.is_open and not shape.unless):
        return "", ""
    if shape.is_open and "." in entry:
        return "", ""  # the path of a class
    near = nearest(entry, shape.choices)
    if shape.is_open and not near:
        return f"{shape.code}?", "Right only where a plugin of that name is installed."
    return shape.code, did_you_mean(entry, shape.choices) or "Use one of these."


def _is_negative(value: Any) -> bool:
    try:
        return float(value) < 0
    except (TypeError, ValueError):
        return False


def _entries(value: Any, form: str, default: Any) -> Iterator[str]:
    """The entries of a value as texts; maps have none."""
    if isinstance(value, bool | Mapping):
        return
    if isinstance(value, list):
        for item in value:
            if not isinstance(item, Mapping | list | bool) and item not in (None, ""):
                yield str(item).strip()
        return
    text = str(value).strip()
    if form in _WHOLE and not isinstance(default, list):
        if text:
            yield text
        return
    yield from (part.strip() for part in text.split(",") if part.strip())


_EITHER = frozenset({"ContainerImagePrepare", "IronicInspectorSubnets"})
"""Parameters that take a list though their default is a map."""


def _kind(value: Any, default: Any) -> tuple[str, str, str]:
    """A list in the place of a map, or the other way round; the type json takes both."""
    if isinstance(default, dict) and isinstance(value, list):
        return "FRM-044", "it is a list, and has to be one map", "Write KEY: VALUE without dashes."
    if isinstance(default, list) and isinstance(value, Mapping):
        return "FRM-044", "it is a map, and has to be a list", "Begin each entry with a dash."
    return "", "", ""


def _described(value: Any, default: Any, description: str) -> tuple[str, str, str]:
    """What the description and the default of the template say of a text."""
    if isinstance(value, Mapping | list | bool):
        return _kind(value, default)
    text = str(value).strip()
    if _PLACEHOLDER.fullmatch(text):
        return (
            "FRM-043",
            f"{brief(value)} is the text of a sample, not a value",
            "Put the value in its place.",
        )
    takes_truth = str(default).lower() in ("true", "false") and "'auto'" not in description
    if takes_truth and text.lower() not in _TRUTH:
        return "FRM-042", f"{brief(value)} is neither true nor false", "Write true or false."
    listed = _listed(description)
    if not listed or (default not in (None, "") and str(default) not in listed):
        return "", "", ""
    if text.lower() in (each.lower() for each in listed):
        return "", "", ""
    return (
        "FRM-041",
        f"{brief(value)} is not among {', '.join(listed)}, which its description names",
        did_you_mean(text, listed) or "Use one of these.",
    )


def _listed(description: str) -> list[str]:
    """The values in quotes that a description says are valid."""
    match = _LISTED.search(" ".join(description.split()))
    return _QUOTED.findall(match.group(1)) if match else []
