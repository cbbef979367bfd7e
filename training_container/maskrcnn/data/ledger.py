"""Maps that lie on the disk: what prepare knows of each image, by its hash, however many images there are.

A dict entry takes 0.3 to 2 KB of memory; a million images would not fit beside TensorFlow. A table of a ledger is used
like a dict, keeps the same order, and takes none but a page cache. SQLite does the work: one file, no server.
"""

from __future__ import annotations

import pickle
import sqlite3
import threading
import weakref
from collections.abc import Callable, ItemsView, Iterator, MutableMapping, Sequence, ValuesView
from pathlib import Path
from typing import Any, Generic, TypeVar

V = TypeVar("V")
CACHE_KIB = 16_000
"""Memory for pages of all tables together."""
_BATCH = 500


class Ledger:
    """A file of tables, for one process and any of its threads; it serves while the work goes on, and is not kept.

    Args:
        file: Made anew. Without one SQLite makes a file in the system's temporary folder when the tables outgrow the
            cache, and removes it with the ledger.
    """

    def __init__(self, file: Path | None = None) -> None:
        if file:
            file.unlink(missing_ok=True)
        self._connection = sqlite3.connect(file or "", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._connection.close)  # from 3.13 on Python warns of those that nobody closes
        self._lock = threading.Lock()
        self._tables = 0
        # nothing is ever to be recovered: no journal, no syncing, and one transaction that never ends
        for rule in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", f"cache_size=-{CACHE_KIB}"):
            self._run(f"PRAGMA {rule}")
        self._run("BEGIN")

    def table(self) -> Table[V]:
        """A new, empty table."""
        self._tables += 1
        return Table(self._run, f"table_{self._tables}")

    def _run(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows that a statement gives."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


class Table(MutableMapping[str, V]):
    """A map of the ledger: like a dict it keeps the order of insertion; values are copied in and out.

    While one iterates over it, entries may be replaced and added.
    """

    def __init__(self, run: Callable[[str, Sequence[Any]], list[Any]], name: str) -> None:
        run(f"CREATE TABLE {name} (number INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB)", ())
        self._run = run
        self._get = f"SELECT value FROM {name} WHERE key = ?"  # noqa: S608 - a name of our own, here and below
        self._has = f"SELECT 1 FROM {name} WHERE key = ?"  # noqa: S608
        self._put = (
            f"INSERT INTO {name} (key, value) VALUES (?, ?) "  # noqa: S608
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        )
        self._between = f"SELECT value FROM {name} WHERE key >= ? AND key < ? ORDER BY key"  # noqa: S608
        self._drop = f"DELETE FROM {name} WHERE key = ? RETURNING 1"  # noqa: S608
        self._count = f"SELECT count(*) FROM {name}"  # noqa: S608
        self._after = {
            by: f"SELECT {by}, key, value FROM {name} WHERE {by} > ? ORDER BY {by} LIMIT {_BATCH}"  # noqa: S608
            for by in ("number", "key")
        }

    def __getitem__(self, key: str) -> V:
        rows = self._run(self._get, (_packed(key),))
        if not rows:
            raise KeyError(key)
        value: V = _value(rows[0][0])
        return value

    def __setitem__(self, key: str, value: V) -> None:
        self._run(self._put, (_packed(key), pickle.dumps(value, pickle.HIGHEST_PROTOCOL)))

    def __delitem__(self, key: str) -> None:
        if not self._run(self._drop, (_packed(key),)):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self._run(self._has, (_packed(key),)))

    def __len__(self) -> int:
        return int(self._run(self._count, ())[0][0])

    def __iter__(self) -> Iterator[str]:
        return (_unpacked(key) for key, _ in self._rows("number"))

    def items(self) -> ItemsView[str, V]:
        """See dict."""
        return _Items(self)

    def values(self) -> ValuesView[V]:
        """See dict."""
        return _Values(self)

    def by_key(self) -> Iterator[tuple[str, V]]:
        """The items ascending by key, as `sorted` would order them."""
        return ((_unpacked(key), _value(value)) for key, value in self._rows("key"))

    def beginning(self, start: str) -> list[V]:
        """The values of the keys that begin with a text, ascending by key."""
        first = _packed(start)
        return [_value(row[0]) for row in self._run(self._between, (first, first + b"\xff"))]  # which no text holds

    def in_order(self) -> Iterator[tuple[str, V]]:
        """The items in the order in which they came."""
        return ((_unpacked(key), _value(value)) for key, value in self._rows("number"))

    def _rows(self, by: str) -> Iterator[tuple[bytes, bytes]]:
        """Batch by batch, because SQLite leaves open what a running query sees of later changes."""
        after: int | bytes = 0  # comes before every number, and for SQLite before all bytes
        while rows := self._run(self._after[by], (after,)):
            for last, key, value in rows:
                yield key, value
                after = last


class _Items(ItemsView[str, V], Generic[V]):
    """Without a look-up for each key."""

    _mapping: Table[V]

    def __iter__(self) -> Iterator[tuple[str, V]]:
        return self._mapping.in_order()


class _Values(ValuesView[V], Generic[V]):
    """Without a look-up for each key."""

    _mapping: Table[V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping.in_order())


def _packed(key: str) -> bytes:
    """Bytes sort like the text; names of files may hold what is no valid UTF-8."""
    return key.encode("utf-8", "surrogatepass")


def _unpacked(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")


def _value(packed: bytes) -> Any:
    return pickle.loads(packed)  # noqa: S301 - this process has written it, into a file of its own
