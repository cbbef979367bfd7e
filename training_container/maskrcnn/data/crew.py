"""The hosts of one prepare job: who does what, and how they hand files to one another.

There is no network between them that has to be opened: a file is given by writing it below the job's prefix in the
bucket, and taken as soon as it is there. Objects appear whole or not at all. The prefix carries the job's name, so a
job that is done again finds nothing of the one that died. A host that fails says so there, and every other one that
waits fails with the same words; one that dies without a word is noticed by SageMaker, which ends the job.
"""

from __future__ import annotations

import dataclasses
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from app.contracts import documents, keys
from app.contracts.errors import Failure
from maskrcnn.layout import Layout
from maskrcnn.program import JobError
from maskrcnn.storage import Store

POLL_SECONDS = 2.0
_FAILED = "failed.json"


@dataclasses.dataclass(frozen=True)
class Share:
    """Which uploads one host works on: those whose names hash to it.

    Attributes:
        rank: This host, from 0; host 0 merges.
        hosts: How many there are.
    """

    rank: int = 0
    hosts: int = 1

    def has(self, path: str) -> bool:
        """Whether the upload is this host's; every host gives the same answer for everyone."""
        return zlib.crc32(path.encode()) % self.hosts == self.rank


class Crew(Protocol):
    """What prepare needs of the other hosts."""

    share: Share

    def give(self, name: str, file: Path) -> None:
        """Hand a file of this host to all."""

    def take(self, name: str, rank: int) -> Path:
        """Wait for a file of one host.

        Raises:
            JobError: another host has failed.
        """

    def fail(self, problem: JobError) -> None:
        """Tell the others that this host cannot go on."""


class Alone:
    """A crew of one: files stay where they are."""

    share = Share()

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}

    def give(self, name: str, file: Path) -> None:
        """See Crew."""
        self._files[name] = file

    def take(self, name: str, rank: int) -> Path:
        """See Crew."""
        return self._files[name]

    def fail(self, problem: JobError) -> None:
        """See Crew; there is nobody to tell."""


class Hosts:
    """The hosts of a SageMaker processing job.

    Args:
        share: What this host does.
        store: The bucket.
        prefix: Key of a part of this job -> key in the bucket.
        folder: For files of other hosts.
        wait: Called between two looks.
    """

    def __init__(
        self,
        share: Share,
        store: Store,
        prefix: Callable[[str], str],
        folder: Path,
        wait: Callable[[], None] = lambda: time.sleep(POLL_SECONDS),
    ) -> None:
        self.share = share
        self._store, self._key, self._folder, self._wait = store, prefix, folder, wait
        folder.mkdir(parents=True, exist_ok=True)

    def give(self, name: str, file: Path) -> None:
        """See Crew."""
        self._store.upload(self._key(f"{name}-{self.share.rank}"), file)

    def take(self, name: str, rank: int) -> Path:
        """See Crew."""
        key = self._key(f"{name}-{rank}")
        while not self._store.exists(key):
            self._stop_if_failed()
            self._wait()
        file = self._folder / f"{name}-{rank}"
        if not file.exists():
            self._store.download(key, file)
        return file

    def fail(self, problem: JobError) -> None:
        """See Crew; who fails first is heard."""
        if not self._store.exists(self._key(_FAILED)):
            body = documents.to_json(Failure(problem.code, str(problem))).encode()
            self._store.write(self._key(_FAILED), body, "application/json")

    def _stop_if_failed(self) -> None:
        if self._store.exists(self._key(_FAILED)):
            failure = documents.from_json(Failure, self._store.read(self._key(_FAILED)))
            raise JobError(failure.code, failure.message)


def crew_of(layout: Layout, run_id: str, store: Store, folder: Path) -> Crew:
    """The crew that SageMaker has started, as /opt/ml/config says; alone where nothing is said.

    Raises:
        JobError: CONFIG_INVALID: this host is not among the hosts.
    """
    if not layout.processing_resources.exists():
        return Alone()
    resources = json.loads(layout.processing_resources.read_text())
    hosts, current = sorted(resources["hosts"]), resources["current_host"]
    if current not in hosts:
        raise JobError("CONFIG_INVALID", f"{layout.processing_resources}: {current} is none of {', '.join(hosts)}")
    if len(hosts) == 1:
        return Alone()
    job = json.loads(layout.processing_job.read_text())["ProcessingJobName"]
    share = Share(hosts.index(current), len(hosts))
    return Hosts(share, store, lambda name: keys.prepare_parts(run_id, job, name), folder)
