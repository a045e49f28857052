"""What a parameter leads to: the plan is compiled once more with another value, and the two are compared.

That is exact where no reading of templates is: queries, conditions, late binding and placement are all gone
through. The second compilation finds templates and files compiled already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.hot.faults import steps
from undercloud.hot.parameters import Parameter
from undercloud.plan.documents import Document
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.environment import Layer, merge
from undercloud.plan.loader import Plan
from undercloud.plan.merging import OVERWRITE
from undercloud.plan.references import declared_types
from undercloud.plan.secrets import MASK, conceal
from undercloud.playbooks import compiler
from undercloud.validation.diff.compare import compare
from undercloud.validation.diff.model import FileChange, PlanDiff, printed
from undercloud.validation.diff.snapshot import of_compilation
from undercloud.validation.diff.text import short
from undercloud.validation.diff.values import ABSENT, ValueChange
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.model import NO_VALUE, Effect
from undercloud.validation.explain.snippets import UNKNOWN, follow

Keys = tuple[Any, ...]
SEED = "explain"
_MOST_TRIES = 4
_MOST_FRUITLESS = 2
_MARK = "explain"
_FEW = 3
_CARRIERS = ("config_settings.yaml", "service_config_settings.yaml", "global_config_settings.yaml")


@dataclasses.dataclass(frozen=True)
class Tried:
    """What another value of a parameter does; ``text`` says which value it was."""

    effects: tuple[Effect, ...] = ()
    text: str = ""


def effects(context: Context, name: str, path: Keys, declared: Parameter | None, value: Any) -> Tried:
    """What depends on a parameter (or on one key of it)."""
    whole = context.composition.given.get(name)
    if whole is None:
        whole = context.composition.values.get(name)
    current = None if value is UNKNOWN else value
    nothing, fruitless = Tried(), 0
    for other in _candidates(declared if not path else None, current):
        hidden = context.veil.is_hidden(name)
        plan = _changed(context, name, _replaced(whole, path, conceal(other) if hidden else other))
        made = compiler.compile(plan, context.compilation.state, SeededEntropy(SEED))
        if not made.ok:
            continue
        shown = [context.veil.of_parameter(name, each) for each in (current, other)]
        text = "another value" if hidden else f"{short(shown[1])} instead of {short(shown[0])}"
        then = of_compilation(made, with_parameters=False)
        found = compare(context.snapshot, then, ("now", "then"))
        if found:
            return Tried(tuple(_joined(_effects(found))), text)
        nothing, fruitless = Tried((), text), fruitless + 1
        if fruitless == _MOST_FRUITLESS:
            break
    return nothing


def _changed(context: Context, name: str, value: Any) -> Plan:
    """The plan with another value for a parameter, over all files."""
    plan, environment = context.compilation.plan, context.environment
    given: dict[str, Any] = {"parameter_defaults": {name: value}}
    if name in environment.parameters:
        given["parameters"] = {name: value}
    strategy = environment.merge_strategies.get(name, OVERWRITE)
    if strategy != OVERWRITE:
        given["parameter_merge_strategies"] = {name: strategy}
    layers = (*environment.layers, Layer(Document("(explain)", "", given), ""))
    merged = merge(layers, declared_types(plan.tree, plan.root), plan.tree)
    return dataclasses.replace(plan, environment=merged)


def _replaced(whole: Any, path: Keys, value: Any) -> Any:
    """The whole value with another one where the path leads."""
    if not path:
        return value
    key = path[0]
    if isinstance(whole, list) and str(key).isdecimal() and int(key) < len(whole):
        return [
            _replaced(item, path[1:], value) if number == int(key) else item
            for number, item in enumerate(whole)
        ]
    known = dict(whole) if isinstance(whole, Mapping) else {}
    known[key] = _replaced(known.get(key), path[1:], value)
    return known


def _candidates(declared: Parameter | None, value: Any) -> Iterator[Any]:
    """Other values, the likeliest to be accepted first; at most so many are tried."""
    tried = 0
    for other in _others(declared, value):
        if other == value and isinstance(other, bool) == isinstance(value, bool):
            continue
        if declared is not None and declared.constraints and _violates(declared, other):
            continue
        yield other
        tried += 1
        if tried == _MOST_TRIES:
            return


def _violates(declared: Parameter, value: Any) -> bool:
    try:
        return bool(declared.violations(value))
    except (TypeError, ValueError):
        return True


def _others(declared: Parameter | None, value: Any) -> Iterator[Any]:
    kind = declared.type if declared else ""
    yield from _allowed(declared)
    default = declared.default if declared else None
    if kind == "boolean" or isinstance(value, bool):
        yield str(value).lower() not in ("true", "yes", "on", "1")
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1, value * 2)
    elif isinstance(value, list):
        yield from _other_lists(value)
        yield default
    elif isinstance(value, Mapping):
        yield from _other_maps(value)
        yield default
    else:
        yield from _other_texts(str(value or ""))
        if default is not None:
            yield default


def _allowed(declared: Parameter | None) -> Iterator[Any]:
    """The values that a constraint lists."""
    if declared is None or declared.site.document is None:
        return
    definition = follow(declared.site.document.value, tuple(steps(declared.site.path)))
    constraints = definition.get("constraints") if isinstance(definition, Mapping) else None
    for constraint in constraints if isinstance(constraints, list) else ():
        values = constraint.get("allowed_values") if isinstance(constraint, Mapping) else None
        yield from values if isinstance(values, list) else ()


def _other_texts(text: str) -> Iterator[Any]:
    if text.lower() in ("true", "false"):
        yield "false" if text.lower() == "true" else "true"
    if text.isdecimal():
        yield str(int(text) + 1)
    if "," in text or not text:
        yield f"{text},{_MARK}" if text else _MARK
    yield f"{text}-{_MARK}"
    if text.count(".") == 3 and text.replace(".", "").isdecimal():
        head, _, last = text.rpartition(".")
        yield f"{head}.{(int(last) + 1) % 250 + 1}"
    yield f"{text}{_MARK}"
    yield ""


def _other_lists(items: list[Any]) -> Iterator[Any]:
    if all(isinstance(item, str) for item in items):
        yield [*items, _MARK]
    if items:
        yield items[:-1]
        yield items[1:]
    else:
        yield [_MARK]


def _other_maps(items: Mapping[Any, Any]) -> Iterator[Any]:
    """Every plain value in it changed at once; else a key more, or less."""
    changed = {key: _other_leaf(item) for key, item in items.items()}
    if items and changed != dict(items):
        yield changed
    yield {**items, _MARK: _MARK}
    if items:
        yield dict(list(items.items())[:-1])


def _other_leaf(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return next(iter(_other_texts(value)))
    if isinstance(value, Mapping):
        return {key: _other_leaf(item) for key, item in value.items()}
    return value


# -- from a comparison to effects --------------------------------------------------------------------------


def _effects(found: PlanDiff) -> Iterator[Effect]:
    for host in found.hosts:
        keys = ", ".join(".".join(key.path) for key in host.keys)
        word = {"add": "is added", "remove": "goes", "change": f"has other {keys}"}[host.action]
        yield Effect("host", host.name, (host.role,), reason=word)
    plain: list[FileChange] = []
    for file in found.files:
        kind = "hiera" if file.path == "hieradata" else "option"
        for option in file.options:
            name = (
                option.option if kind == "hiera" else f"{_name(file.path)}:[{option.section}]/{option.option}"
            )
            yield Effect(kind, name, file.where, "" if kind == "hiera" else file.path, *_sides(option.change))
        if not file.options:
            plain.append(file)
    for container in found.containers:
        keys = ", ".join(".".join(key.path) for key in container.keys[:4])
        reason = "; ".join([*([f"other {keys}"] if keys else []), *container.reasons])
        effect = f"{container.effect} in step {container.step}{f': {reason}' if reason else ''}"
        yield Effect("container", container.name, container.where, reason=effect)
    hiera = {
        role: len(file.options) for file in found.files if file.path == "hieradata" for role in file.where
    }
    for file in plain:
        if not file.path.endswith(_CARRIERS) and not _is_hiera(file, hiera):
            yield _of_file(file)
    for resource in found.resources:
        yield Effect(
            "resource",
            resource.path,
            reason={"add": "is added", "remove": "goes"}.get(resource.action, "is made of something else"),
        )
    yield from _of_outputs(found)


def _is_hiera(file: FileChange, hiera: Mapping[str, int]) -> bool:
    """Whether a role's variables differ in nothing but hieradata, which is told key by key."""
    role = file.path.removeprefix("group_vars/")
    changed = sum(line[:1] in ("+", "-") for line in file.diff[2:])
    return role != file.path and changed <= 2 * hiera.get(role, 0)


