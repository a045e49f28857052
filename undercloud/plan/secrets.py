"""Values that may not be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

MASK = "********"
SECRET_WORDS = (
    *("password", "passwd", "passphrase", "secret", "token", "private_key", "credential"),
    "community",  # SNMP's password
)
"""One of these is in the name of what nothing may show, where no schema says so."""


class Secret(str):
    """A string that may not be shown: it behaves as its text, but prints masked in any ``repr``.

    Secrecy travels with the value: a function that builds text from a secret returns a secret
    (:func:`secret_if`). ``str(secret)`` keeps the class, so that only :meth:`reveal` gives plain text.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return self

    def reveal(self) -> str:
        """The plain text, for the one place that hands it over."""
        return self[:]

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return (Secret, (self.reveal(),))


def secret_if(text: str, *sources: object) -> str:
    """``text``, as a secret if it was built from one."""
    return Secret(text) if any(is_secret(source) for source in sources) else text


def is_secret(value: object) -> bool:
    """Whether the value is a secret or holds one, at any depth."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(is_secret(key) or is_secret(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(is_secret(item) for item in value)


def secret_texts(value: object) -> Iterator[str]:
    """The plain text of every secret in a value, at any depth."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secret_texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secret_texts(item)


def conceal(value: object) -> object:
    """The value with every string in it (keys of maps excepted) made a secret."""
    if isinstance(value, str):
        return value if isinstance(value, Secret) else Secret(value)
    if isinstance(value, dict):
        return {key: conceal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [conceal(item) for item in value]
    return value


def conceal_named(value: object, name: object = "") -> object:
    """The value with every string below a name made a secret that has one of the words in it."""
    if any(word in str(name).lower() for word in SECRET_WORDS):
        return conceal(value)
    if isinstance(value, dict):
        return {key: conceal_named(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [conceal_named(item) for item in value]
    return value


def masked(value: object) -> object:
    """A copy of plain data with every secret replaced by a fixed mask, fit to print."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, dict):
        return {masked(key): masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value
