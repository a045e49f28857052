"""What action plugins share on the control side: reading the files beside the playbook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors


def read_json(path: str, what: str) -> Any:
    """A JSON file's value. Raises NodeError (NODE-017) without showing anything of the file's content."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise errors.NodeError.of(
            errors.INPUT,
            f"{what} cannot be read: {path}: {getattr(error, 'strerror', None) or error}",
            "Compile the plan again, or name the right file.",
        ) from error
    except ValueError as error:
        # The error's own text may quote what is in the file.
        line = getattr(error, "lineno", 0)
        raise errors.NodeError.of(
            errors.INPUT, f"{path}:{line}: {what}: this is not JSON", "Compile the plan again."
        ) from None
