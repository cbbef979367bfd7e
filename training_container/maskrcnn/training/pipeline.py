"""Batches for training: any position can be entered, and the same position always gives the same batch."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from maskrcnn.training import augment, copy_paste, examples, mosaic, tiles
from maskrcnn.training.config import Settings
from maskrcnn.training.examples import Example
from maskrcnn.training.order import Order
from maskrcnn.training.records import Record
from maskrcnn.training.selection import Selection

PREFETCHED_BATCHES = 2
SCALE_FOLD, PASTE_FOLD = mosaic.TILES + 1, mosaic.TILES + 2
"""Keep the random numbers of scale and copy-paste apart from those of the mosaic and of its tiles."""


def batches(records: Sequence[Record], settings: Settings, start: int, host: int = 0, hosts: int = 1,
            selection: Selection | None = None) -> tf.data.Dataset:
    """Endless batches of augmented examples from position `start` (images seen so far) on.

    Every host reads its own rows of the joint batch: host 0 the first ones, and so on. What a row holds depends on its
    position alone, so any number of hosts sees the same joint batches. Without a selection every pass shows every
    record once.
    """
    training = settings.training
    own = training.batch // hosts
    companions = mosaic.TILES - 1 if training.mosaic else 0
    selection = selection or Selection.even(len(records))
    order, donors = Order(selection.factors, training.seed), selection.donors

    def stream() -> Iterator[tuple[list[bytes], bytes, int, int]]:
        for place in order.walk(start, companions):
            if (place.position - start) % training.batch // own != host:
                continue
            drawn = donors.draw(training.seed, place.position) if donors else None
            donor, class_id = (records[drawn[0]].read(), drawn[1]) if drawn else (b"", 0)
            yield [records[i].read() for i in (place.record, *place.companions)], donor, class_id, place.position

    options = tf.data.Options()
    # Autotuned buffers grow without need, and whoever ends training waits until all of them are filled.
    options.autotune.enabled = False
    signature = (tf.TensorSpec([1 + companions], tf.string), tf.TensorSpec([], tf.string),
                 tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int64))
    prepare = functools.partial(_prepared, settings, donors.parts if donors else None)
    return (
        tf.data.Dataset.from_generator(stream, output_signature=signature)
        .map(prepare, num_parallel_calls=os.cpu_count() or 1, deterministic=True)
        .padded_batch(own, drop_remainder=True)
        .prefetch(PREFETCHED_BATCHES)
        .with_options(options)
    )


@tf.autograph.experimental.do_not_convert
def _prepared(settings: Settings, parts: Sequence[int] | None, serialized: tf.Tensor, donor: tf.Tensor,
              class_id: tf.Tensor, position: tf.Tensor) -> Example:
    """One augmented image, or a mosaic of all the given ones; decided by the position alone.

    Args:
        settings: Of training.
        parts: Ids of the classes that pasted objects lie on; None: nothing is ever pasted.
        serialized: [1] or [4]: the image, and its companions in a mosaic.
        donor: The image whose objects of `class_id` are pasted onto the first one; empty: nothing is.
        class_id: Of these objects.
        position: Images seen before.
    """
    seed = tf.stack([tf.constant(settings.training.seed, tf.int64), position])
    edge, longest = _short_edge(settings, seed), tiles.longest_px(settings, seed)

    def resized(one: tf.Tensor, only: tf.Tensor | None = None) -> Example:
        parsed = examples.parse(one, keep_crowds=settings.model.rpn.crowd_overlap < 1.0, only=only)
        return augment.resized(parsed, edge, longest)

    def first() -> Example:
        image = resized(serialized[0])
        own_seed = tf.random.experimental.stateless_fold_in(seed, PASTE_FOLD)
        if parts is None:
            return image
        needed = tf.stack([class_id, *parts])
        made: Example = tf.cond(
            tf.strings.length(donor) > 0,
            lambda: copy_paste.pasted(image, resized(donor, needed), class_id, parts, own_seed), lambda: image)
        return made

    companions = [functools.partial(resized, one) for one in tf.unstack(serialized)[1:]]
    made = _shown(settings, [first, *companions], edge, seed)
    return augment.padded(made, settings.training.padding_shapes) if settings.training.predefined_padding else made


def _shown(settings: Settings, images: Sequence[Callable[[], Example]], short_edge_px: int | tf.Tensor,
           seed: tf.Tensor) -> Example:
    """The first image augmented, or a mosaic of all of them."""
    training = settings.training

    def whole() -> Example:
        return augment.augment(tiles.shown(images[0](), settings.model.tiles, seed), training, seed)

    def tile(index: int) -> Example:
        own_seed = tf.random.experimental.stateless_fold_in(seed, index)
        side = tiles.canvas_px(settings, short_edge_px) // 2
        return augment.augment(mosaic.close_up(images[index](), side, own_seed), training, own_seed)

    if not training.mosaic:
        return whole()
    chance = tf.random.stateless_uniform([], tf.random.experimental.stateless_fold_in(seed, mosaic.TILES))
    made: Example = tf.cond(
        chance < training.mosaic,
        lambda: mosaic.assemble([tile(index) for index in range(mosaic.TILES)]),
        whole)
    return made


def _short_edge(settings: Settings, seed: tf.Tensor) -> int | tf.Tensor:
    """Of this image: drawn from the range that training has, or the one of inference."""
    edges = settings.training.short_edge_range_px
    if not edges:
        return settings.model.input.short_edge_px
    return tf.random.stateless_uniform([], tf.random.experimental.stateless_fold_in(seed, SCALE_FOLD), edges[0],
                                       edges[1] + 1, tf.int32)
