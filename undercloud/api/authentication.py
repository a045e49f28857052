"""Who a request is from: by HTTP basic, by what keystonemiddleware verified, or by its Unix socket."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Protocol

from keystoneauth1.exceptions import ConnectFailure, DiscoveryFailure, RequestTimeout
from keystonemiddleware import auth_token
from oslo_config import cfg

from undercloud.api.access import ADMIN, Principal, unauthenticated
from undercloud.api.limiting import Limits
from undercloud.api.remembered import Remembered
from undercloud.api.users import Users
from undercloud.conf import Settings
from undercloud.diagnostics import UndercloudError

Environ = Mapping[str, Any]
_REFUSED = "undercloud.refused"  # the error, for a request that need not be looked at any further
_SILENT = (ConnectFailure, DiscoveryFailure, RequestTimeout, auth_token.ksm_exceptions.ServiceError)


class Authentication(Protocol):
    """Tells who asks."""

    challenge: str

    def who(self, environ: Environ) -> Principal | None:
        """Who asks, None for who does not say; API-005 for who says it wrongly."""
        ...

    def around(self, application: Any) -> Any:
        """The WSGI application with what has to see a request before ``who`` can be asked."""
        ...


class Basic:
    """HTTP basic with the file of users; wrong passwords are counted by the address they come from."""

    challenge = 'Basic realm="undercloud", charset="UTF-8"'

    def __init__(self, users: Users, limits: Limits) -> None:
        self._users = users
        self._limits = limits

    def who(self, environ: Environ) -> Principal | None:
        """As ``Authentication``; API-007 for an address with too many wrong ones."""
        header = environ.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            raise unauthenticated()
        address = environ.get("REMOTE_ADDR", "")
        self._limits.may_login(address)
        try:
            name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = colon = password = ""
        found = self._users.verify(name, password) if colon else None
        if found is None:
            self._limits.failed_login(address)
            raise unauthenticated()
        return found

    def around(self, application: Any) -> Any:
        """Nothing is needed."""
        return application


class Keystone:
    """What keystonemiddleware verified, as it puts it into the request; a wrong token is a wrong password.

    From an address with too many wrong ones no token reaches Keystone but those that it confirmed lately: who
    has one of them need not suffer from a neighbour's.

    A role counts only where it was given for the project of the configuration: who administers a project of
    their own, or the whole of a cloud as one of its services does, is nobody here.
    """

    challenge = "Keystone"

    def __init__(self, settings: Settings, limits: Limits) -> None:
        self._limits = limits
        self._project = (settings.api.keystone_project, settings.api.keystone_domain)
        self._good = Remembered(settings.api.remember)
        self._conf = cfg.ConfigOpts()
        files = [settings.file] if settings.file else []
        self._conf(args=[], project="undercloud", default_config_files=files)

    def who(self, environ: Environ) -> Principal | None:
        """As ``Authentication``; API-007 after too many wrong ones, API-011 while Keystone is away."""
        if _REFUSED in environ:
            raise environ[_REFUSED]
        if environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
            return None
        name = environ.get("HTTP_X_USER_NAME") or environ.get("HTTP_X_USER_ID", "")
        project = tuple(environ.get(f"HTTP_X_PROJECT_{part}") for part in ("NAME", "DOMAIN_NAME"))
        told = environ.get("HTTP_X_ROLES", "") if project == self._project else ""
        roles = tuple(each.strip() for each in told.split(",") if each.strip())
        return Principal(name, roles, " in the project {} of the domain {}".format(*self._project))

    def around(self, application: Any) -> Any:
        """keystonemiddleware, which removes such headers of a client's and sets its own."""
        options = {"oslo_config_config": self._conf, "delay_auth_decision": True}
        return _Middleware(application, options, self._limits, self._good)


class _Away(Exception):  # noqa: N818 - not an error of ours: it is told as API-011
    """Keystone did not answer."""


class _Middleware(auth_token.AuthProtocol):  # type: ignore[misc]
    """Tells a Keystone that does not answer from a token that is wrong, and asks it about some only."""

    def __init__(
        self, application: Any, options: Mapping[str, Any], limits: Limits, good: Remembered
    ) -> None:
        super().__init__(application, options)
        self._limits = limits
        self._good = good

    def fetch_token(self, token: str, **options: Any) -> Any:
        try:
            return super().fetch_token(token, **options)
        except auth_token.ksm_exceptions.InvalidToken as error:
            if isinstance(error.__context__, _SILENT):
                raise _Away from error
            raise

    def process_request(self, request: Any) -> None:
        """Also who is refused goes on to the application, whose audit log and errors know of all."""
        request.environ.pop("HTTP_X_SERVICE_TOKEN", None)  # nobody asks us in another service's name
        try:
            self._verify(request)
        except UndercloudError as error:
            request.environ[_REFUSED] = error

    def _verify(self, request: Any) -> None:
        token, address = (request.user_token or "").encode(), request.environ.get("REMOTE_ADDR", "")
        if token and token not in self._good:
            self._limits.may_login(address)
        try:
            super().process_request(request)
        except _Away:
            raise UndercloudError.of(
                "API-011",
                "Keystone, which says who is who, does not answer",
                fix="See that it runs, and [keystone_authtoken] of the undercloud; then try again.",
            ) from None
        if token and not request.user_token_valid:
            self._good.forget(token)
            self._limits.failed_login(address)
            raise unauthenticated()
        if token:
            self._good.add(token)


class Socket:
    """Whoever may open the Unix socket is an administrator; the file's mode says who that is."""

    challenge = ""

    def who(self, environ: Environ) -> Principal | None:  # noqa: ARG002 - all are
        """An administrator."""
        return Principal("local", (ADMIN,))

    def around(self, application: Any) -> Any:
        """Nothing is needed."""
        return application


def choose(settings: Settings, limits: Limits) -> Authentication:
    """What the configuration names; API-024 for none at all where others than a socket's users come in."""
    options = settings.api
    if options.auth == "basic":
        return Basic(Users(options.users(settings.paths.state_dir), options.remember), limits)
    if options.auth == "keystone":
        return Keystone(settings, limits)
    if not options.unix_socket:
        raise UndercloudError.of(
            "API-024",
            "[api] auth = none would let everybody in who reaches the port",
            fix="Set [api] unix_socket as well, or choose basic or keystone.",
        )
    return Socket()
