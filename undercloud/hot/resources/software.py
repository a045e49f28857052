"""Software configurations and their deployment to servers."""

from __future__ import annotations

import dataclasses
import hashlib
import posixpath
from collections.abc import Mapping
from email import message_from_string
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any, ClassVar

import yaml

from undercloud.hot import properties as props
from undercloud.hot.faults import Fault, Site
from undercloud.hot.resources.base import Resource
from undercloud.plan.secrets import Secret, is_secret

_KIND = props.text("String").limited(
    allowed_values=["String", "Number", "CommaDelimitedList", "Json", "Boolean"]
)
_INPUT = props.Property(
    "map",
    keys={
        "name": props.text(required=True),
        "description": props.STRING,
        "type": _KIND,
        "default": props.ANY,
        "replace_on_change": props.Property("boolean", default=False),
    },
)
_OUTPUT = props.map_of(
    name=props.text(required=True),
    description=props.STRING,
    type=_KIND,
    error_output=props.Property("boolean", default=False),
)
_COMMON: Mapping[str, props.Property] = {
    "group": props.text("Heat::Ungrouped"),
    "options": props.MAP,
    "inputs": props.list_of(_INPUT),
    "outputs": props.list_of(_OUTPUT),
}
_ACTIONS = ["CREATE", "UPDATE", "DELETE", "SUSPEND", "RESUME"]

DEPLOYMENT: Mapping[str, props.Property] = {
    "config": props.STRING,
    "server": props.text(required=True),
    "input_values": props.MAP,
    "actions": props.Property("list", default=["CREATE", "UPDATE"]).limited(allowed_values=_ACTIONS),
    "name": props.STRING,
    "signal_transport": props.text("HEAT_SIGNAL").limited(
        allowed_values=["CFN_SIGNAL", "TEMP_URL_SIGNAL", "HEAT_SIGNAL", "NO_SIGNAL", "ZAQAR_SIGNAL"]
    ),
}
"""The properties of OS::Heat::SoftwareDeployment."""


@dataclasses.dataclass(frozen=True)
class Deployment:
    """One configuration for one server, with its inputs filled in.

    ``inputs``: name → value; ``config`` is text, or data where the configuration is structured.
    """

    path: tuple[str, ...]
    name: str
    server: str
    group: str
    config: Any
    inputs: Mapping[str, Any]
    outputs: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any]
    actions: tuple[str, ...]


class _Config(Resource):
    """What is kept under an identifier, to be deployed."""

    attribute_names: ClassVar[tuple[str, ...]] = ("config",)

    __slots__ = ()

    def content(self) -> Mapping[str, Any]:
        """group, config, inputs, outputs, options; raises Reported."""
        raise NotImplementedError

    def attribute_value(self, name: str) -> Any:  # noqa: ARG002 - there is one
        """The configuration itself."""
        return self.content()["config"]

    def reference(self, site: Site) -> str:  # noqa: ARG002 - the same for every place
        """The identifier, under which deployments find the configuration."""
        run = self.scope.run
        identifier = run.identifier(self.path)
        if identifier not in run.configs:
            run.configs[identifier] = {"name": run.stack_name(self.path), **self.content()}
        return identifier

    def realise(self) -> None:
        """Work out the configuration."""
        super().realise()
        with self.scope.told(self.name):
            self.content()


class SoftwareConfig(_Config):
    """OS::Heat::SoftwareConfig."""

    schema: ClassVar[Mapping[str, props.Property]] = {**_COMMON, "config": props.STRING}

    __slots__ = ()

    def content(self) -> Mapping[str, Any]:
        """The properties."""
        return {
            "group": self.property("group"),
            "config": self.property("config"),
            "inputs": self.property("inputs") or [],
            "outputs": self.property("outputs") or [],
            "options": self.property("options") or {},
        }


class StructuredConfig(SoftwareConfig):
    """OS::Heat::StructuredConfig: the configuration is a map."""

    schema: ClassVar[Mapping[str, props.Property]] = {**_COMMON, "config": props.MAP}

    __slots__ = ()


