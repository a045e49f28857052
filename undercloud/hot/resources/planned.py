"""Servers, ports and networks: they are planned here and placed by whoever is asked (the allocation hook)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from undercloud.hot import properties as props
from undercloud.hot.faults import Reported, Site
from undercloud.hot.properties import Property
from undercloud.hot.resources.base import Resource
from undercloud.hot.run import Planned
from undercloud.hot.values import OMIT

_UNASKED: Any = object()


class PlannedResource(Resource):
    """A resource of a cloud. Its properties are evaluated and handed to the hook, which gives attributes.

    Which properties a cloud's resource may have is the cloud's business: they are not checked here.
    """

    any_attribute: ClassVar[bool] = True
    update_schema: ClassVar[Mapping[str, Property] | None] = None
    can_snapshot: ClassVar[bool] = True

    __slots__ = ("_facts",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._facts: Any = _UNASKED

    def given(self) -> dict[str, Any]:
        """The evaluated properties; what could not be had is left out."""
        values = {}
        for name in self.definition.properties:
            try:
                value = self.property(name) if name in self.schema else self.raw(name)
            except Reported:
                continue
            if value is not OMIT:
                values[name] = value
        return values

    def facts(self) -> Mapping[str, Any]:
        """The attributes that the hook gives; it is not asked for what is there already."""
        if self.definition.external_id is not None:
            return {}
        if self._facts is _UNASKED:
            planned = Planned(self.kind, self.path, self.given())
            self._facts = self.scope.run.allocate(planned) or {}
        return self._facts  # type: ignore[no-any-return]

    def attribute_value(self, name: str) -> Any:
        """What the hook said; else the property of that name; else None."""
        facts = self.facts()
        if name in facts:
            return facts[name]
        if name in self.definition.properties:
            value = self.raw(name)
            return None if value is OMIT else value
        return None

    def attributes(self, site: Site) -> dict[str, Any]:
        """All that is known."""
        names = dict.fromkeys((*self.facts(), *self.definition.properties))
        return {name: self.attribute(name, (), site) for name in names}

    def reference(self, site: Site) -> Any:  # noqa: ARG002 - the same for every place
        """The ``id`` that the hook gave, else one that follows from the path."""
        return self.facts().get("id") or self.scope.run.identifier(self.path)

    def realise(self) -> None:
        """Evaluate the properties and ask the hook."""
        self.facts()
        self.realise_parts()


class DeployedServer(PlannedResource):
    """OS::Heat::DeployedServer: a machine that runs already."""

    schema: ClassVar[Mapping[str, Property]] = {
        "name": props.STRING,
        "metadata": props.MAP,
        "software_config_transport": props.text("POLL_SERVER_CFN").limited(
            allowed_values=["POLL_SERVER_CFN", "POLL_SERVER_HEAT", "POLL_TEMP_URL", "ZAQAR_MESSAGE"]
        ),
        "deployment_swift_data": props.map_of(
            default={},
            container=props.STRING.limited(length={"min": 1}),
            object=props.STRING.limited(length={"min": 1}),
        ),
    }
    any_attribute: ClassVar[bool] = False
    update_schema: ClassVar[Mapping[str, Property] | None] = {}
    can_snapshot: ClassVar[bool] = False
    attribute_names: ClassVar[tuple[str, ...]] = ("name", "os_collect_config")

    __slots__ = ()

    def attribute_value(self, name: str) -> Any:
        """``name``: as given, else that of the physical resource; ``os_collect_config`` is empty offline."""
        facts = self.facts()
        if name in facts:
            return facts[name]
        if name == "os_collect_config":
            return {}
        return self.property("name") or self.scope.run.stack_name(self.path)

    def realise(self) -> None:
        """Check the properties too."""
        Resource.realise(self)
        self.facts()


PLANNED_PREFIXES = (
    "OS::Neutron::",
    "OS::Nova::",
    "OS::Cinder::",
    "OS::Glance::",
    "OS::Swift::",
    "OS::Keystone::",
)
"""Types that a cloud would have; all are planned."""
