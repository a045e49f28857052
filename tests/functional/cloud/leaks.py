"""Looking for what must not be seen: every value that was generated for a cloud, in all that was written."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.functional.cloud.cloud import HOSTS, Cloud
from undercloud.conf import load
from undercloud.db.database import Database, open_database
from undercloud.db.models import State

SHORTEST = 8  # characters; shorter values are found in any text

# All that a node keeps of what was said and run, besides its own configuration: journal, logs of containers,
# how they were made, files of Ansible and of ours, command lines and environments of what runs.
LOOK_FOR_SECRETS = """{
journalctl --no-pager --quiet --all
for container in $(podman ps --all --quiet); do podman inspect $container; podman logs $container 2>&1; done
cat /var/lib/undercloud/*.json
for place in /tmp /var/tmp /root /home /var/log /run/user; do
    find $place -xdev -type f -not -path '*/journal/*' -exec cat {} + 2>/dev/null || true
done
for process in /proc/[0-9]*; do cat $process/cmdline $process/environ 2>/dev/null || true; done
} | LC_ALL=C tr -c '[:print:]\\n' ' '"""


def database(cloud: Cloud) -> Database:
    """The undercloud's database, opened with its key."""
    settings = load(str(cloud.state), environment={})
    options, paths = settings.database, settings.paths
    return open_database(options.connection, paths.database, paths.key_file, options.busy_timeout)


def generated(cloud: Cloud) -> set[str]:
    """Every password, key and random text that was ever generated for the cloud; keys line by line too."""
    opened = database(cloud)
    with opened.read() as session:
        states = [opened.vault.open_json(sealed) for sealed in session.scalars(select(State.sealed))]
    opened.close()
    leaves = {text for state in states for text in _leaves([state["passwords"], state["random_strings"]])}
    pairs = [texts for state in states for texts in state["certificates"].values()]
    leaves |= {text for texts in pairs for name, text in texts.items() if name.endswith("key")}
    lines = {line.strip() for text in leaves for line in text.splitlines() if "-----" not in line}
    return {text for text in leaves | lines if len(text) >= SHORTEST}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)


def found_in_files(cloud: Cloud, secrets: set[str]) -> list[str]:
    """Files of the undercloud and of the operator that hold a secret (not which one: this is shown)."""
    holding = []
    for path in sorted(cloud.directory.rglob("*")):
        if path.is_file() and not path.is_symlink() and not _may_hold(cloud, path):
            content = path.read_bytes()
            if any(secret.encode() in content for secret in secrets):
                holding.append(str(path.relative_to(cloud.directory)))
    return holding


def _may_hold(cloud: Cloud, path: Path) -> bool:
    """The files whose purpose it is, which nobody else may read; and images."""
    if cloud.state / "registry" in path.parents:
        return True
    wanted = path.name in {"clouds.yaml", "overcloudrc"}
    return wanted and path.stat().st_mode & 0o077 == 0


def found_on_nodes(cloud: Cloud, secrets: set[str]) -> list[str]:
    """Lines of what nodes keep of the deployment that hold a secret, the secret masked."""
    return [
        f"{node}: {line.replace(secret, '***')[:300]}"
        for node in HOSTS.values()
        for line in cloud.lab.inside(node, LOOK_FOR_SECRETS).stdout.splitlines()
        for secret in secrets
        if secret in line
    ]
