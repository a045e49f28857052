"""Hiding known secret values in what is kept or shown.

Secrets are kept out of events and logs where they arise (references, no_log, masked diffs); this is the last
line, for what an operator's own task prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from undercloud.plan.secrets import MASK

_SHORTEST = 5  # shorter values are words that stand in every text


class Masker:
    """Replaces every known secret value, also as JSON or a URL spells it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {
            form
            for value in secrets
            if len(value) >= _SHORTEST
            # Python spells a URL's password without any slash, Jinja2's urlencode leaves slashes as they are.
            for form in (value, json.dumps(value)[1:-1], quote(value, safe=""), quote(value))
        }
        longest_first = sorted(spelled, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if spelled else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def plain(self, value: Any) -> Any:
        """Plain data (as of JSON) without secrets."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(item) for item in value]
        return value
