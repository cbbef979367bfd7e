"""What a replica adds to the joint batch, within the graph of a training step.

A replica computes its share of every loss: its own sum over the count of all replicas. Shares add up to the loss of
the joint batch, and so do their gradients. With a single replica every function here gives back what it was given, so
that the graph is the one of a program that knows nothing of replicas.
"""

from __future__ import annotations

import tensorflow as tf


def count() -> int:
    """How many replicas take this step together; 1 outside of a distributed step."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def total(value: tf.Tensor) -> tf.Tensor:
    """The sum over all replicas; its gradient is the sum of theirs."""
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))


def totals(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """The sums over all replicas of many tensors, sent in few large messages."""
    if count() == 1:
        return values
    options = tf.distribute.experimental.CommunicationOptions(bytes_per_pack=32 * 2**20)
    summed: list[tf.Tensor] = tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, [tf.identity(value) for value in values], options)
    return summed


def first_row(rows: int) -> tf.Tensor | int:
    """Number in the joint batch of this replica's first image, if each replica has so many `rows`."""
    if count() == 1:
        return 0
    return tf.distribute.get_replica_context().replica_id_in_sync_group * rows


def assign(variable: tf.Variable, value: tf.Tensor) -> None:
    """Set this replica's copy of a variable; the caller sees to it that all replicas set the same value.

    By the copy's handle: tf.distribute refuses assign within a replica, and tf.cond, which it cannot see through.
    """
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)
