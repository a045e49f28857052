"""Asking a place by IPMI: whether there is a BMC, by its own packet; whether it lets us in, by ipmitool."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Sequence

from undercloud.baremetal.discovery.places import Found, Place, refused, strange

_ASK = bytes.fromhex("0600ff07000000000000000000092018c88100388e04b5")
"""Get Channel Authentication Capabilities (IPMI 2.0, 22.13), which every BMC answers without a session."""
_COMMAND, _AT = 0x38, 19
"""The command that is answered, and where its number stands in the answer."""
_TRIES, _SECONDS = 2, 1.0
_PATIENCE = 20.0  # seconds for ipmitool and one password
_LOGIN = ("RMCP+ session", "password", "HMAC", "unauthorized", "Unauthorized")
"""What ipmitool's words have when it is not let in."""


def look(place: Place, credentials: Sequence[tuple[str, str]]) -> Found:
    """What one BMC has: a machine, of which IPMI tells no MAC addresses."""
    if not _answers(place):
        return Found(place)
    for login in credentials:
        try:
            said = _power(place, *login)
        except FileNotFoundError:
            return strange(place, "ipmitool is not installed")
        except subprocess.TimeoutExpired:
            return strange(place, f"it does not answer ipmitool in {_PATIENCE:.0f} seconds")
        if said == "":
            entry = {
                "name": f"bmc-{place.address.replace(':', '-').replace('.', '-')}-{place.port}",
                "pm_type": "ipmi",
                "pm_addr": place.address,
                "pm_port": str(place.port),
                "pm_user": login[0],
                "pm_password": login[1],
            }
            return Found(place, (entry,))
        if not any(word in said for word in _LOGIN):
            return strange(place, said)
    return refused(place)


def _answers(place: Place) -> bool:
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_SECONDS)
        try:
            asking.connect((place.address, place.port))
            for _ in range(_TRIES):
                asking.send(_ASK)
                try:
                    answered = asking.recv(256)
                except TimeoutError:
                    continue
                return len(answered) > _AT and answered[_AT] == _COMMAND
        except OSError:
            return False
    return False


def _power(place: Place, user: str, password: str) -> str:
    """What is wrong when the power is asked for, empty for nothing; the password is on no command line."""
    words = ["ipmitool", "-I", "lanplus", "-N", "2", "-R", "2", "-H", place.address, "-p", str(place.port)]
    done = subprocess.run(
        [*words, "-U", user, "-E", "chassis", "power", "status"],
        env={"PATH": os.environ.get("PATH", os.defpath), "IPMI_PASSWORD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    lines = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"exit status {done.returncode}")
