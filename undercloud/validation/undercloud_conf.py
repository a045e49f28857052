"""undercloud.conf: read with positions, its values as TripleO's client would see them."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

import yaml

from undercloud.diagnostics import Finding, Location, Report, Severity
from undercloud.hot.values import boolean_from_text
from undercloud.plan.names import did_you_mean
from undercloud.validation.values import FORMS

DEFAULT = "DEFAULT"
_SECTION = re.compile(r"\[([^\]]*)\]\s*(?:[#;].*)?$")
_OPTION = re.compile(r"([^\s=:][^=:]*?)\s*[=:]\s*(.*)$")


@dataclasses.dataclass(frozen=True)
class Option:
    """One option as the file gives it."""

    name: str
    text: str
    line: int


@dataclasses.dataclass(frozen=True)
class UndercloudConf:
    """A parsed file: section → option → what stands there."""

    file: str
    sections: Mapping[str, Mapping[str, Option]]

    def locate(self, name: str, section: str = DEFAULT) -> Location:
        """Where an option stands; the file where it is left at its default."""
        option = self.sections.get(section, {}).get(name)
        return Location(self.file, option.line, 1) if option else Location(self.file)

    def is_set(self, name: str, section: str = DEFAULT) -> bool:
        """Whether the file gives the option."""
        return name in self.sections.get(section, {})

    def get(self, name: str, section: str = DEFAULT) -> Any:
        """An option's value in its type, else its default; an unusable value counts as the default.

        Subnets other than the first have no defaults; what an earlier name gives counts too.
        """
        known = options()[DEFAULT if section == DEFAULT else "SUBNET"]
        definition = known.get(name, {})
        given = self.sections.get(section, {})
        former = [old for old, each in known.items() if each.get("renamed") == name]
        option = next((given[each] for each in (name, *former) if each in given), None)
        if option is None and section != DEFAULT and section == self.local_subnet:
            option = self.sections.get(DEFAULT, {}).get(_IN_DEFAULT.get(name, name))
        if option is not None:
            try:
                return converted(option.text, definition)
            except ValueError:
                pass
        if section not in {DEFAULT, self.local_subnet}:
            return [] if definition.get("type") == "list" else None
        return definition.get("default")

    def finding(
        self,
        code: str,
        text: str,
        fix: str,
        *names: str,
        section: str = DEFAULT,
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        """A finding about options, at each place that sets one; at the file where none does."""
        places = tuple(
            dict.fromkeys(
                self.locate(name, section if self.is_set(name, section) else DEFAULT)
                for name in names
                if self.is_set(name, section) or self.is_set(name)
            )
        ) or (self.locate(""),)
        return Finding(code, text, fix, severity, places, names)

    @property
    def local(self) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
        """The undercloud's own address with its network; None where it cannot be read."""
        try:
            return ipaddress.ip_interface(self.get("local_ip"))
        except ValueError:
            return None

    @property
    def local_subnet(self) -> str:
        """The subnet that the undercloud itself is on."""
        option = self.sections.get(DEFAULT, {}).get("local_subnet")
        return option.text if option and option.text else "ctlplane-subnet"

    @property
    def subnets(self) -> tuple[str, ...]:
        """The names of all subnets."""
        return tuple(self.get("subnets"))

    @property
    def network_boot(self) -> bool:
        """Whether machines may boot over the network. TripleO's default is yes; here the file has to say it."""
        said = any(self.is_set(name) for name in ("ipxe_enabled", "ipxe_deploy"))
        return said and bool(self.get("ipxe_enabled")) and bool(self.get("enable_ironic"))

    @property
    def has_tls(self) -> bool:
        """Whether the undercloud's endpoints have a certificate."""
        return bool(self.get("generate_service_certificate") or self.get("undercloud_service_certificate"))


_IN_DEFAULT = {"gateway": "network_gateway", "cidr": "network_cidr"}


@functools.cache
def options() -> Mapping[str, Mapping[str, Any]]:
    """The known options: ``DEFAULT`` and ``SUBNET`` → name → definition."""
    text = importlib.resources.files(__package__).joinpath("undercloud_options.yaml").read_text("utf-8")
    known: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)
    return known


