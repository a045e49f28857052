"""Which files set a parameter, in order; which one counts, and what it overrode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from undercloud.hot.parameters import Parameter
from undercloud.plan.environment import Environment, Origin, Setting
from undercloud.plan.merging import DEEP_MERGE, OVERWRITE
from undercloud.validation.explain.model import Kind, Link
from undercloud.validation.explain.snippets import UNKNOWN, follow
from undercloud.validation.explain.veil import Veil


class Settings:
    """The settings of parameters in one environment; ``made`` is everything that the stack was given."""

    def __init__(self, environment: Environment, made: dict[str, Any], veil: Veil) -> None:
        self._environment = environment
        self._made = made
        self._veil = veil

    def links(
        self, name: str, path: tuple[Any, ...], declared: Parameter | None, *, root: bool
    ) -> tuple[Link, ...]:
        """Where a parameter that no property gives has its value from, what counts first.

        ``root``: whether the section ``parameters`` counts too, as it does for the root template only.
        """
        history = [
            one
            for one in self._environment.history(name)
            if one.value is not None and (root or one.section == "parameter_defaults")
        ]
        strategy = self._environment.merge_strategies.get(name, OVERWRITE)
        joined = strategy != OVERWRITE
        counting = _counting(history, path, strategy)
        found: list[Link] = []
        for number, setting in reversed(list(enumerate(history))):
            value = follow(setting.value, path)
            if value is UNKNOWN and (joined or number not in counting):
                continue
            found.append(self._setting(setting, path, value, counts=number in counting))
        if len(counting) > 1:
            found = [
                _noted(link, f"joined with the others ({strategy})")
                if link.kind is not Kind.OVERRIDDEN
                else link
                for link in found
            ]
        if not history and self._made.get(name) is not None:
            found.append(self._generated(name, path))
        found += self._default(name, path, declared, overridden=bool(found))
        return tuple(found)

    def _setting(self, setting: Setting, path: tuple[Any, ...], value: Any, *, counts: bool) -> Link:
        document = setting.layer.document
        place = document.locate(setting.section, setting.name, *path) if document.text else None
        named = f"set in {setting.section}"
        if setting.layer.origin is Origin.TEMPLATES:
            named += " of the templates' own environment"
        elif setting.layer.origin is Origin.GENERATED:
            named = "made by undercloud"
        elif not document.text:
            named += f" of the {document.file.strip('()')}"
        note = (
            ""
            if value is not UNKNOWN
            else f"{_dotted(setting.name, path)} is not there: the template sees nothing"
        )
        shown = self._veil.of_parameter(setting.name, None if value is UNKNOWN else value)
        kind = Kind.SETTING if counts else Kind.OVERRIDDEN
        if counts and setting.layer.origin is Origin.GENERATED:
            kind = Kind.GENERATED
        return Link(kind, named if counts else f"overridden: {named}", shown, place, note)

    def _generated(self, name: str, path: tuple[Any, ...]) -> Link:
        value = follow(self._made[name], path)
        shown = self._veil.of_parameter(name, None if value is UNKNOWN else value)
        note = "kept in the state file" if self._veil.is_hidden(name) else ""
        return Link(Kind.GENERATED, "made by undercloud: no file sets it", shown, note=note)

    def _default(
        self, name: str, path: tuple[Any, ...], declared: Parameter | None, *, overridden: bool
    ) -> Iterator[Link]:
        if declared is None or declared.default is None:
            return
        value = follow(declared.default, path)
        if value is UNKNOWN:
            return
        place = declared.site.below("default", *path).location()
        kind, text = (
            (Kind.OVERRIDDEN, "overridden: the template's default")
            if overridden
            else (
                Kind.DEFAULT,
                "the template's default",
            )
        )
        yield Link(kind, text, self._veil.of_parameter(name, value), place)


def _counting(history: Sequence[Setting], path: tuple[Any, ...], strategy: str) -> set[int]:
    """Which of the settings give the value (or the part of it that the path leads to): their numbers."""
    values = {number: follow(setting.value, path) for number, setting in enumerate(history)}
    having = [number for number, value in values.items() if value is not UNKNOWN]
    if strategy == OVERWRITE:
        return {len(history) - 1}
    if not path:
        return set(having)
    # Merged maps take the last one's keys; in a deep merge, maps, lists and texts are joined further in.
    deep = strategy == DEEP_MERGE and all(isinstance(values[number], str | list | dict) for number in having)
    return set(having) if deep else set(having[-1:])


def _dotted(name: str, path: tuple[Any, ...]) -> str:
    return "/".join(map(str, (name, *path)))


def _noted(link: Link, note: str) -> Link:
    return Link(link.kind, link.text, link.value, link.location, note, link.links)
