"""Repeat factors by hand."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from maskrcnn.training import class_balance
from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.labels import Labels
from maskrcnn.training.selection import Selection

from app.contracts.dataset import ClassDefinition

CLASSES = tuple(ClassDefinition(number, name, "defect")
                for number, name in enumerate(("disk", "burr", "chip", "never"), start=1))


def labelled(*images: list[int]) -> Labels:
    """Images with objects of these classes."""
    ids = np.array([class_id for image in images for class_id in image], np.int64)
    return Labels(np.full((len(images), 2), 64.0), np.repeat(np.arange(len(images)), [len(i) for i in images]), ids,
                  np.tile([4.0, 4.0, 8.0, 8.0], (len(ids), 1)), np.ones(len(ids), bool))


EIGHT = labelled([1], [1, 2], [1, 2, 2, 3], [1, 3], [1, 2], [1, 2], [], [1])
"""disk in 7 of 8 images, burr in 4, chip in 2."""


def test_image_shares_count_images_and_not_objects():
    np.testing.assert_allclose(class_balance.image_shares(EIGHT, 4), [7 / 8, 4 / 8, 2 / 8, 0])


@pytest.mark.parametrize(("threshold", "burr", "chip"), [
    (0.25, 1.0, 1.0), (0.5, 1.0, math.sqrt(2)), (1.0, math.sqrt(2), 2.0)])
def test_an_image_is_shown_as_often_as_the_rarest_of_its_classes_asks_for(threshold, burr, chip):
    factors = class_balance.repeat_factors(EIGHT, CLASSES, threshold)
    disk = max(1.0, math.sqrt(threshold / (7 / 8)))
    np.testing.assert_allclose(factors, [disk, burr, chip, chip, burr, burr, 1.0, disk])


def test_log_says_how_often_classes_are_shown(caplog):
    caplog.set_level(logging.INFO, "castline")
    class_balance.repeat_factors(EIGHT, CLASSES, 0.5)
    assert "chip is in 25.0 % of the images: shown at least 1.41 times a pass" in caplog.text
    assert "a pass shows 9 images instead of 8" in caplog.text


def test_without_class_balance_every_image_is_shown_once():
    np.testing.assert_array_equal(Selection.of(EIGHT, CLASSES, TrainingConfig()).factors, np.ones(8))
    np.testing.assert_allclose(Selection.of(EIGHT, CLASSES, TrainingConfig(class_balance=1.0)).factors[3], 2.0)


def test_selection_has_donors_where_copy_paste_asks_for_them():
    assert Selection.of(EIGHT, CLASSES, TrainingConfig()).donors is None
    donors = Selection.of(EIGHT, CLASSES, TrainingConfig(copy_paste=0.25)).donors
    assert donors is not None
    assert (donors.probability, donors.class_ids) == (0.25, (1, 2, 3))
