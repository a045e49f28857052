"""References to secret values: ``<<secret:NAME>>`` in what is written, the values gathered apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

REFERENCE = re.compile(r"<<secret:([^<>\s]+)>>")
_LOOKS_LIKE_ONE = re.compile(r"<<\s*secret\s*:", re.IGNORECASE)
_SHORTEST = 5  # a shorter password with a brace in it may stand in the template's own text by chance
_UNFIT = re.compile(r"[^A-Za-z0-9_./@+=-]+")


class References:
    """The secret values of one compilation by name; a name stays while its place in the templates does.

    ``verbatim`` are texts that the operator gave as they are, such as passwords: no template is seen in them.
    """

    def __init__(self, verbatim: Iterable[str] = ()) -> None:
        self._values: dict[str, str] = {}
        braced = [text for text in verbatim if "{" in text and len(text) >= _SHORTEST]
        # Maps and lists come into a template as JSON, and with them the texts in them.
        forms = {form: text for text in braced for form in (text, json.dumps(text)[1:-1])}
        self._braced = sorted(forms.items(), key=lambda pair: (-len(pair[0]), pair))

    @property
    def values(self) -> dict[str, str]:
        """Plain values by name, sorted."""
        return dict(sorted(self._values.items()))

    def add(self, value: str, name: Iterable[str], *qualifiers: str) -> str:
        """Keep a value and give back its reference.

        ``name`` is where the value stands (service, path, section, option …). Where another value has the
        name already, the qualifiers (role, host) tell them apart, in this order.
        """
        base = _UNFIT.sub("_", "/".join(part.strip("/") for part in name))
        for candidate in _candidates(base, qualifiers):
            if self._values.setdefault(candidate, value) == value:
                return f"<<secret:{candidate}>>"
        raise AssertionError("the candidates do not end")

    def shielded(self, text: str, name: Iterable[str]) -> str:
        """A template's text with references for what the operator gave and Jinja2 would take for its own."""
        for form, given in self._braced:
            if form in text:
                text = text.replace(form, self.add(given, (*name, "given")))
        return text

    def named_in(self, *texts: str) -> tuple[str, ...]:
        """The names referred to in texts, sorted, each once."""
        return tuple(sorted({name for text in texts if "<<" in text for name in REFERENCE.findall(text)}))

    def strangers(self, text: str) -> list[str]:
        """What looks like a reference in the text and is none that is known."""
        if "<<" not in text:
            return []
        unknown = [match.group() for match in REFERENCE.finditer(text) if match.group(1) not in self._values]
        rest = REFERENCE.sub("", text)
        return unknown + [
            rest[match.start() : match.start() + 40] for match in _LOOKS_LIKE_ONE.finditer(rest)
        ]

    def reveal(self, text: str) -> str:
        """The text with every known reference replaced by its value."""
        if "<<" not in text:
            return text
        return REFERENCE.sub(lambda match: self._values.get(match.group(1), match.group()), text)


def _candidates(base: str, qualifiers: Iterable[str]) -> Iterable[str]:
    yield base
    for qualifier in qualifiers:
        yield f"{base}@{_UNFIT.sub('_', qualifier)}"
    number = 2
    while True:
        yield f"{base}@{number}"
        number += 1
