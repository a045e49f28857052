"""Answers as a tree for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Location
from undercloud.validation.diff.text import joined, short
from undercloud.validation.explain.model import NO_VALUE, Answer, Effect, Kind, Link

_MOST_EFFECTS = 25
_WIDEST_VALUE = 120
_LONGEST_WAY = 4
_AT = {"parameter": "declared at", "host": "its role at"}


def warning(errors: Sequence[Finding]) -> str:
    """What is to be said of a plan with errors: it is explained as far as it was worked out."""
    if not errors:
        return ""
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    return f"\nThe plan has {count}, so this may not be all: openstack overcloud plan validate tells them.\n"


def document(name: str, answers: Iterable[Answer], errors: Iterable[Finding]) -> dict[str, Any]:
    """Answers as plain data, for programs."""
    told = {
        "findings": [finding.as_dict() for finding in errors],
        "name": name,
        "answers": [each.as_dict() for each in answers],
    }
    plain: dict[str, Any] = json.loads(json.dumps(told, ensure_ascii=False, default=str))
    return plain


class Renderer:
    """Writes answers; paths below ``roots`` are shown without them, the first root that fits counts."""

    def __init__(self, roots: Sequence[str] = (), *, all_effects: bool = False) -> None:
        self._roots = [root.rstrip("/") + "/" for root in roots]
        self._most = 10_000 if all_effects else _MOST_EFFECTS

    def render(self, answers: Iterable[Answer]) -> str:
        """All answers, one after the other."""
        return "\n".join("\n".join(self._answer(answer)) + "\n" for answer in answers)

    def _answer(self, answer: Answer) -> Iterator[str]:
        value = "" if answer.value is NO_VALUE else f" = {short(answer.value, 400)}"
        yield f"{answer.kind} {answer.name}{value}"
        if answer.location:
            yield f"  {_AT.get(answer.kind, 'at')} {self.place(answer.location)}"
        for name, fact in answer.facts.items():
            yield from self._fact(name, fact)
        if answer.origins:
            yield "comes from"
            yield from self._links(answer.origins, "  ")
        if answer.effects or answer.tried:
            yield "leads to" + (f" (seen by trying {answer.tried})" if answer.tried else "")
            if not answer.effects:
                yield "  nothing: no file, container, node or output depends on it"
            for effect in answer.effects[: self._most]:
                yield from self._effect(effect)
            if len(answer.effects) > self._most:
                yield f"  … {len(answer.effects) - self._most} more (--all shows them)"

    def _fact(self, name: str, fact: Any) -> Iterator[str]:
        if isinstance(fact, Mapping) and fact:
            yield f"  {name}:"
            yield from (f"    {key}: {self._said(value)}" for key, value in fact.items())
        elif isinstance(fact, list) and fact and isinstance(fact[0], Mapping):
            yield f"  {name}:"
            for each in fact:
                yield f"    {', '.join(f'{key} {self._said(value)}' for key, value in each.items())}"
        else:
            yield f"  {name}: {self._said(fact)}"

    def _said(self, value: Any) -> str:
        """A fact on one line."""
        if isinstance(value, Location):
            return self.place(value)
        if isinstance(value, list):
            return ", ".join(self._said(each) for each in value) or "nothing"
        return short(value, 400)

    def _links(self, links: Sequence[Link], indent: str) -> Iterator[str]:
        for number, link in enumerate(links):
            last = number == len(links) - 1
            yield f"{indent}{'└─ ' if last else '├─ '}{self._link(link)}"
            yield from self._links(link.links, f"{indent}{'   ' if last else '│  '}")

    def _link(self, link: Link) -> str:
        text = link.text
        if link.value is not NO_VALUE and link.kind is not Kind.FILE:
            text += f" = {short(link.value, _WIDEST_VALUE)}"
        if link.location:
            text += f"  [{self.place(link.location)}]"
        if link.read_at:
            text += f"  (read at {self.place(link.read_at)})"
        if link.note:
            text += f"  ({link.note})"
        return text + ("  (drawn out above)" if link.again else "")

    def _effect(self, effect: Effect) -> Iterator[str]:
        line = f"  {effect.kind} {effect.name}"
        if effect.where:
            line += f" on {joined(effect.where)}"
        if effect.before is not NO_VALUE and effect.after is not NO_VALUE:
            before, after = short(effect.before, 80), short(effect.after, 80)
            line += f": {before} -> {after}" if before != after else ": differs further on"
        elif effect.after is not NO_VALUE:
            line += f": + {short(effect.after, 80)}"
        elif effect.before is not NO_VALUE:
            line += f": - {short(effect.before, 80)}"
        if effect.reason:
            line += f"; {effect.reason}" if ": " in line else f": {effect.reason}"
        yield line
        if effect.via:
            yield f"      by way of {' → '.join(self._way(effect.via))}"

    def _way(self, via: Sequence[Location]) -> list[str]:
        """The places from where the parameter is read outwards; the middle of a long way is left out."""
        places = [self.place(each) for each in reversed(via)]
        return places if len(places) <= _LONGEST_WAY else [*places[: _LONGEST_WAY - 1], "…", places[-1]]

    def place(self, location: Location) -> str:
        """FILE:LINE:COLUMN with a short path."""
        text = str(location)
        root = next((root for root in self._roots if text.startswith(root)), "")
        return text.removeprefix(root)
