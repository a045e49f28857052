"""Nothing secret is shown: values are masked by what they are, and once more by what they contain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.plan.secrets import MASK, conceal, masked
from undercloud.validation.composition import Composition

_SHORTEST = 4
_LARGEST = 4000


class Veil:
    """Masks values of one plan.

    Secret values are known by their class (see ``plan.secrets``) or by the name of their parameter. Whatever
    hidden parameters hold is masked in all other texts too, should it stand there in the clear.
    """

    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        given = composition.given.items()
        texts = [text for name, value in given if self.is_hidden(str(name)) for text in _texts(value)]
        hidden = {text for text in (*composition.stack.hidden, *texts) if len(text.strip()) >= _SHORTEST}
        # The longest first: one may be part of another.
        self._hidden = sorted(hidden, key=lambda text: (-len(text), text))

    def is_hidden(self, name: str) -> bool:
        """Whether a parameter's value may not be shown."""
        return self._composition.is_hidden(name) or name in self._composition.environment.encrypted

    def of_parameter(self, name: str, value: Any) -> Any:
        """A parameter's value, fit to print."""
        if self.is_hidden(name):
            return MASK if not isinstance(value, Mapping | list) and value not in ("", None) else _all(value)
        return self.shown(value)

    def shown(self, value: Any) -> Any:
        """Any value, fit to print; what is too large to read is only described."""
        plain = self._cleared(masked(value))
        if isinstance(plain, dict | list) and len(json.dumps(plain, default=str)) > _LARGEST:
            return described(plain)
        return plain

    def whole(self, value: Any) -> Any:
        """Any value, fit to print, however large."""
        return self._cleared(masked(value))

    def text(self, text: str) -> str:
        """A text without what hidden parameters hold."""
        for hidden in self._hidden:
            if hidden in text:
                text = text.replace(hidden, MASK)
        return text

    def _cleared(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(key) if isinstance(key, str) else str(key): self._cleared(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._cleared(item) for item in value]
        return value if isinstance(value, bool | int | float) or value is None else str(value)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield str.__str__(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _all(value: Any) -> Any:
    """A hidden map or list: every text and number in it masked."""
    if isinstance(value, Mapping):
        return {str(key): _all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_all(item) for item in value]
    return masked(conceal(str(value))) if value not in ("", None) else value


def described(value: Any) -> str:
    """What stands for a value that is too large to show."""
    if isinstance(value, Mapping):
        names = ", ".join(str(key) for key in list(value)[:4])
        return f"(a map of {len(value)}: {names}{', …' if len(value) > 4 else ''})"
    if isinstance(value, list | tuple):
        return f"(a list of {len(value)})"
    return f"(a text of {len(str(value))} characters)"
