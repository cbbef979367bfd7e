"""One answer from the views of an image: every object once, and none cut at a seam of the tiles.

Objects that fit into the overlap of two tiles are seen whole by one of them, and its word alone counts. Larger ones
come from the whole image, or are put together from their fragments. What several views found is thinned by the share
of the smaller mask that the other one covers (IoS, as in SAHI: Akyon et al. 2022), class by class.
"""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.mask_rcnn import RawDetections
from maskrcnn.ops import boxes as box_ops
from maskrcnn.tiling.mask_areas import SmallMasks, both
from maskrcnn.tiling.views import WHOLE, Views

SAME_OBJECT = 0.5
"""IoU of two fragments' masks in the strip that both tiles see, from which they are of one object."""
COVERED = 0.5
"""Above this IoS two detections of different views are of one object."""
CANDIDATES = 1000
"""Most detections that are compared with each other, the best ones."""
OF_SEVERAL = -2
"""From here down: view numbers of objects that were put together from several tiles."""


def merge(views: Views, keep: int) -> RawDetections:
    """At most `keep` objects of the image, by falling score."""
    views, cut = _large_or_whole(views)
    views, cut = _united(views, cut)
    found, overlaps = views.found, _overlaps(views, cut)
    # Who sees an object whole is right about it; a fragment may still be surer that it is there.
    rank = tf.where(cut, found.scores, found.scores + 1.0)
    kept = tf.image.non_max_suppression_overlaps(overlaps, rank, tf.size(rank), COVERED)
    fragments = tf.where((overlaps > COVERED) & cut[None] & ~cut[:, None], found.scores[None], 0.0)
    found = found._replace(scores=tf.maximum(found.scores, tf.reduce_max(fragments, 1)))
    return _best(_taken(found, kept), keep)


def _large_or_whole(views: Views) -> tuple[Views, tf.Tensor]:
    """Without fragments of what another tile sees whole; [N] bool: which of the rest are fragments."""
    boxes, tiles = views.found.boxes[:, None], views.tiles.whole[None]
    seen = tf.reduce_all(boxes[..., :2] >= tiles[..., :2], 2) & tf.reduce_all(boxes[..., 2:] <= tiles[..., 2:], 2)
    of_tile = views.numbers[:, None] == tf.range(tf.shape(tiles)[1])[None]
    uncut = (views.numbers == WHOLE) | tf.reduce_any(seen & of_tile, 1)
    chosen = tf.where(uncut | ~tf.reduce_any(seen, 1))[:, 0]
    scores = tf.gather(views.found.scores, chosen)
    chosen = tf.gather(chosen, tf.math.top_k(scores, tf.minimum(CANDIDATES, tf.size(scores)))[1])
    return _subset(views, chosen), ~tf.gather(uncut, chosen)


def _united(views: Views, cut: tf.Tensor) -> tuple[Views, tf.Tensor]:
    """Fragments of one object, in different tiles, as one detection: the union of the masks, the best score."""
    whole, parts = (_subset(views, tf.where(which)[:, 0]) for which in (~cut, cut))
    firsts, members = tf.unique(_groups(_of_one_object(parts)))
    count, found = tf.size(firsts), parts.found
    boxes = tf.concat([tf.math.unsorted_segment_min(found.boxes[:, :2], members, count),
                       tf.math.unsorted_segment_max(found.boxes[:, 2:], members, count)], 1)
    side = found.masks.shape[1]
    masks = SmallMasks(found).read(tf.range(tf.size(members)), tf.gather(boxes, members), side) if side else found.masks
    united = RawDetections(boxes, *(tf.math.unsorted_segment_max(part, members, count)
                                    for part in (found.scores, found.class_ids, masks)))
    alone = tf.math.bincount(members, minlength=count) == 1
    numbers = tf.where(alone, tf.gather(parts.numbers, firsts), OF_SEVERAL - tf.range(count))
    joined = RawDetections(*(tf.concat(pair, 0) for pair in zip(whole.found, united, strict=True)))
    cut = tf.concat([tf.zeros_like(whole.numbers, tf.bool), tf.ones_like(numbers, tf.bool)], 0)
    return Views(joined, tf.concat([whole.numbers, numbers], 0), views.tiles), cut


