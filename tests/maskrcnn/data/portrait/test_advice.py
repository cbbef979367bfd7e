"""What people are told to do, for classes that lack something and for those that do not."""

from __future__ import annotations

import pytest
from maskrcnn.data.portrait.advice import advise

from app.contracts.portrait import (
    AnchorAdvice,
    AnchorSet,
    ClassPortrait,
    Histogram,
    InputAdvice,
    Outlier,
    Pixels,
)

NONE = Histogram((0.0, 1.0), (0,))
IMAGES = {"train": 100, "val": 20, "test": 20}
BACKGROUND = {"train": 10, "val": 2, "test": 2}


def a_class(name, train=200, val=20, test=20, images=None, role="defect", boxes_only=0):
    instances = {s: n for s, n in (("train", train), ("val", val), ("test", test)) if n}
    shown = {"train": train if images is None else images}
    return ClassPortrait(name, role, instances, shown, boxes_only, 0, 0, 0, 0, None, None, None, NONE, NONE, NONE)


def pixels(*outliers):
    return Pixels(1, NONE, None, NONE, None, outliers)


def say(*classes, background=BACKGROUND, together=None, measured=None, anchors=None, size=None):
    together = together or [[140] * len(classes) for _ in classes]
    return [(a.level, a.subject, a.text)
            for a in advise(IMAGES, background, classes, together, measured or pixels(), anchors, size)]


def test_nothing_to_say():
    assert say(a_class("holes"), a_class("chips"), a_class("disk", role="part")) == []


@pytest.mark.parametrize(("missing", "start", "words"), [
    ("train", "To train on there is no", "the model cannot learn it"),
    ("val", "To validate there is no", "the best checkpoint is chosen without regard to it"),
    ("test", "To test there is no", "nothing tells whether the model finds it"),
])
def test_classes_that_a_split_lacks(missing, start, words):
    [(level, subject, text)] = say(a_class("holes", **{missing: 0}), a_class("chips", **{missing: 0}), a_class("x"))
    assert (level, subject) == ("problem", missing)
    total = 40 if missing == "train" else 220
    assert text == (f"{start} holes ({total} in all) and no chips ({total} in all): {words}. Upload more photographs "
                    "that show it.")


def test_rare_means_ten_images_or_fewer():
    [(level, _, text)] = say(a_class("holes", images=10), a_class("chips", images=11), a_class("pores", images=1))
    assert level == "problem"
    assert text.startswith("In at most 10 training images: holes (10) and pores (1). A class that rare")


def test_a_handful_of_images_is_said_once():
    classes = [a_class("holes", images=3), a_class("chips", images=4)]
    [first, *_] = advise({"train": 10}, {"train": 1}, classes, [[10, 10], [10, 10]], pixels(), None, None)
    assert (first.level, first.text.partition(":")[0]) == ("problem", "Only 10 images to train on")
    assert not any("At most" in advice.text for advice in advise(
        {"train": 10}, {"train": 1}, classes, [[10, 10], [10, 10]], pixels(), None, None))


def test_few_to_test_is_a_hint():
    [(level, _, text)] = say(a_class("holes", test=4), a_class("chips", test=9), a_class("x", test=10))
    assert level == "hint"
    assert text.startswith("Few objects to test: holes (4) and chips (9). One more or less found moves the recall by")


def test_of_many_classes_ten_are_named():
    [(_, _, text)] = say(*(a_class(f"c{n}", images=n) for n in range(1, 11)), a_class("c11", images=1),
                         a_class("c12", images=1))
    assert "c9 (9), c10 (10) and 2 more." in text


def test_imbalance_names_both_sides():
    assert say(a_class("holes", train=20), a_class("chips", train=399)) == []
    [(_, subject, text)] = say(a_class("holes", train=20), a_class("chips", train=400))
    assert subject == "holes"
    assert text.startswith("For each holes there are 20 chips to train on")


def test_boxes_without_outlines():
    [(_, _, text)] = say(a_class("holes", boxes_only=7), a_class("chips", boxes_only=240), a_class("x"))
    assert text.startswith("Boxes without an outline: holes (7 of 240) and chips (all 240). They train boxes")


def test_no_good_casting_to_learn_from_or_to_test():
    subjects = [subject for _, subject, _ in say(a_class("holes"), background={"val": 1})]
    assert subjects == ["train", "test"]


def test_images_without_the_part():
    disk = a_class("disk", role="part")
    assert "3 of 140 images have no disk although it is the part" in say(disk, together=[[137]])[0][2]
    assert say(disk, together=[[40]]) == []  # a part that most images lack is a part of some castings only


def test_a_class_nobody_uses():
    assert say(a_class("ghost", 0, 0, 0), a_class("spirit", 0, 0, 0))[0][2].startswith(
        "No object is labelled ghost or spirit: the model has an output")


@pytest.mark.parametrize(("p10", "level"), [(11.9, "problem"), (12.0, "hint")])
def test_an_input_too_small_for_the_defects(p10, level):
    size = InputAdvice("holes", 5.0, p10, 16.0, 512, 1024, True, 4.0)
    [(said, _, text)] = say(a_class("holes"), size=size)
    assert said == level
    assert "image_size 1024" in text
    assert "4.0 times the time and memory" in text
    assert "cut the images into tiles" in text
    assert say(a_class("holes"), size=InputAdvice("holes", 5.0, 20, 16.0, 512, 512, False, 1.0)) == []


def test_better_anchors_and_their_price():
    def anchors(recall, holes, chips):
        return AnchorSet((8.0, 16.0), (1.0,), 0.6, recall, {"holes": holes, "chips": chips})

    found = AnchorAdvice("r50", 800, 1333, 9, anchors(0.7, 0.5, 0.9), anchors(0.9, 0.95, 0.8), 0.8, True)
    [(level, _, text)] = say(a_class("holes"), anchors=found)
    assert level == "problem"
    assert "reach 70% of the boxes with IoU 0.5; anchor_sizes [8, 16] with anchor_ratios [1] reach 90%" in text
    assert "The price: chips falls from 90% to 80%." in text
    same = AnchorAdvice("r50", 800, 1333, 9, anchors(0.7, 0.5, 0.9), anchors(0.7, 0.5, 0.9), 0.8, False)
    assert say(a_class("holes"), anchors=same) == []


def test_photographs_unlike_the_others_are_named_unless_merely_sharp():
    odd = [Outlier(f"{what}.png", "train", what, 1.0, 9.0) for what in ("dark", "sharp", "blurred")]
    [(_, _, text)] = say(a_class("holes"), measured=pixels(*odd))
    assert text.startswith("2 images much darker, brighter or softer than the others (dark.png, blurred.png)")


def test_problems_come_first():
    assert [level for level, _, _ in say(a_class("holes", test=4), a_class("chips", val=0))] == ["problem", "hint"]
