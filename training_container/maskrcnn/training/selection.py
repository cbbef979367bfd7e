"""What the labels of the training images decide about which of them are shown, how often, and with what on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import ClassDefinition
from maskrcnn.training import class_balance
from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.donors import Donors
from maskrcnn.training.labels import Labels


@dataclasses.dataclass(frozen=True)
class Selection:
    """How often each of N images is shown, and whose defects are pasted onto it.

    Attributes:
        factors: [N] how often a pass shows each image on average, at least 1.
        donors: None: nothing is pasted.
    """

    factors: NDArray[np.float64]
    donors: Donors | None = None

    @classmethod
    def even(cls, images: int) -> Selection:
        """Every image once a pass."""
        return cls(np.ones(images))

    @classmethod
    def of(cls, labels: Labels, classes: Sequence[ClassDefinition], training: TrainingConfig) -> Selection:
        """As the settings ask for."""
        selection = cls.even(labels.images)
        if training.class_balance:
            factors = class_balance.repeat_factors(labels, classes, training.class_balance)
            selection = dataclasses.replace(selection, factors=factors)
        if training.copy_paste:
            donors = Donors.of(labels, classes, training.copy_paste)
            selection = dataclasses.replace(selection, donors=donors)
        return selection


def needs_labels(training: TrainingConfig) -> bool:
    """Whether the settings ask for anything that the labels decide."""
    return bool(training.class_balance or training.copy_paste)
