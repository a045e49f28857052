"""Late binding: the Jinja2 that is left in role_data, filled in for the cloud and for each host.

Templates see references to secrets, never their values, so that what is built from them holds the references.
A filter that would change such a text is given the value instead, and what comes out is a secret of its own.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from undercloud.diagnostics import Location, UndercloudError
from undercloud.plan.names import did_you_mean
from undercloud.plan.sandbox import Bounded
from undercloud.playbooks.filters import FILTERS
from undercloud.playbooks.references import REFERENCE, References

# Filters that hand a text on as it is, so that a reference passes through them whole.
_HAND_ON = frozenset(["d", "default", "string"])
# Filters that move the items of a list or map without looking into them.
# fmt: off
_MOVERS = frozenset([
    "attr", "batch", "count", "dictsort", "first", "groupby", "items", "join", "last", "length", "list",
    "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "sort", "sum",
    "unique",
])
# fmt: on


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: for the finding's location and path, and for the names of secrets built in it."""

    service: str
    path: tuple[str, ...]
    locate: Callable[[tuple[str, ...], int], Location | None]

    def child(self, *steps: str) -> Place:
        """The place further down."""
        return Place(self.service, (*self.path, *steps), self.locate)

    def error(self, code: str, message: str, fix: str = "", line: int = 0) -> UndercloudError:
        """An error that names this place, or a line (from 1) of the text that stands there."""
        location = self.locate(self.path, line)
        return UndercloudError.of(code, message, fix=fix, location=location, path=(self.service, *self.path))


class _Unknown(jinja2.StrictUndefined):
    """An undefined value whose error says which names there are."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return self._undefined_hint or _explain(self._undefined_obj, self._undefined_name)


def _explain(owner: Any, name: Any) -> str:
    if owner is jinja2.utils.missing:
        return f"the name {name!r} is not known here; there are `cloud` and `host`"
    if isinstance(owner, Mapping):
        known = [str(key) for key in owner]
        hint = did_you_mean(str(name), known)
        shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
        return f"there is no {name!r} here; there are: {shown or 'none'}. {hint}".strip()
    return f"a value of type {type(owner).__name__} has no {name!r}"


class _Environment(Bounded, ImmutableSandboxedEnvironment):
    """A bounded sandbox in which a map's keys come before its methods (a service may be called ``items``)."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@dataclasses.dataclass(frozen=True, slots=True)
class _Compiled:
    template: jinja2.Template
    needs_host: bool


def has_template(text: str) -> bool:
    """Whether a text has anything to fill in."""
    return "{{" in text or "{%" in text


