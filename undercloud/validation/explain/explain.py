"""The room's door: everything that a name means in a compiled plan, explained."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from undercloud.diagnostics import Finding, UndercloudError
from undercloud.playbooks.compiler import Compilation
from undercloud.validation.explain import native, parameters, stacks, upstream
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.model import Answer

Answers = Iterator[Answer]
KINDS = ("param", "resource", "output", "option", "hiera", "container", "file", "unit", "host")
"""What may stand before a name and a colon, to say which of its meanings is meant."""
_MOST_HINTS = 4
_WORDS = {"param": "parameter", "hiera": "key of hieradata", "unit": "systemd unit", "host": "node"}


def explain(compilation: Compilation, name: str, *, with_effects: bool = True) -> tuple[Answer, ...]:
    """Everything that a name means; ``with_effects`` also what a parameter leads to, which compiles once more.

    A plan with errors is explained as far as it was evaluated, without effects.

    Raises UndercloudError: EXP-001 if nothing is called so, with what was meant, EXP-002 for an option that the plan
    does not set; and the plan's errors.
    """
    if compilation.stack.root is None:
        compilation.raise_for_errors()
    with_effects = with_effects and compilation.ok
    context = Context(compilation)
    kind, wanted = _kind(name)
    asked = _Asked(context, with_effects)
    for each in (kind,) if kind else KINDS:
        found = tuple(asked.answers[each](wanted))
        if found and (kind or each not in ("param", "resource", "output")):
            return found
        if found:
            # A name may be a parameter, a resource and an output at once.
            rest = [other for other in ("param", "resource", "output") if other != each]
            return (*found, *(one for other in rest for one in asked.answers[other](wanted)))
    raise UndercloudError(_unknown(context, kind, wanted), *compilation.errors)


def _kind(name: str) -> tuple[str, str]:
    kind, colon, rest = name.partition(":")
    if colon and kind in KINDS and rest and not rest.startswith(":"):
        return kind, rest
    return "", name


class _Asked:
    """The answers of each kind to a name."""

    def __init__(self, context: Context, with_effects: bool) -> None:
        self._context = context
        self._with_effects = with_effects
        self.answers: dict[str, Callable[[str], Answers]] = {
            "param": self._parameter,
            "resource": self._resource,
            "output": self._output,
            "option": self._option,
            "hiera": self._hiera,
            "container": self._container,
            "file": self._file,
            "unit": self._unit,
            "host": self._host,
        }

    def _parameter(self, name: str) -> Answers:
        first, *path = name.split("/")
        context = self._context
        known = first in context.composition.declared or first in context.composition.given
        if known and _has(context, first, tuple(path)):
            yield parameters.answer(context, first, tuple(path), with_effects=self._with_effects)

    def _resource(self, name: str) -> Answers:
        found = stacks.resource(self._context, tuple(name.strip("/").split("/")))
        if found is not None:
            yield found

    def _output(self, name: str) -> Answers:
        path, colon, rest = name.partition(":")
        if colon and rest and not rest.startswith(":"):
            first, *keys = rest.split("/")
            found = stacks.nested_output(self._context, tuple(path.split("/")), first, tuple(keys))
        else:
            first, *keys = _split(name)
            found = stacks.root_output(self._context, first, tuple(keys))
        if found is not None:
            yield found

    def _option(self, name: str) -> Answers:
        match = native.OPTION.match(name)
        if match:
            room = native if self._context.is_native else upstream
            yield from room.options(self._context, match["file"], match["section"], match["option"])

    def _hiera(self, name: str) -> Answers:
        if not self._context.is_native:
            yield from upstream.hiera(self._context, name)

    def _container(self, name: str) -> Answers:
        host, slash, wanted = name.rpartition("/")
        room = native if self._context.is_native else upstream
        yield from room.containers(self._context, wanted if slash else name, host)

    def _file(self, name: str) -> Answers:
        yield from native.files(self._context, name)

    def _unit(self, name: str) -> Answers:
        yield from native.units(self._context, name)

    def _host(self, name: str) -> Answers:
        found = stacks.host(self._context, name)
        if found is not None:
            yield found


def _split(name: str) -> list[str]:
    """The keys of a path; ``::`` and a slash inside brackets belong to a key."""
    return name.split("/")


def _has(context: Context, name: str, path: tuple[str, ...]) -> bool:
    """Whether a parameter has such a key, or could have: a map may be given any."""
    if not path:
        return True
    value = context.composition.values.get(name, context.composition.given.get(name))
    return isinstance(value, dict | list)


def _unknown(context: Context, kind: str, name: str) -> Finding:
    hints = list(_hints(context, kind, name))
    fix = f"Did you mean {', '.join(hints)}?" if hints else _HOW
    match = native.OPTION.match(name)
    if match and match["option"] and not context.is_native:
        could = upstream.setters(match["file"], match["section"], match["option"])
        if could:
            fix = f"Give {' or '.join(could)} in ExtraConfig, or in ROLEExtraConfig for one role."
            return Finding("EXP-002", f"this plan does not set {name}: the service's default holds", fix)
    if kind:
        return Finding("EXP-001", f"this plan has no {_WORDS.get(kind, kind)} {name}", fix)
    return Finding("EXP-001", f"nothing in this plan is called {name}", fix)


_HOW = (
    "Name a parameter, ROLEParameters/KEY, a resource's path, an output, FILE:[SECTION]/OPTION, hiera:KEY, "
    "container:NAME or a node."
)


def _hints(context: Context, kind: str, name: str) -> Iterator[str]:
    """Names that are near: below the last resource of a path that is there, or anywhere."""
    if "/" in name and kind in ("", "resource"):
        below = list(_below(context, name.split("/")))
        if below:
            yield from below
            return
    yield from _nearest(name, _names(context, kind, name))


def _below(context: Context, path: list[str]) -> Iterator[str]:
    """What lies in the last stack that the path leads to, like the word that is wrong first."""
    for depth in range(len(path) - 1, 0, -1):
        found = context.resource(tuple(path[:depth]))
        if found is not None:
            inside = list(found.tree())
            near = _nearest(path[depth], inside) or inside[:_MOST_HINTS]
            yield from ("/".join([*path[:depth], each]) for each in near)
            return


def _names(context: Context, kind: str, name: str) -> Iterator[str]:
    if native.OPTION.match(name) or kind == "option":
        if context.is_native:
            yield from native.option_names(context)
        else:
            match = native.OPTION.match(name)
            service = name.partition(".")[0].partition("-")[0]
            last = (match["option"] if match else "") or ""
            keys = [key for key in upstream.keys(context) if key.startswith(f"{service}::")]
            ends = _nearest(last, {key.rsplit("::", 1)[-1] for key in keys})
            yield from (f"hiera:{key}" for key in keys if key.rsplit("::", 1)[-1] in ends)
        return
    sources: dict[str, Callable[[], Iterable[Any]]] = {
        "param": lambda: [*context.composition.declared, *context.composition.given],
        "resource": lambda: (member.name for member in context.root.members()),
        "output": lambda: context.root.template.outputs,
        "hiera": lambda: () if context.is_native else upstream.keys(context),
        "container": lambda: _containers(context),
        "file": lambda: (placed.name for placed in native.entries(context, "files")),
        "unit": lambda: (placed.name for placed in native.entries(context, "units")),
        "host": lambda: (
            (host.name for host in context.compilation.topology.hosts) if context.compilation.topology else ()
        ),
    }
    for each, names in sources.items():
        if kind in ("", each):
            prefix = f"{each}:" if each in ("hiera", "container", "file", "unit") else ""
            yield from (f"{prefix}{one}" for one in dict.fromkeys(map(str, names())))


def _containers(context: Context) -> Iterable[str]:
    if context.is_native:
        return (placed.name for placed in native.entries(context, "containers"))
    return upstream.container_names(context)


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    """The names that are like it, or hold it, the likeliest first."""
    bare = {
        each.rpartition(":")[2].casefold()
        if each.startswith(("hiera:", "container:", "file:", "unit:")) and "::" not in each
        else each.removeprefix("hiera:").casefold(): each
        for each in known
    }
    wanted = name.casefold()
    near = difflib.get_close_matches(wanted, bare, n=_MOST_HINTS, cutoff=0.6)
    holding = sorted((each for each in bare if len(wanted) > 2 and wanted in each), key=len)
    return [bare[each] for each in dict.fromkeys([*near, *holding])][:_MOST_HINTS]
