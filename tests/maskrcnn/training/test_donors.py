"""Which defects are pasted, from labels that are known."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from maskrcnn.training.donors import Donors
from maskrcnn.training.labels import Labels

from app.contracts.dataset import ClassDefinition

DISK, CHIP, HOLE = 1, 2, 3
CLASSES = (ClassDefinition(DISK, "disk", "part"), ClassDefinition(CHIP, "chip", "defect"),
           ClassDefinition(HOLE, "hole", "defect"))


def labelled(*images: list[int], boxes_only: tuple[int, ...] = ()) -> Labels:
    """Images with objects of these classes; those with these numbers have no outline."""
    ids = np.array([class_id for image in images for class_id in image], np.int64)
    return Labels(np.full((len(images), 2), 64.0), np.repeat(np.arange(len(images)), [len(i) for i in images]), ids,
                  np.tile([4.0, 4.0, 8.0, 8.0], (len(ids), 1)), ~np.isin(np.arange(len(ids)), boxes_only))


SIX = labelled([DISK], [DISK, CHIP], [DISK, CHIP, CHIP], [DISK, CHIP, HOLE], [CHIP], [])


def test_rare_classes_are_drawn_more_often_from_images_with_a_part():
    """Given chips on four images of six and a hole on one: shares 4/6 and 1/6, so one chip for four holes."""
    donors = Donors.of(SIX, CLASSES, 0.5)
    assert (donors.parts, donors.class_ids) == ((DISK,), (CHIP, HOLE))
    np.testing.assert_allclose(donors.chances, [0.2, 0.8])
    assert [found.tolist() for found in donors.images] == [[1, 2, 3], [3]]  # image 4 has no disk
    drawn = [donors.draw(7, position) for position in range(4000)]
    given = [one for one in drawn if one]
    assert len(given) / 4000 == pytest.approx(0.5, abs=0.03)
    assert {image for image, class_id in given if class_id == CHIP} == {1, 2, 3}
    assert {image for image, class_id in given if class_id == HOLE} == {3}
    assert sum(class_id == HOLE for _, class_id in given) / len(given) == pytest.approx(0.8, abs=0.03)


def test_draw_is_decided_by_seed_and_position():
    donors = Donors.of(SIX, CLASSES, 0.5)
    assert [donors.draw(7, p) for p in range(50)] == [Donors.of(SIX, CLASSES, 0.5).draw(7, p) for p in range(50)]
    assert [donors.draw(7, p) for p in range(50)] != [donors.draw(8, p) for p in range(50)]


def test_parts_that_nobody_outlined_do_not_count():
    donors = Donors.of(labelled([DISK, CHIP], [CHIP], boxes_only=(0,)), CLASSES, 1.0)
    assert donors.parts == ()
    assert [found.tolist() for found in donors.images] == [[0, 1]]


@pytest.mark.parametrize(("labels", "told"), [
    (labelled([DISK], []), "no training image has a defect with an outline on a part"),
    (labelled([DISK], [CHIP]), "no training image has a defect with an outline on a part"),
    (labelled([CHIP], boxes_only=(0,)), "no training image has a defect with an outline: nothing"),
])
def test_without_outlined_defects_nothing_is_pasted(caplog, labels, told):
    caplog.set_level(logging.INFO, "castline")
    assert Donors.of(labels, CLASSES, 1.0) is None
    assert told in caplog.text