def _of_one_object(parts: Views) -> tf.Tensor:
    """[F, F] bool: fragments whose masks agree where both of their tiles see."""
    found, masks = parts.found, SmallMasks(parts.found)
    first, second = _pairs(_comparable(parts) & (box_ops.intersection(found.boxes, found.boxes) > 0.0))
    tiles = tf.gather(parts.tiles.boxes, parts.numbers)
    shared = masks.shared(first, second)
    in_strip = [masks.areas(one, both(tf.gather(found.boxes, one), tf.gather(tiles, other)))
                for one, other in ((first, second), (second, first))]
    agreement = tf.math.divide_no_nan(shared, tf.add_n(in_strip) - shared)
    return _symmetric(first, second, agreement, tf.size(found.scores)) >= SAME_OBJECT


def _groups(connected: tf.Tensor) -> tf.Tensor:
    """[F, F] bool -> the lowest index [F] that can be reached from each."""
    own = tf.range(tf.shape(connected)[0])

    def lowest(reached: tf.Tensor) -> tf.Tensor:
        return tf.minimum(reached, tf.reduce_min(tf.where(connected, reached[None], tf.int32.max), 1))

    def step(_: tf.Tensor, after: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return after, lowest(after)

    return tf.while_loop(lambda before, after: tf.reduce_any(before != after), step, (own, lowest(own)))[1]


def _overlaps(views: Views, cut: tf.Tensor) -> tf.Tensor:
    """[N, N]: the share of the smaller mask, or of the fragment, that the other one covers; 0 within a view."""
    boxes, masks = views.found.boxes, SmallMasks(views.found)
    areas = masks.areas(tf.range(tf.shape(boxes)[0]), boxes)
    row, column = areas[:, None], areas[None]
    smaller = tf.where(cut[:, None] == cut[None], tf.minimum(row, column), tf.where(cut[:, None], row, column))
    # Masks share no more than their boxes do: most pairs need no closer look.
    first, second = _pairs(_comparable(views) & (box_ops.intersection(boxes, boxes) > COVERED * smaller))
    shares = tf.math.divide_no_nan(masks.shared(first, second), tf.gather_nd(smaller, tf.stack([first, second], 1)))
    return _symmetric(first, second, shares, tf.shape(boxes)[0])


def _comparable(views: Views) -> tf.Tensor:
    """[N, N] bool: detections of the same class in different views."""
    ids, numbers = views.found.class_ids, views.numbers
    return (ids[:, None] == ids[None]) & (numbers[:, None] != numbers[None])


def _pairs(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Rows [P] and columns [P] of what is chosen above the diagonal of a symmetric [N, N]."""
    pairs = tf.where(tf.linalg.band_part(tf.cast(chosen, tf.int32), 0, -1) > 0)
    return pairs[:, 0], pairs[:, 1]


def _symmetric(rows: tf.Tensor, columns: tf.Tensor, values: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """[side, side] with the values at (row, column) and at (column, row)."""
    half = tf.scatter_nd(tf.stack([rows, columns], 1), values, tf.cast(tf.stack([side, side]), tf.int64))
    return half + tf.transpose(half)


def _subset(views: Views, index: tf.Tensor) -> Views:
    return Views(_taken(views.found, index), tf.gather(views.numbers, index), views.tiles)


def _taken(found: RawDetections, index: tf.Tensor) -> RawDetections:
    return RawDetections(*(tf.gather(part, index) for part in found))


def _best(found: RawDetections, keep: int) -> RawDetections:
    return _taken(found, tf.math.top_k(found.scores, tf.minimum(keep, tf.size(found.scores)))[1])
