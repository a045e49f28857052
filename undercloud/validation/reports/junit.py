"""JUnit's XML, as CI systems read it: a suite a stage, a case a code, an error a failure."""

from __future__ import annotations

from typing import Any

from undercloud.diagnostics import Finding, Severity
from undercloud.validation.reports.subject import OTHER, STAGES, Reported, stage_of


def render(reported: Reported) -> str:
    """Codes that found nothing are passed cases; warnings and notes are output of theirs."""
    from junitparser import Failure, JUnitXml, TestCase, TestSuite  # noqa: PLC0415  (start-up)

    by_code: dict[str, list[Finding]] = {code: [] for code in reported.titles}
    for finding in reported.findings:
        by_code.setdefault(finding.code, []).append(finding)
    xml = JUnitXml(reported.title)
    for stage in (*(name for name, _ in STAGES), OTHER):
        suite = TestSuite(stage)
        for code in sorted(code for code in by_code if stage_of(code) == stage):
            title = reported.titles.get(code, "")
            case = TestCase(f"{code} {title}".strip(), classname=stage)
            errors = [each for each in by_code[code] if each.severity is Severity.ERROR]
            others = [each for each in by_code[code] if each.severity is not Severity.ERROR]
            failures: list[Any] = []
            for each in errors:
                failure = Failure(_printable(each.message), "error")
                failure.text = _printable(str(each))
                failures.append(failure)
            case.result = failures
            if others:
                case.system_out = _printable("\n".join(str(each) for each in others))
            suite.add_testcase(case)
        if len(suite):
            xml.add_testsuite(suite)
    untyped: Any = xml  # junitparser's methods carry no types
    untyped.update_statistics()
    text: bytes = untyped.tostring()
    return text.decode()


def _printable(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(
        char if char in "\n\t" or (ord(char) >= 0x20 and not 0xD800 <= ord(char) <= 0xDFFF) else "?"
        for char in text
    )
