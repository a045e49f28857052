"""Who asks, and what they may: oslo.policy over three roles, each of which holds the ones before it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_policy import policy

from undercloud.api.document import Operation
from undercloud.diagnostics import UndercloudError

PUBLIC, READER, MEMBER, ADMIN = "public", "reader", "member", "admin"
ROLES = (READER, MEMBER, ADMIN)
POLICY_FILE = "/etc/undercloud/policy.yaml"
_REMEMBERED = 1.0  # seconds that a decision holds, whatever changes in the rules meanwhile
_MOST = 10_000  # decisions remembered at once
_RULES = {ADMIN: "role:admin", MEMBER: "role:member or rule:admin", READER: "role:reader or rule:member"}


@dataclass(frozen=True)
class Principal:
    """Who asks: a name for the record and roles of the service (or of Keystone).

    ``where`` tells who lacks a role where roles count, empty where there is only one place.
    """

    name: str
    roles: tuple[str, ...]
    where: str = ""


class Access:
    """Decides by the rules of the document, and by an operator's own file over them."""

    def __init__(
        self,
        operations: Iterable[Operation],
        policy_file: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._decided: dict[tuple[str, Principal], tuple[float, bool]] = {}
        conf = cfg.ConfigOpts()
        conf(args=[], project="undercloud", default_config_files=[], default_config_dirs=[])
        file = policy_file or POLICY_FILE
        self._enforcer = policy.Enforcer(conf, policy_file=file if Path(file).exists() else None)
        self._enforcer.register_defaults([policy.RuleDefault(name, rule) for name, rule in _RULES.items()])
        self._enforcer.register_defaults(
            [
                policy.RuleDefault(f"undercloud:{each.name}", f"rule:{each.role}")
                for each in operations
                if each.role != PUBLIC
            ]
        )
        self._enforcer.load_rules()

    def require(self, operation: Operation, who: Principal | None) -> None:
        """Raises API-005 for nobody where somebody is wanted, API-006 for somebody who may not."""
        if operation.role == PUBLIC:
            return
        if who is None:
            raise unauthenticated()
        if not self._may(operation.name, who):
            raise UndercloudError.of(
                "API-006",
                f"{who.name} may not do this: it takes the role {operation.role}{who.where}",
                fix="Ask an administrator of the undercloud for the role.",
            )

    def _may(self, operation: str, who: Principal) -> bool:
        """What the rules say: oslo.policy takes longer than all else of a request that only reads."""
        now, key = self._clock(), (operation, who)
        until, allowed = self._decided.get(key, (now, False))
        if now >= until:
            credentials: Mapping[str, Any] = {"roles": list(who.roles), "user_id": who.name}
            allowed = bool(self._enforcer.enforce(f"undercloud:{operation}", {}, dict(credentials)))
            if len(self._decided) >= _MOST:
                self._decided.clear()
            self._decided[key] = (now + _REMEMBERED, allowed)
        return allowed


def unauthenticated() -> UndercloudError:
    """The error of who did not say, or could not prove, who they are."""
    return UndercloudError.of(
        "API-005",
        "this needs a user name and a password that fit",
        fix="Give them as HTTP basic authentication; users are made with: undercloud-api --add-user",
    )
