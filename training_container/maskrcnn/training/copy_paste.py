"""Copy-paste of defects from another training image (Ghiasi et al. 2021, Simple Copy-Paste, section 3).

What a pasted defect hides is cut out of the masks of other defects. The part keeps its mask, because a defect is a
piece of its part.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.training import affine, blending, placing
from maskrcnn.training.affine import SOLID, Motion
from maskrcnn.training.examples import MASK_CROP, Example, chosen, objects_first

MOST = 3
"""Objects pasted at once."""
MIN_VISIBLE = 0.3
"""Share of an object that must stay visible; with less it is left out of the labels."""
SHAPES = Example(*(tf.TensorShape(shape) for shape in (
    [None, None, 3], [2], [None, 4], [None], [None, MASK_CROP, MASK_CROP], [None], [])))


def pasted(example: Example, donor: Example, class_id: tf.Tensor, parts: Sequence[int], seed: tf.Tensor) -> Example:
    """The example with one to MOST objects of a class of the donor, as far as there is room.

    Args:
        example: At the size of training.
        donor: At the size of training too.
        class_id: Of the objects to take; those without a mask are not taken.
        parts: Ids of the classes that objects lie on; empty: they go anywhere.
        seed: [2], decides everything.
    """
    wanted = tf.where((donor.class_ids == class_id) & donor.has_mask)[:, 0]
    chance = tf.random.stateless_uniform([tf.size(wanted) + 1], seed)
    count = tf.minimum(1 + tf.cast(chance[-1] * MOST, tf.int32), tf.size(wanted))
    taken = tf.gather(wanted, tf.argsort(chance[:-1]))

    def paste_next(number: tf.Tensor, made: Example) -> tuple[tf.Tensor, Example]:
        own_seed = tf.random.experimental.stateless_fold_in(seed, number)
        thing = chosen(donor, taken[number][None])
        motion, fits = placing.place(made, donor, thing, parts, own_seed)
        return number + 1, tf.cond(fits, lambda: _laid_on(made, thing, motion, parts), lambda: made)

    _, made = tf.while_loop(lambda number, made: number < count, paste_next, (tf.constant(0), example),
                            (tf.TensorShape([]), SHAPES))
    return objects_first(made._replace(name=tf.strings.join([example.name, donor.name], " + ")))


def _laid_on(example: Example, thing: Example, motion: Motion, parts: Sequence[int]) -> Example:
    """The example with an object on top, and other masks without what it hides."""
    boxes, masks, _ = affine.moved_objects(thing._replace(size=example.size), motion)
    cut = _cut(example, boxes, masks, parts)
    boxes, masks, ids, has_mask = (tf.concat(pair, 0) for pair in (
        (boxes, cut.boxes), (masks, cut.masks), (thing.class_ids, cut.class_ids), (thing.has_mask, cut.has_mask)))
    image = blending.blended(example.image, thing.image, thing.boxes[0], thing.masks[0], motion)
    return example._replace(image=image, boxes=boxes, masks=masks, class_ids=ids, has_mask=has_mask)


def _cut(example: Example, box: tf.Tensor, mask: tf.Tensor, parts: Sequence[int]) -> Example:
    """The example without what an object with this box [1, 4] and mask [1, S, S] hides of its defects."""
    count = tf.size(example.class_ids)
    still = Motion(tf.eye(2), tf.zeros([2]))
    hidden = affine.moved_masks(tf.repeat(mask, count, 0), tf.repeat(box, count, 0), example.boxes, still) >= SOLID
    left = tf.where(hidden, tf.constant(0, tf.uint8), example.masks)
    before, after = (tf.reduce_sum(tf.cast(masks >= SOLID, tf.float32), [1, 2]) for masks in (example.masks, left))
    touched = placing.is_defect(example, parts) & (after < before)
    boxes, masks, _ = affine.moved_objects(example._replace(masks=left), still)
    boxes = tf.where(touched[:, None], boxes, example.boxes)
    masks = tf.where(touched[:, None, None], masks, example.masks)
    keep = ~touched | (after >= MIN_VISIBLE * before)
    return chosen(example._replace(boxes=boxes, masks=masks), tf.where(keep)[:, 0])
