"""Tasks by the step of the deployment that they belong to, told by their ``when``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_STEP = re.compile(r"step(?:\|int)?\)?==(\d+)")
_BLANK = re.compile(r"\s+")


def of_step(tasks: Iterable[Mapping[str, Any]], step: int) -> list[Mapping[str, Any]]:
    """The tasks of a step: those whose condition names it, and those whose condition names none."""
    return [task for task in tasks if not (named := _named_steps(task)) or str(step) in named]


def _named_steps(task: Mapping[str, Any]) -> list[str]:
    condition = task.get("when")
    parts = condition if isinstance(condition, list) else [condition]
    text = "".join(_BLANK.sub("", part) for part in parts if isinstance(part, str))
    return _STEP.findall(text)
