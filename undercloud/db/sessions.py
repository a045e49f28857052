"""Who else uses a database on a server, as the server itself knows."""

from __future__ import annotations

import sqlalchemy

from undercloud.db.database import explained, make_engine

# https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
_POSTGRESQL = (
    "SELECT host(client_addr) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND (state = 'active' OR state_change > now() - :seconds * interval '1 second')"
)
# https://mariadb.com/kb/en/information-schema-processlist-table/
_MARIADB = (
    "SELECT host FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id() AND (command <> 'Sleep' OR time < :seconds)"
)
_HERE = "localhost"


def others(url: str, seconds: int) -> tuple[str, ...]:
    """The addresses from which the database was used in the last ``seconds``, but for this one connection.

    A session that is silent for longer counts for dead: the server keeps that of a machine that lost its
    power for hours. Without more rights only sessions of the URL's own user are seen. DB-001 and DB-004 where
    the server cannot be asked.
    """
    engine = make_engine(url)
    postgresql = engine.dialect.name == "postgresql"
    try:
        with explained(engine), engine.connect() as connection:
            listing = sqlalchemy.text(_POSTGRESQL if postgresql else _MARIADB)
            found = connection.execute(listing, {"seconds": seconds}).scalars().all()
    finally:
        engine.dispose()
    if not postgresql:
        found = [host.rpartition(":")[0] for host in found]  # it tells the port, too
    return tuple(sorted({host or _HERE for host in found}))
