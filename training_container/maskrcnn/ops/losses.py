"""The five losses of Mask R-CNN and the accuracies that are logged beside them, all float32 scalars.

Means are over the joint batch: where several replicas take a step, each gets its share of them, and shares add up.
"""

from __future__ import annotations

from typing import Literal

import tensorflow as tf

from maskrcnn.distribution import replicas

HUBER_DELTA = 1.0 / 9.0
FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0


def objectness(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Sum of the cross entropies of anchors with these logits [S] and labels [S], 1 or 0."""
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))


def focal_objectness(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The same, where an anchor counts the less the better it is told apart already (Lin et al. 2017)."""
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    wrong = tf.abs(labels - tf.sigmoid(logits))
    balance = labels * FOCAL_ALPHA + (1.0 - labels) * (1.0 - FOCAL_ALPHA)
    return tf.reduce_sum(balance * wrong**FOCAL_GAMMA * cross_entropy)


def rpn_box(deltas: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Sum of the Huber losses of positive anchors' regression outputs [P, 4], scaled to slope 1."""
    return tf.reduce_sum(huber(deltas - targets, HUBER_DELTA))


def huber(difference: tf.Tensor, delta: float) -> tf.Tensor:
    """Huber loss of each difference, scaled to slope 1: a parabola within delta, straight lines beyond."""
    distance = tf.abs(difference)
    return tf.where(distance < delta, 0.5 * distance**2 / delta, distance - 0.5 * delta)


def box_head(logits: tf.Tensor, labels: tf.Tensor, deltas: tf.Tensor, targets: tf.Tensor, *,
             regression: Literal["l1", "huber"] = "l1") -> dict[str, tf.Tensor]:
    """Classification and box loss of sampled proposals, with their logged figures.

    Args:
        logits: [N, C + 1], background first.
        labels: [N] int32, 0 background.
        deltas: [F, 4] regression output of the foreground proposals for their own class.
        targets: [F, 4].
        regression: Distance between the two: absolute, or Huber with delta 1.
    """
    difference = deltas - targets
    distance = tf.abs(difference) if regression == "l1" else huber(difference, 1.0)
    foreground = tf.cast(labels > 0, tf.float32)
    own_foreground = tf.reduce_sum(foreground)
    count, foreground_count = replicas.totals([tf.cast(tf.size(labels), tf.float32), own_foreground])
    count = tf.maximum(count, 1.0)
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    predicted = tf.argmax(logits, 1, labels.dtype)
    correct = tf.cast(predicted == labels, tf.float32)
    missed = foreground * tf.cast(predicted == 0, tf.float32)
    return {
        "label_loss": tf.reduce_sum(cross_entropy) / count,
        "box_loss": tf.reduce_sum(distance) / count,
        "label_metrics/accuracy": tf.reduce_sum(correct) / count,
        "label_metrics/fg_accuracy": tf.math.divide_no_nan(tf.reduce_sum(correct * foreground), foreground_count),
        "label_metrics/false_negative": tf.math.divide_no_nan(tf.reduce_sum(missed), foreground_count),
        "num_fg_label": own_foreground,
    }


def mask_head(logits: tf.Tensor, targets: tf.Tensor) -> dict[str, tf.Tensor]:
    """Mean pixel cross entropy of masks [F, m, m] with their logged figures; all 0 without masks."""
    count = tf.maximum(replicas.total(tf.cast(tf.size(logits), tf.float32)), 1.0)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    predicted, truth = logits > 0.0, targets > 0.5
    positive = tf.cast(truth, tf.float32)
    return {
        "maskrcnn_loss": tf.reduce_sum(cross_entropy) / count,
        "accuracy": tf.reduce_sum(tf.cast(predicted == truth, tf.float32)) / count,
        "pos_accuracy": tf.reduce_sum(tf.cast(predicted & truth, tf.float32)) / count,
        "fg_pixel_ratio": tf.reduce_sum(positive) / count,
    }
