"""Events as they happen (server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from undercloud.api.calls import Service
from undercloud.deploy import wire
from undercloud.deploy.engine import Engine, Event

_QUIET = 10.0  # seconds without an event after which a comment shows that the connection is there
_PAGE = 500


class Stream:
    """A WSGI body: the events of a deployment until it is over. Its place is free when it is closed."""

    def __init__(self, service: Service, deployment: str, after: int) -> None:
        self._service = service
        self._place = service.limits.stream()
        self._closed = False
        service.metrics.streams.inc()
        self._events = self._told(deployment, after)

    def __iter__(self) -> Iterator[bytes]:
        return self._events

    def close(self) -> None:
        """Called by the server at the end, or when the client went away."""
        if not self._closed:
            self._closed = True
            self._place.close()
            self._service.metrics.streams.dec()

    def _told(self, deployment: str, after: int) -> Iterator[bytes]:
        engine = self._service.engine
        yield b"retry: 2000\n\n"
        while True:
            final = engine.deployment(deployment).status.final
            batch = engine.events(deployment, after, _PAGE, 0 if final else _QUIET)
            for event in batch:
                after = event.seq
                yield _as_sent(event)
            if not batch:
                if final:
                    yield b"event: end\ndata: {}\n\n"
                    return
                yield b": still here\n\n"


def _as_sent(event: Event) -> bytes:
    # JSON has no line breaks of its own, so that one line of data is enough.
    data = json.dumps(wire.to_plain(event), separators=(",", ":"))
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {data}\n\n".encode()


def lines(engine: Engine, deployment: str, after: int) -> Iterator[bytes]:
    """All events so far as lines of text: time, kind, place, status, message."""
    while batch := engine.events(deployment, after, _PAGE):
        after = batch[-1].seq
        yield b"".join(map(_line, batch))


def _line(event: Event) -> bytes:
    message = event.message or str(event.data.get("task", ""))
    words = (event.time, event.kind, event.stage, event.host, event.status, message)
    return (" ".join(word.replace("\n", "\n    ") for word in words if word) + "\n").encode(errors="replace")
