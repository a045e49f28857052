"""Generated passwords and keys."""

from __future__ import annotations

import base64
import re
import shutil
import struct
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from undercloud.plan import passwords
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.secrets import Secret, is_secret
from undercloud.plan.state import State


def _made(given: dict[str, Any] | None = None, seed: str = "") -> dict[str, Any]:
    return dict(passwords.complete(State(), given or {}, SeededEntropy(seed)).passwords)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("AdminPassword", "[A-Za-z0-9]{25}"),
        ("MysqlRootPassword", "[A-Za-z0-9]{25}"),
        ("HeatAuthEncryptionKey", "[A-Za-z0-9]{32}"),
        ("OctaviaServerCertsKeyPassphrase", "[A-Za-z0-9]{32}"),
        ("RabbitCookie", "[A-Za-z0-9]{20}"),
        ("PcsdPassword", "[A-Za-z0-9]{16}"),
        ("SnmpdReadonlyUserPassword", "[A-Za-z0-9]{24}"),
        ("PacemakerRemoteAuthkey", "[A-Za-z0-9]{4096}"),
        ("DesignateRndcKey", "[A-Za-z0-9+/]{43}="),
        ("BarbicanSimpleCryptoKek", "[A-Za-z0-9_-]{43}="),
    ],
)
def test_shapes(name: str, pattern: str) -> None:
    assert re.fullmatch(pattern, _made()[name])


def test_keys_are_what_their_services_read() -> None:
    made = _made()
    for name in ("KeystoneCredential0", "KeystoneCredential1", "BarbicanSimpleCryptoKek"):
        Fernet(made[name])
    repository = made["KeystoneFernetKeys"]
    assert sorted(repository) == ["/etc/keystone/fernet-keys/0", "/etc/keystone/fernet-keys/1"]
    for key in repository.values():
        Fernet(key["content"])
    assert uuid.UUID(made["CephClusterFSID"]).version == 4
    header = struct.unpack("<hiih", base64.b64decode(made["CephClientKey"])[:12])
    assert header == (1, SeededEntropy().now(), 0, 16) and len(base64.b64decode(made["CephClientKey"])) == 28


def test_ssh_key_pair_is_a_pair(tmp_path: Path) -> None:
    pair = _made()["MigrationSshKey"]
    private = load_ssh_private_key(pair["private_key"].encode(), None)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert pair["public_key"].split(" ", 2)[:2] == public.split(" ")
    if shutil.which("ssh-keygen"):
        file = tmp_path / "key"
        file.touch(0o600)
        file.write_text(pair["private_key"])
        shown = subprocess.run(
            ["ssh-keygen", "-y", "-f", str(file)], check=True, capture_output=True, text=True
        )
        assert shown.stdout.strip() == pair["public_key"]


def test_same_entropy_same_passwords() -> None:
    assert _made(seed="a") == _made(seed="a") != _made(seed="b")
    assert len(set(map(str, _made().values()))) == len(passwords.MAKERS)


def test_all_are_secret() -> None:
    state = passwords.complete(State(), {}, SeededEntropy())
    assert all(is_secret(value) for value in state.passwords.values())
    assert all(is_secret(value) for value in passwords.parameters(state, {}).values())
    assert state.passwords["AdminPassword"] not in repr(state)


def test_what_is_there_is_never_made_again() -> None:
    first = passwords.complete(State(), {}, SeededEntropy("one"))
    assert passwords.complete(first, {}, SeededEntropy("two")) == first
    without = {name: value for name, value in first.passwords.items() if name != "NovaPassword"}
    again = passwords.complete(State(passwords=without), {}, SeededEntropy("two"))
    changed = [name for name in first.passwords if again.passwords[name] != first.passwords[name]]
    assert changed == ["NovaPassword"]


def test_what_the_operator_sets_is_not_made() -> None:
    made = _made({"AdminPassword": "mine", "NovaPassword": None})
    assert "AdminPassword" not in made and "NovaPassword" in made
    state = passwords.complete(State(), {}, SeededEntropy())
    assert "AdminPassword" not in passwords.parameters(state, {"AdminPassword": "mine"})


def test_admin_token_was_the_keystone_password() -> None:
    assert _made({"AdminToken": "old"})["KeystonePassword"] == "old"
    assert _made({"AdminToken": "old", "KeystonePassword": "new"}).get("KeystonePassword") is None


def test_mariadb_with_ed25519() -> None:
    given = {
        "EnableMysqlAuthEd25519": True,
        "NovaPassword": base64.b64encode(b"a/b \xe9").decode(),
        "HeatPassword": "x",
    }
    state = passwords.complete(State(), given, SeededEntropy())
    for name in ("KeystonePassword", "MysqlRootPassword", "MysqlClustercheckPassword"):
        assert len(base64.b64decode(state.passwords[name])) == 32
    shown = passwords.parameters(state, given)
    assert shown["NovaPasswordDatabase"] == "a%2Fb%20%C3%A9"
    assert isinstance(shown["KeystonePasswordDatabase"], Secret)
    assert "HeatPasswordDatabase" not in shown and "MysqlRootPasswordDatabase" not in shown
    assert re.fullmatch("[A-Za-z0-9]{25}", state.passwords["RabbitPassword"])


def test_seed_avoids_bytes() -> None:
    avoid = bytes(range(200))
    assert not set(base64.b64decode(passwords.mysql_seed(SeededEntropy(), avoid))) & set(avoid)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("AdminPassword", True),
        ("NovaPasswordDatabase", True),
        ("RabbitPasswordDatabase", False),
        ("Debug", False),
    ],
)
def test_is_password(name: str, secret: bool) -> None:
    assert passwords.is_password(name) is secret
