from collections.abc import Iterator
from pathlib import Path

import pytest

from undercloud.db.database import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database("", tmp_path / "undercloud.db", tmp_path / "secret.key")
    yield made
    made.close()
