"""The trained model as everybody else uses it: a folder in, instances of an image out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from maskrcnn import hyperparameters
from maskrcnn.detections import Detections
from maskrcnn.model import precision
from maskrcnn.model.config import Precision
from maskrcnn.model.mask_rcnn import MaskRCNN, RawDetections
from maskrcnn.model_card import ModelCard
from maskrcnn.ops import masks as mask_ops
from maskrcnn.tiling import merging, views
from maskrcnn.weights import own


class Predictor:
    """Finds instances in single images; the same image gives the same answer.

    Example:
        predictor = Predictor.load(Path("/opt/ml/model"))
        detections = predictor.predict(rgb_image)
    """

    def __init__(self, model: MaskRCNN, card: ModelCard) -> None:
        self.card, self.model = card, model
        signature = [tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([], tf.float32)]
        self._detect = tf.function(self.find, input_signature=signature, autograph=False)

    @classmethod
    def load(cls, model_dir: Path, number_type: Precision | None = None) -> Predictor:
        """Read the artifact that training wrote.

        Args:
            model_dir: With the weights and the card.
            number_type: Of the convolutions; None: as it was trained.

        Raises:
            FileNotFoundError: the folder holds no model.
            ContractError: its card is damaged.
            WeightsError: its weights do not fit its card.
        """
        card = ModelCard.read(model_dir)
        settings = hyperparameters.resolve(card.hyperparameters).settings
        dtype, _ = precision.choose(number_type or settings.training.precision)
        model = MaskRCNN(settings.model, len(card.classes), dtype)
        own.load(model, model_dir / own.FILE_NAME)
        return cls(model, card)

    def predict(self, image: NDArray[np.uint8], min_score: float = 0.0) -> Detections:
        """Instances in an RGB image [H, W, 3] of any size, in its own pixels; no time goes into weaker ones."""
        height, width = image.shape[:2]
        found = self._detect(tf.constant(image), tf.constant(min_score))
        boxes, scores, class_ids, small_masks = (part.numpy() for part in found)
        return Detections(boxes, scores, class_ids, mask_ops.paste(small_masks, boxes, height, width))

    def find(self, image: tf.Tensor, min_score: float | tf.Tensor = 0.0) -> RawDetections:
        """Detections above this score in an image [H, W, 3] with boxes in its own pixels, as tensors.

        With tiles the image is looked at piece by piece, and what the pieces show becomes one answer.
        """
        config = self.model.config
        if not config.tiles.size_px:
            return views.whole(self.model, image, config.input.max_size_px, min_score)
        found = merging.merge(views.of(self.model, image), config.box.detections)
        # Not before: a weak detection may be a fragment of a strong one, and the answer must not depend on it.
        chosen = tf.where(found.scores > min_score)[:, 0]
        return RawDetections(*(tf.gather(part, chosen) for part in found))

    def warm_up(self) -> None:
        """Trace the network, so that the first real image does not wait for it."""
        self.predict(np.zeros((64, 64, 3), np.uint8))


def write_artifact(model: MaskRCNN, card: ModelCard, model_dir: Path) -> None:
    """Write what Predictor.load reads: the weights and the card."""
    model_dir.mkdir(parents=True, exist_ok=True)
    own.save(model, model_dir / own.FILE_NAME)
    card.write(model_dir)
