"""The network of known shapes computes what the network computes, in every architecture on a feature pyramid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.export import static_network
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.program import JobError


@pytest.fixture
def config(tiny_given):
    return hyperparameters.resolve(tiny_given).settings.model


def box(config, **changes):
    return dataclasses.replace(config, box=dataclasses.replace(config.box, **changes))


@pytest.mark.parametrize("changed", [
    lambda c: c,
    lambda c: box(c, cascade=True),
    lambda c: dataclasses.replace(box(c, head="4conv1fc", norm="GN", conv_channels=8), fpn_norm="GN"),
    lambda c: dataclasses.replace(c, proposal_mode="Joint"),
    lambda c: dataclasses.replace(c, masks=False),
    lambda c: dataclasses.replace(c, roi_samples=1),
], ids=["plain", "cascade", "4conv1fc", "joint", "boxes alone", "one sample"])
def test_static_network_finds_the_same(config, photo, changed):
    tf.random.set_seed(2)
    model = MaskRCNN(changed(config), 3)
    image = tf.constant(photo)
    expected = {name: value for name, value in model.detect(image)._asdict().items()
                if name != "masks" or model.mask_head}
    assert len(expected["scores"]) == 9
    answer = static_network.StaticNetwork(model, *photo.shape[:2]).image(image)
    assert answer.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, atol=1e-3)


def test_few_detections_are_followed_by_zeros(config, photo):
    """Given a threshold that only the four best reach."""
    image = tf.constant(photo)
    tf.random.set_seed(2)
    scores = MaskRCNN(config, 3).detect(image).scores.numpy()
    tf.random.set_seed(2)
    model = MaskRCNN(box(config, score_threshold=float(scores[3] + scores[4]) / 2), 3)
    expected = model.detect(image)
    assert len(expected.scores) == 4
    answer = static_network.StaticNetwork(model, *photo.shape[:2]).image(image)
    for name in ("boxes", "scores", "class_ids"):
        np.testing.assert_allclose(answer[name][:4], getattr(expected, name), atol=1e-3)
        assert not answer[name][4:].numpy().any()


def test_a_network_without_a_pyramid_is_refused(config):
    model = MaskRCNN(dataclasses.replace(config, feature_pyramid=False), 3)
    with pytest.raises(JobError, match=r"mode_fpn False: a C4 model cannot become LiteRT: .*SavedModel") as caught:
        static_network.StaticNetwork(model, 64, 96)
    assert caught.value.code == "CONFIG_INVALID"


def test_a_size_of_nothing_is_refused(config):
    with pytest.raises(JobError, match=r"size 0 x 96: both sides must be positive"):
        static_network.StaticNetwork(MaskRCNN(config, 3), 0, 96)
