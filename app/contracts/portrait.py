"""portrait.json: what a data set looks like in numbers; made by maskrcnn.data.portrait, shown by the command line."""

from __future__ import annotations

import dataclasses
from typing import Literal

PORTRAIT_JSON = "portrait.json"
PORTRAIT_PAGE = "portrait.html"


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts between edges; what lies beyond the outer edges is counted in the outer bins."""

    edges: tuple[float, ...]
    """One more than counts, rising."""
    counts: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Spread:
    """Five numbers of a distribution; the middle three are of a sample where there is more than it holds."""

    low: float
    p10: float
    median: float
    p90: float
    high: float


@dataclasses.dataclass(frozen=True)
class ClassPortrait:
    """One class; sizes are in pixels of the photographs as uploaded."""

    name: str
    role: Literal["part", "defect"]
    instances: dict[str, int]
    """split -> objects."""
    images: dict[str, int]
    """split -> images that show at least one."""
    boxes_only: int
    """Objects labelled by a box alone: they never train the mask head."""
    crowds: int
    small: int
    """Objects of less than 32 x 32 px (COCO)."""
    medium: int
    large: int
    """Objects of 96 x 96 px or more (COCO)."""
    area_px: Spread | None
    """None where there is no object."""
    longer_side_px: Spread | None
    aspect: Spread | None
    """Height over width of the box, as anchor ratios are."""
    area_roots: Histogram
    """Square root of the area, px: comparable with COCO's 32 and 96."""
    longer_sides: Histogram
    aspects: Histogram

    @property
    def total(self) -> int:
        """Objects in all splits."""
        return sum(self.instances.values())


@dataclasses.dataclass(frozen=True)
class Outlier:
    """An image that differs from the others."""

    file_name: str
    split: str
    what: Literal["dark", "bright", "blurred", "sharp"]
    value: float
    score: float
    """Modified z-score: |value - median| in robust standard deviations (Iglewicz and Hoaglin 1993)."""


@dataclasses.dataclass(frozen=True)
class ImageSize:
    """How many images have this size."""

    width: int
    height: int
    images: int


@dataclasses.dataclass(frozen=True)
class Pixels:
    """Brightness and sharpness of the images that were decoded."""

    measured: int
    brightness: Histogram
    """Mean grey level, 0 to 255."""
    brightness_spread: Spread | None
    sharpness: Histogram
    """Variance of the Laplacian (Pech-Pacheco et al. 2000), on a logarithmic scale."""
    sharpness_spread: Spread | None
    outliers: tuple[Outlier, ...]
    """The strongest first."""


@dataclasses.dataclass(frozen=True)
class AnchorSet:
    """Anchors and how well the labelled boxes fit them at the training scale."""

    sizes_px: tuple[float, ...]
    ratios: tuple[float, ...]
    """Height over width."""
    mean_best_iou: float
    recall50: float
    """Share of boxes that some anchor covers with IoU 0.5 or more."""
    recall50_by_class: dict[str, float]


@dataclasses.dataclass(frozen=True)
class AnchorAdvice:
    """The configured anchors beside those that the data suggest."""

    preset: str
    short_edge_px: int
    max_size_px: int
    boxes: int
    """How many were looked at."""
    configured: AnchorSet
    suggested: AnchorSet
    free_mean_best_iou: float
    """Of as many freely chosen boxes (k-means, no grid): what no set of anchors of this number gets beyond."""
    worthwhile: bool
    """The suggestion is better by more than a rounding error, and fitted to boxes enough."""


@dataclasses.dataclass(frozen=True)
class InputAdvice:
    """Whether the smallest defects keep enough pixels at the training scale."""

    class_name: str
    p10_px: float
    """10th percentile of the longer side in the photographs."""
    p10_at_training_px: float
    needed_px: float
    short_edge_px: int
    suggested_short_edge_px: int
    is_capped: bool
    """The suggestion stops before the need, because magnifying further shows nothing new."""
    cost: float
    """Time and memory of the suggestion over those of the present setting: they grow with the area."""


@dataclasses.dataclass(frozen=True)
class Advice:
    """One sentence or two that a person can act on."""

    level: Literal["problem", "hint"]
    subject: str
    """Class, split or setting."""
    text: str


@dataclasses.dataclass(frozen=True)
class Portrait:
    """Everything that `data show` tells."""

    title: str
    version: str
    """Empty for uploads that are no version yet."""
    parent: str
    images: dict[str, int]
    """split -> images."""
    background: dict[str, int]
    """split -> images without any object."""
    sizes: tuple[ImageSize, ...]
    """The most frequent first."""
    other_sizes: int
    """Images of sizes that are not listed."""
    classes: tuple[ClassPortrait, ...]
    """In the order of class ids."""
    together: tuple[tuple[int, ...], ...]
    """Images that show class i and class j, in the order of `classes`."""
    objects_per_image: Histogram
    tags: dict[str, int]
    """tag -> images; the most frequent ones."""
    pixels: Pixels
    anchors: AnchorAdvice | None
    """None where there is no object."""
    input: InputAdvice | None
    """None where there is no defect."""
    advice: tuple[Advice, ...]
    seconds: float

    @property
    def total_images(self) -> int:
        """Images of all splits."""
        return sum(self.images.values())

    @property
    def total_objects(self) -> int:
        """Objects of all classes and splits."""
        return sum(c.total for c in self.classes)
