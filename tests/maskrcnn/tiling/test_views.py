"""A large image through tiles, with a network that answers by rule: it sees bright rectangles and none below 6 px."""

from __future__ import annotations

import dataclasses
import types

import cv2
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.config import InputConfig, ModelConfig, TilesConfig
from maskrcnn.model.mask_rcnn import RawDetections
from maskrcnn.predictor import Predictor
from maskrcnn.tiling import views

SIDE = 28
CONFIG = ModelConfig(input=InputConfig(short_edge_px=300, max_size_px=600),
                     tiles=TilesConfig(size_px=128, overlap_px=40))
SHAPE = (300, 420)


class SeesBright:
    """Finds every bright rectangle of at least 6 pixels in what it is shown, the larger the surer."""

    def __init__(self, config: ModelConfig = CONFIG) -> None:
        self.config, self.rois = config, types.SimpleNamespace(mask_size=SIDE)
        self.shown: list[tuple[int, ...]] = []

    def detect(self, image: tf.Tensor, min_score: float | tf.Tensor = 0.0) -> RawDetections:
        boxes = tf.ensure_shape(tf.numpy_function(self._boxes, [image], tf.float32), [None, 4])
        sides = boxes[:, 2:] - boxes[:, :2]
        scores = 0.5 + sides[:, 0] * sides[:, 1] / 1e6
        order = tf.argsort(-scores)
        boxes, scores = tf.gather(boxes, order), tf.gather(scores, order)
        return RawDetections(boxes, scores, tf.ones_like(scores, tf.int32), tf.ones([tf.size(scores), SIDE, SIDE]))

    def _boxes(self, image: np.ndarray) -> np.ndarray:
        self.shown.append(image.shape[:2])
        statistics = cv2.connectedComponentsWithStats((image[..., 0] > 128).astype(np.uint8))[2][1:, :4]
        large = statistics[(statistics[:, 2:] >= 6).all(1)]
        return np.concatenate([large[:, :2], large[:, :2] + large[:, 2:]], 1).astype(np.float32)


def picture(rectangles, shape=SHAPE) -> np.ndarray:
    image = np.zeros((*shape, 3), np.uint8)
    for x1, y1, x2, y2 in rectangles:
        image[y1:y2, x1:x2] = 255
    return image


def found(rectangles, config: ModelConfig = CONFIG, shape=SHAPE) -> tuple[list[list[int]], SeesBright]:
    model = SeesBright(config)
    predictor = Predictor(model, card=None)
    raw = predictor.find(tf.constant(picture(rectangles, shape)))
    return sorted(np.round(raw.boxes.numpy()).astype(int).tolist()), model


# 300 x 420 in tiles of 128: y from 0, 86, 172 and x from 0, 73, 146, 219, 292.
SMALL = {"inside of a tile": [20, 20, 32, 32], "on a vertical seam": [122, 20, 134, 32],
         "on a horizontal seam": [20, 122, 32, 134], "where four tiles meet": [140, 80, 152, 92],
         "at the border of the image": [408, 288, 420, 300]}


@pytest.mark.parametrize("box", SMALL.values(), ids=SMALL)
@pytest.mark.parametrize("whole", [True, False])
def test_a_small_object_is_found_once_wherever_it_lies(box, whole):
    config = dataclasses.replace(CONFIG, tiles=dataclasses.replace(CONFIG.tiles, whole=whole))
    assert found([box], config)[0] == [box]


def test_all_of_them_at_once_beside_objects_larger_than_a_tile():
    bar, plate = [40, 180, 400, 194], [180, 20, 395, 170]
    everything = [*SMALL.values(), bar]
    assert found(everything)[0] == sorted(everything)
    boxes, _ = found([plate])
    assert len(boxes) == 1
    np.testing.assert_allclose(boxes[0], plate, atol=3)  # as exact as a pixel of the whole image, made small


def test_without_the_whole_image_a_large_object_is_put_together_from_tiles():
    config = dataclasses.replace(CONFIG, tiles=dataclasses.replace(CONFIG.tiles, whole=False))
    for box in ([40, 180, 400, 194], [180, 20, 395, 170]):
        assert found([box], config)[0] == [box]


def test_every_tile_has_one_shape_and_the_whole_image_fits_into_it():
    _, model = found([[20, 20, 32, 32]])
    assert sorted(set(model.shown)) == [(91, 128), (128, 128)]
    assert len(model.shown) == 1 + 3 * 5


def test_an_image_that_is_no_larger_than_a_tile_is_looked_at_once():
    config = dataclasses.replace(CONFIG, input=InputConfig(short_edge_px=100, max_size_px=300))
    boxes, model = found([[20, 20, 32, 32]], config, (100, 128))
    assert model.shown == [(100, 128)]
    assert boxes == [[20, 20, 32, 32]]


def test_boxes_are_in_the_pixels_of_an_image_that_was_resized():
    """Given an image of half the size, which the network sees doubled."""
    boxes, model = found([[61, 10, 67, 16]], shape=(150, 210))
    assert (128, 128) in model.shown
    np.testing.assert_allclose(boxes, [[61, 10, 67, 16]], atol=1)


def test_a_view_says_in_which_tile_it_found_what():
    seen = views.of(SeesBright(), tf.constant(picture([[75, 20, 90, 35]])))
    assert seen.numbers.numpy().tolist() == [0, 1]  # too small in the whole image
    np.testing.assert_allclose(seen.found.boxes, [[75, 20, 90, 35]] * 2)
