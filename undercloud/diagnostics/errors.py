"""The one exception that an operator's mistake becomes."""

from __future__ import annotations

from collections.abc import Iterable

from undercloud.diagnostics.findings import Finding, Location, Report, Severity


class UndercloudError(Exception):
    """Stops the work and carries everything that is to be said about why.

    Rooms subclass it where a caller must tell cases apart; the findings are what is shown.
    """

    def __init__(self, *findings: Finding) -> None:
        if not findings:
            raise TypeError("an UndercloudError carries at least one finding")
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings: tuple[Finding, ...] = findings

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        *,
        fix: str = "",
        location: Location | None = None,
        parameters: Iterable[str] = (),
        path: Iterable[str] = (),
    ) -> UndercloudError:
        """An error of a single finding."""
        return cls(
            Finding(
                code,
                message,
                fix,
                Severity.ERROR,
                (location,) if location else (),
                tuple(parameters),
                tuple(path),
            )
        )


def raise_for(report: Report) -> None:
    """Raise all errors of a report as one exception, if there are any."""
    if report.errors:
        raise UndercloudError(*report.errors)


def internal(message: str) -> UndercloudError:
    """A fault of ours, told like any other: it names itself so that it can be reported."""
    return UndercloudError.of("INT-001", message, fix="This is a defect of undercloud; please report it.")
