"""Weights of the losses."""

from __future__ import annotations

import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.program import JobError
from maskrcnn.training import objective
from maskrcnn.training.config import LossWeights
from maskrcnn.training.loss_weights import by_name, weighted_sum

WEIGHTS = LossWeights(2.0, 3.0, 5.0, 7.0, 11.0)


def test_each_loss_has_its_own_weight_in_the_sum():
    figures = {name: tf.constant(10.0**index) for index, name in enumerate(objective.LOSSES)}
    assert by_name(WEIGHTS) == dict(zip(objective.LOSSES, [2.0, 3.0, 5.0, 7.0, 11.0], strict=True))
    assert float(weighted_sum(figures, WEIGHTS)) == 2 + 30 + 500 + 7000 + 110000
    assert float(figures["rpn_losses/label_loss"]) == 1.0


@pytest.mark.parametrize("suffix", ["_loss", ""])
def test_weights_of_the_casting_repository_are_read_with_and_without_suffix(suffix):
    given = f'{{"rpn_class{suffix}": 0.8, "mrcnn_mask{suffix}": 0.7}}'
    weights = hyperparameters.resolve({"LOSS_WEIGHTS": given}).settings.training.loss_weights
    assert weights == LossWeights(rpn_class_loss=0.8, mrcnn_mask_loss=0.7)


@pytest.mark.parametrize("text", ['{"rpn": 1}', "0.5", '{"rpn_class_loss": -1}', '{"rpn_class_loss": "much"}'])
def test_other_weights_are_refused(text):
    with pytest.raises(JobError, match="hyperparameter LOSS_WEIGHTS") as caught:
        hyperparameters.resolve({"LOSS_WEIGHTS": text})
    assert caught.value.code == "CONFIG_INVALID"
