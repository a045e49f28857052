"""What a handler gets and gives, and the service that handlers work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from undercloud.api.answering import Answering
from undercloud.api.answers import Answers
from undercloud.api.document import Document, Operation
from undercloud.api.library import Library
from undercloud.api.limiting import Limits
from undercloud.api.metrics import Metrics
from undercloud.api.recent import Recent
from undercloud.api.validations import Validations
from undercloud.conf import Settings
from undercloud.db.database import Database
from undercloud.deploy import wire
from undercloud.deploy.engine import Deployment
from undercloud.deploy.machines import MachineInfo, WholeEngine

JSON = "application/json"
T = TypeVar("T")


class Reader(Protocol):
    """The body of a request as a stream."""

    def read(self, size: int = ..., /) -> bytes:
        """At most ``size`` bytes."""
        ...


@dataclass(frozen=True)
class Service:
    """Everything that handlers reach; ``answering`` where engines are processes of their own."""

    settings: Settings
    database: Database
    engine: WholeEngine
    document: Document
    library: Library
    answers: Answers
    validations: Validations
    metrics: Metrics
    limits: Limits
    machines: Recent[tuple[MachineInfo, ...]]
    answering: Answering | None


@dataclass(frozen=True)
class Call:
    """One request: the values of path, query and header by name, its JSON body or its stream, and who asks.

    ``require`` raises API-006 where who asks may not do another operation, which this one leads to.
    """

    service: Service
    values: Mapping[str, Any]
    body: Any
    stream: Reader
    who: str
    require: Callable[[Operation], None]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True)
class Answer:
    """What goes back: ``body`` is plain data for JSON, bytes, or (for a stream) an iterable of bytes."""

    body: Any = None
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None


Handler = Callable[[Call], Answer]


def started(deployment: Deployment) -> Answer:
    """Long work that has begun, and where to look."""
    place = {"Location": f"/v1/deployments/{deployment.id}"}
    return Answer(wire.to_plain(deployment), HTTPStatus.ACCEPTED, headers=place)


def page(items: Sequence[T], name_of: Callable[[T], str], call: Call) -> list[T]:
    """The items after the marker, at most as many as asked for; they are sorted by name."""
    return [item for item in items if name_of(item) > call["marker"]][: call["limit"]]
