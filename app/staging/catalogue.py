"""What is staged, from where: the one table of addresses, sizes and checksums.

Sizes and SHA-256 of the COCO archives were compared between independent public records of them (among these the
tables of TensorFlow Datasets); the weights have no published checksum, so theirs is only recorded.
"""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath

COCO_IMAGES = "http://images.cocodataset.org"
"""The official address. Its certificate names another host, so HTTPS fails there: the checksum stands in for it."""


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """One file on a server."""

    url: str
    size_bytes: int | None = None
    """None when nobody published it; then the server's word is taken."""
    sha256: str = ""
    """Hexadecimal; empty when nobody published it."""

    @property
    def name(self) -> str:
        """The last part of the address."""
        return PurePosixPath(self.url).name


@dataclasses.dataclass(frozen=True)
class Archive:
    """A zip whose members all lie in one folder."""

    file: RemoteFile
    folder: str
    unpacked_bytes: int
    """About how much it holds, to check the free disk before anything is fetched."""


COCO_2017 = (
    Archive(
        RemoteFile(
            f"{COCO_IMAGES}/annotations/annotations_trainval2017.zip",
            252_907_541,
            "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
        ),
        "annotations",
        850_000_000,
    ),
    Archive(
        RemoteFile(
            f"{COCO_IMAGES}/zips/val2017.zip",
            815_585_330,
            "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        ),
        "val2017",
        820_000_000,
    ),
    Archive(
        RemoteFile(
            f"{COCO_IMAGES}/zips/train2017.zip",
            19_336_861_798,
            "69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
        ),
        "train2017",
        19_400_000_000,
    ),
)
"""Small ones first: a mistake shows in minutes, not in hours."""

WEIGHTS_FOLDER = "pretrained-models"
IMAGENET_R50 = RemoteFile("http://models.tensorpack.com/FasterRCNN/ImageNet-R50-AlignPadding.npz")
