"""JSON: the form that ``-f json`` prints."""

from __future__ import annotations

import json

from undercloud.validation.reports.subject import Reported


def render(reported: Reported) -> str:
    """An object with ``findings``."""
    return json.dumps({"findings": [finding.as_dict() for finding in reported.findings]}, indent=2) + "\n"
