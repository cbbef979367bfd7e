"""Defects of one image on another: where they go, what they hide, and that the labels follow the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.training import copy_paste, placing
from maskrcnn.training.affine import Motion
from maskrcnn.training.examples import MASK_CROP, Example

DISK, CHIP, HOLE = 1, 2, 3
SIZE = 96
DONOR_LIGHT, DEFECT_LIGHT = 90, 30
Box = tuple[float, float, float, float]


def disk_mask() -> np.ndarray:
    across = (np.arange(MASK_CROP) + 0.5) / MASK_CROP * 2 - 1
    return np.where(across[:, None] ** 2 + across[None] ** 2 <= 1, 255, 0).astype(np.uint8)


def picture(objects: list[tuple[int, Box]], light: int = 150, *, masks: bool = True) -> Example:
    """An even image; disks are ellipses in their boxes, defects fill their boxes and are dark."""
    image = np.full((SIZE, SIZE, 3), light, np.uint8)
    for class_id, box in objects:
        if class_id != DISK:
            x1, y1, x2, y2 = (int(v) for v in box)
            image[y1:y2, x1:x2] = light - 60
    crops = [disk_mask() if class_id == DISK else np.full((MASK_CROP, MASK_CROP), 255, np.uint8)
             for class_id, _ in objects]
    return Example(
        tf.constant(image), tf.constant([SIZE, SIZE]),
        tf.reshape(tf.constant([box for _, box in objects], tf.float32), [-1, 4]),
        tf.constant([c for c, _ in objects], tf.int32),
        tf.reshape(tf.constant(np.array(crops, np.uint8)), [-1, MASK_CROP, MASK_CROP]) * int(masks),
        tf.fill([len(objects)], masks), tf.constant("a.png"))


def seed(number: int) -> tf.Tensor:
    return tf.constant([5, number], tf.int64)


def paste(example: Example, donor: Example, parts: tuple[int, ...], number: int, class_id: int = CHIP) -> Example:
    return copy_paste.pasted(example, donor, tf.constant(class_id), parts, seed(number))


def middle(box: np.ndarray) -> np.ndarray:
    return (box[:2] + box[2:]) / 2


@pytest.mark.parametrize("number", range(8))
def test_defect_keeps_its_distance_from_the_middle_of_the_part(number):
    """Given a chip at 0.8 of the disk's radius, when it comes onto a flat ellipse, then it is at 0.8 there too."""
    donor = picture([(DISK, (20, 20, 80, 80)), (CHIP, (70, 46, 78, 54))], DONOR_LIGHT)
    example = picture([(DISK, (8, 28, 88, 68))])
    made = paste(example, donor, (DISK,), number)
    assert made.class_ids.numpy().tolist() == [CHIP, DISK]
    np.testing.assert_array_equal(made.boxes[1:], example.boxes)
    np.testing.assert_array_equal(made.masks[1:], example.masks)  # the part keeps its mask
    radius = (middle(made.boxes.numpy()[0]) - [48, 48]) / [40, 20]
    assert np.hypot(*radius) == pytest.approx(0.8, abs=0.03)
    assert made.name == b"a.png + a.png"


