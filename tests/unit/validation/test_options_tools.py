"""The tool that makes the definitions of options: what it reads, and how it writes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.options import __main__ as tool
from tools.options import puppet, writing

ROOT = Path(__file__).parents[3]
READER = ROOT / "tools/options/reader.py"
OSLO = """
define oslo::thing (
  $config_group = 'thing',
  $speed        = $::os_service_default,
  $unused       = undef,
) {
  $options = {
    "${config_group}/speed" => { value => $speed },
  }
  create_resources($name, $options)
}
"""
CLASS = """
# A comment with 'DEFAULT/nothing': value => $nothing;
class demo::api (
  $workers     = $::os_service_default,
  $hosts       = ['a', 'b'],
  $names       = [],
  $fast        = true,
  $ensure      = 'present',
  $old         = undef,
  $pairs       = { 'a' => 'b' },
) inherits demo::params {

  if $old {
    warning('old (it goes)')
  }
  $names_real = pick(join(any2array($names), ','), $::os_service_default)

  demo_config {
    'DEFAULT/workers': value => $workers;
    'api/hosts':       value => join(any2array($hosts), ',');
    'api/names':       value => $names_real;
    'api/secret':      value => $fast ? { true => 'x', default => 'y' };
    "other_${title}/x": value => $ensure;
    'DEFAULT/gone':    ensure => absent;
  }

  demo_agent_config {
    'agent/fast':
      value => $fast,
  }

  oslo::thing { 'demo_config':
    speed => $workers,
  }

  oslo::thing { 'second':
    config       => 'demo_config',
    config_group => 'second',
    speed        => $hosts,
  }
}
"""
CONFIG = """
class demo::config (
  $demo_config = {},
) {
  create_resources('demo_config', $demo_config)
}
"""
PROVIDER = "def self.file_path\n  '{}'\nend\n"


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    files = {
        "oslo/manifests/thing.pp": OSLO,
        "keystone/manifests/none.pp": "",
        "demo/manifests/api.pp": CLASS,
        "demo/manifests/config.pp": CONFIG,
        "demo/lib/puppet/provider/demo_config/openstackconfig.rb": PROVIDER.format("/etc/demo/demo.conf"),
        "demo/lib/puppet/provider/demo_agent_config/ini_setting.rb": PROVIDER.format("/etc/demo/agent.ini"),
    }
    for name, text in files.items():
        path = tmp_path / puppet.MODULES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_what_a_class_of_puppet_sets(modules: Path) -> None:
    demo = puppet.read_modules(modules, ["demo"])["demo"]
    assert demo.files == {"demo_config": "/etc/demo/demo.conf", "demo_agent_config": "/etc/demo/agent.ini"}
    assert demo.configs == {"demo::config::demo_config": "demo_config"}
    found = demo.classes["demo::api"]
    assert set(found) == {"workers", "hosts", "names", "fast", "ensure", "old", "pairs"}
    assert found["workers"] == [("demo_config", "DEFAULT", "workers"), ("demo_config", "thing", "speed")]
    assert found["hosts"] == [("demo_config", "api", "hosts"), ("demo_config", "second", "speed")]
    assert found["names"] == [("demo_config", "api", "names")]
    assert found["fast"] == [("demo_agent_config", "agent", "fast")]
    assert found["ensure"] == found["old"] == found["pairs"] == []


def test_a_module_is_written_short(modules: Path, tmp_path: Path) -> None:
    path = tmp_path / "data/demo.json"
    writing.module(path, "demo", puppet.read_modules(modules, ["demo"])["demo"], {"puppet-module-demo": "1"})
    text = path.read_text("utf-8")
    assert json.loads(text)["classes"]["demo::api"]["workers"] == ["DEFAULT/workers", "thing/speed"]
    assert json.loads(text)["classes"]["demo::api"]["fast"] == ["demo_agent_config/agent/fast"]
    assert '\n"workers": ["DEFAULT/workers", "thing/speed"],\n' in text


def test_the_reader_tells_what_oslo_config_defines() -> None:
    wanted = {"namespaces": ["oslo.log", "no.such"], "modules": []}
    done = subprocess.run(
        [sys.executable, str(READER)], input=json.dumps(wanted), capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["problems"] == ["there is no namespace no.such"]
    groups = dict(told["namespaces"]["oslo.log"]["groups"])
    assert groups["DEFAULT"]["debug"] == {"type": "boolean"}
    assert groups["DEFAULT"]["log_rotation_type"]["choices"] == ["interval", "size", "none"]
    assert groups["DEFAULT"]["log_file"]["former"] == [[None, "logfile"]]
    assert told["namespaces"]["oslo.log"]["version"]
    assert told["auth"]["auth_url"]["type"] == "string"
    assert told["auth"]["password"]["secret"]


def test_sets_of_namespaces_are_taken_apart() -> None:
    sets = {"api": ["a", "b"], "neutron": ["neutron", "api"]}
    assert tool.flat(["neutron", ["c", "a"]], sets) == ["neutron", "a", "b", "c"]
