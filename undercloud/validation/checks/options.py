"""What the plan writes into the services' configuration files, held against the services' own definitions."""

from __future__ import annotations

from collections.abc import Iterator

from undercloud.diagnostics import Finding
from undercloud.validation.checks import check
from undercloud.validation.options import entries, hieradata, ldap, native, passed_on
from undercloud.validation.options.judging import judge
from undercloud.validation.subject import Subject


@check(
    {
        "OPT-001": "Sections of configuration files are known to the service",
        "OPT-002": "Options are known to the service, in the section where they stand",
        "OPT-003": "Values of options are of the option's type",
        "OPT-004": "Values of options are in the option's range or among its choices",
        "OPT-005": "Options have the names of this release",
        "OPT-006": "Options are not about to be removed",
        "OPT-007": "Maps of options have the form that Puppet takes",
        "OPT-008": "Keys of hieradata are parameters of a Puppet class",
        "OPT-009": "Options for all roles are not hidden by those of one role",
        "OPT-010": "Maps of options leave out what a Puppet class sets",
    },
    reads=(
        "ExtraConfig",
        "ROLEExtraConfig",
        "NodeDataLookup",
        "KeystoneLDAPBackendConfigs",
        "SERVICEExtraConfig",
    ),
    source="The oslo.config definitions of the services, as Debian 12 packages them (release Zed)",
)
def options(subject: Subject) -> Iterator[Finding]:
    """Options of both contracts."""
    composition = subject.composition
    given = hieradata.keys(composition)
    found = [
        *entries.options(composition, given),
        *ldap.options(composition),
        *passed_on.options(composition),
        *native.options(composition),
    ]
    yield from (each for each in found if isinstance(each, Finding))
    yield from judge(each for each in found if not isinstance(each, Finding))
    yield from hieradata.hidden(given)
