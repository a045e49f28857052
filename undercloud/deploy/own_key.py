"""The key by which the undercloud enters the nodes that it provisions."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from undercloud import durable
from undercloud.baremetal import host_keys
from undercloud.deploy.requests import SshAccess
from undercloud.deploy.workspace import Workspace
from undercloud.diagnostics import UndercloudError

_NAME = "ssh/id_ed25519"
_SYSTEM = "/etc/ssh/ssh_config"  # what SSH reads where it is given no file


def own_key(state_dir: Path) -> Path:
    """The private key, made at its first use; its public half lies beside it."""
    path = state_dir / _NAME
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.with_name(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                pair = host_keys.make()
                durable.write(_public(path), pair.public + " undercloud\n", mode=0o644)
                durable.write(path, pair.private)
    return path


def authorized(state_dir: Path, access: SshAccess, more: str) -> list[str]:
    """The public keys that a node lets in: ours, the operator's (where its .pub lies beside it), and more.

    Raises BM-127 for a private key whose public half is not there.
    """
    keys = [_public(own_key(state_dir)).read_text().strip()]
    if access.private_key:
        public = _public(Path(access.private_key))
        if not os.access(public, os.R_OK):
            text = f"the public half of {access.private_key} cannot be read: nodes would not let it in"
            raise UndercloudError.of("BM-127", text, fix=f"Put it into {public} (ssh-keygen -y -f KEY).")
        keys.append(public.read_text().strip())
    lines: Sequence[str] = [line.strip() for line in more.splitlines()]
    return list(dict.fromkeys([*keys, *(line for line in lines if line)]))


def let_in(state_dir: Path, workspace: Workspace, addresses: Collection[str]) -> None:
    """Let SSH use our key, and no other, for nodes that we installed; others are entered as always."""
    if addresses:
        ours = (
            "Host " + " ".join(sorted(addresses)),
            f'IdentityFile "{own_key(state_dir)}"',
            "IdentitiesOnly yes",
        )
        lines = (*ours, "Host *", "Include ~/.ssh/config", f"Include {_SYSTEM}")
        durable.write(workspace.ssh_config, "".join(f"{line}\n" for line in lines))


def _public(path: Path) -> Path:
    return path.with_name(path.name + ".pub")
