"""The body of a request as it comes from the client: bounded, and what is wrong with it told as a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cheroot.errors import MaxSizeExceeded

from undercloud.api.calls import Reader
from undercloud.diagnostics import UndercloudError

_CHUNK_TOO_LARGE = "Request Entity Too Large"  # cheroot's words for one chunk over the limit, an OSError


@dataclass(frozen=True)
class Body:
    """A request's body as it came: its stream, its type without parameters, its length where it is known."""

    stream: Reader
    content_type: str
    length: int
    chunked: bool

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Body:
        """The body of a request."""
        length = environ.get("CONTENT_LENGTH") or "0"
        return cls(
            _Told(environ["wsgi.input"]),
            (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower(),
            int(length) if length.isdigit() else 0,
            "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower(),
        )

    def read(self, most: int) -> bytes:
        """All of it; API-009 when it is more than ``most`` bytes."""
        data = b""
        if self.length <= most and (self.length or self.chunked):
            data = self.stream.read(most + 1)
        if max(self.length, len(data)) > most:
            raise too_large(most)
        return data


class _Told:
    """A stream whose troubles are errors of ours.

    API-002 the body is not JSON or broke off, API-009 the body is too large, API-013 the body did not come
    in time.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        try:
            return bytes(self._stream.read(None if size < 0 else size))
        except TimeoutError:
            raise UndercloudError.of(
                "API-013", "the body did not come in time", fix="Send it again, over a better connection."
            ) from None
        except (OSError, ValueError, MaxSizeExceeded) as error:
            if isinstance(error, MaxSizeExceeded) or _CHUNK_TOO_LARGE in str(error):
                raise too_large() from None
            raise UndercloudError.of(
                "API-002", f"the body broke off or is badly chunked: {error}", fix="Send it again."
            ) from None


def too_large(most: int = 0) -> UndercloudError:
    """The error of a body of more bytes than are taken; 0 where it is not known how many these are."""
    return UndercloudError.of(
        "API-009", "the body is too large", fix=f"Send at most {most} bytes." if most else "Send less."
    )