def converted(text: str, definition: Mapping[str, Any]) -> Any:
    """An option's text in its type; raises ValueError."""
    kind = definition.get("type", "text")
    if kind == "boolean":
        return boolean_from_text(text)
    if kind == "number":
        return int(text)
    if kind == "list":
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def read(text: str, file: str, report: Report) -> UndercloudConf:
    """Read the file; what is wrong with single options is reported.

    UC-001 a line that is no option, or stands before the first section, UC-002 an unknown option, UC-003 a value of the wrong type or not among the
    choices, UC-004 an option that stands twice, UC-005 a removed option, UC-006 an option under its old name
    (warning), UC-007 an unknown section.
    """
    sections: dict[str, dict[str, Option]] = {DEFAULT: {}}
    section, last, begun = DEFAULT, "", False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            last = last if stripped else ""
            continue
        place = Location(file, number, 1)
        if line[0] in " \t" and last:
            before = sections[section][last]
            sections[section][last] = dataclasses.replace(before, text=f"{before.text}\n{stripped}".strip())
        elif match := _SECTION.match(stripped):
            section, last, begun = match.group(1), "", True
            sections.setdefault(section, {})
        elif match := _OPTION.match(stripped):
            last = match.group(1).strip()
            if not begun:
                begun, text_ = True, f"{last} stands before the first section"
                fix = "Begin the file with [DEFAULT]."
                report.add(Finding("UC-001", text_, fix, Severity.ERROR, (place,), (last,)))
            if last in sections[section]:
                first = Location(file, sections[section][last].line, 1)
                text_ = f"{last} stands twice in [{section}]; the last value counts"
                report.add(Finding("UC-004", text_, "Remove one.", Severity.ERROR, (place, first), (last,)))
            sections[section][last] = Option(last, match.group(2).strip().strip("\"'"), number)
        else:
            fix = "Write NAME = VALUE, or begin a comment with #."
            report.add(Finding("UC-001", f"the line {stripped[:60]!r} is no option", fix, locations=(place,)))
    conf = UndercloudConf(file, sections)
    _check_options(conf, report)
    return conf


def _check_options(conf: UndercloudConf, report: Report) -> None:
    for section, given in conf.sections.items():
        subnet = section in conf.subnets
        if section != DEFAULT and not subnet:
            if given:
                fix = did_you_mean(section, (DEFAULT, *conf.subnets)) or "Name it in subnets."
                place = Location(conf.file, min(option.line for option in given.values()))
                text = f"the section [{section}] is read by nothing: subnets does not name it"
                severity = Severity.ERROR if fix.startswith("Did") else Severity.WARNING
                report.add(
                    Finding("UC-007", text, fix, severity, (place,), (section, "subnets", *conf.subnets))
                )
            continue
        known = options()["SUBNET" if subnet else DEFAULT]
        for option in given.values():
            _check_option(conf, section, option, known, report)


def _check_option(
    conf: UndercloudConf, section: str, option: Option, known: Mapping[str, Any], report: Report
) -> None:
    place, names = (Location(conf.file, option.line, 1),), (option.name,)
    definition = known.get(option.name)
    if definition is None:
        fix = did_you_mean(option.name, known) or "Remove it."
        other = "DEFAULT" if section != DEFAULT else "SUBNET"
        if option.name in options()[other]:
            fix = f"It belongs into {'[DEFAULT]' if other == 'DEFAULT' else 'the section of a subnet'}."
        text = f"[{section}] has no option {option.name}"
        report.add(Finding("UC-002", text, fix, Severity.ERROR, place, names))
    elif "removed" in definition:
        text = f"the option {option.name} was removed and is refused"
        report.add(Finding("UC-005", text, definition["removed"], Severity.ERROR, place, names))
    elif "renamed" in definition:
        text = f"{option.name} is an old name"
        report.add(Finding("UC-006", text, f"Use {definition['renamed']}.", Severity.WARNING, place, names))
    else:
        wrong = _misfit(option.text, definition)
        if wrong:
            text = f"{option.name} = {option.text}: {wrong}"
            report.add(Finding("UC-003", text, "Give it another value.", Severity.ERROR, place, names))


def _misfit(text: str, definition: Mapping[str, Any]) -> str:
    """What is wrong with an option's text, else empty."""
    kind, choices = definition.get("type", "text"), definition.get("choices")
    try:
        value = converted(text, definition)
    except ValueError:
        return {"boolean": "this is neither true nor false", "number": "this is no whole number"}[kind]
    if value in ("", []) and definition.get("needed"):
        return "it names nothing"
    form = definition.get("form")
    if form:
        wrongs = (
            FORMS[form](str(item)) for item in (value if isinstance(value, list) else [value]) if item != ""
        )
        problem = next((each for each in wrongs if each), "")
        if problem:
            return problem
    if choices:
        wrong = [item for item in (value if isinstance(value, list) else [value]) if item not in choices]
        if wrong:
            return f"{', '.join(wrong)} is not among {', '.join(choices)}"
    least, most = definition.get("least"), definition.get("most")
    if least is not None and value < least:
        return f"it is less than {least}"
    return f"it is more than {most}" if most is not None and value > most else ""