class Binder:
    """Fills in texts. Compiled templates are kept by their text, results that need no host as well."""

    def __init__(self, references: References, cloud: Mapping[str, Any]) -> None:
        self._references = references
        self._cloud = cloud
        self._compiled: dict[str, _Compiled] = {}
        self._rendered: dict[str, str] = {}
        self._place: Place | None = None
        self._environment = _environment(self._guard)

    def needs_host(self, text: str, place: Place) -> bool:
        """Whether the result differs by host. Raises UndercloudError ROLE-031 for a syntax error."""
        return has_template(text) and self._compile(text, place).needs_host

    def render(self, text: str, host: Mapping[str, Any] | None, place: Place) -> str:
        """The text, filled in; ``host`` None where a text may only use ``cloud``.

        Raises UndercloudError: ROLE-030 an unknown name, ROLE-031 a syntax error, ROLE-032 a failing
        expression, ROLE-034 ``host`` where there is none.
        """
        compiled = self._compile(text, place)
        if not compiled.needs_host:
            if text not in self._rendered:
                self._rendered[text] = self._run(compiled.template, {"cloud": self._cloud}, place)
            return self._rendered[text]
        if host is None:
            raise place.error(
                "ROLE-034",
                "`host` is used where a text is for the whole cloud",
                "Use only `cloud` here; what differs by node belongs into config_files or containers.",
            )
        return self._run(compiled.template, {"cloud": self._cloud, "host": host}, place)

    def _compile(self, text: str, place: Place) -> _Compiled:
        found = self._compiled.get(text)
        if found is None:
            try:
                tree: nodes.Template = self._environment.parse(text)
                names = meta.find_undeclared_variables(tree)
                found = _Compiled(self._environment.from_string(tree), "host" in names)
            except jinja2.TemplateSyntaxError as error:
                raise place.error(
                    "ROLE-031",
                    f"line {error.lineno} of the text is no valid Jinja2: {error.message}",
                    "Mend the expression; a literal pair of braces is written {{ '{{' }}.",
                    error.lineno,
                ) from None
            self._compiled[text] = found
        return found

    def _run(self, template: jinja2.Template, names: Mapping[str, Any], place: Place) -> str:
        outer, self._place = self._place, place
        self._environment.turns = 0
        try:
            return template.render(names)
        except UndercloudError:
            raise
        except jinja2.UndefinedError as error:
            line, message = _line(error), f"cannot be filled in: {error.message}"
            code, fix = "ROLE-030", "See docs/role-data.md for the names that late binding knows."
        except SecurityError as error:
            line, message, code, fix = _line(error), f"is not allowed: {error}", "ROLE-032", ""
        except Exception as error:  # noqa: BLE001 - a filter raises whatever its arguments make it raise
            line, message, code, fix = _line(error), f"cannot be filled in: {error}", "ROLE-032", ""
        finally:
            self._place = outer
        raise place.error(code, f"line {line} of the text {message}", fix, line)

    def _guard(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run a filter; one that changes a text with references gets the values and gives a secret."""
        given = args[1:] if hasattr(function, "jinja_pass_arg") else args
        if name in _MOVERS and given and not isinstance(given[0], str):
            return function(*args, **kwargs)
        texts = [text for text in _texts((*given, *kwargs.values())) if REFERENCE.search(text)]
        if not texts:
            return function(*args, **kwargs)
        reveal = functools.partial(_reveal, self._references)
        revealed = (*args[: len(args) - len(given)], *map(reveal, given))
        assert self._place is not None, "filters run inside render"
        try:
            result = function(*revealed, **{key: reveal(value) for key, value in kwargs.items()})
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the secret
            kind = type(error).__name__
            raise self._place.error("ROLE-032", f"the filter {name!r} fails on a secret ({kind})") from None
        if not isinstance(result, str):
            if isinstance(result, bool | int | float):
                return result
            raise self._place.error(
                "ROLE-032",
                f"what the filter {name!r} makes of a secret is no text, and cannot be kept secret",
                "Use the secret as a text.",
            )
        return self._references.add(str(result), (*REFERENCE.findall(texts[0])[:1], name))


def _environment(guard: Callable[..., Any]) -> _Environment:
    environment = _Environment(
        undefined=_Unknown,
        autoescape=False,  # the output is configuration, not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_no_none,
    )
    environment.globals = {name: environment.globals[name] for name in ("range", "dict", "namespace")}
    environment.filters |= FILTERS
    for name in ("pprint", "random", "xmlattr", "urlize"):
        del environment.filters[name]
    for name, function in environment.filters.items():
        if name not in _HAND_ON:
            environment.filters[name] = _guarded(name, function, guard)
    return environment


def _guarded(name: str, function: Callable[..., Any], guard: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return guard(name, function, args, kwargs)

    return run


def _no_none(value: Any) -> Any:
    if value is None:
        raise ValueError("a value is null; give it a default, as in {{ value | default('', true) }}")
    return value


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _texts(value.values())
        elif isinstance(value, list | tuple):
            yield from _texts(value)


def _reveal(references: References, value: Any) -> Any:
    if isinstance(value, str):
        return references.reveal(value)
    if isinstance(value, Mapping):
        return {key: _reveal(references, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_reveal(references, item) for item in value]
    return value


def _line(error: BaseException) -> int:
    """The line of the text in which an error arose: Jinja2 puts template frames on the traceback."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
