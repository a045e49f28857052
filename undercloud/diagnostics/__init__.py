"""What every room reports with: findings, where they stand, and the error that carries them."""

from undercloud.diagnostics.errors import UndercloudError, internal, raise_for
from undercloud.diagnostics.findings import Finding, Location, Report, Severity

__all__ = ["Finding", "Location", "Report", "Severity", "UndercloudError", "internal", "raise_for"]
