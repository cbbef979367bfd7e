"""Where an object of one image may go in another one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from maskrcnn.ops import boxes as box_ops
from maskrcnn.training import affine
from maskrcnn.training.affine import SOLID, Motion
from maskrcnn.training.examples import MASK_CROP, Example, chosen

TRIES = 8
"""Random places that are looked at."""
ZOOM = 1.25
"""Largest random change of size; the smallest is its inverse."""
ON_PART = 0.8
"""Share of the object that must lie on the part; of what lay on its own part, for a burr beyond the rim."""
IN_IMAGE = 0.8
"""Share of the object that must lie in the image."""
MAX_OVERLAP = 0.3
"""Share of the object that may lie on another defect."""
_STEP = 4  # every fourth cell of a mask crop decides whether a place will do


def place(example: Example, donor: Example, thing: Example, parts: Sequence[int],
          seed: tf.Tensor) -> tuple[Motion, tf.Tensor]:
    """A random motion of an object into the example, and whether any place will do [].

    The object keeps its place relative to the part, turned about the part's middle and half of the time mirrored: a
    burr stays at the rim, a chip on its edge. Where data have no outlined parts, it goes anywhere in the image.

    Args:
        example: Gets the object.
        donor: Has it.
        thing: The donor with this object alone.
        parts: Ids of the classes that objects lie on; empty: they go anywhere.
        seed: [2], decides everything.
    """
    motions, fits = (_on_the_part(example, donor, thing, parts, seed) if parts else
                     _anywhere(example, thing, seed))
    points, solid = _points(thing)
    moved = _all_moved(motions, points)
    extent = tf.cast(example.size[::-1], tf.float32)
    fits &= _share(tf.reduce_all((moved >= 0.0) & (moved <= extent), -1), solid) >= IN_IMAGE
    others = chosen(example, tf.where(is_defect(example, parts))[:, 0])
    fits &= tf.reduce_all(_share(_covered(moved, others), solid) <= MAX_OVERLAP, 0)
    first = tf.argmax(tf.cast(fits, tf.int32))
    return Motion(motions.matrix[first], motions.offset[first]), tf.reduce_any(fits)


def is_defect(example: Example, parts: Sequence[int]) -> tf.Tensor:
    """[G] which objects lie on a part and may hide each other: those with masks that are no part."""
    return example.has_mask & (example.class_ids > 0) & ~_is_part(example, parts)


def _is_part(example: Example, parts: Sequence[int]) -> tf.Tensor:
    ids = tf.constant(list(parts), tf.int32)
    return example.has_mask & tf.reduce_any(example.class_ids[:, None] == ids, 1)


def _on_the_part(example: Example, donor: Example, thing: Example, parts: Sequence[int],
                 seed: tf.Tensor) -> tuple[Motion, tf.Tensor]:
    """Motions that keep the place relative to the part, and which of them [TRIES] stay on it."""
    whole = tf.constant([[0.0, 0.0, 1.0, 1.0]])  # stands in where there is no part, and nothing will do
    own, other = _part(donor, parts, thing.boxes), _part(example, parts)
    before, after = (tf.concat([part.boxes, whole], 0)[0] for part in (own, other))
    matrices = _sides(after)[None, :, None] * _turns(seed) / _sides(before)
    centre = _middle(thing.boxes[0])
    targets = _middle(after) + tf.linalg.matvec(matrices, centre - _middle(before))
    motions = _about(matrices, centre, targets, seed)
    points, solid = _points(thing)
    at_home = tf.reduce_max(_share(_covered(points[None], own), solid))  # -inf without a part
    on_part = _share(_covered(_all_moved(motions, points), other), solid)
    return motions, (at_home >= 0.0) & tf.reduce_any(on_part >= ON_PART * at_home, 0)


def _anywhere(example: Example, thing: Example, seed: tf.Tensor) -> tuple[Motion, tf.Tensor]:
    """Motions to anywhere in the image, all of which will do."""
    targets = tf.random.stateless_uniform([TRIES, 2], _folded(seed, 1)) * tf.cast(example.size[::-1], tf.float32)
    return _about(_turns(seed), _middle(thing.boxes[0]), targets, seed), tf.fill([TRIES], True)


def _turns(seed: tf.Tensor) -> tf.Tensor:
    """Random turns [TRIES, 2, 2], half of them mirrored."""
    chance = tf.random.stateless_uniform([2, TRIES], seed, -1.0, 1.0)
    cos, sin, mirror = tf.cos(chance[0] * math.pi), tf.sin(chance[0] * math.pi), tf.sign(chance[1])
    return tf.stack([tf.stack([cos * mirror, -sin], -1), tf.stack([sin * mirror, cos], -1)], 1)


def _about(matrices: tf.Tensor, centre: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> Motion:
    """Motions by matrices [TRIES, 2, 2] and a random zoom that bring `centre` [2] to `targets` [TRIES, 2]."""
    exponents = tf.random.stateless_uniform([TRIES, 1, 1], _folded(seed, 2), -1.0, 1.0)
    matrices *= tf.exp(exponents * math.log(ZOOM))
    return Motion(matrices, targets - tf.linalg.matvec(matrices, centre))


def _all_moved(motions: Motion, points: tf.Tensor) -> tf.Tensor:
    """Points [P, 2] after each of the motions: [TRIES, P, 2]."""
    return tf.einsum("tij,pj->tpi", motions.matrix, points) + motions.offset[:, None]


def _part(example: Example, parts: Sequence[int], box: tf.Tensor | None = None) -> Example:
    """The one part that shares most with a box [1, 4], or the largest; none where no part has a mask."""
    found = chosen(example, tf.where(_is_part(example, parts))[:, 0])
    shared = box_ops.area(found.boxes) if box is None else box_ops.intersection(found.boxes, box)[:, 0]
    return chosen(found, tf.argsort(shared, direction="DESCENDING", stable=True)[:1])


def _points(thing: Example) -> tuple[tf.Tensor, tf.Tensor]:
    """Points [P, 2] (x, y) in the box of a single object, and which of them [P] are object."""
    part = slice(_STEP // 2, None, _STEP)
    points = affine.cells(thing.boxes, MASK_CROP)[0, part, part]
    return tf.reshape(points, [-1, 2]), tf.reshape(thing.masks[0, part, part] >= SOLID, [-1])


def _covered(points: tf.Tensor, objects: Example) -> tf.Tensor:
    """[G, T, P] which of the points [T, P, 2] lie on each of the objects."""
    sides = tf.maximum(objects.boxes[:, 2:] - objects.boxes[:, :2], 1e-6)
    cell = tf.floor((points[None] - objects.boxes[:, None, None, :2]) / sides[:, None, None] * MASK_CROP)
    inside = tf.reduce_all((cell >= 0.0) & (cell < MASK_CROP), -1)
    x, y = tf.unstack(tf.cast(tf.clip_by_value(cell, 0.0, MASK_CROP - 1.0), tf.int32), axis=-1)
    return inside & (tf.gather_nd(objects.masks, tf.stack([y, x], -1), batch_dims=1) >= SOLID)


def _share(hit: tf.Tensor, solid: tf.Tensor) -> tf.Tensor:
    """Share of the solid points [P] that are hit [..., P]: [...]."""
    counted = tf.reduce_sum(tf.cast(hit & solid, tf.float32), -1)
    return tf.math.divide_no_nan(counted, tf.reduce_sum(tf.cast(solid, tf.float32)))


def _middle(box: tf.Tensor) -> tf.Tensor:
    return (box[:2] + box[2:]) / 2.0


def _sides(box: tf.Tensor) -> tf.Tensor:
    return box[2:] - box[:2]


def _folded(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)
