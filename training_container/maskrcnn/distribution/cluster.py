"""The hosts of a training job, as SageMaker names them in resourceconfig.json, and TF_CONFIG made of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskrcnn.program import JobError

PORT = 2222
"""Where each host listens for the others; the security group of jobs lets its own members in."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Every host of a job in the order that all of them share, and which one this is."""

    hosts: tuple[str, ...] = ("algo-1",)
    rank: int = 0

    @classmethod
    def read(cls, path: Path) -> Cluster:
        """From resourceconfig.json; a single host where there is none, as outside of SageMaker.

        Raises:
            JobError: CONFIG_INVALID: it is not what SageMaker writes.
        """
        return cls.parse(path.read_text(), str(path)) if path.exists() else cls()

    @classmethod
    def parse(cls, text: str, where: str = "resourceconfig.json") -> Cluster:
        """From its text: an object with `current_host` and `hosts`, in any order of hosts.

        Raises:
            JobError: CONFIG_INVALID: it is not what SageMaker writes.
        """
        try:
            found = json.loads(text)
            hosts = tuple(sorted(found["hosts"], key=_by_number))
            return cls(hosts, hosts.index(found["current_host"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JobError("CONFIG_INVALID", f"{where}: needs current_host, which is one of hosts ({error}): start the "
                           "job through SageMaker, or remove the file to train on this host alone") from error

    @property
    def host(self) -> str:
        """Name of this host."""
        return self.hosts[self.rank]


def tf_config(cluster: Cluster, addresses: Mapping[str, str] | None = None) -> dict[str, Any]:
    """TF_CONFIG as tf.distribute.MultiWorkerMirroredStrategy reads it: worker 0 is the chief.

    Args:
        cluster: The hosts.
        addresses: host:port of hosts that are not reached by their name at PORT.
    """
    known = addresses or {}
    workers = [known.get(host, f"{host}:{PORT}") for host in cluster.hosts]
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": cluster.rank}}


def parse_addresses(text: str) -> dict[str, str]:
    """`algo-1=127.0.0.1:4001,algo-2=127.0.0.1:4002` as a table, like /etc/hosts; empty for an empty text."""
    return dict(entry.split("=", 1) for entry in text.split(",") if entry)


def _by_number(host: str) -> tuple[int, str]:
    """algo-2 before algo-10."""
    number = host.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0, host
