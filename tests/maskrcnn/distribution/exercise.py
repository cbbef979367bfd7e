"""A team of hosts or of devices without a network to train: `exercise.py devices` or `exercise.py RANK ADDRESSES`.

Prints one JSON object of what the team said. The second of two hosts kills itself at the end.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
from types import SimpleNamespace
from typing import NamedTuple

import tensorflow as tf
from maskrcnn.distribution import batch_norm, replicas, team
from maskrcnn.distribution.cluster import Cluster, parse_addresses
from maskrcnn.ops import losses
from maskrcnn.training import validation

from app.contracts.dataset import Rle
from app.contracts.prediction import Instance


class Batch(NamedTuple):
    """What the devices share."""

    x: tf.Tensor
    labels: tf.Tensor


def of_devices() -> dict[str, object]:
    """Batch norm, losses and rows of two devices, for a batch whose second half has fewer samples."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    both = team.of_devices(Cluster(), ["CPU:0", "CPU:1"])
    weights = tf.reshape(tf.range(24.0), [2, 2, 2, 3])

    def step(batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(batch.x)
            y, mean, variance = batch_norm.normalized(batch.x, tf.constant([1.0, 2.0, 3.0]), tf.zeros([3]), 1e-5)
            row = replicas.first_row(2)
            loss = tf.reduce_sum(y * y * weights[:2] * tf.cast(row + 1, tf.float32))
        mine = batch.labels[batch.labels >= 0]
        logits = tf.one_hot(mine * 0, 2)
        label_loss = losses.box_head(logits, mine, tf.zeros([0, 4]), tf.zeros([0, 4]))["label_loss"]
        gathered = tf.scatter_nd([[row // 2]], [tape.gradient(loss, batch.x)], [2, 2, 2, 2, 3])
        return {"mean": mean, "variance": variance, "label_loss": replicas.total(label_loss),
                "gradient": replicas.total(gathered), "count": tf.constant(replicas.count())}

    x = tf.random.stateless_normal([4, 2, 2, 3], [1, 2]) + tf.constant([0.0, 3.0, -2.0])
    labels = tf.constant([[1, 0, 1], [1, 1, 1], [0, -1, -1], [-1, -1, -1]])
    found = tf.function(both.on_every_device(step), autograph=False)(Batch(x, labels))
    return {"x": x.numpy().tolist(), **{name: value.numpy().tolist() for name, value in found.items()}}


def of_hosts(rank: int, addresses: str) -> dict[str, object]:
    """Everything that two hosts tell each other."""
    two = team.of_devices(Cluster(("algo-1", "algo-2"), rank), ["CPU:0"], parse_addresses(addresses))
    with two.scope():
        variable = tf.Variable([1.5, -0.0, float(rank)])
    variable.assign([1.5 + rank, 2.0, 3.0])
    two.share([variable])
    answered: list[str] = []

    def predict(name: str) -> tuple[Instance, ...]:
        answered.append(name)
        return (answer(name),)

    images = [SimpleNamespace(encoded=f"{number}", width=1, height=1) for number in range(5)]
    model = SimpleNamespace(card=SimpleNamespace(classes=()), predict=predict)
    validation.decoder.decode, validation.all_instances = lambda encoded, max_pixels: encoded, lambda found, card: found
    validation.metrics_log.coco_names = lambda kind: ["answers"]
    validation.coco.run = lambda images, answers, names, kind: SimpleNamespace(average=Scored(repr(list(answers))))
    said: dict[str, object] = {
        "gather": [part.decode() for part in two.gather(b"a" * (3 + 20 * rank))],
        "from_chief": two.from_chief(f"from {rank}".encode()).decode(),
        "any": [two.any(rank == 1), two.any(False)],
        "all_same": [two.all_same([5, 7]), two.all_same([5, 7 + rank]), two.all_same([rank, 1 - rank])],
        "share": variable.numpy().tolist(),
        "merged": validation.evaluate(model, images, lambda: False, two)
        == {"answers": repr([(answer(f"{number}"),) for number in range(5)])}, "answered": list(answered),
        "interrupted": validation.evaluate(model, images, lambda: rank == 1, two),
    }
    if rank == 1:
        say(said)
        os.kill(os.getpid(), signal.SIGKILL)
    began = time.monotonic()
    try:
        two.any(True)
    except tf.errors.OpError as error:
        lost = two.host_lost(error)
        said["lost"] = [lost.code, str(lost)] if lost else None
        said["lost_after_seconds"] = time.monotonic() - began
    return said


@dataclasses.dataclass
class Scored:
    """In place of the figures of COCO: the answers that were scored, in their order."""

    answers: str


def answer(name: str) -> Instance:
    """What the model finds in the image with this number."""
    return Instance(name, "defect", 1.0 / (3.0 + int(name)), (0.1, 0.2, 0.3, 0.4), 7, Rle((4, 4), "abc"))


def say(what: dict[str, object]) -> None:
    """To the test."""
    sys.stdout.write(f"SAID {json.dumps(what)}\n")
    sys.stdout.flush()


say(of_devices() if sys.argv[1] == "devices" else of_hosts(int(sys.argv[1]), sys.argv[2]))
