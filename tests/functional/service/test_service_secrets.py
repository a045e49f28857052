"""Nothing that is written, told or run holds a secret of the plan, though its tasks tell all they know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy

from tests.functional.service.site import PASSWORD, Site, until
from tests.unit.deploy import world
from undercloud.db.models import Base

pytestmark = pytest.mark.functional
_SECRET = f"{world.PASSWORD}1"
_FORMS = (_SECRET, quote(_SECRET, safe=""), quote(_SECRET), json.dumps(_SECRET)[1:-1], PASSWORD)


@pytest.fixture
def told_all(tmp_path: Path) -> Iterator[Site]:
    """A deployment at -vvvv whose tasks print the secrets and fail with them."""
    (tmp_path / "leaks").touch()
    site = Site(tmp_path, tmp_path / "state")
    site.start("api")
    yield site
    site.close()


def holding(texts: Iterator[tuple[str, bytes]]) -> list[str]:
    """Where a secret stands (not which one: this is shown)."""
    return [place for place, text in texts if any(form.encode() in text for form in _FORMS)]


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in directory.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_bytes()


def rows(site: Site) -> Iterator[tuple[str, bytes]]:
    """Every row of the database as text, what is sealed included."""
    engine = sqlalchemy.create_engine(f"sqlite:///{site.settings.paths.database}")
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(sqlalchemy.select(table)):
                yield table.name, repr(tuple(row)).encode()
    engine.dispose()


def running() -> Iterator[tuple[str, bytes]]:
    """Command lines and environments of all processes, but for this one, which knows the secrets."""
    for process in Path("/proc").iterdir():
        for name in ("cmdline", "environ") if process.name.isdigit() else ():
            try:
                yield f"{process.name}/{name}", (process / name).read_bytes()
            except OSError:
                continue


def test_no_secret_is_written_told_or_run(told_all: Site) -> None:
    site = told_all
    (site.directory / "wait.2").touch()
    deployment = site.deploy(verbosity=4)
    seen: list[str] = []

    def at_step_2() -> bool:
        seen.extend(holding(running()))
        return len(site.done()) == 3

    until(at_step_2)
    site.go_on()
    found = site.ended(deployment)
    assert found["status"] == "succeeded", found["findings"]
    assert seen == []

    place = f"/v1/deployments/{deployment}"
    answers = {
        path: site.ask("GET", path)
        for path in (
            place,
            f"{place}/events?limit=1000",
            f"{place}/log",
            f"{place}/changes",
            "/v1/stacks/overcloud",
            "/v1/stacks/overcloud/failures",
            "/v1/plans/overcloud/passwords",
            "/v1/metrics",
        )
    }
    assert {answer.status_code for answer in answers.values()} == {200}
    assert holding((path, answer.content) for path, answer in answers.items()) == []
    log = answers[f"{place}/log"].text
    assert "Tell too much" in log
    assert "Fail with it" in log

    site.close()
    kept = dict(files(site.state))
    ansible = kept[f"stacks/overcloud/runner/artifacts/{deployment}/ansible.log"]
    assert ansible.count(b"********") > 10, "the tasks did tell, and it was masked"
    # The files whose purpose it is, of mode 0600.
    purpose = {"stacks/overcloud/clouds.yaml", "stacks/overcloud/overcloudrc"}
    assert set(holding(iter(kept.items()))) <= purpose
    assert all((site.state / name).stat().st_mode & 0o077 == 0 for name in purpose)
    assert holding(rows(site)) == []
    assert holding(files(site.directory / "memory")) == []
    assert holding((log.name, log.read_bytes()) for log in site.directory.glob("*.log")) == []
    assert (site.state / "log" / "audit.log").read_text().count("createDeployment") == 1
