"""python-ironicclient, opened as we use it, and its exceptions as ours."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from ironicclient import client as ironic_client
from ironicclient import exc
from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import http_basic, noauth, session

from undercloud.baremetal import errors

logging.getLogger("ironicclient").setLevel(logging.CRITICAL)  # what it has to say, our errors say
_VERSION = "1.81"  # the first with inventories
_RETRIES, _PAUSE = 4, 1  # a machine that is locked for a moment is asked again, every second
_TIMEOUT = 120  # seconds for one answer: power and validation ask the BMC while we wait


def open_client(endpoint: str, username: str, password: str, ca_file: str) -> Any:
    """A client for the Ironic at an endpoint; without a user name it asks for none."""
    auth: Any = noauth.NoAuth(endpoint=endpoint)
    if username:
        auth = http_basic.HTTPBasicAuth(endpoint=endpoint, username=username, password=password)
    return ironic_client.get_client(
        "1",
        session=session.Session(auth=auth, verify=ca_file or True, timeout=_TIMEOUT),
        endpoint=endpoint,
        os_ironic_api_version=_VERSION,
        max_retries=_RETRIES,
        retry_interval=_PAUSE,
    )


@contextlib.contextmanager
def told(request: str) -> Iterator[None]:
    """The client's exceptions as ours."""
    try:
        yield
    except exc.NotFound as error:
        raise errors.UnknownError(request, _said(error)) from error
    except exc.Conflict as error:
        raise errors.ConflictError(request, _said(error)) from error
    except (exc.Unauthorized, exc.Forbidden, keystone_exceptions.Unauthorized) as error:
        raise errors.NotAllowedError(request, _said(error)) from error
    except (exc.ConnectionError, keystone_exceptions.ConnectionError, exc.ServiceUnavailable) as error:
        raise errors.NotAnsweringError(request, _said(error)) from error
    except (exc.ClientException, keystone_exceptions.ClientException) as error:
        raise errors.IronicError(request, _said(error)) from error


def _said(error: Exception) -> str:
    """Its first line, without the client's own words around it."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removesuffix(".")
