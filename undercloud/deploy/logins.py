"""What a discovery found, without the logins that fitted: who asked knows them, nobody else shall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.deploy import wire
from undercloud.deploy.machines import Discovered

_LOGIN = ("pm_user", "pm_password")
_FITS = "fits"


def without(found: Discovered, credentials: Sequence[str]) -> dict[str, Any]:
    """Plain data; each machine says by ``fits`` which of the pairs ``user:password`` it takes (from 0)."""
    given = list(credentials)
    machines = [
        {
            **{key: value for key, value in entry.items() if key not in _LOGIN},
            _FITS: given.index(":".join(str(entry.get(key, "")) for key in _LOGIN)),
        }
        for entry in found.machines
    ]
    return {**wire.to_plain(found), "machines": machines}


def restored(told: Mapping[str, Any], credentials: Sequence[str]) -> Discovered:
    """What ``without`` made of it, with the logins."""
    found = wire.from_plain(Discovered, told)
    machines = []
    for entry in found.machines:
        user, _, password = credentials[entry[_FITS]].partition(":")
        login = dict(zip(_LOGIN, (user, password), strict=True))
        machines.append({**{key: value for key, value in entry.items() if key != _FITS}, **login})
    return Discovered(tuple(machines), found.known, found.findings)
