"""Found, missed and false alarms, counted by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from maskrcnn.evaluation import coco
from maskrcnn.evaluation.matching import Errors, Tally, errors_in, tally_class, tally_image
from maskrcnn.evaluation.truth import Label

NAMES = ("disk", "chipping", "holes")


@pytest.fixture
def run(rect: Callable, image: Callable) -> coco.CocoRun:
    """Image 0: disk found, one chipping found with IoU 18/22, one missed, a false hole. Image 1: nothing."""
    labels = [rect("chipping", 70, 70, 8, 8), rect("disk", 0, 0, 96, 96), rect("chipping", 10, 10, 20, 20)]
    answers = [
        rect("disk", 0, 0, 96, 96, score=0.99),
        rect("chipping", 12, 10, 20, 20, score=0.8),
        rect("holes", 40, 40, 10, 10, score=0.6),
        rect("chipping", 70, 70, 8, 8, score=0.2),
    ]
    return coco.run([image(1, labels), image(2, [])], [answers, []], NAMES, "segm")


def test_an_image_is_counted_over_its_classes(run: coco.CocoRun) -> None:
    assert tally_image(run, 0, 0.5) == Tally(matched=2, missed=1, false_alarms=1, worst_iou=0.8182)
    assert tally_image(run, 1, 0.5) == Tally(0, 0, 0, 1.0)


def test_the_threshold_decides_what_counts_as_found(run: coco.CocoRun) -> None:
    assert tally_image(run, 0, 0.1) == Tally(matched=3, missed=0, false_alarms=1, worst_iou=0.8182)
    assert tally_image(run, 0, 0.95) == Tally(matched=1, missed=2, false_alarms=0, worst_iou=1.0)


def test_a_class_is_counted_over_the_images(run: coco.CocoRun) -> None:
    assert tally_class(run, 1, 0.5) == Tally(matched=1, missed=1, false_alarms=0, worst_iou=0.8182)


def test_errors_are_named_by_their_place_in_labels_and_answers(run: coco.CocoRun) -> None:
    """Given labels and answers in different orders, positions point at the right ones."""
    assert errors_in(run, 0, 0.5) == Errors(missed_labels=frozenset({0}), false_answers=frozenset({2}))
    assert errors_in(run, 1, 0.5) == Errors(frozenset(), frozenset())


def test_crowd_labels_are_neither_missed_nor_make_false_alarms(rect: Callable, image: Callable) -> None:
    crowd = Label(rect("chipping", 10, 10, 40, 40), is_crowd=True)
    answer = rect("chipping", 12, 12, 10, 10, score=0.9)
    run = coco.run([image(1, [crowd])], [[answer]], NAMES, "segm")
    assert tally_image(run, 0, 0.5) == Tally(0, 0, 0, 1.0)
    assert errors_in(run, 0, 0.5) == Errors(frozenset(), frozenset())


def test_the_worst_iou_survives_labels_that_were_sorted_behind_others(rect: Callable, image: Callable) -> None:
    """Given an ignored label before the counted one (COCOeval sorts it last), the IoU read is the right one."""
    crowd = Label(rect("chipping", 60, 60, 30, 30), is_crowd=True)
    run = coco.run(
        [image(1, [crowd, rect("chipping", 10, 10, 20, 20)])],
        [[rect("chipping", 12, 10, 20, 20, score=0.9)]],
        NAMES,
        "segm",
    )
    assert tally_image(run, 0, 0.5) == Tally(matched=1, missed=0, false_alarms=0, worst_iou=0.8182)
