"""The losses of a batch on a tiny network."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.training import objective, pipeline, records

SEED = tf.constant([1, 2], tf.int64)


@pytest.fixture
def model(tiny) -> MaskRCNN:
    tf.random.set_seed(0)
    return MaskRCNN(hyperparameters.resolve(tiny).settings.model, class_count=2)


@pytest.fixture
def batch_of(tmp_path, tiny, make_shard):
    def make(*examples: bytes):
        make_shard(tmp_path, list(examples))
        given = tiny | {"batch_size_per_gpu": str(len(examples)), "flip_horizontal": "False", "flip_vertical": "False",
                        "quarter_turns": "False", "brightness": "0.0"}
        settings = hyperparameters.resolve(given).settings
        return next(iter(pipeline.batches(records.scan(tmp_path), settings, 0)))

    return make


def compute(model, batch, seed=SEED) -> dict[str, float]:
    return {name: float(value) for name, value in objective.compute(model, batch, seed).items()}


def test_same_seed_gives_the_same_losses_and_another_other_samples(model, batch_of, make_example):
    batch = batch_of(make_example("a.png", 64, 64, [(1, (4, 4, 40, 40), True, False)]))
    first, again, other = compute(model, batch), compute(model, batch), compute(model, batch, SEED + 5)
    assert first == again
    assert first != other
    assert all(np.isfinite(value) for value in first.values())


def test_object_with_a_box_alone_trains_the_box_head_but_never_the_mask_head(model, batch_of, make_example):
    with_mask = compute(model, batch_of(make_example("a.png", 64, 64, [(1, (4, 4, 40, 40), True, False)])))
    box_only = compute(model, batch_of(make_example("a.png", 64, 64, [(1, (4, 4, 40, 40), False, False)])))
    assert box_only["maskrcnn_loss/maskrcnn_loss"] == 0.0
    assert with_mask["maskrcnn_loss/maskrcnn_loss"] > 0.1
    assert box_only["fastrcnn_losses/num_fg_label"] == with_mask["fastrcnn_losses/num_fg_label"] > 0


def test_crowd_trains_nothing(model, batch_of, make_example):
    figures = compute(model, batch_of(make_example("a.png", 64, 64, [(1, (4, 4, 40, 40), True, True)])))
    assert figures["fastrcnn_losses/num_fg_label"] == 0
    assert figures["maskrcnn_loss/maskrcnn_loss"] == 0
    assert figures["rpn_losses/box_loss"] == 0


def test_background_image_beside_a_full_one(model, batch_of, make_example):
    full = make_example("full.png", 64, 64, [(1, (4, 4, 40, 40), True, False), (2, (10, 10, 20, 20), True, False)])
    figures = compute(model, batch_of(full, make_example("empty.png", 48, 64, [])))
    assert all(np.isfinite(value) for value in figures.values())
    assert figures["fastrcnn_losses/num_fg_label"] > 0


def test_anchors_in_a_crowd_teach_the_rpn_nothing(batch_of, make_example, tiny):
    picture = make_example("a.png", 64, 64, [(1, (0, 0, 64, 64), False, True)])
    losses = []
    for overlap in ("0.0", "9.99"):
        tiny["rpn_crowd_overlap"] = overlap
        tf.random.set_seed(0)
        network = MaskRCNN(hyperparameters.resolve(tiny).settings.model, class_count=2)
        losses.append(compute(network, batch_of(picture))["rpn_losses/label_loss"])
    assert losses[0] < 0.2 * losses[1]  # what is left are anchors wholly beside the image


def test_gradient_reaches_every_trained_variable(model, batch_of, make_example):
    objects = [(1, (4, 4, 40, 40), True, False), (2, (9, 9, 20, 20), True, False)]
    batch = batch_of(make_example("a.png", 64, 64, objects))
    with tf.GradientTape() as tape:
        figures = objective.compute(model, batch, SEED)
        total = tf.add_n([figures[name] for name in objective.LOSSES])
    gradients = tape.gradient(total, model.trained_variables())
    missing = [v.name for v, g in zip(model.trained_variables(), gradients, strict=True) if g is None]
    assert missing == []
