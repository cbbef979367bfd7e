"""SavedModel: the whole way from an image to instances, for plain TensorFlow and TensorFlow Serving."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from maskrcnn.model.mask_rcnn import RawDetections
from maskrcnn.ops import masks as mask_ops
from maskrcnn.predictor import Predictor

CARD_FOLDER = "assets.extra"
"""TensorFlow Serving leaves this folder alone."""

_IMAGE = tf.TensorSpec([None, None, 3], tf.uint8, "image")
_IMAGES = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")


def write(predictor: Predictor, folder: Path) -> None:
    """Write the SavedModel, with the model card beside it.

    Signatures (images are RGB, boxes x1, y1, x2, y2 in the pixels of the given image, class ids count from 1):
        serving_default: image [H, W, 3] -> boxes [D, 4], scores [D], class_ids [D], masks [D, m, m]: probabilities
            inside the box.
        pasted: the same, but masks [D, H, W]: probabilities in the image; from 0.5 on a pixel belongs to the instance.
        batch: images [B, H, W, 3] -> the outputs of serving_default, each image's padded with zeros to the most
            detections that there may be, and count [B].

    Args:
        predictor: In float32, so that every machine computes the same.
        folder: Created; what is in it is replaced.
    """
    servable = Servable(predictor)
    tf.saved_model.save(servable, str(folder), signatures={
        "serving_default": servable.image, "pasted": servable.pasted, "batch": servable.batch})
    extra = folder / CARD_FOLDER
    extra.mkdir(exist_ok=True)
    predictor.card.write(extra)


class Servable(tf.Module):
    """The functions behind the signatures, and the variables that they read."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.network = predictor.model
        self._predictor = predictor

    @tf.function(input_signature=[_IMAGE], autograph=False)
    def image(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """One image, small masks."""
        return self._predictor.find(image)._asdict()

    @tf.function(input_signature=[_IMAGE], autograph=False)
    def pasted(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """One image, masks of its size."""
        raw = self._predictor.find(image)
        shape = tf.shape(image)
        return raw._replace(masks=mask_ops.paste_probabilities(raw.masks, raw.boxes, shape[0], shape[1]))._asdict()

    @tf.function(input_signature=[_IMAGES], autograph=False)
    def batch(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Several images of one size."""
        mask_side = self.image.get_concrete_function().structured_outputs["masks"].shape[-1]
        most = self._predictor.model.config.box.detections
        shapes = RawDetections([most, 4], [most], [most], [most, mask_side, mask_side])
        dtypes = RawDetections(tf.float32, tf.float32, tf.int32, tf.float32)
        specs = [tf.TensorSpec(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]

        def one(image: tf.Tensor) -> tuple[tf.Tensor, ...]:
            raw = self._predictor.find(image)
            count = tf.size(raw.scores)
            padded = [tf.ensure_shape(tf.pad(part, [[0, most - count]] + [[0, 0]] * (len(part.shape) - 1)), spec.shape)
                      for part, spec in zip(raw, specs, strict=True)]
            return (*padded, count)

        *parts, count = tf.map_fn(one, images, fn_output_signature=(*specs, tf.TensorSpec([], tf.int32)))
        return {**RawDetections(*parts)._asdict(), "count": count}
