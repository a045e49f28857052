"""`overcloud plan validate` and `undercloud validate` through the real shell: status, reports, masks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.test_cli_compile import NODES

GOOD = "parameter_defaults:\n  ControlFixedIPs: [{ip_address: 192.0.2.5}]\n  ControlPlaneSubnetCidr: 24\n"
BAD = GOOD + (
    "  DnsServers: 192.0.2.1 192.0.2.2\n  AdminPassword: sesame-open-up\n"
    "  CloudDomian: example.test\n  CloudName: my cloud\n"
)
CONF = "[DEFAULT]\nlocal_ip = 192.168.24.1/24\nundercloud_hostname = director\n"
REPORTS = ("json", "junit", "sarif", "html")


@pytest.fixture
def plan(tmp_path: Path, openstack: Openstack) -> list[str]:
    """The options of a cloud of one node; ``site.yaml`` is its environment."""
    (tmp_path / "nodes.yaml").write_text(NODES)
    site = tmp_path / "site.yaml"
    site.write_text(GOOD)
    site.chmod(0o600)
    roles = str(tmp_path / "roles.yaml")
    assert openstack("overcloud", "roles", "generate", "-o", roles, "Standalone").status == 0
    return ["--templates", "-r", roles, "-n", "/dev/null", "-b", f"{tmp_path}/nodes.yaml", "-e", str(site)]


def test_a_good_plan_has_status_0(openstack: Openstack, plan: list[str]) -> None:
    done = openstack("overcloud", "plan", "validate", *plan, "-f", "json")
    assert (done.status, json.loads(done.out)["findings"]) == (0, []), done.out


def test_errors_have_status_1_and_a_report(
    openstack: Openstack,
    plan: list[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "site.yaml").write_text(BAD)
    files = {form: tmp_path / f"report.{form}" for form in REPORTS}
    options = [word for form, file in files.items() for word in ("--report", f"{form}={file}")]
    done = openstack("overcloud", "plan", "validate", *plan, "-f", "json", *options)
    assert done.status == 1
    printed = json.loads(done.out)
    assert {"code", "severity", "message", "fix", "parameters", "locations"} <= printed["findings"][0].keys()
    assert {name for each in printed["findings"] for name in each["parameters"]} >= {
        "DnsServers",
        "CloudDomian",
        "CloudName",
    }
    assert json.loads(files["json"].read_text()) == printed
    assert all("sesame-open-up" not in file.read_text() for file in files.values())
    _is_junit(files["junit"].read_text(), printed)
    _is_sarif(files["sarif"].read_text(), printed)
    _is_page(files["html"].read_text())


def _is_junit(text: str, printed: dict[str, list[dict[str, str]]]) -> None:
    errors = [each for each in printed["findings"] if each["severity"] == "error"]
    root = ElementTree.fromstring(text)
    assert (root.tag, root.get("failures")) == ("testsuites", str(len({each["code"] for each in errors})))
    assert len(list(root.iter("failure"))) == len(errors)


def _is_sarif(text: str, printed: dict[str, list[dict[str, str]]]) -> None:
    """Valid, as far as the parts go that we write; see the file."""
    schema = json.loads((Path(__file__).parent / "sarif-used.json").read_text())
    log = json.loads(text)
    jsonschema.validate(log, schema, format_checker=jsonschema.FormatChecker())
    (run,) = log["runs"]
    assert [each["ruleId"] for each in run["results"]] == [each["code"] for each in printed["findings"]]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])


def _is_page(text: str) -> None:
    """One page that needs nothing else, with the lines concerned."""
    assert not re.search(r"(?:src|href)=[\"']?https?:|@import|url\(", text)
    assert "CloudDomian: example.test" in text
    assert "AdminPassword: ********" in text


def test_the_operators_clouds_change_nothing(
    openstack: Openstack,
    plan: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: [broken\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OS_CLOUD", "nowhere")
    monkeypatch.setenv("OS_AUTH_TYPE", "v3password")
    done = openstack("overcloud", "plan", "validate", *plan, "-f", "json")
    assert (done.status, json.loads(done.out)) == (0, {"findings": []})


def test_what_cannot_run_has_status_2(openstack: Openstack, plan: list[str]) -> None:
    unknown = openstack("overcloud", "plan", "validate", *plan, "--report", "pdf=x.pdf")
    missing = openstack("overcloud", "plan", "validate", *plan, "--nodes", "/nowhere/nodes.json")
    earlier = openstack("overcloud", "plan", "validate", *plan, "--previous", "/nowhere")
    assert [unknown.status, missing.status, earlier.status] == [2, 2, 2]
    assert [each.out for each in (unknown, missing, earlier)] == ["", "", ""]
    assert "Traceback" not in unknown.err + missing.err + earlier.err


def test_what_is_known_besides_is_checked(
    openstack: Openstack,
    plan: list[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "machines.json").write_text('{"nodes": [{"name": "a", "pm_type": "ipmilan"}]}')
    (tmp_path / "undercloud.conf").write_text(CONF)
    earlier = tmp_path / "earlier"
    assert openstack("overcloud", "plan", "compile", *plan, "--output-dir", str(earlier)).status == 0
    with (tmp_path / "site.yaml").open("a") as site:
        site.write("  CloudDomain: example.test\n")
    done = openstack(
        *("overcloud", "plan", "validate", *plan, "-f", "json", "--previous", str(earlier)),
        *("--nodes", str(tmp_path / "machines.json"), "--undercloud-conf", str(tmp_path / "undercloud.conf")),
    )
    codes = {each["code"] for each in json.loads(done.out)["findings"]}
    assert done.status == 1
    assert codes >= {"BM-010", "UC-012", "CHG-001"}


def test_an_operator_brings_rules(openstack: Openstack, plan: list[str], tmp_path: Path) -> None:
    rule = {
        "code": "OWN-001",
        "title": "Clouds are named by our scheme",
        "reads": ["CloudName"],
        "must": "$p.CloudName.endsWith('.example.test')",
        "message": "CloudName is {CloudName}",
        "fix": "Take a name of ours.",
        "source": "our own policy",
        "passing": {"CloudName": "a.example.test"},
        "failing": {"CloudName": "a"},
    }
    (tmp_path / "ours.yaml").write_text(json.dumps([rule]))
    done = openstack("overcloud", "plan", "validate", *plan, "-f", "json", "--rules", f"{tmp_path}/ours.yaml")
    (finding,) = json.loads(done.out)["findings"]
    assert (done.status, finding["code"], finding["message"]) == (1, "OWN-001", "CloudName is overcloud")
    (tmp_path / "ours.yaml").write_text(json.dumps([{**rule, "failing": {"CloudName": "b.example.test"}}]))
    done = openstack("overcloud", "plan", "validate", *plan, "-f", "json", "--rules", f"{tmp_path}/ours.yaml")
    assert "RULE-007" in {each["code"] for each in json.loads(done.out)["findings"]}


def test_the_undercloud_alone(openstack: Openstack, tmp_path: Path) -> None:
    file = tmp_path / "undercloud.conf"
    file.write_text(CONF)
    done = openstack("undercloud", "validate", "--config", str(file), "-f", "json")
    assert (done.status, [each["code"] for each in json.loads(done.out)["findings"]]) == (1, ["UC-012"])
    file.write_text(CONF.replace("director", "director.example.test"))
    done = openstack("undercloud", "validate", "--config", str(file), "-f", "json")
    assert (done.status, json.loads(done.out)) == (0, {"findings": []})
    assert openstack("undercloud", "validate", "--config", str(tmp_path / "none.conf")).status == 2
