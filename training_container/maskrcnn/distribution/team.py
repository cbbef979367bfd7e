"""The hosts and devices that train one model together: tf.distribute behind the few things that the loop needs.

One device needs no strategy and gets none. Several devices of one host take MirroredStrategy, several hosts
MultiWorkerMirroredStrategy. Host 0 is the chief: it alone reads and writes checkpoints, metrics and the model, and
what the others must know it tells them, so that they need no files of their own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from maskrcnn.distribution import replicas
from maskrcnn.distribution.cluster import Cluster, tf_config
from maskrcnn.distribution.messages import packed, unpacked
from maskrcnn.program import JobError

log = logging.getLogger("castline")

LOSSES_OF_A_HOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
                    tf.errors.DeadlineExceededError)
"""What a collective operation raises when a host no longer takes part; it stops sending heartbeats for 10 s at most."""

Batch = TypeVar("Batch", bound=tuple[tf.Tensor, ...])
Figures = dict[str, tf.Tensor]


class Team:
    """Everybody who takes a training step together.

    Args:
        cluster: The hosts.
        devices: How many devices of each host take part.
        strategy: Of tf.distribute; None for a single device.
    """

    def __init__(self, cluster: Cluster | None = None, devices: int = 1,
                 strategy: tf.distribute.Strategy | None = None) -> None:
        self.cluster, self.devices, self.strategy = cluster or Cluster(), devices, strategy
        self.rank, self.hosts = self.cluster.rank, len(self.cluster.hosts)
        self._sum = tf.function(self._summed, input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False)

    @property
    def is_chief(self) -> bool:
        """Whether this host writes."""
        return self.rank == 0

    @property
    def replicas(self) -> int:
        """Devices of all hosts."""
        return self.hosts * self.devices

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Where variables are made that every device holds a copy of; they begin with the chief's values."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def on_every_device(self, step: Callable[..., Figures]) -> Callable[..., Figures]:
        """The step taken by every device with its own rows of the host's batch; figures of the first one.

        `step` takes a batch and whatever else, which all devices share.
        """
        strategy = self.strategy
        if not strategy:
            return step

        def replicated(batch: Batch, *shared: tf.Tensor) -> Figures:
            figures = strategy.run(lambda batch, *shared: step(self._rows(batch), *shared), args=(batch, *shared))
            return {name: strategy.experimental_local_results(value)[0] for name, value in figures.items()}

        return replicated

    def _rows(self, batch: Batch) -> Batch:
        """This device's share of the host's batch; cut on the host, so that no device is sent the others' images."""
        if self.devices == 1:
            return batch
        rows = batch[0].shape[0] // self.devices
        with tf.device("/device:CPU:0"):
            first = replicas.first_row(rows) - self.rank * self.devices * rows
            return type(batch)(*(
                tf.slice(part, [first, *[0] * (part.shape.rank - 1)], [rows, *[-1] * (part.shape.rank - 1)])
                for part in batch))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up on any host."""
        return flag if self.hosts == 1 else bool(self._sum(np.array([flag], np.int64))[0] > 0)

    def all_same(self, numbers: Sequence[int]) -> bool:
        """Whether every host has these numbers: only equal ones have n times the sum of squares as squared sum."""
        if self.hosts == 1:
            return True
        own = np.array(numbers, np.int64)
        sums, squares = np.split(self._sum(np.concatenate([own, own * own])).numpy(), 2)
        return bool(np.all(self.replicas * squares == sums * sums))

    def _summed(self, numbers: tf.Tensor) -> tf.Tensor:
        """The sum over all devices, each with its host's numbers."""
        assert self.strategy  # noqa: S101  # asked by several hosts only
        found = self.strategy.run(replicas.total, args=(numbers,))
        return self.strategy.experimental_local_results(found)[0]

    def gather(self, message: bytes) -> list[bytes]:
        """The messages of all hosts, in their order."""
        strategy = self.strategy
        if self.hosts == 1 or not strategy:
            return [message]
        own = tf.constant(packed(message))
        nothing = tf.constant(packed(b""))
        first = self.rank * self.devices
        value = own if self.devices == 1 else strategy.experimental_distribute_values_from_function(
            lambda context: own if context.replica_id_in_sync_group == first else nothing)
        return unpacked(strategy.gather(value, 0).numpy())[:: self.devices]

    def from_chief(self, message: bytes) -> bytes:
        """What the chief says; the others' messages are ignored."""
        return self.gather(message if self.is_chief else b"")[0]

    def share(self, variables: Iterable[tf.Variable]) -> None:
        """Give every host the chief's values."""
        strategy, shared = self.strategy, list(variables)
        if self.hosts == 1 or not strategy:
            return

        def take_over() -> None:
            chief = tf.equal(replicas.first_row(1), 0)
            own = [tf.where(chief, variable.read_value(), tf.zeros_like(variable)) for variable in shared]
            for variable, value in zip(shared, replicas.totals(own), strict=True):
                replicas.assign(variable, value)

        tf.function(lambda: strategy.run(take_over), autograph=False)()

    def host_lost(self, error: BaseException) -> JobError | None:
        """What to tell where the error means that another host is gone; None where it means something else."""
        if self.hosts == 1 or not isinstance(error, LOSSES_OF_A_HOST):
            return None
        reason = str(error).partition("aborted by: ")[2] or str(error)
        return JobError("HOST_LOST", f"{self.cluster.host}: another of the {self.hosts} hosts ended or cannot be "
                        "reached: its own log says why; started again, the job goes on from its last checkpoint: "
                        f"{reason[:250]}")


def start(cluster: Cluster, gpus: int, addresses: dict[str, str] | None = None) -> Team:
    """Bring the hosts together; before any other operation of TensorFlow.

    Args:
        cluster: The hosts; waits until all of them are there.
        gpus: How many of each host's GPUs take part; 0: all, or the CPU where there is none.
        addresses: host:port of hosts that are not reached by their name.

    Raises:
        JobError: CONFIG_INVALID: this host has fewer GPUs.
    """
    found = tf.config.list_physical_devices("GPU")
    if gpus > max(len(found), 1):
        raise JobError("CONFIG_INVALID", f'hyperparameter gpus = "{gpus}": {cluster.host} has {len(found)}: set gpus '
                       "to 0 for as many as a host has, or take a larger instance")
    if gpus and found:
        tf.config.set_visible_devices(found[:gpus], "GPU")
    return of_devices(cluster, [f"GPU:{number}" for number in range(gpus or len(found))] if found else ["CPU:0"],
                      addresses)


def of_devices(cluster: Cluster, devices: Sequence[str], addresses: dict[str, str] | None = None) -> Team:
    """The team of these devices of each host; several hosts take all devices of the first one's kind."""
    logging.getLogger("tensorflow").setLevel(logging.WARNING)  # it tells of every message when it is traced
    if len(cluster.hosts) > 1:
        os.environ["TF_CONFIG"] = json.dumps(tf_config(cluster, addresses))
        strategy: tf.distribute.Strategy = tf.distribute.MultiWorkerMirroredStrategy()
    elif len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy(list(devices))
    else:
        return Team(cluster)
    log.info("%s, %d of %d hosts, trains on %d of %d devices", cluster.host, cluster.rank + 1, len(cluster.hosts),
             len(devices), strategy.num_replicas_in_sync)
    return Team(cluster, len(devices), strategy)
