"""The records of the local SageMaker, each a JSON file of its own, written at every change."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

from app.embedded.sagemaker.shapes import Record


class Store:
    """Records by kind and name. Members with a leading underscore are ours and never leave in an answer.

    Args:
        folder: Where the files lie, one folder a kind.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._records: dict[tuple[str, str], Record] = {}
        for file in sorted(folder.glob("*/*.json")):
            self._records[file.parent.name, urllib.parse.unquote(file.stem)] = json.loads(file.read_text())

    def get(self, kind: str, name: str) -> Record | None:
        """The record, or None."""
        return self._records.get((kind, name))

    def all(self, kind: str) -> list[Record]:
        """All records of a kind, oldest first."""
        with self._lock:
            found = [r for (k, _), r in self._records.items() if k == kind]
        return sorted(found, key=lambda r: r["CreationTime"])

    def add(self, kind: str, name: str, record: Record) -> bool:
        """Keep a new record; False when the name is taken."""
        with self._lock:
            if (kind, name) in self._records:
                return False
            record |= {"_kind": kind, "_name": name}
            record.setdefault("CreationTime", time.time())
            record.setdefault("LastModifiedTime", record["CreationTime"])
            self._records[kind, name] = record
            self._write(record)
            return True

    def change(self, record: Record, **changes: Any) -> None:
        """Change members of a record; None removes one."""
        with self._lock:
            record.update(changes, LastModifiedTime=time.time())
            for member in [k for k, v in changes.items() if v is None]:
                record.pop(member)
            if (record["_kind"], record["_name"]) in self._records:
                self._write(record)

    def remove(self, record: Record) -> None:
        """Forget a record."""
        with self._lock:
            self._records.pop((record["_kind"], record["_name"]), None)
            self._file(record).unlink(missing_ok=True)

    def _write(self, record: Record) -> None:
        file = self._file(record)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(record, default=str))
        temporary.replace(file)

    def _file(self, record: Record) -> Path:
        name: str = urllib.parse.quote(record["_name"], safe="")
        return self._folder / str(record["_kind"]) / f"{name}.json"
