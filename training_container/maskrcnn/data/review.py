"""Labels that a model drew must be looked at by a person before anything learns from them."""

from __future__ import annotations

from app.contracts.dataset import Finding
from app.contracts.uploads import PRELABEL_TAG
from maskrcnn.data import findings
from maskrcnn.data.samples import Sample


def unreviewed(sample: Sample) -> Finding | None:
    """What to say of an image whose label still carries the tag of a pre-label; None when a person took it away."""
    for tag in sample.tags:
        name, _, model = tag.partition("=")
        if name == PRELABEL_TAG:
            by = f"the model {model}" if model else "a model"
            message = (f"was labelled by {by} and nobody has looked at it: correct it in the labelling tool, take the "
                       f"image tag {PRELABEL_TAG} away, and upload it again")
            return findings.error(sample.image, "annotation", "prelabel-unreviewed", message)
    return None
