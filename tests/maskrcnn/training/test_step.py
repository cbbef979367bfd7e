"""The compiled step, for batches of one size and of several."""

from __future__ import annotations

import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.training import objective
from maskrcnn.training.examples import MASK_CROP, Example
from maskrcnn.training.optimizer import Sgd
from maskrcnn.training.step import TrainingStep

SEED = tf.constant([1, 2], tf.int64)


def example(*sizes: tuple[int, int]) -> Example:
    count = len(sizes)
    image = tf.cast(tf.random.stateless_uniform([count, 64, 96, 3], [1, 2], maxval=255.0), tf.uint8)
    return Example(image, tf.constant(sizes), tf.tile(tf.constant([[[2.0, 3.0, 30.0, 37.0]]]), [count, 1, 1]),
                   tf.ones([count, 1], tf.int32), tf.fill([count, 1, MASK_CROP, MASK_CROP], tf.constant(255, tf.uint8)),
                   tf.fill([count, 1], True), tf.constant(["noise"] * count))


@pytest.mark.parametrize(("sizes", "mixed"), [([(64, 96), (50, 70)], False), ([(64, 96), (64, 64)], True)])
def test_a_batch_of_several_sizes_takes_the_graph_in_which_each_image_is_alone(tiny, sizes, mixed):
    tf.random.set_seed(0)
    model = MaskRCNN(hyperparameters.resolve(tiny | {"batch_norm": "GN"}).settings.model, class_count=2)
    batch, name = example(*sizes), "rpn_losses/label_loss"
    alone, together = (float(objective.compute(model, batch, SEED, mixed=m)[name]) for m in (True, False))
    assert (alone == pytest.approx(together, rel=1e-5)) is not mixed
    step = TrainingStep(model, Sgd(model.trained_variables(), 0.9, 0.0, 0.0)).compiled(
        Example(*(tf.TensorSpec.from_tensor(part) for part in batch)))
    assert float(step(batch, SEED, tf.constant(0.0))[name]) == pytest.approx(alone, rel=1e-4)
