"""Holding the lock of a stack while it is written.

A lock is free, held by a living writer, or left by a dead one. Dead is who is known to have ended (its
process, on this machine), or who gave no sign of life for the length of a lease and cannot be seen from here.
Taking over is safe even when that judgement was wrong: the fencing number grows, and both the nodes and our
own records refuse the lower one.
"""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from undercloud.conf.deployment import Deployment as Options
from undercloud.db import locks
from undercloud.db.database import Database
from undercloud.db.models import Deployment, Lock
from undercloud.db.types import utcnow
from undercloud.deploy.holder import Process, describe
from undercloud.diagnostics import UndercloudError

_LOG = logging.getLogger(__name__)
_HANDOVER = 10.0  # seconds that an engine may take to find what a dead one left
_TICK = 0.5  # seconds between two looks at a request to cancel
# What threads of this process hold locks for, by deployment and fencing number: one that goes on may begin
# before the thread of its last attempt has ended. One whose thread died holds none.
_AT_WORK: set[tuple[str, int]] = set()


class LockLostError(UndercloudError):
    """Another engine took the stack over; nothing more may be written."""


def lost(stack: str) -> LockLostError:
    """The error of a writer that is one no more."""
    return LockLostError(
        *UndercloudError.of(
            "DEP-002",
            f"another engine took over {stack} while this one gave no sign of life",
            fix=f"See: openstack overcloud status {stack}",
        ).findings
    )


def acquire(session: Session, stack: str, deployment: str, options: Options) -> int:
    """Take the stack's lock for a deployment, over from a dead holder if need be; its fencing number.

    Raises DEP-001, naming the holder and since when, while a living one has it.
    """
    process, now = Process.current(), utcnow()
    seen = locks.look(session, stack)
    over = seen.fence if seen and seen.holder and _is_dead(seen, options, now) else None
    holder = f"{describe(process)} (deployment {deployment})"
    told = {**process.as_plain(), "deployment": deployment}
    fence = locks.take(session, stack, holder=holder, process=told, now=now, over=over)
    if fence is None:
        raise _refused(stack, locks.look(session, stack), options)
    _AT_WORK.add((deployment, fence))
    return fence


def given_up(deployment: str, fence: int) -> None:
    """A deployment that a lock was taken for is not worked at by this process."""
    _AT_WORK.discard((deployment, fence))


def left_behind(session: Session, stack: str, fence: int, options: Options) -> bool:
    """Whether who wrote under that fencing number has died or was overtaken."""
    lock = locks.look(session, stack)
    if lock is None or lock.holder is None or lock.fence != fence:
        return True
    return _is_dead(lock, options, utcnow())


def awaited(session: Session, stack: str, fence: int, options: Options) -> bool:
    """Whether who left something behind died so lately that another engine is still to go on with it."""
    lock = locks.look(session, stack)
    if lock is None or lock.heartbeat is None or lock.fence != fence:
        return False
    silent = (utcnow() - lock.heartbeat).total_seconds()
    return silent < options.lease + 2 * options.heartbeat + _HANDOVER


def _is_dead(lock: Lock, options: Options, now: datetime.datetime) -> bool:
    process = Process.from_plain(lock.process)
    if process == Process.current():
        return (lock.process.get("deployment"), lock.fence) not in _AT_WORK
    if process.visible:
        return process.dead
    return lock.heartbeat is None or (now - lock.heartbeat).total_seconds() > options.lease


def _refused(stack: str, lock: Lock | None, options: Options) -> UndercloudError:
    holder, since = "another process", "just now"
    if lock is not None and lock.holder and lock.since:
        holder, since = lock.holder, lock.since.isoformat(timespec="seconds")
    return UndercloudError.of(
        "DEP-001",
        f"{stack} is being written by {holder} since {since}",
        fix="Wait until it has finished, or cancel it. A writer that died is followed at once when it ran on "
        f"this machine, else after {options.lease:g} seconds without a sign of life.",
    )


class Lease:
    """Keeps a lock alive from a thread of its own, and listens for a request to cancel."""

    def __init__(self, database: Database, stack: str, deployment: str, fence: int, options: Options) -> None:
        self.stack = stack
        self.fence = fence
        self._database = database
        self._deployment = deployment
        self._options = options
        self._stop = threading.Event()
        self._cancelled = threading.Event()
        self._lost = threading.Event()
        self._leaving = threading.Event()
        self.reason = ""
        self._thread = threading.Thread(target=self._keep, name=f"lease-{stack}", daemon=True)

    @property
    def patience(self) -> float:
        """Seconds without a sign of life that are bearable: well before others count us as dead."""
        return self._options.lease / 2

    def start(self) -> None:
        """Begin to give signs of life."""
        self._thread.start()

    def stop(self) -> None:
        """Give no more signs of life; the lock itself is freed with the last record of the deployment."""
        self._stop.set()
        self._thread.join()
        given_up(self._deployment, self.fence)

    def cancel(self, reason: str) -> None:
        """Ask the work to stop."""
        self.reason = self.reason or reason
        self._cancelled.set()

    def leave(self) -> None:
        """Ask the work to be left to another engine."""
        self._leaving.set()

    @property
    def leaving(self) -> bool:
        """Whether another engine shall go on with the work."""
        return self._leaving.is_set() and not self._cancelled.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether the work is to stop: somebody asked for it, this engine ends, or the lock is lost."""
        return self._cancelled.is_set() or self._lost.is_set() or self._leaving.is_set()

    @property
    def lost(self) -> bool:
        """Whether the lock has gone to another."""
        return self._lost.is_set()

    def assert_held(self, session: Session) -> None:
        """Renew the lock within a transaction of the deployment; raises LockLostError when it is lost."""
        if not locks.beat(session, self.stack, self.fence, utcnow()):
            self._lost.set()
            raise lost(self.stack)

    def release(self, session: Session) -> None:
        """Free the lock within the last transaction of the deployment; LockLostError when it was lost."""
        if not locks.release(session, self.stack, self.fence):
            self._lost.set()
            raise lost(self.stack)

    def _keep(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(min(_TICK, self._options.heartbeat)):
            self._try(self._listen)
            if time.monotonic() - last < self._options.heartbeat:
                continue
            if self._try(self._beat):
                last = time.monotonic()
            elif time.monotonic() - last > self.patience:
                self._leaving.set()  # others may soon count us as dead: leave it to them before they do

    def _try(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except LockLostError:
            return True
        except UndercloudError as error:
            _LOG.warning("%s", error)
            return False
        except Exception:  # noqa: BLE001 - a thread's border: it gives signs of life as long as work goes on
            _LOG.exception("the lock of %s", self.stack)
            return False
        return True

    def _beat(self) -> None:
        with self._database.write() as session:
            self.assert_held(session)

    def _listen(self) -> None:
        with self._database.read() as session:
            row = session.get(Deployment, self._deployment)
            if row is not None and row.cancel is not None:
                self.cancel(row.cancel)