class SoftwareComponent(_Config):
    """OS::Heat::SoftwareComponent: several configurations, each for some actions."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        "configs": props.list_of(
            props.map_of(
                actions=props.list_of(props.STRING, ["CREATE", "UPDATE"]).limited(length={"min": 1}),
                config=props.STRING,
                tool=props.text(required=True),
            ),
            required=True,
        ).limited(length={"min": 1}),
        "inputs": props.list_of(_INPUT),
        "outputs": props.list_of(_OUTPUT),
        "options": props.MAP,
    }
    attribute_names: ClassVar[tuple[str, ...]] = ("configs",)

    __slots__ = ()

    def content(self) -> Mapping[str, Any]:
        """The configurations as one; raises Fault if two are for the same action."""
        configs = self.property("configs")
        actions = [action for config in configs for action in config["actions"]]
        if len(set(actions)) != len(actions):
            site = self.definition.site.below("properties", "configs")
            raise Fault("HOT-043", f"{self.name} has two configurations for the same action", site)
        return {
            "group": "component",
            "config": {"configs": configs},
            "inputs": self.property("inputs") or [],
            "outputs": self.property("outputs") or [],
            "options": self.property("options") or {},
        }

    def attribute_value(self, name: str) -> Any:  # noqa: ARG002 - there is one
        """The configurations."""
        return self.property("configs")


def _plain_config(config: str, group: str = "Heat::Ungrouped") -> Mapping[str, Any]:
    return {"group": group, "config": config, "inputs": [], "outputs": [], "options": {}}


class CloudConfig(_Config):
    """OS::Heat::CloudConfig: a map written as YAML for cloud-init."""

    schema: ClassVar[Mapping[str, props.Property]] = {"cloud_config": props.MAP}

    __slots__ = ()

    def content(self) -> Mapping[str, Any]:
        """The YAML text."""
        value = self.property("cloud_config")
        text = "#cloud-config\n" + yaml.dump(value, Dumper=_ClearDumper)
        return _plain_config(Secret(text) if is_secret(value) else text)


class _ClearDumper(yaml.SafeDumper):
    """Writes secrets in the clear: the text is made a secret as a whole."""


_ClearDumper.add_representer(Secret, lambda dumper, value: dumper.represent_str(value.reveal()))


class MultipartMime(_Config):
    """OS::Heat::MultipartMime: several texts as one MIME message."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        "group": props.text("Heat::Ungrouped"),
        "parts": props.list_of(
            props.map_of(
                config=props.text(required=True),
                filename=props.STRING,
                type=props.text("text").limited(allowed_values=["text", "multipart"]),
                subtype=props.STRING,
            ),
            [],
        ),
    }

    __slots__ = ()

    def content(self) -> Mapping[str, Any]:
        """The message; its boundary follows from its parts, so that it is the same each time."""
        parts: list[Message] = []
        secret = False
        for part in self.property("parts"):
            known = self.scope.run.configs.get(part["config"])
            text = str(known["config"]) if known else part["config"]
            secret = secret or isinstance(text, Secret)
            if part["type"] == "multipart":
                parts += _split(text)
            else:
                parts.append(_part(text, part["subtype"] or "", part["filename"] or ""))
        digest = hashlib.sha256("\0".join(part.as_string() for part in parts).encode()).hexdigest()
        message = MIMEMultipart(boundary="===============" + digest[:32] + "==", _subparts=parts).as_string()
        return _plain_config(Secret(message) if secret else message, self.property("group"))


def _split(text: str) -> list[Message]:
    whole = message_from_string(text)
    if not whole.is_multipart():
        return []
    return [
        _part(str(part.get_payload()), part.get_content_subtype(), part.get_filename() or "")
        for part in whole.get_payload()
        if isinstance(part, Message)
    ]


def _part(text: str, subtype: str, filename: str) -> Message:
    subtype = subtype or posixpath.splitext(filename)[0]
    charset = "us-ascii" if text.isascii() else "utf-8"
    part = MIMEText(text, subtype or "plain", charset)
    if filename:
        part.add_header("Content-Disposition", "attachment", filename=filename)
    return part


