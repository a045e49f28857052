"""The Jinja2 environment that templates are rendered in."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from types import CodeType
from typing import Any, NoReturn

from jinja2 import ChainableUndefined, TemplateError, TemplateRuntimeError, UndefinedError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from undercloud.plan.entries import brief

MAX_TEXT = 16 * 1024 * 1024
MAX_LOOP = 1_000_000


class TooMuchError(TemplateError):
    """A template asked for more than any cloud needs: a text of gigabytes, a loop of millions."""


class UndefinedNameError(UndefinedError):
    """A template uses a ``name`` that it is not given and does not define; empty for what is kept from it."""

    name: str = ""


class StrictNames(ChainableUndefined):
    """Undefined as TripleO's templates need it: an undefined *name* fails, a missing *attribute* is empty.

    ``x is defined`` and ``x|default(...)`` work on both. What the sandbox keeps back fails like a name.
    """

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError,
    ) -> None:
        by_name = obj is missing and exc is UndefinedError and hint is None
        super().__init__(hint, obj, name, UndefinedNameError if by_name else exc)

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint or self._undefined_obj is missing:
            return self._undefined_hint or f"the name {self._undefined_name} is not defined"
        return f"there is no {self._undefined_name} in {brief(self._undefined_obj)}"

    def _checked(self) -> None:
        if self._undefined_exception is UndefinedError:
            return
        error = self._undefined_exception(self._undefined_message)
        if isinstance(error, UndefinedNameError) and self._undefined_obj is missing:
            error.name = self._undefined_name or ""
        raise error

    def __str__(self) -> str:
        self._checked()
        return ""

    def __iter__(self) -> Iterator[Any]:
        self._checked()
        return iter(())

    def __bool__(self) -> bool:
        self._checked()
        return False

    def __len__(self) -> int:
        self._checked()
        return 0

    def __eq__(self, other: object) -> bool:
        self._checked()
        return isinstance(other, ChainableUndefined)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        self._checked()
        return id(type(self))

    def __getattr__(self, name: str) -> StrictNames:
        if name.startswith("__"):
            raise AttributeError(name)
        self._checked()
        return self

    def __getitem__(self, key: object) -> StrictNames:  # type: ignore[override]
        self._checked()
        return self

    def __html__(self) -> str:
        return str(self)


class FrozenDict(dict[Any, Any]):
    """A map that a template can read, print and iterate over like any other, but not change."""

    __slots__ = ()

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("the roles and networks cannot be changed by a template")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse


class FrozenList(list[Any]):
    """A list that a template can read, print and iterate over like any other, but not change."""

    __slots__ = ()

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("the roles and networks cannot be changed by a template")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse


def frozen(value: Any) -> Any:
    """Plain data as maps and lists that cannot be changed."""
    if isinstance(value, FrozenDict | FrozenList):
        return value
    if isinstance(value, dict):
        return FrozenDict({key: frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return FrozenList([frozen(item) for item in value])
    return value


class Bounded(SandboxedEnvironment):
    """Jinja2's sandbox with bounded work: no template may fill the memory or loop for hours.

    ``turns`` are those of its loops over ranges so far.
    """

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.turns = 0
        self.globals["range"] = self._range

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiplication and powers that could fill the memory are refused."""
        if operator == "**" and not (abs(left) < 1000 and abs(right) < 1000):
            raise TooMuchError("a power beyond all measure")
        for many, times in ((left, right), (right, left)):
            if (
                isinstance(many, str | list | tuple)
                and isinstance(times, int)
                and len(many) * times > MAX_TEXT
            ):
                raise TooMuchError("a multiplied text or list is too large")
        return super().call_binop(context, operator, left, right)

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        self.turns += len(numbers)
        if self.turns > MAX_LOOP:
            raise TooMuchError(f"loops over ranges have more than {MAX_LOOP} turns")
        return numbers


class Sandbox(Bounded):
    """The sandbox with strict names, and templates compiled once a text.

    ``known`` are the paths that an include may name: it is looked for beside the template, then at the root.
    The immutable sandbox would not do: TripleO's templates build maps with ``update``.
    """

    def __init__(self, known: Collection[str], **options: Any) -> None:
        # Folding constants costs a tenth of compiling and gains nothing: a template is rendered few times.
        super().__init__(undefined=StrictNames, optimized=False, **options)
        self._known = known

    def join_path(self, template: str, parent: str) -> str:
        """The path of an included template."""
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(parent), template))
        return beside if beside in self._known else posixpath.normpath(template)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As in any sandbox; the usual case, a key of a role or network, takes a short way."""
        if type(obj) is FrozenDict and attribute in obj and not hasattr(dict, attribute):
            return obj[attribute]
        return super().getattr(obj, attribute)

    def compile(  # type: ignore[override]
        self, source: str, name: str | None = None, filename: str | None = None, *_: Any
    ) -> CodeType:
        """Compiled code, kept for the next environment of the same kind."""
        return _compiled(source, name, filename, bool(self.extensions))

    def compile_now(self, source: str, name: str | None, filename: str | None) -> CodeType:
        """What ``compile`` keeps."""
        return super().compile(source, name, filename)


@functools.lru_cache(maxsize=512)
def _compiled(source: str, name: str | None, filename: str | None, marked: bool) -> CodeType:
    environment = Sandbox(())
    if marked:
        environment.add_extension(LineMarkers)
    return environment.compile_now(source, name, filename)


_MARK = re.compile("\x02([^\x02\x03]*):([0-9]+)\x03")


class LineMarkers(Extension):
    """Puts a mark with its template and line before every line of literal text."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Called by the lexer for every template."""
        for token in stream:
            if token.type != "data":
                yield token
                continue
            lines = token.value.split("\n")
            marked = [
                f"\x02{stream.name}:{token.lineno + offset}\x03{line}" for offset, line in enumerate(lines)
            ]
            yield Token(token.lineno, "data", "\n".join(marked))


def strip_markers(text: str, template: str) -> tuple[str, list[tuple[str, int]]]:
    """The text without its marks, and for each of its lines the template and line it came from.

    A line is where its first visible text is from; text before any mark (the rest of an inserted text) is
    from where the line before ended.
    """
    places: list[tuple[str, int]] = []
    last = (template, 1)
    for line in text.split("\n"):
        before, *marks = _MARK.split(line)
        found = [(last, before)]
        found += [
            ((name, int(number)), shown)
            for name, number, shown in zip(marks[::3], marks[1::3], marks[2::3], strict=True)
        ]
        places.append(next((place for place, shown in found if shown), found[-1][0]))
        last = found[-1][0]
    return _MARK.sub("", text), places