def test_places_are_all_around_and_mirrored_and_of_several_sizes():
    donor = picture([(DISK, (20, 20, 80, 80)), (CHIP, (64, 46, 76, 54))], DONOR_LIGHT)
    example = picture([(DISK, (18, 18, 78, 78))])
    boxes = np.array([paste(example, donor, (DISK,), number).boxes.numpy()[0] for number in range(40)])
    angles = np.arctan2(*(boxes[:, :2] + boxes[:, 2:] - 96).T)
    assert np.histogram(angles, 4, (-np.pi, np.pi))[0].min() > 3
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1)
    assert sides.min() < 11.5 < 15.5 < sides.max()


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("parts", [(), (DISK,)])
def test_mask_lies_on_the_pixels_that_were_pasted(parts, number):
    """Given defects 60 darker than the rest, then inside the pasted mask it is 60 darker, and outside it is not."""
    donor = picture([(DISK, (20, 20, 80, 80)), (CHIP, (60, 40, 76, 52))], DONOR_LIGHT)
    made = paste(picture([(DISK, (10, 10, 86, 86))] if parts else []), donor, parts, number)
    place = made.class_ids.numpy().tolist().index(CHIP)
    x1, y1, x2, y2 = made.boxes.numpy()[place]
    rows, columns = ((np.arange(SIZE) + 0.5 - low) / (high - low) * MASK_CROP for low, high in ((y1, y2), (x1, x2)))
    inside = ((rows >= 0) & (rows < MASK_CROP))[:, None] & ((columns >= 0) & (columns < MASK_CROP))[None]
    cells = np.clip(rows, 0, MASK_CROP - 1).astype(int)[:, None], np.clip(columns, 0, MASK_CROP - 1).astype(int)[None]
    drawn = inside & (made.masks.numpy()[place][cells] >= 128)
    dark = made.image.numpy()[:, :, 0] < 120
    assert (drawn & dark).sum() / (drawn | dark).sum() > 0.9


def test_without_a_part_on_either_image_nothing_is_pasted():
    with_part = picture([(DISK, (20, 20, 80, 80)), (CHIP, (70, 46, 78, 54))], DONOR_LIGHT)
    without = picture([(CHIP, (70, 46, 78, 54))])
    for example, donor in ((without, with_part), (with_part, without)):
        for number in range(5):
            made = paste(example, donor, (DISK,), number)
            np.testing.assert_array_equal(made.boxes, example.boxes)
            np.testing.assert_array_equal(made.image, example.image)


def test_defect_that_left_the_part_is_not_pasted(monkeypatch):
    """Given places off the part alone, then the image stays as it was."""
    off = Motion(tf.tile(tf.eye(2)[None], [placing.TRIES, 1, 1]), tf.fill([placing.TRIES, 2], -60.0))
    monkeypatch.setattr(placing, "_about", lambda *_: off)
    donor = picture([(DISK, (20, 20, 90, 90)), (CHIP, (70, 70, 78, 78))])
    example = picture([(DISK, (30, 30, 90, 90))])
    made = paste(example, donor, (DISK,), 1)
    assert made.class_ids.numpy().tolist() == [DISK]
    np.testing.assert_array_equal(made.image, example.image)


def test_defect_that_reaches_beyond_its_own_part_may_do_so_again():
    """Given a burr that lies on its disk by a third, then it is pasted, and lies on the other disk by a third."""
    donor = picture([(DISK, (20, 20, 80, 80)), (CHIP, (76, 46, 88, 54))], DONOR_LIGHT)
    pasted = [paste(picture([(DISK, (20, 20, 80, 80))]), donor, (DISK,), number) for number in range(8)]
    centres = [middle(made.boxes.numpy()[0]) - 50 for made in pasted if len(made.boxes) == 2]
    assert len(centres) >= 6
    assert np.hypot(*np.transpose(centres)) == pytest.approx(32, abs=1.5)


def test_defects_without_parts_go_anywhere_but_onto_others():
    donor = picture([(CHIP, (44, 44, 52, 52))], DONOR_LIGHT)
    other = (0.0, 0.0, 96.0, 48.0)
    made = [paste(picture([(HOLE, other)]), donor, (), number) for number in range(30)]
    boxes = np.array([one.boxes.numpy()[0] for one in made if one.class_ids.numpy()[0] == CHIP])
    assert len(boxes) > 20
    covered = np.clip(48 - boxes[:, 1], 0, boxes[:, 3] - boxes[:, 1]) / (boxes[:, 3] - boxes[:, 1])
    assert covered.max() < 0.45
    assert boxes[:, 0].min() < 20
    assert boxes[:, 2].max() > 76
    assert (boxes >= 0).all()
    assert (boxes <= SIZE).all()


