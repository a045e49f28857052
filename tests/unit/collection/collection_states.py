"""States of a small cloud on one node, for tests that deploy one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.unit.collection.collection_node import Json, SimulatedNode
from tests.unit.collection.collection_world import whole

SECRETS = {"app/pw": "correct horse"}
World = Callable[[Path], Json]


def first(root: Path) -> Json:
    """A service with its files, a database, a job that runs once, and a unit."""
    conf, data = str(root / "etc" / "app.conf"), str(root / "data")
    return whole(
        {
            "0": {
                "directories": {data: {"mode": "0700"}},
                "files": {str(root / "etc" / "motd"): {"content": "ours\n", "service": "base"}},
                "units": {
                    "ours.service": {
                        "content": "[Unit]\n",
                        "enabled": True,
                        "state": "started",
                        "service": "base",
                    }
                },
            },
            "2": {
                "files": {conf: {"content": "a=1\npw=<<secret:app/pw>>\n", "mode": "0640"}},
                "containers": {
                    "db": {"volumes": [f"{data}:/data"], "healthcheck": {"command": ["true"]}},
                    "db_init": {"kind": "once", "order": 1, "command": ["once", "init"], "files": [conf]},
                },
            },
            "3": {
                "containers": {
                    "app": {
                        "files": [conf],
                        "volumes": [f"{conf}:/conf"],
                        "healthcheck": {"command": ["true"]},
                    },
                    "gone": {},
                }
            },
        }
    )


def second(root: Path) -> Json:
    """Another image, other content and modes; a service goes, one comes, and so do files and units."""
    conf, more = str(root / "etc" / "app.conf"), str(root / "deep" / "er" / "more.conf")
    return whole(
        {
            "2": {
                "files": {conf: {"content": "a=2\npw=<<secret:app/pw>>\n", "mode": "0600"}},
                "containers": {
                    "db": {"image": "img:2", "healthcheck": {"command": ["true"]}},
                    "db_init": {"kind": "once", "order": 1, "command": ["once", "init"], "files": [conf]},
                },
            },
            "3": {
                "files": {more: {"content": "new\n"}},
                "units": {
                    "new.service": {"content": "[Unit]\n#new\n", "enabled": True, "state": "restarted"}
                },
                "containers": {
                    "app": {
                        "files": [conf],
                        "volumes": [f"{conf}:/conf"],
                        "healthcheck": {"command": ["true"]},
                    },
                    "came": {"files": [more], "volumes": [f"{more}:/conf"]},
                },
            },
        }
    )


def broken(root: Path) -> Json:
    """Configuration with which the service never gets healthy."""
    steps = first(root)
    conf = steps["2"]["files"][str(root / "etc" / "app.conf")]
    steps["2"]["files"][str(root / "etc" / "app.conf")] = {**conf, "content": "a=bad\npw=<<secret:app/pw>>\n"}
    for name in ("app", "db"):
        containers = steps["3" if name == "app" else "2"]["containers"]
        containers[name] = {**containers[name], "timeout": 0.005}
    return steps


def nothing(root: Path) -> Json:
    return {}


def prepared(root: Path, state: World) -> SimulatedNode:
    """A fresh node, always at the same place: paths are part of what is compared."""
    shutil.rmtree(root, ignore_errors=True)
    node = SimulatedNode(root)
    (root / "etc").mkdir()
    (root / "etc" / "motd").write_text("the distribution's\n")
    if state is not nothing:
        assert not node.deploy(state(root), SECRETS)[-1].get("failed")
    return node
