"""Whose defects are pasted onto other images: rare classes are drawn more often."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import ClassDefinition
from maskrcnn.training import class_balance
from maskrcnn.training.labels import Labels

log = logging.getLogger("castline")

_DONORS = 3
"""Keeps these random numbers apart from those of maskrcnn.training.order."""


@dataclasses.dataclass(frozen=True)
class Donors:
    """Images with defects that have masks.

    Attributes:
        probability: Share of positions that get a donor.
        parts: Ids of the classes that defects are pasted onto; without any they go anywhere.
        class_ids: Of the defects that can be pasted.
        chances: How likely each of these classes is drawn; the sum is 1.
        images: For each of these classes the images that show it, on a part where there are parts.
    """

    probability: float
    parts: tuple[int, ...]
    class_ids: tuple[int, ...]
    chances: NDArray[np.float64]
    images: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, labels: Labels, classes: Sequence[ClassDefinition], probability: float) -> Donors | None:
        """Classes are drawn by the inverse of the share of images that show them; None where no defect has a mask."""
        outlined = labels.class_id * labels.has_mask
        parts = tuple(c.id for c in classes if c.role == "part" and (outlined == c.id).any())
        on_part = np.unique(labels.image[np.isin(outlined, parts)]) if parts else np.arange(labels.images)
        images = {c.id: np.intersect1d(labels.image[outlined == c.id], on_part) for c in classes if c.role == "defect"}
        ids = tuple(class_id for class_id, found in images.items() if len(found))
        if not ids:
            log.info("copy_paste: no training image has a defect with an outline%s: nothing is pasted",
                     " on a part with one" if parts else "")
            return None
        inverse = 1.0 / class_balance.image_shares(labels, len(classes))[np.array(ids) - 1]
        chances = inverse / inverse.sum()
        names = {c.id: c.name for c in classes}
        log.info("copy_paste: %.0f %% of the images get defects of others: %s", probability * 100, ", ".join(
            f"{names[i]} {chance:.0%} (from {len(images[i])} images)" for i, chance in zip(ids, chances, strict=True)))
        return cls(probability, parts, ids, chances, tuple(images[class_id] for class_id in ids))

    def draw(self, seed: int, position: int) -> tuple[int, int] | None:
        """The image and the class id whose objects are pasted at a position; None where nothing is."""
        random = np.random.default_rng([seed, _DONORS, position])
        if random.random() >= self.probability:
            return None
        place = int(random.choice(len(self.class_ids), p=self.chances))
        return int(random.choice(self.images[place])), self.class_ids[place]
