"""From a resource's type to what implements it."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from undercloud.hot.faults import Fault, Reported
from undercloud.hot.registry import Target
from undercloud.hot.resources import groups, planned, simple, software
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.nested import TemplateResource
from undercloud.hot.resources.stack_resource import StackResource
from undercloud.hot.stacks import StackScope
from undercloud.hot.template import ResourceDefinition

BUILT_IN: Mapping[str, type[Resource]] = {
    "OS::Heat::CloudConfig": software.CloudConfig,
    "OS::Heat::Delay": simple.Delay,
    "OS::Heat::DeployedServer": planned.DeployedServer,
    "OS::Heat::MultipartMime": software.MultipartMime,
    "OS::Heat::None": simple.NoneResource,
    "OS::Heat::RandomString": simple.RandomString,
    "OS::Heat::ResourceChain": groups.ResourceChain,
    "OS::Heat::ResourceGroup": groups.ResourceGroup,
    "OS::Heat::SoftwareComponent": software.SoftwareComponent,
    "OS::Heat::SoftwareConfig": software.SoftwareConfig,
    "OS::Heat::SoftwareDeployment": software.SoftwareDeployment,
    "OS::Heat::SoftwareDeploymentGroup": groups.SoftwareDeploymentGroup,
    "OS::Heat::SoftwareDeployments": groups.SoftwareDeploymentGroup,
    "OS::Heat::Stack": StackResource,
    "OS::Heat::StructuredConfig": software.StructuredConfig,
    "OS::Heat::StructuredDeployment": software.StructuredDeployment,
    "OS::Heat::StructuredDeploymentGroup": groups.StructuredDeploymentGroup,
    "OS::Heat::StructuredDeployments": groups.StructuredDeploymentGroup,
    "OS::Heat::TestResource": simple.TestResource,
    "OS::Heat::UpdateWaitConditionHandle": simple.WaitConditionHandle,
    "OS::Heat::Value": simple.Value,
    "OS::Heat::WaitConditionHandle": simple.HeatWaitConditionHandle,
}
"""The types that are built in, by name."""


@functools.lru_cache(maxsize=4096)
def is_built_in(kind: str) -> bool:
    """Whether a type needs no registry."""
    return kind in BUILT_IN or kind.startswith(planned.PLANNED_PREFIXES)


def make_resource(scope: StackScope, definition: ResourceDefinition) -> Resource:
    """The resource of a definition; raises Fault or Reported."""
    try:
        target = scope.registry.resolve(definition.type, definition.name, definition.site)
        if target.template:
            return _from_template(scope, definition, target)
        kind = BUILT_IN.get(target.type, planned.PlannedResource)
        return kind(scope, definition, target.type)
    except Fault as fault:
        fault.site = definition.site.below("type")
        raise scope.tell(fault, definition.name) from None


def _from_template(scope: StackScope, definition: ResourceDefinition, target: Target) -> Resource:
    run, site = scope.run, definition.site
    base = "" if target.entries else scope.template.base
    path = run.find(target.template, base)
    if path is None:
        by = " that the registry names" if target.entries else ""
        raise Fault("HOT-044", f"there is no template {target.template}{by}", site, fix="Mend the path.")
    if path in scope.templates and scope.templates.count(path) > 1:
        chain = " → ".join((*scope.templates, path))
        raise Fault("HOT-051", f"the template contains itself: {chain}", site, fix="Break the circle.")
    if len(scope.path) >= run.limits.nested_depth:
        message = f"stacks are nested more than {run.limits.nested_depth} deep"
        raise Fault("HOT-051", message, site, fix="Flatten the templates.")
    template = run.template(path, (*scope.path, definition.name))
    if template is None:
        raise Reported
    return TemplateResource(scope, definition, target, template)
