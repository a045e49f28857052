"""Small resource types: values, random strings, placeholders."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Mapping
from typing import Any, ClassVar

from undercloud.hot import properties as props
from undercloud.hot.faults import Fault, Site
from undercloud.hot.properties import BadProperty, Property, coerce
from undercloud.hot.resources.base import Resource
from undercloud.plan.secrets import Secret

_VALUE_TYPES = {
    "string": "string",
    "number": "number",
    "comma_delimited_list": "list",
    "json": "map",
    "boolean": "boolean",
}


class Value(Resource):
    """OS::Heat::Value: an expression worked out once."""

    schema: ClassVar[Mapping[str, Property]] = {
        "value": Property("any", required=True),
        "type": props.STRING.limited(allowed_values=list(_VALUE_TYPES)),
    }
    attribute_names: ClassVar[tuple[str, ...]] = ("value",)

    __slots__ = ()

    def coerced(self, name: str, schema: Property, raw: Any) -> Any:
        """The value as it is: as in Heat, ``type`` only checks it."""
        if name != "value":
            return coerce(schema, raw)
        kind = self.property("type")
        if kind:
            coerce(dataclasses.replace(schema, type=_VALUE_TYPES[kind]), raw)
        if self.scope.normaliser.odd_keys:
            try:
                return self.scope.normaliser.plain(raw)
            except TypeError as error:
                raise BadProperty(str(error)) from None
        return raw

    def attribute_value(self, name: str) -> Any:
        """The value."""
        return self.property(name)


class NoneResource(Resource):
    """OS::Heat::None: takes any property, gives None for any attribute."""

    any_attribute: ClassVar[bool] = True
    update_schema: ClassVar[Mapping[str, Property] | None] = None

    __slots__ = ()

    def reference(self, site: Site) -> Any:  # noqa: ARG002 - the same for every place
        """An identifier."""
        return self.scope.run.identifier(self.path)

    def realise(self) -> None:
        """Nothing: the properties of what is switched off need not even make sense."""


CHARACTER_CLASSES: Mapping[str, str] = {
    "lettersdigits": string.ascii_letters + string.digits,
    "letters": string.ascii_letters,
    "lowercase": string.ascii_lowercase,
    "uppercase": string.ascii_uppercase,
    "digits": string.digits,
    "hexdigits": string.digits + "ABCDEF",
    "octdigits": string.octdigits,
}
"""The alphabets of OS::Heat::RandomString."""

_MINIMUM = Property("integer", default=1).limited(range={"min": 1, "max": 512})


class RandomString(Resource):
    """OS::Heat::RandomString: made once and kept in the state."""

    schema: ClassVar[Mapping[str, Property]] = {
        "length": Property("integer", default=32).limited(range={"min": 1, "max": 512}),
        "sequence": props.STRING.limited(allowed_values=list(CHARACTER_CLASSES)),
        "character_classes": props.list_of(
            Property(
                "map",
                keys={
                    "class": props.text("lettersdigits").limited(allowed_values=list(CHARACTER_CLASSES)),
                    "min": _MINIMUM,
                },
            ),
            [{"class": "lettersdigits", "min": 1}],
        ),
        "character_sequences": props.list_of(props.map_of(sequence=props.text(required=True), min=_MINIMUM)),
        "salt": props.STRING,
    }
    attribute_names: ClassVar[tuple[str, ...]] = ("value",)

    __slots__ = ()

    def _groups(self) -> tuple[tuple[str, int], ...]:
        groups = [(part["sequence"], part["min"]) for part in self.property("character_sequences") or ()]
        sequence = self.property("sequence")
        if sequence:
            return (*groups, (CHARACTER_CLASSES[sequence], 1))
        groups += [
            (CHARACTER_CLASSES[part["class"]], part["min"])
            for part in self.property("character_classes") or ()
        ]
        return tuple(groups)

    def attribute_value(self, name: str) -> Any:  # noqa: ARG002 - there is one
        """The string, a secret; None for one that is elsewhere already."""
        if self.definition.external_id is not None:
            return None
        groups, length = self._groups(), self.property("length")
        site = self.definition.site.below("properties", "length")
        if sum(least for _, least in groups) > length:
            raise Fault("HOT-013", f"{self.name} is shorter than its character classes need together", site)
        if not any(alphabet for alphabet, _ in groups):
            raise Fault("HOT-013", f"{self.name} has no characters to choose from", site)
        return Secret(self.scope.run.random("/".join(self.path), groups, length))

    def identity(self, site: Site) -> Any:
        """The string itself."""
        return self.reference(site)

    def reference(self, site: Site) -> Any:  # noqa: ARG002 - the same for every place
        """The string itself."""
        return self.attribute_value("value")

    def realise(self) -> None:
        """Make the string."""
        super().realise()
        with self.scope.told(self.name):
            self.attribute_value("value")


class TestResource(Resource):
    """OS::Heat::TestResource: gives back a string."""

    __test__ = False

    schema: ClassVar[Mapping[str, Property]] = {
        "value": props.text("test_string"),
        "update_replace_value": props.STRING,
        "fail": Property("boolean", default=False),
        "update_replace": Property("boolean", default=False),
        "wait_secs": Property("number", default=0),
        "attr_wait_secs": Property("number", default=0),
        "constraint_prop_secs": Property("number", default=0),
        "action_wait_secs": props.map_of(create=props.NUMBER, update=props.NUMBER, delete=props.NUMBER),
        "client_name": props.text(""),
        "entity_name": props.text(""),
    }
    attribute_names: ClassVar[tuple[str, ...]] = ("output",)

    __slots__ = ()

    def attribute_value(self, name: str) -> Any:  # noqa: ARG002 - there is one
        """The string; None of one that is there already."""
        return self.property("value") if self.definition.external_id is None else None

    def realise(self) -> None:
        """Fail if it is told to."""
        super().realise()
        with self.scope.told(self.name):
            if self.property("fail"):
                raise Fault("HOT-043", f"{self.name} is a test resource that fails", self.definition.site)


class Delay(Resource):
    """OS::Heat::Delay: offline there is nothing to wait for."""

    schema: ClassVar[Mapping[str, Property]] = {
        "min_wait": Property("number", default=0).limited(range={"min": 0}),
        "max_jitter": Property("number", default=0).limited(range={"min": 0}),
        "jitter_multiplier": Property("number", default=1.0).limited(range={"min": 0}),
        "actions": Property("list", default=["CREATE"]).limited(
            allowed_values=["CREATE", "DELETE", "SUSPEND", "RESUME"]
        ),
    }

    __slots__ = ()


class WaitConditionHandle(Resource):
    """The handles of wait conditions: they give an identifier, nothing is waited for."""

    schema: ClassVar[Mapping[str, Property]] = {}
    attribute_names: ClassVar[tuple[str, ...]] = ("token", "endpoint", "curl_cli")

    __slots__ = ()


class HeatWaitConditionHandle(WaitConditionHandle):
    """OS::Heat::WaitConditionHandle."""

    schema: ClassVar[Mapping[str, Property]] = {
        "signal_transport": props.text("TOKEN_SIGNAL").limited(
            allowed_values=["CFN_SIGNAL", "TEMP_URL_SIGNAL", "HEAT_SIGNAL", "TOKEN_SIGNAL", "ZAQAR_SIGNAL"]
        ),
    }

    __slots__ = ()
