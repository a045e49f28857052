"""The options of Keystone's LDAP back ends, which a parameter of TripleO's gives by domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.validation.composition import Composition, is_operators
from undercloud.validation.options import definitions
from undercloud.validation.options.source import Given

NAME = "KeystoneLDAPBackendConfigs"
_DEFINE = "keystone::ldap_backend"
_FILE = "/etc/keystone/keystone.conf"


def options(composition: Composition) -> Iterator[Given | Finding]:
    """What the parameter gives for each domain; OPT-008 a name that Puppet refuses."""
    module, file = definitions.puppet_module("keystone"), definitions.config_file(_FILE)
    if NAME not in composition.declared or module is None or file is None:
        return
    for setting in composition.settings(NAME)[-1:]:
        for domain, given in setting.value.items() if isinstance(setting.value, Mapping) else ():
            for name, value in given.items() if isinstance(given, Mapping) else ():
                place = setting.layer.document.locate(setting.section, NAME, domain, name)
                own = is_operators(setting.layer.path)
                if name not in module.classes[_DEFINE]:
                    text = f"{NAME}: {name} is no option of an LDAP back end, and Puppet stops at it"
                    fix = did_you_mean(str(name), module.classes[_DEFINE]) or "Remove it."
                    severity = Severity.ERROR if own else Severity.WARNING
                    yield Finding("OPT-008", text, fix, severity, (place,), (NAME, str(domain), str(name)))
                elif file.find("ldap", str(name)):
                    names = (NAME, str(domain), str(name))
                    wording = f"{NAME}: {name} of {domain}"
                    yield Given(_FILE, "ldap", str(name), value, (place,), names, own, wording, fixed=True)
