"""Work as a table: what is to be done, who does it, what is done. Survives any crash.

An item is `pending`, `leased`, `done` or `failed`. Items of one group (the charts of a song) are
taken together. A lease belongs to one process and ends by itself unless it is renewed; that of a
process of this machine which is no longer alive ends at once. Results are stored in the
transaction that closes their items, and only by whoever holds the lease then: nothing that was
finished is lost or done again, and nothing is stored twice, however many processes work at once.

Machines that share a folder must agree on the time to within half of `LEASE_S`.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mug.data.feature_db import FeatureDB

SUSPECT = "the process that worked on it died"
"""Detail of a pending item that was leased to a process which is no more."""

PENDING, LEASED, DONE, FAILED = "pending", "leased", "done", "failed"
LEASE_S = 300.0  # longer than any one song takes; only the death of a whole machine waits for it


@dataclass(frozen=True)
class Lease:
    """Items of one group that this process may work on.

    Args:
        group: the group.
        keys: its open items.
        suspect: the process that had them before died; they may be why.
    """

    group: str
    keys: tuple[str, ...]
    suspect: bool = False


@dataclass(frozen=True)
class Item:
    """A piece of work to be planned, or that was.

    Args:
        key: names it.
        group: what it is taken together with.
        stamp: the state of the files that it was last done from; empty before.
        state: pending, leased, done or failed.
        detail: why it failed.
    """

    key: str
    group: str
    stamp: str = ""
    state: str = PENDING
    detail: str = ""


@dataclass
class JobTable:
    """Items of one kind.

    Args:
        db: where they are kept.
        kind: tells them from other work in the same database.
        lease_s: how long a lease lasts without being renewed.
        clock: the time in seconds.
        owner: names this process; unique.
    """

    db: FeatureDB
    kind: str
    lease_s: float = LEASE_S
    clock: Callable[[], float] = time.time
    owner: str = field(default_factory=lambda: this_process())

    def find(self, keys: Sequence[str]) -> dict[str, Item]:
        """The items of these names that exist."""
        marks = ", ".join("?" * len(keys))
        found = self.db.select(
            f"SELECT key, grp, stamp, state, detail FROM jobs WHERE kind = ? AND key IN ({marks})",  # noqa: S608 - question marks
            (self.kind, *keys),
        )
        return {row[0]: Item(*row) for row in found}

    def add(self, items: Iterable[Item]) -> None:
        """Make items pending, whatever became of them before; those being worked on stay so."""
        with self.db.transaction() as connection:
            connection.executemany(
                "INSERT INTO jobs (kind, key, grp, state) VALUES (?, ?, ?, 'pending')"
                " ON CONFLICT (kind, key) DO UPDATE SET state = 'pending', grp = excluded.grp"
                " WHERE state != 'leased'",
                [(self.kind, item.key, item.group) for item in items],
            )

    def take(self, count: int = 1) -> list[Lease]:
        """Leases all open items of up to `count` groups; none when there is nothing to do."""
        with self.db.transaction() as connection:
            now = self.clock()
            self._free_the_dead()
            # A lease that ends later than it can was made before the clock was set back;
            # clocks of machines differ by half of a lease at most.
            free = "(state = 'pending' OR (state = 'leased' AND (expires < ? OR expires > ?)))"
            times = (now, now + 1.5 * self.lease_s)
            groups = connection.execute(
                f"SELECT DISTINCT grp FROM jobs WHERE kind = ? AND {free}"  # noqa: S608 - above
                " AND state IN ('pending', 'leased') ORDER BY grp LIMIT ?",
                (self.kind, *times, count),
            ).fetchall()
            leases = []
            for (group,) in groups:
                where = f"kind = ? AND grp = ? AND state IN ('pending', 'leased') AND {free}"
                values = (self.kind, group, *times)
                found = connection.execute(
                    f"SELECT key, detail FROM jobs WHERE {where} ORDER BY key",  # noqa: S608
                    values,
                ).fetchall()
                connection.execute(
                    f"UPDATE jobs SET state = 'leased', owner = ?, expires = ? WHERE {where}",  # noqa: S608
                    (self.owner, now + self.lease_s, *values),
                )
                keys = tuple(row[0] for row in found)
                leases.append(Lease(group, keys, any(row[1] == SUSPECT for row in found)))
            return leases

    def renew(self) -> None:
        """Prolong all leases of this process."""
        with self.db.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET expires = ? WHERE kind = ? AND state = 'leased' AND owner = ?",
                (self.clock() + self.lease_s, self.kind, self.owner),
            )

    def give_back(self) -> None:
        """Make what this process has leased pending again."""
        with self.db.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'pending', owner = '' WHERE kind = ? AND"
                " state = 'leased' AND owner = ?",
                (self.kind, self.owner),
            )

    def owned(self, lease: Lease) -> set[str]:
        """Items of a lease that still belong to this process; call within a transaction."""
        found = self.db.select(
            "SELECT key FROM jobs WHERE kind = ? AND grp = ? AND state = 'leased' AND owner = ?",
            (self.kind, lease.group, self.owner),
        )
        return {row[0] for row in found} & set(lease.keys)

    def close(self, items: Iterable[Item]) -> None:
        """Notes items as done or failed, in the transaction that stores what came of them."""
        with self.db.transaction() as connection:
            connection.executemany(
                "UPDATE jobs SET state = ?, stamp = ?, detail = ?, owner = '', expires = 0,"
                " finished = finished + 1 WHERE kind = ? AND key = ?",
                [(i.state, i.stamp, i.detail, self.kind, i.key) for i in items],
            )

    def open_items(self) -> int:
        """Number of items that are pending or in progress."""
        found = self.db.select(
            "SELECT COUNT(*) FROM jobs WHERE kind = ? AND state IN ('pending', 'leased')",
            (self.kind,),
        )
        return int(found.fetchone()[0])

    def failed(self) -> Iterator[Item]:
        """Items that could not be done, by key."""
        found = self.db.select(
            "SELECT key, grp, stamp, state, detail FROM jobs WHERE kind = ? AND state = 'failed'"
            " ORDER BY key",
            (self.kind,),
        )
        return (Item(*row) for row in found)

    def _free_the_dead(self) -> None:
        """Ends leases of this machine's processes that are no more."""
        owners = self.db.select(
            "SELECT DISTINCT owner FROM jobs WHERE kind = ? AND state = 'leased'",
            (self.kind,),
        ).fetchall()
        for (owner,) in owners:
            if owner != self.owner and is_dead(owner):
                self.db.select(
                    "UPDATE jobs SET state = 'pending', owner = '', detail = ? WHERE kind = ?"
                    " AND owner = ? AND state = 'leased'",
                    (SUSPECT, self.kind, owner),
                )


def this_process() -> str:
    """Name this process among all machines: machine, process, when it began, and a random part."""
    return f"{_machine()} {os.getpid()} {_began(os.getpid())} {uuid.uuid4().hex[:8]}"


def is_dead(owner: str) -> bool:
    """Return whether an owner is a process of this machine that certainly runs no more."""
    machine, _, rest = owner.partition(" ")
    parts = rest.split(" ")
    if machine != _machine() or len(parts) != 3 or not parts[0].isdigit():
        return False
    pid = int(parts[0])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _began(pid) != parts[1]


def _machine() -> str:
    """Host and boot: containers of one machine have host names of their own."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    known = boot.read_text().strip() if boot.is_file() else ""
    return f"{socket.gethostname()}/{known}".replace(" ", "_")


def _began(pid: int) -> str:
    """Start of a process, to tell it from a later one of the same number; '-' where unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "-"
    # The name, in brackets, may hold blanks; zombies have ended although they still have a line.
    state, *values = text.rpartition(")")[2].split()
    return "ended" if state == "Z" else values[18]