def _of_outputs(found: PlanDiff) -> Iterator[Effect]:
    """Outputs; one that differs in many places is told as a whole."""
    by_name: dict[str, list[ValueChange]] = {}
    for change in found.outputs:
        by_name.setdefault(change.path[0], []).append(change)
    for name, changes in by_name.items():
        if len(changes) > _FEW:
            yield Effect("output", name, reason=f"{len(changes)} places differ")
        else:
            yield from (Effect("output", "/".join(each.path), (), "", *_sides(each)) for each in changes)


def _joined(found: Iterator[Effect]) -> Iterator[Effect]:
    """Effects that are the same but for the nodes, as one."""
    same: dict[Any, Effect] = {}
    for effect in found:
        key = repr(dataclasses.replace(effect, where=()))
        known = same.get(key)
        same[key] = dataclasses.replace(known, where=(*known.where, *effect.where)) if known else effect
    yield from same.values()


def _of_file(file: FileChange) -> Effect:
    changed = [line for line in file.diff[2:] if line[:1] in ("+", "-")]
    short_enough = len(changed) <= 2
    before = (
        next((line[1:].strip() for line in changed if line[0] == "-"), NO_VALUE) if short_enough else NO_VALUE
    )
    after = (
        next((line[1:].strip() for line in changed if line[0] == "+"), NO_VALUE) if short_enough else NO_VALUE
    )
    words = {"add": "is written", "remove": "is no longer written", "change": ""}
    reason = "; ".join([*filter(None, [words[file.action]]), *file.reasons])
    if file.action == "change" and not short_enough:
        reason = f"{len(changed)} lines differ"
    return Effect("file", file.path, file.where, file.path, before, after, reason)


def _sides(change: ValueChange) -> tuple[Any, Any]:
    before, after = (NO_VALUE if side is ABSENT else printed(side) for side in (change.before, change.after))
    if change.secret and before == after == MASK:
        after = f"{MASK} (another secret)"
    return before, after


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def current(context: Context, name: str, path: Keys) -> Any:
    """A parameter's value in this plan, or a part of it; UNKNOWN where it has none."""
    values = context.composition.values
    value = values.get(name, context.composition.given.get(name, context.root.run.defaults.get(name)))
    return UNKNOWN if value is None and name not in values else follow(value, path)
