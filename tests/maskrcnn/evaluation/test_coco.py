"""Average precision, as pycocotools has it, from our documents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from maskrcnn.evaluation import coco
from maskrcnn.evaluation.truth import Label

NAMES = ("disk", "chipping", "holes")


def test_perfect_answers_have_ap_1_and_absent_sizes_are_minus_1(rect: Callable, image: Callable) -> None:
    labels = [rect("disk", 10, 10, 60, 60), rect("chipping", 20, 20, 8, 8)]
    run = coco.run([image(1, labels)], [labels], NAMES, "segm")
    assert run.average.ap == run.average.ap50 == run.average.ap75 == 1.0
    assert (run.average.ap_small, run.average.ap_medium, run.average.ap_large) == (1.0, 1.0, -1.0)
    assert run.class_ap(0) == (1.0, 1.0)
    assert run.class_ap(2) == (-1.0, -1.0)


def test_a_shifted_mask_counts_up_to_its_iou(rect: Callable, image: Callable) -> None:
    """Given an answer shifted by 2 of 20 columns, IoU is 18/22 = 0.818: right at 0.50 to 0.80, wrong above."""
    run = coco.run(
        [image(1, [rect("chipping", 10, 10, 20, 20)])], [[rect("chipping", 12, 10, 20, 20, score=0.9)]], NAMES, "segm"
    )
    assert run.average.ap == pytest.approx(0.7)
    assert (run.average.ap50, run.average.ap75) == (1.0, 1.0)


def test_boxes_and_masks_are_judged_apart(rect: Callable, image: Callable) -> None:
    """Given the right box around a mask of half the object, the box is perfect and the mask is not found at 0.75."""
    half = rect("chipping", 10, 10, 10, 20, score=0.9)
    answer = type(half)(half.class_name, half.role, half.score, (10, 10, 20, 20), half.area_px, half.mask)
    images = [image(1, [rect("chipping", 10, 10, 20, 20)])]
    assert coco.run(images, [[answer]], NAMES, "bbox").average.ap == 1.0
    masks = coco.run(images, [[answer]], NAMES, "segm").average
    assert (masks.ap50, masks.ap75) == (1.0, 0.0)


def test_a_label_without_a_mask_neither_rewards_nor_punishes_a_mask(rect: Callable, image: Callable) -> None:
    box_only = Label(rect("chipping", 50, 50, 20, 20), has_mask=False)
    images = [image(1, [rect("chipping", 10, 10, 20, 20), box_only])]
    answers = [[rect("chipping", 10, 10, 20, 20, score=0.5), rect("chipping", 52, 52, 10, 10, score=0.9)]]
    assert coco.run(images, answers, NAMES, "segm").average.ap50 == 1.0
    assert coco.run(images, answers, NAMES, "bbox").average.ap50 < 1.0


def test_no_answers_at_all_give_0_and_no_labels_give_minus_1(rect: Callable, image: Callable) -> None:
    assert coco.run([image(1, [rect("disk", 1, 1, 9, 9)])], [[]], NAMES, "segm").average.ap == 0.0
    assert coco.run([image(1, [])], [[rect("disk", 1, 1, 9, 9)]], NAMES, "segm").average.ap == -1.0


def test_classes_that_the_data_set_does_not_know_are_left_out(rect: Callable, image: Callable) -> None:
    """Given a champion that knew a class which is gone, its answers of that class change nothing."""
    images = [image(1, [rect("chipping", 10, 10, 20, 20)])]
    good, gone = rect("chipping", 10, 10, 20, 20, score=0.5), rect("scratch", 40, 40, 9, 9, score=0.99)
    assert coco.run(images, [[gone, good]], NAMES, "segm").average.ap == 1.0


def test_the_precision_curve_falls_where_false_alarms_come_in(rect: Callable, image: Callable) -> None:
    images = [image(1, [rect("chipping", 10, 10, 20, 20), rect("chipping", 60, 60, 20, 20)])]
    answers = [
        [
            rect("chipping", 10, 10, 20, 20, score=0.9),
            rect("chipping", 40, 5, 9, 9, score=0.8),
            rect("chipping", 60, 60, 20, 20, score=0.7),
        ]
    ]
    curve = coco.run(images, answers, NAMES, "segm").precision_curve(1)
    np.testing.assert_allclose(curve[:51], 1.0)
    np.testing.assert_allclose(curve[51:], 2 / 3)


def test_nothing_is_printed(rect: Callable, image: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    coco.run([image(1, [rect("disk", 1, 1, 9, 9)])], [[]], NAMES, "bbox")
    assert capsys.readouterr().out == ""
