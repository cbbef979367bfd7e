"""Batches for training: any position can be entered, and the same position always gives the same batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from maskrcnn.training import augment, examples
from maskrcnn.training.config import Settings
from maskrcnn.training.examples import Example
from maskrcnn.training.records import Record

PREFETCHED_BATCHES = 2


def order(count: int, seed: int, start: int) -> Iterator[tuple[int, int]]:
    """(record index, position) from position `start` on, without end; every pass is a new permutation."""
    position = start
    while True:
        turn, first = divmod(position, count)
        for index in np.random.default_rng([seed, turn]).permutation(count)[first:]:
            yield int(index), position
            position += 1


def batches(records: Sequence[Record], settings: Settings, start: int) -> tf.data.Dataset:
    """Endless batches of augmented examples from position `start` (images seen so far) on."""
    training, size = settings.training, settings.model.input

    def stream() -> Iterator[tuple[bytes, int]]:
        for index, position in order(len(records), training.seed, start):
            yield records[index].read(), position

    @tf.autograph.experimental.do_not_convert
    def prepare(serialized: tf.Tensor, position: tf.Tensor) -> Example:
        example = augment.resized(examples.parse(serialized), size.short_edge_px, size.max_size_px)
        return augment.augment(example, training, tf.stack([tf.constant(training.seed, tf.int64), position]))

    signature = (tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int64))
    options = tf.data.Options()
    # Autotuned buffers grow without need, and whoever ends training waits until all of them are filled.
    options.autotune.enabled = False
    return (
        tf.data.Dataset.from_generator(stream, output_signature=signature)
        .map(prepare, num_parallel_calls=os.cpu_count() or 1, deterministic=True)
        .padded_batch(training.batch_size_per_gpu, drop_remainder=True)
        .prefetch(PREFETCHED_BATCHES)
        .with_options(options)
    )
