"""SSH keys that we make: host keys for nodes before they exist, and the key by which we enter them."""

from __future__ import annotations

import dataclasses

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """An Ed25519 key: ``private`` as OpenSSH's file, ``public`` as ``ssh-ed25519 AAAA…``."""

    private: str = dataclasses.field(repr=False)
    public: str

    @property
    def kind(self) -> str:
        """The type of the key, as known_hosts names it."""
        return self.public.split()[0]

    @property
    def blob(self) -> str:
        """The key itself, Base64."""
        return self.public.split()[1]


def make() -> KeyPair:
    """A new key of this machine's randomness."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return KeyPair(private.decode(), public.decode())
