"""Answers that are kept until the database changes: who asks again gets them without a look at any record.

The database itself says whether it changed (``Database.version``), whichever process wrote in it. What also
depends on the clock, such as whether a silent engine still counts as alive, is looked at anew each second.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from undercloud.db.database import Database

if TYPE_CHECKING:
    from undercloud.api.calls import Answer, Call, Handler

_LONGEST = 1.0  # seconds
_MOST = 256  # answers
_LARGEST = 64 << 10  # bytes of one


@dataclass(frozen=True)
class _Kept:
    answer: Answer
    version: int
    until: float


class Answers:
    """The last answers, each with the version of the database that it was made from."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._guard = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer that is kept under ``key`` and still holds, or else what ``make`` gives."""
        version, now = self._database.version(), self._clock()
        if version is None:
            return make()
        with self._guard:
            found = self._kept.get(key)
        if found is not None and found.version == version and now < found.until:
            return found.answer
        # The version was read before the records: what is committed in between only makes it look old.
        made = encoded(make())
        if len(made.body) <= _LARGEST:
            with self._guard:
                self._kept[key] = _Kept(made, version, now + _LONGEST)
                self._kept.move_to_end(key)
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
        return made


def encoded(answer: Answer) -> Answer:
    """The answer with plain data as the bytes of its JSON."""
    if isinstance(answer.body, bytes):
        return answer
    return replace(answer, body=json.dumps(answer.body).encode())


def kept(handler: Handler) -> Handler:
    """A handler whose answer depends on nothing but the values of its call, the database and the clock."""

    @functools.wraps(handler)
    def answered(call: Call) -> Answer:
        key: tuple[Any, ...] = (handler, *call.values.items())
        return call.service.answers.get(key, lambda: handler(call))

    return answered
