"""podman's settings: the lab's own store, limits this machine can give, nothing of the host's."""

import resource
import tomllib
from pathlib import Path

import pytest

from tools.lab import store
from tools.lab.model import Lab


@pytest.mark.parametrize(("systemd", "manager"), [(True, "systemd"), (False, "cgroupfs")])
def test_engine_settings(tmp_path: Path, systemd: bool, manager: str) -> None:
    lab = Lab(tmp_path)
    text = store.engine_settings(lab, systemd=systemd, limits={"nofile": 20000, "nproc": 100})
    settings = tomllib.loads(text)
    assert settings["engine"]["cgroup_manager"] == manager
    assert settings["engine"]["runtime"] == "runc"
    assert settings["containers"]["default_ulimits"] == ["nofile=20000:20000", "nproc=100:100"]
    assert settings["network"]["network_config_dir"].startswith(str(tmp_path))
    assert settings["engine"]["tmp_dir"].startswith(str(lab.runtime))


def test_storage_is_on_disk_and_its_mounts_are_forgotten_by_a_reboot(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    storage = tomllib.loads(store.storage_settings(lab))["storage"]
    assert storage["graphroot"].startswith(str(lab.images))
    assert storage["runroot"].startswith("/run/")


def test_limits_are_never_above_what_this_process_may_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hard = {resource.RLIMIT_NOFILE: 4096, resource.RLIMIT_NPROC: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda number: (1, hard[number]))
    limits = store.allowed_limits()
    assert limits["nofile"] == 4096
    assert limits["nproc"] == store.WANTED_LIMITS["nproc"]


def test_prepare_writes_the_settings_that_the_environment_names(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    store.prepare(lab)
    environment = store.environment(lab)
    for name in ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"):
        assert tomllib.loads(Path(environment[name]).read_text())