class SoftwareDeployment(Resource):
    """OS::Heat::SoftwareDeployment: a configuration for one server."""

    schema: ClassVar[Mapping[str, props.Property]] = DEPLOYMENT
    any_attribute: ClassVar[bool] = True
    attribute_names: ClassVar[tuple[str, ...]] = ("deploy_stdout", "deploy_stderr", "deploy_status_code")

    __slots__ = ()

    def source(self) -> Mapping[str, Any]:
        """The configuration that is deployed, empty if there is none; raises Fault or Reported."""
        identifier = self.property("config")
        if not identifier:
            return {}
        known = self.scope.run.configs.get(identifier)
        if known is None:
            site = self.definition.site.below("properties", "config")
            fix = "Write config: {get_resource: NAME} of a software configuration."
            raise Fault(
                "HOT-043", f"{self.name} deploys a configuration that is not in the plan", site, fix=fix
            )
        return known

    def attribute(self, name: Any, path: tuple[Any, ...], site: Site) -> Any:  # noqa: ARG002 - see below
        """What the deployment puts out is not known before it ran: None."""
        declared = [output["name"] for output in self.source().get("outputs", ())]
        if name not in declared and name not in self.attribute_names:
            raise self.unknown_attribute(str(name), site)
        return None

    def attributes(self, site: Site) -> dict[str, Any]:
        """The three that every deployment has."""
        return {name: self.attribute(name, (), site) for name in self.attribute_names}

    def reference(self, site: Site) -> Any:  # noqa: ARG002 - the same for every place
        """The identifier of the deployment."""
        return self.scope.run.identifier(self.path)

    def deployment(self) -> Deployment:
        """The deployment with its inputs filled in; raises Fault or Reported."""
        source, given = self.source(), dict(self.property("input_values") or {})
        inputs = {}
        for declared in source.get("inputs", ()):
            inputs[declared["name"]] = given.pop(declared["name"], declared.get("default"))
        inputs.update(given)
        inputs.update(
            deploy_server_id=self.property("server"),
            deploy_action="CREATE",
            deploy_stack_id=self._stack_identity(),
            deploy_resource_name=self.name,
            deploy_signal_transport=self.property("signal_transport"),
        )
        return Deployment(
            self.path,
            self.property("name") or source.get("name") or self.scope.run.stack_name(self.path),
            self.property("server"),
            source.get("group") or "Heat::Ungrouped",
            self.derived(source.get("config"), inputs),
            inputs,
            tuple(source.get("outputs", ())),
            source.get("options") or {},
            tuple(self.property("actions")),
        )

    def _stack_identity(self) -> str:
        run, path = self.scope.run, self.scope.path
        return "/".join((run.stack_name(path), run.identifier(path)))

    def derived(self, config: Any, inputs: Mapping[str, Any]) -> Any:  # noqa: ARG002 - for subclasses
        """The configuration as this deployment sends it."""
        return config or ""

    def realise(self) -> None:
        """Work out the deployment."""
        super().realise()
        with self.scope.told(self.name):
            self.deployment()


class StructuredDeployment(SoftwareDeployment):
    """OS::Heat::StructuredDeployment: inputs are filled into the configuration's map."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        **DEPLOYMENT,
        "input_key": props.text("get_input"),
        "input_values_validate": props.text("LAX").limited(allowed_values=["LAX", "STRICT"]),
    }

    __slots__ = ()

    def derived(self, config: Any, inputs: Mapping[str, Any]) -> Any:
        """The map with every ``{get_input: NAME}`` replaced; raises Fault."""
        key, strict = self.property("input_key"), self.property("input_values_validate") == "STRICT"

        def fill(value: Any) -> Any:
            if isinstance(value, Mapping):
                if len(value) == 1 and isinstance(value.get(key), str):
                    name = value[key]
                    if strict and name not in inputs:
                        site = self.definition.site.below("properties", "input_values")
                        raise Fault("HOT-042", f"{self.name} lacks the input {name}", site)
                    return inputs.get(name)
                return {each: fill(item) for each, item in value.items()}
            return [fill(item) for item in value] if isinstance(value, list) else value

        return fill(config or {})
