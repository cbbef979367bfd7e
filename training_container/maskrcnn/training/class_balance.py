"""Images of rare classes are shown more often: repeat factor sampling (Gupta et al. 2019, LVIS, appendix A)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import ClassDefinition
from maskrcnn.training.labels import Labels

log = logging.getLogger("castline")


def image_shares(labels: Labels, classes: int) -> NDArray[np.float64]:
    """Share of the images [classes] that show each class, from class id 1 on.

    Args:
        labels: Of at least one image.
        classes: Their number, without background.
    """
    pairs = _image_classes(labels)
    return np.bincount(pairs[:, 1], minlength=classes + 1)[1:] / labels.images


def repeat_factors(labels: Labels, classes: Sequence[ClassDefinition], threshold: float) -> NDArray[np.float64]:
    """How often a pass shows each image, on average: [N], at least 1.

    A class in a share f of the images asks for max(1, sqrt(threshold / f)); an image gets the most that one of its
    classes asks for, and 1 without objects.

    Args:
        labels: Of at least one image.
        classes: Of the data set.
        threshold: Classes in fewer than this share of the images are shown more often; 0: none is.
    """
    shares = image_shares(labels, len(classes))
    # A class without any image is asked for by no image.
    wanted = np.maximum(1.0, np.sqrt(threshold / np.where(shares > 0, shares, 1.0)))
    pairs = _image_classes(labels)
    factors = np.ones(labels.images)
    np.maximum.at(factors, pairs[:, 0], wanted[pairs[:, 1] - 1])
    for definition, share, times in zip(classes, shares, wanted, strict=True):
        log.info("class_balance: %s is in %.1f %% of the images: shown at least %.2f times a pass", definition.name,
                 share * 100, times)
    log.info("class_balance: a pass shows %.0f images instead of %d, on average", factors.sum(), labels.images)
    return factors


def _image_classes(labels: Labels) -> NDArray[np.int64]:
    """[P, 2] every image with every class that it shows."""
    return np.unique(np.stack([labels.image, labels.class_id], 1), axis=0)
