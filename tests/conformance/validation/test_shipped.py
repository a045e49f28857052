"""What TripleO and we ship raises no false alarm: environments, roles, networks, and the plans for Heat.

``shipped-faults.yaml`` says which samples cannot work as they are, and the codes that say so.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import yaml

from tests.conformance import material, places
from tests.validation import running

HERE = Path(__file__).parent
CHECKOUT = places.CHECKOUT
GROUPS = (
    ("cephadm/cephadm", "cinder-backup", "services/octavia"),
    ("services/neutron-ovs", "services/neutron-ovs-dvr"),
    ("services/barbican", "barbican-backend-simple-crypto"),
    ("services/neutron-ovn-ha", "services/neutron-ovn-sriov"),
    ("services/ironic-overcloud", "services/ironic-inspector"),
    ("ssl/enable-internal-tls", "ssl/tls-everywhere-endpoints-dns", "ssl/enable-memcached-tls"),
    ("docker-ha", "low-memory-usage", "disable-paunch"),
)
"""Environments that belong together."""


@functools.cache
def faults() -> dict[str, list[str]]:
    """Sample → the codes of the errors that it has by itself."""
    return yaml.safe_load((HERE / "shipped-faults.yaml").read_text()) or {}


def _templates() -> Path:
    templates = places.templates()
    if templates is None:
        pytest.skip(places.without_templates())
    return templates


def environments() -> list[str]:
    """Every environment of the templates, as it is called once it is rendered."""
    templates = places.templates()
    if templates is None:
        return ["absent"]
    folder = templates / "environments"
    names = (str(file.relative_to(folder)) for file in folder.rglob("*.yaml"))
    return sorted({name.replace(".j2.yaml", ".yaml") for name in names if "releasenotes/" not in name})


def _wrong(found: list[str], sample: str) -> list[str]:
    return [each for each in found if each.split()[0] not in faults().get(sample, [])]


def _errors(arguments: list[str]) -> list[str]:
    return [running.said([each]) for each in running.errors(running.findings(arguments))]


@pytest.mark.long
@pytest.mark.parametrize("name", environments())
def test_an_environment_alone(name: str) -> None:
    templates = _templates()
    found = _errors(["--templates", str(templates), "-e", str(templates / "environments" / name)])
    assert _wrong(found, name) == []


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_environments_together(names: tuple[str, ...]) -> None:
    templates = _templates()
    words = [word for name in names for word in ("-e", str(templates / f"environments/{name}.yaml"))]
    assert _errors(["--templates", str(templates), *words]) == []


def _roles() -> list[str]:
    templates = places.templates()
    return sorted(file.stem for file in (templates / "roles").glob("*.yaml")) if templates else ["absent"]


@pytest.mark.long
@pytest.mark.parametrize("name", _roles())
def test_a_role_beside_controllers(name: str, tmp_path: Path) -> None:
    """In the operator's own roles file, as the client makes it; a role that leads stands beside computes."""
    templates = _templates()
    (role,) = yaml.safe_load((templates / f"roles/{name}.yaml").read_text())
    other = "Compute" if "primary" in role.get("tags", ()) else "Controller"
    texts = [(templates / f"roles/{each}.yaml").read_text() for each in dict.fromkeys((other, name))]
    (tmp_path / "roles.yaml").write_text("\n".join(texts))
    own = {"parameter_defaults": {f"{other}Count": 3, f"{name}Count": 3}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    found = _errors(
        ["--templates", str(templates), "-r", str(tmp_path / "roles.yaml"), "-e", str(tmp_path / "own.yaml")]
    )
    assert _wrong(found, f"roles/{name}") == []


def _networks() -> list[str]:
    templates = places.templates()
    folder = templates / "network-data-samples" if templates else None
    names = sorted(file.name for file in folder.glob("*.yaml")) if folder else ["absent"]
    return [name for name in names if not name.startswith("vip")]


@pytest.mark.long
@pytest.mark.parametrize("name", _networks())
def test_networks(name: str) -> None:
    templates = _templates()
    found = _errors(["--templates", str(templates), "-n", str(templates / "network-data-samples" / name)])
    assert _wrong(found, name) == []


@pytest.mark.long
@pytest.mark.parametrize("name", material.plans())
def test_a_plan_that_heat_compiled(name: str, tmp_path: Path) -> None:
    templates = _templates()
    made = material.write(material.plans()[name], templates, tmp_path)
    words = [word for file in (made.passwords, *made.environments) for word in ("-e", str(file))]
    found = _errors(["--templates", str(templates), "-r", str(made.roles), "-n", str(made.networks), *words])
    assert _wrong(found, f"plan/{name}") == []


@pytest.mark.parametrize("environment", [None, *sorted((CHECKOUT / "environments").glob("*.yaml"))], ids=str)
def test_our_own_templates(environment: Path | None) -> None:
    words = ["-e", str(environment)] if environment else []
    found = _errors(["--templates", str(CHECKOUT / "heat-templates"), *words])
    # Where nodes are, and from which images, an operator says.
    assert [each for each in found if not each.startswith(("TOP-021", "HOT-042"))] == []
