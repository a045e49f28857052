"""Texts of role_data as the desired state has them: filled in, with references for what is secret."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.plan.secrets import Secret
from undercloud.playbooks.bind import Binder, Place, has_template
from undercloud.playbooks.references import REFERENCE, References

HostScope = Mapping[str, Any]


class Texts:
    """Fills in texts of entries; ``host`` is the host's names, or None where only ``cloud`` may be used."""

    def __init__(self, binder: Binder, references: References) -> None:
        self._binder = binder
        self.references = references

    def needs_host(self, value: Any, place: Place) -> bool:
        """Whether any text in a value differs by host. Raises UndercloudError for a syntax error."""
        if isinstance(value, str):
            return self._binder.needs_host(self._template(value, place), place)
        if isinstance(value, Mapping):
            return any(self.needs_host(item, place.child(str(key))) for key, item in value.items())
        if isinstance(value, list):
            return any(self.needs_host(item, place.child(str(index))) for index, item in enumerate(value))
        return False

    def value(
        self, value: Any, place: Place, host: HostScope | None, encode: Callable[[str], str] | None = None
    ) -> Any:
        """A value with all its texts filled in; keys stay as they are. See :meth:`text`."""
        if isinstance(value, str):
            return self.text(value, place, host, encode)
        if isinstance(value, Mapping):
            return {key: self.value(item, place.child(str(key)), host, encode) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, place.child(str(i)), host, encode) for i, item in enumerate(value)]
        return value

    def text(
        self, value: str, place: Place, host: HostScope | None, encode: Callable[[str], str] | None = None
    ) -> str:
        """A text, filled in; one reference if it is secret as a whole.

        ``encode`` writes a secret as the surrounding format needs it; a text in which a reference stands
        beside other text then becomes one secret as well. Raises UndercloudError as Binder.render does, and
        ROLE-033 for what looks like a reference and is none.
        """
        filled, by_host = self._fill(value, place, host)
        if isinstance(value, Secret) or (encode and REFERENCE.search(filled)):
            real = self.references.reveal(filled)
            return self._secret(encode(real) if encode else real, place, host, by_host)
        return filled

    def words(self, value: Any, place: Place, host: HostScope | None) -> tuple[str, ...]:
        """A command: a list as it is, a text split as a shell splits; raises UndercloudError ROLE-022 too."""
        if not isinstance(value, str):
            return tuple(self.text(item, place.child(str(index)), host) for index, item in enumerate(value))
        filled, by_host = self._fill(value, place, host)
        secret = isinstance(value, Secret)
        try:
            words = shlex.split(self.references.reveal(filled) if secret else filled)
        except ValueError as error:
            raise place.error(
                "ROLE-022",
                f"the command cannot be split into words: {error}",
                "Mend the quotes, or write a list.",
            ) from None
        if not secret:
            return tuple(words)
        return tuple(
            self._secret(word, place.child(str(index)), host, by_host) for index, word in enumerate(words)
        )

    def shell(self, value: Any, place: Place, host: HostScope | None) -> tuple[str, ...]:
        """A check's command: a list as it is, a text for ``/bin/sh -c``."""
        if isinstance(value, str):
            return ("/bin/sh", "-c", self.text(value, place, host))
        return self.words(value, place, host)

    def _fill(self, value: str, place: Place, host: HostScope | None) -> tuple[str, bool]:
        secret = isinstance(value, Secret)
        by_host, text = False, self._template(value, place)
        if has_template(text):
            by_host = self._binder.needs_host(text, place)
            text = self._binder.render(text, host, place)
        strangers = [] if secret else self.references.strangers(text)
        if strangers:
            raise place.error(
                "ROLE-033",
                f"{strangers[0]!r} looks like a reference to a secret, and there is no such secret",
                "References are made by the compiler; a secret is handed over by a hidden parameter.",
            )
        return text, by_host

    def _template(self, value: str, place: Place) -> str:
        """The text that Jinja2 gets to see."""
        return self.references.shielded(value.reveal(), _name(place)) if isinstance(value, Secret) else value

    def _secret(self, value: str, place: Place, host: HostScope | None, by_host: bool) -> str:
        name = _name(place)
        if host is None:
            return self.references.add(value, name)
        if by_host:
            name[-1] += f"@{host['name']}"
            return self.references.add(value, name)
        return self.references.add(value, name, host["role"], host["name"])


def _name(place: Place) -> list[str]:
    """What a secret at a place is called."""
    return [place.service, *(step for step in place.path if step not in {"config_files", "content"})]