def test_what_is_hidden_is_cut_out_of_other_defects():
    """Given a pasted square over the right half of a hole, a quarter of a chip and all of a small hole."""
    example = picture([(HOLE, (10, 10, 30, 20)), (CHIP, (30, 20, 50, 40)), (HOLE, (22, 12, 26, 16)),
                       (DISK, (0, 0, 96, 96)), (CHIP, (60, 60, 70, 70))])
    thing = picture([(CHIP, (20, 10, 40, 30))], DONOR_LIGHT)
    made = copy_paste._laid_on(example, thing, Motion(tf.eye(2), tf.zeros([2])), (DISK,))
    assert made.class_ids.numpy().tolist() == [CHIP, HOLE, CHIP, DISK, CHIP]
    np.testing.assert_allclose(made.boxes.numpy()[:2], [[20, 10, 40, 30], [10, 10, 20, 20]], atol=0.4)
    assert (made.masks.numpy()[1] >= 128).mean() > 0.97  # what is left of the hole fills its smaller box
    np.testing.assert_allclose(made.boxes[2], [30, 20, 50, 40], atol=0.4)
    quarter = made.masks.numpy()[2] >= 128
    assert not quarter[: MASK_CROP // 2 - 2, : MASK_CROP // 2 - 2].any()
    assert quarter.mean() == pytest.approx(0.75, abs=0.03)
    for place in (3, 4):  # the part, and what was not touched
        np.testing.assert_array_equal(made.boxes[place], example.boxes[place])
        np.testing.assert_array_equal(made.masks[place], example.masks[place])


def test_boxes_without_outline_and_crowds_stay_as_they_are():
    example = picture([(HOLE, (10, 10, 30, 20)), (-CHIP, (20, 10, 40, 30))], masks=False)
    thing = picture([(CHIP, (20, 10, 40, 30))], DONOR_LIGHT)
    made = copy_paste._laid_on(example, thing, Motion(tf.eye(2), tf.zeros([2])), ())
    np.testing.assert_array_equal(made.boxes.numpy()[1:], example.boxes)
    assert made.has_mask.numpy().tolist() == [True, False, False]


def test_up_to_three_objects_of_the_class_are_pasted_and_crowds_stay_last():
    donor = picture([(CHIP, (10.0 * n, 10, 10.0 * n + 6, 16)) for n in range(5)] + [(HOLE, (60, 60, 70, 70))])
    example = picture([(HOLE, (40, 40, 50, 50))])
    crowd = picture([(-HOLE, (0, 0, 20, 20))], masks=False)
    joined = example._replace(**{name: tf.concat([getattr(example, name), getattr(crowd, name)], 0)
                                 for name in ("boxes", "class_ids", "masks", "has_mask")})
    counts = set()
    for number in range(25):
        ids = paste(joined, donor, (), number).class_ids.numpy().tolist()
        assert ids[-1] == -HOLE
        assert set(ids[:-1]) == {CHIP, HOLE}
        counts.add(ids.count(CHIP))
    assert counts == {1, 2, 3}


def test_seed_decides_everything():
    donor = picture([(DISK, (20, 20, 80, 80)), (CHIP, (70, 46, 78, 54)), (CHIP, (40, 40, 50, 46))], DONOR_LIGHT)
    example = picture([(DISK, (8, 28, 88, 68)), (CHIP, (44, 40, 52, 48))])
    first, again, other = (paste(example, donor, (DISK,), number) for number in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (first.image.numpy() != other.image.numpy()).any()


def test_objects_without_a_mask_are_not_pasted():
    donor = picture([(CHIP, (70, 46, 78, 54))], masks=False)
    example = picture([])
    made = paste(example, donor, (), 1)
    assert made.boxes.shape == (0, 4)
    np.testing.assert_array_equal(made.image, example.image)
