"""The versions of the language and what each of them knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from undercloud.hot.expressions import Handler
from undercloud.hot.functions import cloudformation as cfn
from undercloud.hot.functions import collections, conditions, references, text, yaql


@dataclasses.dataclass(frozen=True)
class Version:
    """One heat_template_version.

    ``functions`` and ``condition_functions``: name → handler. ``has_conditions``: the section, the keys of
    resources and outputs; ``has_tags``: of parameters; ``has_modulo``: the constraint.
    """

    name: str
    functions: Mapping[str, Handler]
    condition_functions: Mapping[str, Handler]
    has_conditions: bool = False
    has_modulo: bool = False
    has_tags: bool = False


_FIRST: dict[str, Handler] = {
    "Fn::GetAZs": cfn.availability_zones,
    "get_param": references.get_param,
    "get_resource": references.get_resource,
    "Ref": references.ref,
    "get_attr": references.get_attr_one,
    "Fn::Select": cfn.select,
    "Fn::Join": text.list_join(several=False),
    "list_join": text.list_join(several=False),
    "Fn::Split": cfn.split,
    "str_replace": text.str_replace(json=False),
    "Fn::Replace": cfn.replace,
    "Fn::Base64": cfn.base64,
    "Fn::MemberListToMap": cfn.member_list_to_map,
    "resource_facade": references.resource_facade,
    "Fn::ResourceFacade": references.cfn_resource_facade,
    "get_file": references.get_file,
}
_REMOVED_2014_10_16 = (
    "Fn::GetAZs",
    "Fn::Join",
    "Fn::Split",
    "Fn::Replace",
    "Fn::Base64",
    "Fn::MemberListToMap",
    "Fn::ResourceFacade",
    "Ref",
)
_ADDED: dict[str, dict[str, Handler]] = {
    "2014-10-16": dict.fromkeys(_REMOVED_2014_10_16, conditions.removed),
    "2015-04-30": {
        "repeat": collections.repeat(maps=False, permutations=False),
        "digest": text.digest,
    },
    "2015-10-15": {
        "get_attr": references.get_attr,
        "list_join": text.list_join(),
        "str_replace": text.str_replace(),
        "str_split": text.str_split,
        "Fn::Select": conditions.removed,
    },
    "2016-04-08": {"map_merge": collections.map_merge},
    "2016-10-14": {
        "repeat": collections.repeat(permutations=False),
        "yaql": yaql.yaql,
        "map_replace": collections.map_replace,
        "if": conditions.if_(nullable=False),
    },
    "2017-02-24": {"filter": collections.filter_, "str_replace_strict": text.str_replace(strict=True)},
    "2017-09-01": {
        "repeat": collections.repeat(),
        "make_url": text.make_url,
        "list_concat": collections.list_concat(),
        "list_concat_unique": collections.list_concat(unique=True),
        "str_replace_vstrict": text.str_replace(strict=True, empty=False),
        "contains": collections.contains,
    },
    "2018-03-02": {},
    "2018-08-31": {},
    # map_deep_merge is not in Heat 19: it stands for what parameter_merge_strategies do in environments.
    "2021-04-16": {"if": conditions.if_(), "map_deep_merge": collections.map_deep_merge},
}
_CONDITIONS: dict[str, Handler] = {
    "get_param": references.get_param,
    "equals": conditions.equals,
    "not": conditions.not_,
    "and": conditions.both,
    "or": conditions.either,
}
_NAMES = {
    "newton": "2016-10-14",
    "ocata": "2017-02-24",
    "pike": "2017-09-01",
    "queens": "2018-03-02",
    "rocky": "2018-08-31",
    "wallaby": "2021-04-16",
}


def _condition_functions(date: str, functions: Mapping[str, Handler]) -> dict[str, Handler]:
    """What a condition may use; a function that it may not is an error there, not plain data."""
    if date < "2016-10-14":
        return {}
    known: dict[str, Handler] = {
        name: handler if handler is conditions.removed else conditions.not_in_conditions
        for name, handler in functions.items()
    }
    known |= _CONDITIONS
    if date >= "2017-09-01":
        known |= {"yaql": yaql.yaql, "contains": collections.contains}
    return known


def _all_versions() -> dict[str, Version]:
    functions = dict(_FIRST)
    versions = {"2013-05-23": Version("2013-05-23", dict(functions), {})}
    for date, added in _ADDED.items():
        functions |= added
        versions[date] = Version(
            date,
            dict(functions),
            _condition_functions(date, functions),
            has_conditions=date >= "2016-10-14",
            has_modulo=date >= "2017-02-24",
            has_tags=date >= "2018-03-02",
        )
    for name, date in _NAMES.items():
        versions[name] = dataclasses.replace(versions[date], name=name)
    return versions


VERSIONS: Mapping[str, Version] = _all_versions()
"""Every heat_template_version, by date and by release name."""

LATEST = VERSIONS["wallaby"]

SINCE: Mapping[str, str] = {
    name: date
    for date, added in reversed(_ADDED.items())
    for name, handler in added.items()
    if handler is not conditions.removed
}
"""The first version that knows a function (in its present form or an earlier one)."""
