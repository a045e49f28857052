"""What explain says about TripleO's own templates: questions as data, and every key of hieradata at once."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance import places
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import load
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation
from undercloud.validation.explain import upstream
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.explain import explain
from undercloud.validation.explain.model import Answer, Kind, Link

TEMPLATES = places.templates() or Path()
QUESTIONS = yaml.safe_load(Path(__file__).with_name("explain.yaml").read_text())
ENVIRONMENTS = (
    "cephadm/cephadm",
    "docker-ha",
    "ssl/enable-tls",
    "ssl/tls-endpoints-public-dns",
    "ssl/inject-trust-anchor",
)
BASE = """\
parameter_defaults:
  TokenExpiration: 3600
  Debug: true
"""
SITE = """\
parameter_defaults:
  ControllerCount: 3
  ComputeCount: 2
  CephStorageCount: 1
  TokenExpiration: 7200
  NovaReservedHostMemory: 4096
  NeutronMechanismDrivers: ovn
  ComputeParameters:
    KernelArgs: hugepages=32
    NovaReservedHostMemory: 8192
  ControllerExtraConfig:
    nova::api::enable_proxy_headers_parsing: true
  ExtraConfig:
    glance::api::workers: 3
  NtpServer: [ntp.example.com]
  CloudDomain: example.com
  CloudName: cloud.example.com
  AdminPassword: quite-a-password
  SSLCertificate: certificate
  SSLKey: the-key-of-tls
  SSLRootCertificate: authority
"""
ENDS = frozenset((Kind.SETTING, Kind.DEFAULT, Kind.GENERATED, Kind.LITERAL, Kind.OVERRIDDEN, Kind.FILE))

pytestmark = pytest.mark.skipif(places.templates() is None, reason=f"not here: {places.TEMPLATES}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    folder = tmp_path_factory.mktemp("explain")
    for name, text in (("base.yaml", BASE), ("site.yaml", SITE)):
        (folder / name).write_text(text)
    roles = ("Controller", "Compute", "CephStorage")
    (folder / "roles.yaml").write_text(
        "\n".join((TEMPLATES / f"roles/{name}.yaml").read_text() for name in roles)
    )
    stock = tuple(str(TEMPLATES / f"environments/{name}.yaml") for name in ENVIRONMENTS)
    source = PlanSource(
        templates=str(TEMPLATES),
        roles_file=str(folder / "roles.yaml"),
        networks_file=str(TEMPLATES / "network-data-samples/default-network-isolation.yaml"),
        environments=(*stock, str(folder / "base.yaml"), str(folder / "site.yaml")),
    )
    return compiler.compile(load(source), State(), SeededEntropy("tests")).raise_for_errors()


def _links(answer: Answer) -> list[Link]:
    return [link for origin in answer.origins for link in origin.walk()]


def _places(links: list[Link], *, overridden: bool) -> set[str]:
    found = [link for link in links if link.location and (link.kind is Kind.OVERRIDDEN) == overridden]
    return {f"{Path(link.location.file).name}:{link.location.line}" for link in found if link.location}


@pytest.mark.parametrize("wanted", QUESTIONS, ids=lambda each: each["ask"])
def test_question(wanted: dict[str, Any], made: Compilation) -> None:
    answer = next(each for each in explain(made, wanted["ask"]) if each.kind == wanted["kind"])
    if "value" in wanted:
        assert answer.value == wanted["value"]
    links = _links(answer)
    assert set(wanted.get("set_at", ())) <= _places(links, overridden=False)
    assert set(wanted.get("over", ())) <= _places(links, overridden=True)
    passed = {link.text.split()[1] for link in links if link.kind is Kind.PARAMETER}
    assert set(wanted.get("passes", ())) <= passed
    if "leads_to" in wanted:
        found = {(effect.kind, effect.name) for effect in answer.effects}
        assert {tuple(each) for each in wanted["leads_to"]} <= found
        assert bool(found) == bool(wanted["leads_to"])
    if "at" in wanted:
        assert answer.location is not None
        assert answer.location.file.endswith(wanted["at"])


def test_every_key_of_hieradata_has_its_origin(made: Compilation) -> None:
    """The whole way: nothing ends nowhere, except where a query makes something new of everything."""
    context = Context(made)
    odd: dict[str, list[str]] = {}
    count = 0
    for role in upstream.roles(context):
        for key in sorted(upstream.keys_of(context, role)):
            link = upstream.hiera_link(context, context.tracer(), role, key)
            assert link is not None
            count += 1
            links = list(link.walk())
            assert len(links) < 250, key
            loose = [each for each in links if not each.links and not each.again and each.kind not in ENDS]
            # What says why it has nothing below it, and what a condition compares, are ends as well.
            loose = [each for each in loose if not each.note and each.kind not in (Kind.CONDITION, Kind.PART)]
            if loose:
                odd[f"{role} {key}"] = [f"{each.kind} {each.text}" for each in loose]
    assert count > 900
    assert len(odd) <= 12, odd


def test_no_password_is_shown(made: Compilation) -> None:
    context = Context(made)
    secrets = {text for text in made.stack.hidden if len(text) >= 8}
    shown = functools.reduce(
        lambda text, answer: text + str(answer.as_dict()),
        (answer for key in sorted(upstream.keys(context)) for answer in upstream.hiera(context, key)),
        "",
    )
    assert secrets
    assert not [text for text in secrets if text in shown]
